"""Files and locks that other users cannot redirect, replace or hold for ever.

No symbolic link is followed: in a shared directory somebody could make one that leads to another file of ours.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from reporting.errors import LockHeldError, UnsafePathError

LONGEST_WAIT_SECONDS = 120.0
"""How long to wait for a lock. A message takes seconds, so a longer holder hangs or is stopped."""

_PAUSE_SECONDS = 0.05
_TEMPORARY = ".new"
_LOCK_FILES = (".lock", ".json", _TEMPORARY)
_HOLDER_BYTES = 200


def replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole: a reader sees the old content or the new one."""
    # A random name: a link that somebody made beforehand would lead the content elsewhere.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_TEMPORARY}")
    with open(temporary, "xb", opener=opened_without_links) as file:
        try:
            file.write(content)
            file.flush()
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def clear_temporary(directory: Path, name: str = "*") -> None:
    """Delete what killed processes left of `replace`; the caller holds the lock of all who write these files."""
    for path in directory.glob(f".{name}.*{_TEMPORARY}"):
        path.unlink(missing_ok=True)


def opened_without_links(path: str | Path, flags: int, mode: int = 0o666) -> int:
    """Open a file unless it is a symbolic link; the `opener` of `open`."""
    try:
        return os.open(path, flags | os.O_NOFOLLOW, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnsafePathError(f"{path} is a symbolic link: remove it.") from None
        raise


def make_private(directory: Path) -> None:
    """Make a directory of this user alone (mode 700), or check one that exists.

    Raises
    ------
    UnsafePathError
        Another user owns it, or may replace files in it.
    OSError
        It cannot be made.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        directory.chmod(0o700)  # a umask may have taken more
    if problem := danger(directory):
        raise UnsafePathError(problem)
    if not _is_protected(directory.stat()):
        directory.chmod(0o700)


def danger(directory: Path) -> str:
    """Return why other users could replace our lock files in an existing directory, with the remedy; '' if not so."""
    status = directory.stat()
    if _is_protected(status):
        return ""
    if status.st_uid != os.geteuid():
        return f"{directory} belongs to another user (uid {status.st_uid}): name a directory of your own."
    # An earlier version made it, under a umask that lets others write: `make_private` corrects it.
    if all(name.endswith(_LOCK_FILES) for name in os.listdir(directory)):
        return ""
    return f"{directory} can be written by other users: `chmod go-w {directory}`, or name another."


def _is_protected(status: os.stat_result) -> bool:
    is_sticky = status.st_mode & stat.S_ISVTX and status.st_uid in (0, os.geteuid())  # as /tmp
    return bool(is_sticky or (status.st_uid == os.geteuid() and not status.st_mode & 0o022))


@contextlib.contextmanager
def locked(path: Path, *, group: bool = False) -> Iterator[None]:
    """Hold a lock file, which names its holder; the system releases the lock if the process is killed.

    Parameters
    ----------
    path : Path
        The file; made with mode 600 where it is missing.
    group : bool
        Whether the group of the file may lock it, too.

    Raises
    ------
    LockHeldError
        Another process holds it for more than `LONGEST_WAIT_SECONDS`.
    UnsafePathError
        The file is a link, or belongs to another user.
    """
    with os.fdopen(_open_lock(path, group), "r+b", buffering=0) as file:
        _wait(path, file.fileno())
        with contextlib.suppress(OSError):  # on a full disk a lock without its holder's name is a lock
            file.truncate(0)
            file.write(_holder().encode()[:_HOLDER_BYTES])
        yield


def _open_lock(path: Path, group: bool) -> int:
    mode = 0o660 if group else 0o600
    handle = opened_without_links(path, os.O_RDWR | os.O_CREAT, mode)
    status = os.fstat(handle)
    is_ours = status.st_uid == os.geteuid()
    # Whoever can open the file can hold the lock; a second name of a file could be a file that must not be written.
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or not (is_ours or group):
        os.close(handle)
        raise UnsafePathError(f"{path} is not a lock file of this user: remove it.")
    if is_ours and stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(handle, mode)
    return handle


def _wait(path: Path, handle: int) -> None:
    # Pauses are counted, not time: while the machine is suspended nobody waits.
    for _ in range(max(1, round(LONGEST_WAIT_SECONDS / _PAUSE_SECONDS))):
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
    holder = os.pread(handle, _HOLDER_BYTES, 0).decode("utf-8", "replace")
    holder = "".join(letter for letter in holder if letter.isprintable()) or "a process that left no name"
    raise LockHeldError(
        f"{path}: this lock is held for more than {LONGEST_WAIT_SECONDS:g} s by {holder}. "
        f"If that process hangs or is stopped, end it; `fuser -v {path}` lists who has the file open."
    )


def _holder() -> str:
    """Describe this process: its program and its task, no option, whose value may be a secret."""
    words = sys.argv[3:] if sys.argv[1:2] == ["--module"] else sys.argv[1:]
    command = " ".join([Path(sys.argv[0] or "python").name, *takewhile(str.isidentifier, words)])
    return f"process {os.getpid()} ({command}) since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
