"""Runs what decorates a message: a decoration that fails is left out, and never stops the message."""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from reporting.message import clean

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_left_out: ContextVar[tuple[list[str], ...]] = ContextVar("left_out", default=())


def optional(what: str, make: Callable[[], T]) -> T | None:
    """Make a decoration; if that fails, log a warning of one line and return None.

    Parameters
    ----------
    what : str
        The decoration and its message, for the log: "picture of alert-2026-11-01T1015Z-views".
    make : callable
        Makes the decoration. Any exception is caught.
    """
    try:
        return make()
    except Exception as error:
        _LOG.warning("left out: %s: %s", what, _cause(error))
        for found in _left_out.get():
            if f"without {what}" not in found:
                found.append(f"without {what}")
        return None


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Collect what `optional` leaves out inside the context, as "without WHAT", for a status line."""
    found: list[str] = []
    token = _left_out.set((*_left_out.get(), found))
    try:
        yield found
    finally:
        _left_out.reset(token)


def _cause(error: Exception) -> str:
    """Return the error in one line, with its place unless its text is written for people."""
    text = clean(str(error)).strip()
    if type(error).__module__.endswith(".errors"):  # where packages define the errors that they raise on purpose
        return text
    return f"{type(error).__name__}: {text} ({_place(error)})"


def _place(error: Exception) -> str:
    """Return where our own code failed: of the frames in the package of `make`, the innermost one."""
    frames = traceback.walk_tb(error.__traceback__)
    _, *places = [(str(frame.f_globals.get("__name__")), line) for frame, line in frames]  # the first is `optional`
    if not places:  # `make` is no Python code, so it has no frame
        return __name__
    package = places[0][0].partition(".")[0]
    own = [f"{name}:{line}" for name, line in places if name.partition(".")[0] == package]
    return own[-1]
