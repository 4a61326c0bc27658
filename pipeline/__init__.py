"""feedpulse: Luigi tasks over ClickHouse events (`luigi --module pipeline NAME`).

Importing it registers the tasks and changes nothing else in the process.
"""

import sys
from pathlib import Path

from pipeline import tasks
from pipeline.core.process import install

__all__ = ["tasks"]

if Path(sys.argv[0]).name.startswith("luigi") or Path(sys.argv[0]).parent.name == "luigi":
    # Luigi's own command (`luigi`, `python -m luigi`) loads the tasks: it reads exit codes and defaults after this.
    install()
