"""The table ``runs``: what each run of Luigi's command did, and how it ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pipeline.core import clock
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import RUNS, full_name, insert, open_warehouse

OK = "ok"
FAILED = "failed"
REFUSED = "refused"
NOT_SCHEDULED = "not scheduled"
ALREADY_RUNNING = "already running"
NOT_RUN = "not run"
ERROR = "error"
OUTCOMES = (OK, FAILED, REFUSED, NOT_SCHEDULED, ALREADY_RUNNING, NOT_RUN, ERROR)
"""The outcomes; ``create_runs.sql`` says what each means."""


class Run(NamedTuple):
    """A run of one root task: a row of the table, with the meaning that ``create_runs.sql`` gives its columns."""

    root: str
    began: datetime
    seconds: float
    outcome: str
    did: str = ""
    error: str = ""


class LastRun(NamedTuple):
    """The newest run of a root task.

    Attributes
    ----------
    run : Run
        The run.
    newest_ok : datetime or None
        When the newest run with the outcome `OK` began, naive UTC; None if there is none.
    """

    run: Run
    newest_ok: datetime | None


def record(runs: Sequence[Run]) -> None:
    """Write runs."""
    columns = map(list, zip(*runs, strict=True))
    insert(RUNS, dict(zip(Run._fields, columns, strict=True)))


def newest(since: datetime) -> dict[str, LastRun]:
    """Return the newest run of each root that began at `since` (naive UTC) or later, by root."""
    rows = open_warehouse().query(
        statement("last_runs", runs=full_name(RUNS)),
        {"since": str(since), "until": str((clock.utcnow() + clock.SKEW).replace(microsecond=0))},
    )
    return {root: LastRun(Run(root, *run), ok if ok >= since else None) for root, *run, ok in rows}
