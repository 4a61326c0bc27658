"""The time that a test waits for a process. A process that takes longer hangs: no machine is this slow."""

import time
from collections.abc import Callable

HANGS_SECONDS = 1800


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something is true."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < HANGS_SECONDS
        time.sleep(0.02)
