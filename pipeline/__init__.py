"""feedpulse: Luigi tasks over ClickHouse events (``feedpulse run NAME``, ``luigi --module pipeline NAME``).

Importing it registers the tasks and changes nothing else in the process.
"""

import sys
from pathlib import Path

_program = Path(sys.argv[0])

# The command `feedpulse` imports the tasks when it runs one: its help must not wait for Luigi.
if _program.stem != "feedpulse":
    from pipeline import tasks as tasks

# Luigi's own commands (`luigi`, `luigi-deps`, `python -m luigi`) import this before they read exit codes and defaults.
if _program.name.startswith("luigi") or _program.parent.name == "luigi":
    from pipeline.core.process import install

    install()
