"""What the status page shows: gathered from the warehouse, or continued from what an earlier run gathered."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pipeline.alerts.incidents import store
from pipeline.alerts.incidents.incident import Incident, message_key
from pipeline.core import clock, settings
from pipeline.core.metrics import BY_NAME
from pipeline.tasks.status import health, plain
from pipeline.tasks.status.health import SLOT_LATE, Health
from pipeline.warehouse import runs
from pipeline.warehouse.runs import LastRun, Run
from reporting.status import Facts, Past, Problem, Weeks
from reporting.status.facts import End, RunOutcome

HISTORY_DAYS = 90
MOST_ALERTS = 200
"""The page shows so many alerts of so many days."""
DAILY_LATE = timedelta(hours=26)
"""The page is old after this, where only days are loaded."""


def gathered(found: Health, weeks: Sequence[Weeks]) -> Facts:
    """Return the facts of a state that was just read.

    Parameters
    ----------
    found : Health
        The state.
    weeks : sequence of Weeks
        What is written beside the pictures.
    """
    problems = [_problem(problem) for problem in found.problems()]
    history = [past for incident in _told() if (past := _past(incident))]
    section = settings.StatusSettings()
    facts: dict[str, Any] = {
        **_heading(found),
        "well": not problems,
        "problems": problems,
        "days": plain.days_of(found.days),
        "runs": {root: plain.run_of(last) for root, last in found.runs.items()},
        "slots": plain.slots_of(found.slots),
        "loads": {table: plain.load_of(rhythm) for table, rhythm in found.slots.rhythms.items()} if found.slots else {},
        "learning": [plain.lack_of(lack) for lack in found.slots.learning] if found.slots else [],
        "incidents": [plain.incident_of(item) for item in found.incidents],
        "mutes": plain.mutes_of(found.mutes),
        "history": history[:MOST_ALERTS],
        "history_days": HISTORY_DAYS,
        "weeks": list(weeks),
        "labels": {name: metric.label_in(settings.ReportSettings().language) for name, metric in BY_NAME.items()},
        "messages": _messages(),
    }
    if not section.people:
        for incident in facts["incidents"]:
            incident["acknowledged_by"] = [""] * len(incident["acknowledged_by"])
        for mute in facts["mutes"]:
            mute["by"] = ""
    return cast(Facts, facts)


def continued(before: Facts, run: Run, checked: datetime | None) -> Facts:
    """Return the facts after a run of which nothing else is known, or need be.

    Parameters
    ----------
    before : Facts
        What an earlier run gathered.
    run : Run
        The run.
    checked : datetime or None
        The newest slot that it has checked.
    """
    was = before["runs"].get(run.root)
    is_ok = run.outcome == runs.OK
    shown = plain.run_of(LastRun(run, run.began if is_ok else None))
    if not is_ok and was:
        shown["newest_ok"] = was["newest_ok"]
    problems = [item for item in before["problems"] if (item["kind"], item["subject"]) != ("run", run.root)]
    if not is_ok:
        problems.append(_problem(health.Problem("run", run=run)))
    slots = before["slots"]
    if checked is not None and slots is not None:
        slots = {**slots, "newest_checked": cast(str, plain.utc(checked))}
    found = {
        **before,
        "now": plain.utc(clock.utcnow()),
        "runs": dict(sorted({**before["runs"], run.root: shown}.items())),
        "well": not problems,
        "problems": problems,
        "slots": slots,
    }
    if before["until"]:
        found["until"] = _later(before["until"], clock.utcnow() - _naive(before["now"]))
    return cast(Facts, found)


def unreadable(error: str) -> Facts:
    """Return the facts if nothing can be read, and nothing was before."""
    found = Health()
    facts: dict[str, Any] = {
        **_heading(found),
        "well": False,
        "problems": [_problem(health.Problem("unreadable", error=error))],
        "days": None,
        "runs": {},
        "slots": None,
        "loads": {},
        "history_days": HISTORY_DAYS,
        "labels": {},
        "messages": "",
        **dict.fromkeys(("learning", "incidents", "mutes", "history", "weeks"), []),
    }
    return cast(Facts, facts)


def _heading(found: Health) -> dict[str, str]:
    real = datetime.now(UTC)
    last = found.runs.get("Alerts")
    is_checked = last is not None and clock.utcnow() - last.run.began < timedelta(days=1)
    until = real + (SLOT_LATE + found.lag if is_checked else DAILY_LATE)
    return {
        "now": cast(str, plain.utc(clock.utcnow())),
        "gathered": real.isoformat(),
        "until": "" if clock.is_simulated() else until.isoformat(timespec="seconds"),
    }


def _later(moment: str, length: timedelta) -> str:
    return (datetime.fromisoformat(moment) + length).isoformat(timespec="seconds")


def _naive(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=None)


def _problem(problem: health.Problem) -> Problem:
    """Return a problem without what a web page should not tell: the addresses of chats."""
    if run := problem.run:
        outcome = cast(RunOutcome, run.outcome)
        return Problem(kind="run", subject=run.root, at=plain.utc(run.began), outcome=outcome, detail=run.error)
    if problem.incident:
        item = plain.incident_of(problem.incident)
        return Problem(kind="incident", subject=",".join(item["metrics"]), at=item["opened"], detail="")
    if message := problem.message:
        return Problem(kind="unsent", subject=message.key, at=plain.utc(message.tried), detail=message.channel)
    days = ",".join(map(str, problem.days))
    return Problem(kind=problem.kind, subject=days, at=plain.utc(problem.at), detail=problem.error)


def _told() -> list[Incident]:
    """The incidents of which people were told, the newest first."""
    end = clock.utcnow() + clock.SLOT
    incidents = store.load_between(end - timedelta(days=HISTORY_DAYS), end)
    return sorted((item for item in incidents if item.notified), key=lambda item: item.opened, reverse=True)


def _past(incident: Incident) -> Past:
    end: End = "false alarm" if incident.mark == "false alarm" else incident.outcome or "recovered"
    return Past(
        key=message_key(incident.incident_id),
        metrics=incident.shown_metrics,
        opened=cast(str, plain.utc(incident.opened)),
        until=plain.utc(incident.end) if incident.ended else None,
        worst=health.worst(incident),
        end=end if incident.ended else "open",
    )


def _messages() -> str:
    """The address of the page of messages; '' if it is outside of the directory that a server shows."""
    from reporting.channels.outbox import Outbox

    if "outbox" not in settings.names(settings.AlertSettings().channels):
        return ""
    outbox = Path(Outbox(**settings.options("outbox")).path).absolute()
    page = Path(settings.StatusSettings().path).absolute()
    return f"{os.path.relpath(outbox, page)}/index.html" if page in outbox.parents else ""
