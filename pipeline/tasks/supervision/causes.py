"""Why a run failed: one line for people, and a kind that stays the same while the cause does."""

import hashlib
import re
from typing import NamedTuple

from pipeline.core.errors import OWN_PACKAGES, is_ours

TEXT_LIMIT = 600

_TRACEBACK = "Traceback (most recent call last):\n"
_UNREACHABLE = ("TransientError", "NotReachedError")
_BY_CLASS = ("ClockError", "ReconciliationError", "RowsArrivedError")  # their texts name days, slots and numbers
_CHANNEL = ("ChannelError", "ChannelUnavailableError")


class Cause(NamedTuple):
    """Why a task failed or could not be scheduled.

    Attributes
    ----------
    kind : str
        The same for the same cause in a later run: without times, counts and ids. It has no text of an unexpected
        exception either.
    text : str
        One line that names the cause and the remedy. It has no text of an unexpected exception, which may hold secrets.
    """

    kind: str
    text: str

    @property
    def passes(self) -> bool:
        """Whether the next run is expected to go on without anybody's help."""
        return self.kind == "RowsArrivedError"


def of_exception(error: BaseException) -> Cause:
    """Return the cause that an exception is."""
    return _cause(type(error).__module__, type(error).__name__, str(error), expected=is_ours(error))


def of_argument(error: Exception) -> Cause:
    """Return the cause that a wrong argument of the command line is."""
    return Cause("argument", f"wrong argument: {_one_line(str(error))}")


def of_traceback(text: str) -> Cause:
    """Return the cause in a formatted traceback, the form in which Luigi hands on an exception of a task."""
    head, found, traceback = text.rpartition(_TRACEBACK)
    if not found:
        return Cause(_masked(text), _one_line(text))
    lines = traceback.splitlines()
    while lines and lines[0].startswith(" "):
        del lines[0]
    name, _, message = "\n".join(lines).partition(": ")
    module, _, kind = name.strip().rpartition(".")
    return _cause(module, kind, message, expected=module.split(".")[0] in OWN_PACKAGES)


def _cause(module: str, kind: str, message: str, *, expected: bool) -> Cause:
    text = _one_line(message)
    if not expected:
        name = f"{module}.{kind}" if module not in ("", "builtins") else kind
        # The kind is kept in a file.
        digest = hashlib.sha256(_masked(text).encode()).hexdigest()[:16]
        return Cause(f"{name}: {digest}", f"unexpected {name}; the log has its traceback")
    if kind in _UNREACHABLE:
        return Cause(f"unreachable: {text.partition(': ')[0]}", text)
    if kind in _CHANNEL:
        return Cause(f"channel: {re.split(' refused| could not| cannot', text)[0]}", text)
    if kind in _BY_CLASS:
        return Cause(kind, text)
    code = re.search(r"\(code (\d+)\)", text)
    return Cause(f"{kind}: {code[1] if code else _masked(text)}", text)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TEXT_LIMIT else line[: TEXT_LIMIT - 1].rstrip() + "…"


def _masked(text: str) -> str:
    return re.sub(r"\b0x[0-9a-f]+|\d+", "#", _one_line(text))
