"""Ports for the servers of the tests. No two test processes get the same one, however many run at once."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import TextIO

# Below the ports that the system hands out itself, to outgoing connections for example.
_CANDIDATES = range(20_000, 30_000)
# A lock ends with its file, and a process keeps its ports: a server may be restarted on them.
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
