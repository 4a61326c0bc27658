"""feedpulse: Luigi tasks over ClickHouse events (``feedpulse run NAME``, ``luigi --module pipeline NAME``).

Importing it registers the tasks and changes nothing else in the process.
"""

import sys
from pathlib import Path

__version__ = "0.2.0"

_program = Path(sys.argv[0])

# Our command imports the tasks when it runs one: its help must not wait for Luigi. `python -m pipeline` is "-m" here.
if _program.stem not in ("feedpulse", "-m"):
    from pipeline import tasks as tasks

# Luigi's own commands (`luigi`, `luigi-deps`, `python -m luigi`) import this before they read exit codes and defaults.
if _program.name.startswith("luigi") or _program.parent.name == "luigi":
    from pipeline.core import files
    from pipeline.core.errors import SettingsError
    from pipeline.core.process import install
    from pipeline.tasks import supervision

    try:
        files.check()
        install()
        supervision.install()
    except SettingsError as error:
        files.print_refusal("feedpulse", error)
        supervision.refused(sys.argv[1:], error)
        sys.exit(files.REFUSED)
