"""The state of an installation as plain values, for `feedpulse status --json` and the status page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.learning import Lack
from pipeline.core import clock
from pipeline.slots.rhythm import Rhythm
from pipeline.tasks.status.health import Days, Open, Slots, worst
from pipeline.warehouse.runs import LastRun


def days_of(days: Days | None) -> dict[str, Any] | None:
    """Return the days that are kept loaded."""
    if days is None:
        return None
    missing = [str(day) for day in days.missing]
    return {"first": str(days.first), "last": str(days.last), "loaded": days.loaded, "missing": missing}


def run_of(last: LastRun) -> dict[str, Any]:
    """Return the newest run of a task."""
    return {
        "began": utc(last.run.began),
        "age_seconds": round((clock.utcnow() - last.run.began).total_seconds()),
        "seconds": last.run.seconds,
        "outcome": last.run.outcome,
        "did": last.run.did,
        "error": last.run.error,
        "newest_ok": utc(last.newest_ok),
    }


def slots_of(slots: Slots | None) -> dict[str, Any] | None:
    """Return the newest slot that was checked."""
    if slots is None:
        return None
    return {
        "newest_checked": utc(slots.newest),
        "age_seconds": round((clock.utcnow() - slots.newest - clock.SLOT).total_seconds()),
        "lag_seconds": slots.lag_seconds,
    }


def load_of(rhythm: Rhythm) -> dict[str, Any]:
    """Return how a source table is loaded."""
    seconds = round(clock.SLOT.total_seconds())
    return {
        "delay_seconds": None if rhythm.delay is None else rhythm.delay * seconds,
        "interval_seconds": rhythm.interval * seconds,
        "overdue": rhythm.is_overdue,
        "slots_are_checked": not rhythm.is_slow,
    }


def lack_of(lack: Lack) -> dict[str, Any]:
    """Return the history that a metric lacks."""
    return {
        "metric": lack.metric,
        "known_days": lack.known,
        "needed_days": lack.needed,
        "checked_from": str(lack.checked_from),
    }


def incident_of(item: Open) -> dict[str, Any]:
    """Return an open incident."""
    incident = item.incident
    return {
        "id": incident.incident_id,
        "metrics": incident.shown_metrics,
        "opened": utc(incident.opened),
        "worst": worst(incident),
        "silent_since": utc(incident.silent_since),
        "notified": incident.notified,
        "acknowledged_by": list(item.acknowledged_by),
        "muted_until": utc(item.mute.end if item.mute else None),
        "mark": incident.mark,
    }


def mutes_of(mutes: Mapping[str, Action]) -> list[dict[str, Any]]:
    """Return the mutes that hold."""
    return [
        {"metric": metric, "until": utc(mute.end), "by": mute.person, "why": mute.why} for metric, mute in mutes.items()
    ]


def utc(moment: datetime | None) -> str | None:
    """Write a naive UTC time."""
    return None if moment is None else f"{moment.isoformat(timespec='seconds')}Z"
