"""Writes the status page at the end of a run."""

import contextlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pipeline.core import clock, settings
from pipeline.core.errors import FeedpulseError
from pipeline.warehouse import runs
from pipeline.warehouse.runs import Run
from reporting import files

if TYPE_CHECKING:
    from pipeline.tasks.status.charts import Chart
    from reporting.status import Facts

FACTS = "status.json"
"""What the page shows, for programs; the next run continues from it."""
GATHER_AFTER = timedelta(hours=6)
"""Quiet checks gather everything again when what is shown is older than this."""


def write(run: Run, done: Sequence[Any], *, is_away: bool) -> None:
    """Write the page after a run, if ``[status] path`` names a directory for it.

    A quiet check changes its own lines only, without a statement. So does a run while the warehouse is away.

    Parameters
    ----------
    run : Run
        The run that has ended.
    done : sequence of supervision.scheduling.Done
        The tasks that it has run.
    is_away : bool
        Whether the warehouse must not be opened.
    """
    if not settings.StatusSettings().path:
        return
    from pipeline.tasks.status import facts

    directory = Path(settings.StatusSettings().path)
    directory.mkdir(parents=True, exist_ok=True)
    before = _read(directory)
    if before and (is_away or _is_quiet(run, done, before)):
        with _locked(directory):
            before = _read(directory) or before
            _replace(directory, facts.continued(before, run, _checked(done)), [])
        return
    _put(directory, *((facts.unreadable(run.error), []) if is_away else _gathered()))


def rewrite() -> None:
    """Write the page anew in the middle of a run, or without one: somebody has pressed a button or muted a metric."""
    if settings.StatusSettings().path:
        directory = Path(settings.StatusSettings().path)
        directory.mkdir(parents=True, exist_ok=True)
        _put(directory, *_gathered())


def _put(directory: Path, found: "Facts", charts: "Sequence[Chart]") -> None:
    """Replace the page, unless another run has read later what it shows; a clock that went back does not stop it."""
    with _locked(directory):
        newer = _read(directory)
        if newer and found["gathered"] < newer["gathered"] <= datetime.now(UTC).isoformat():
            return
        _replace(directory, found, charts)


def _gathered() -> "tuple[Facts, list[Chart]]":
    from pipeline.alerts.incidents import store
    from pipeline.tasks.status import charts, facts, health
    from reporting.decoration import optional

    try:
        state = health.read(with_source=False)
        slot = store.last_checked_slot() if state.slots else None
        drawn = optional("pictures of the status page", lambda: charts.charts(slot)) if slot else None
        return facts.gathered(state, [chart.weeks for chart in drawn or ()]), drawn or []
    except FeedpulseError as error:
        return facts.unreadable(" ".join(str(error).split())), []


def _is_quiet(run: Run, done: Sequence[Any], before: "Facts") -> bool:
    """Whether a run is a check of slots that has told nothing, while all was well and nothing open."""
    if run.root != "Alerts" or run.outcome != runs.OK or not before["well"] or before["incidents"]:
        return False
    is_old = abs(datetime.now(UTC) - datetime.fromisoformat(before["gathered"])) > GATHER_AFTER
    return not is_old and not any(task.did.get("messages") or task.did.get("without") for task in done)


def _checked(done: Sequence[Any]) -> datetime | None:
    return max((task.slot for task in done if task.family == "CheckAlerts"), default=None)


def _read(directory: Path) -> "Facts | None":
    """Read what the page shows; None if there is none, or it is of another release."""
    try:
        found = json.loads((directory / FACTS).read_bytes())
    except (OSError, ValueError):
        return None
    from reporting.status import Facts

    return cast("Facts", found) if isinstance(found, dict) and found.keys() == Facts.__annotations__.keys() else None


@contextlib.contextmanager
def _locked(directory: Path) -> Any:
    with files.locked(directory / ".lock", group=bool(directory.stat().st_mode & 0o020)):
        files.clear_temporary(directory)
        yield


def _replace(directory: Path, found: "Facts", charts: "Sequence[Chart]") -> None:
    """Replace the files; the page is after its pictures, which it names."""
    from reporting.status import render

    html = render(found, settings.ReportSettings().language, clock.zone().key)
    for chart in charts:
        files.replace(directory / chart.weeks["file"], chart.picture)
    files.replace(directory / "index.html", html.encode())
    files.replace(directory / FACTS, json.dumps(found, ensure_ascii=False, indent=1).encode())
