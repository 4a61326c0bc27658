"""Ports for the servers of the tests; test processes that run at once never get the same one."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import TextIO

# Below the range that the system assigns itself, e.g. to outgoing connections.
_CANDIDATES = range(20_000, 30_000)
# A lock lives as long as its file is open. A process keeps its ports, so a server can restart on them.
_locks: list[TextIO] = []


def free_ports(count: int) -> list[int]:
    """Reserve ports of the loopback address until this process ends."""
    directory = Path(tempfile.gettempdir()) / f"feedpulse-test-ports-{os.getuid()}"
    directory.mkdir(exist_ok=True)
    found: list[int] = []
    for port in random.sample(_CANDIDATES, len(_CANDIDATES)):
        if len(found) == count:
            break
        lock = (directory / str(port)).open("w")
        if _is_locked(lock) and _is_free(port):
            _locks.append(lock)
            found.append(port)
        else:
            lock.close()
    return found


def _is_locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
