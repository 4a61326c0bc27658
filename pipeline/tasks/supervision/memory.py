"""What was said of failing runs, in a file of this machine: the warehouse may be what is away."""

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core import files, settings
from reporting.errors import LockHeldError, UnsafePathError
from reporting.files import clear_temporary, locked, make_private, opened_without_links, replace

SIZE_BYTES = 32_768
"""The file is padded to this size: so it can be rewritten in place on a full disk."""

State = dict[str, Any]

_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def opened() -> Iterator[State]:
    """Lock the file and yield its content as a dict; a change is written at the end.

    The file is in ``[delivery] lock_path``, else, where that cannot be written or is held for too long, in the system's
    directory of temporary files; one for each configuration. Without either the dict is empty, and nothing is
    remembered.
    """
    name = f"supervision-{files.identity()}"
    for folder in _folders():
        with contextlib.ExitStack() as held:
            try:
                make_private(folder)
                held.enter_context(locked(folder / f"{name}.lock"))
            except LockHeldError as error:
                _LOG.warning("%s", error)
                continue
            except (OSError, UnsafePathError):
                continue
            path = folder / f"{name}.json"
            before = _read(path)
            state: State = json.loads(before)
            try:
                yield state
            finally:  # what was said before an error is not said again
                after = json.dumps(state)
                if after != before:
                    _write(path, after)
            return
    yield {}


def _folders() -> Iterator[Path]:
    with contextlib.suppress(Exception):  # the settings may be what is wrong
        yield Path(settings.DeliverySettings().lock_path)
    with contextlib.suppress(OSError):  # no directory of temporary files can be written
        yield Path(tempfile.gettempdir()) / f"feedpulse-{os.getuid()}"


def _read(path: Path) -> str:
    """Return the JSON in the file; '{}' if there is none, or what a power failure left."""
    try:
        with open(path, encoding="utf-8", opener=opened_without_links) as file:
            text = file.read().rstrip()
        return text if isinstance(json.loads(text), dict) else "{}"
    except (OSError, UnsafePathError, ValueError):
        return "{}"


def _write(path: Path, text: str) -> None:
    """Replace the file as a whole; on a full disk, rewrite it in place."""
    content = text.encode().ljust(SIZE_BYTES)
    try:
        clear_temporary(path.parent, path.name)
        replace(path, content)
    except OSError as error:
        try:
            with open(path, "r+b", opener=opened_without_links) as file:
                file.write(content)
                file.truncate()
        except (OSError, UnsafePathError):
            _LOG.warning("cannot remember in %s what was said: %s", path, error.strerror)
