"""What was said of failing runs, in a file of this machine: the warehouse may be what is away."""

import contextlib
import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core import files, settings

SIZE_BYTES = 32_768
"""The file is padded to this size: so it can be rewritten in place on a full disk."""

State = dict[str, Any]

_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def opened() -> Iterator[State]:
    """Lock the file and yield its content as a dict; a change is written at the end.

    The file is in ``[delivery] lock_path``, else, where that cannot be written, in the system's directory of temporary
    files; one for each configuration. Without either the dict is empty, and nothing is remembered.
    """
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (folder / f"supervision-{files.identity()}.lock").open("a")
        except OSError:
            continue
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = folder / f"supervision-{files.identity()}.json"
            before = _read(path)
            state: State = json.loads(before)
            yield state
            after = json.dumps(state)
            if after != before:
                _write(path, after)
        return
    yield {}


def _folders() -> Iterator[Path]:
    with contextlib.suppress(Exception):  # the settings may be what is wrong
        yield Path(settings.DeliverySettings().lock_path)
    yield Path(tempfile.gettempdir()) / f"feedpulse-{os.getuid()}"


def _read(path: Path) -> str:
    """Return the JSON in the file; '{}' if there is none, or what a power failure left."""
    try:
        text = path.read_text(encoding="utf-8").rstrip()
        return text if isinstance(json.loads(text), dict) else "{}"
    except (OSError, ValueError):
        return "{}"


def _write(path: Path, text: str) -> None:
    """Replace the file as a whole; on a full disk, rewrite it in place."""
    content = text.encode().ljust(SIZE_BYTES)
    temporary = path.with_suffix(".new")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        try:
            with path.open("r+b") as file:
                file.write(content)
        except OSError:
            _LOG.warning("cannot remember in %s what was said: %s", path, error.strerror)
