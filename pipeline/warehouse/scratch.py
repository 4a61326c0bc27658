"""Tables of single runs, where rows are gathered before they replace a partition: their names say whose they are.

A run that was killed leaves its table behind; the next run drops it, when the process in its name is gone. Of a
process on another machine nobody here can tell: its tables are dropped when they are a day old.
"""

import functools
import hashlib
import os
import re
import socket
import time
from pathlib import Path
from uuid import uuid4

FOREIGN_SECONDS = 86_400

_NAME = re.compile(
    r"\w+__(?P<machine>[0-9a-f]{8})_(?P<process>\d+)_(?P<started>\d+)_(?P<created>\d+)_[0-9a-f]{8}", re.ASCII
)


def new_name(table: str) -> str:
    """Name a table of this process beside `table`."""
    process = os.getpid()
    return f"{table}__{_machine()}_{process}_{_started(process)}_{int(time.time())}_{uuid4().hex[:8]}"


def is_abandoned(table: str) -> bool:
    """Whether a table is one of a run that is no more."""
    name = _NAME.fullmatch(table)
    if name is None:
        return False
    if name["machine"] != _machine():
        return time.time() - int(name["created"]) > FOREIGN_SECONDS
    return _started(int(name["process"])) != int(name["started"])


@functools.cache
def _machine() -> str:
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # containers count processes apart, and may share a host's name
    except OSError:
        namespace = ""
    return hashlib.sha256(f"{socket.gethostname()} {namespace}".encode()).hexdigest()[:8]


def _started(process: int) -> int:
    """When a process started, in ticks since boot; 0 where it is gone, or where nobody can tell."""
    try:
        state, *numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if state in "ZX" else int(numbers[18])
