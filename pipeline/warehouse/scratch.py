"""Scratch tables: each belongs to one run, which fills it before the rows replace a partition.

A killed run leaves its scratch table behind. The table's name identifies the process, so a later run can drop the table
once that process has ended. Processes of another machine, or of this one before it was restarted, cannot be checked;
their tables are dropped after a day.
"""

import hashlib
import os
import re
import socket
import time
from collections.abc import Collection
from pathlib import Path
from uuid import uuid4

from pipeline.core.process import once

FOREIGN_SECONDS = 86_400
"""The age from which a scratch table of another machine counts as abandoned."""

NAME = r"[0-9A-Za-z_]+__[0-9a-f]{8}_[0-9]+_[0-9]+_[0-9]+_[0-9a-f]{8}"
"""The pattern of a scratch table's name, for ClickHouse too."""
_PARTS = re.compile(
    r"(?P<table>\w+)__(?P<machine>[0-9a-f]{8})_(?P<process>\d+)_(?P<started>\d+)_(?P<created>\d+)_[0-9a-f]{8}",
    re.ASCII,
)


def new_name(table: str) -> str:
    """Return a new name for a scratch table of this process; it begins with `table`."""
    process = os.getpid()
    return f"{table}__{_machine()}_{process}_{_started(process)}_{int(time.time())}_{uuid4().hex[:8]}"


def is_abandoned(name: str, tables: Collection[str]) -> bool:
    """Whether `name` is a scratch table of one of `tables` whose run has ended."""
    parts = _PARTS.fullmatch(name)
    if parts is None or parts["table"] not in tables:
        return False
    if parts["machine"] != _machine():
        return time.time() - int(parts["created"]) > FOREIGN_SECONDS
    return _started(int(parts["process"])) != int(parts["started"])


@once
def _machine() -> str:
    try:
        # Containers may share a host name, and each numbers its own processes. Machines may share a host name too.
        namespace = os.readlink("/proc/self/ns/pid")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        namespace = boot = ""
    return hashlib.sha256(f"{socket.gethostname()} {namespace} {boot}".encode()).hexdigest()[:8]


def _started(process: int) -> int:
    """When a process started, in ticks since boot; 0 if it has ended or the system has no /proc."""
    try:
        state, *numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if state in "ZX" else int(numbers[18])
