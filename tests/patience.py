"""The time that a test waits for a process. A process that takes longer hangs: no machine is this slow."""

HANGS_SECONDS = 1800
