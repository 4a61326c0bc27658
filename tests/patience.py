"""How long a test waits for a process. No machine is this slow: a process that takes longer hangs."""

HANGS_SECONDS = 1800
