"""How long a test waits for a process: no machine is that slow, so what takes longer hangs."""

HANGS_SECONDS = 1800
