"""Facts for the status page: a bad day with hostile names and 200 alerts, and a good one."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from reporting.status import Facts, Weeks, draw
from reporting.status.facts import End
from reporting.status.picture import COLUMNS, ROWS, limits
from tests.reporting.samples import HOSTILE

NOW = datetime(2026, 11, 30, 9, 17)  # 12:17 in Moscow, a Monday
ZONE = "Europe/Moscow"
LABELS = {"views": "Views", "likes": "Likes", "ctr": "CTR", "messages_sent": "Messages sent"}
ENDS: tuple[End, ...] = ("recovered", "new normal", "late data", "false alarm", "wrong clock")


def at(**back: float) -> str:
    """A moment before `NOW`."""
    return f"{(NOW - timedelta(**back)).isoformat(timespec='seconds')}Z"


def curves(metric: str, seed: int = 1) -> tuple[np.ndarray[Any, Any], ...]:
    """Four weeks of a metric up to now, with an outage, and its usual range from the second week on."""
    slots = np.arange(ROWS * COLUMNS)
    level = 300 + 250 * np.sin((slots % 96 - 30) / 96 * 2 * np.pi)
    if metric == "ctr":
        level = 0.2 + level * 0
    noise = np.random.default_rng(seed).normal(0, 0.04, len(slots))
    values, lower, upper = level * (1 + noise), level * 0.85, level * 1.15
    values[2000:2006] *= 0.2
    values[2300:2302] *= 1.6
    lower[:COLUMNS] = upper[:COLUMNS] = np.nan
    today = ROWS * COLUMNS - 96 + 48
    for row in (values, lower, upper):
        row[today:] = np.nan
    return values, lower, upper


def weeks(metric: str, folder: Path | None = None) -> Weeks:
    """What is written beside the picture of a metric, which is written into a folder."""
    ends = limits(*curves(metric), from_zero=metric != "ctr")
    assert ends is not None
    first = date(2026, 11, 3)
    if folder is not None:
        weekend = [(first + timedelta(days=day)).weekday() >= 5 for day in range(7)]
        (folder / f"{metric}.svg").write_bytes(draw(*curves(metric), ends=ends, weekend=weekend))
    return {
        "metric": metric,
        "format": "ratio" if metric == "ctr" else "count",
        "file": f"{metric}.svg",
        "low": ends[0],
        "high": ends[1],
        "days": [str(first + timedelta(days=7 * row)) for row in range(ROWS)],
    }


def good(folder: Path | None = None) -> Facts:
    """All is well."""
    return {
        "now": at(),
        "gathered": "2026-11-30T09:17:00.000000+00:00",
        "until": "",
        "well": True,
        "problems": [],
        "days": {"first": "2026-11-01", "last": "2026-11-29", "loaded": 29, "missing": []},
        "runs": {
            "Alerts": run(minutes=1, seconds=2.4, did="slot 12:00 checked, 6 metrics and 94 slices"),
            "Daily": run(hours=7, seconds=61.5, did="day 2026-11-29 loaded"),
            "Morning": run(hours=3, seconds=8.25, did="report of 2026-11-29 sent to 1 chat"),
        },
        "slots": {"newest_checked": at(minutes=17), "lag_seconds": {"feed_actions": 0, "message_actions": 900}},
        "loads": {
            "feed_actions": load(),
            "message_actions": load(delay_seconds=5400, interval_seconds=3600),
        },
        "learning": [],
        "incidents": [],
        "mutes": [],
        "history": [],
        "history_days": 90,
        "weeks": [weeks(metric, folder) for metric in LABELS],
        "labels": LABELS,
        "messages": "messages/index.html",
    }


def bad(folder: Path | None = None, alerts: int = 200) -> Facts:
    """Everything that can be wrong is, and what people or events name is hostile."""
    facts = good(folder)
    facts["well"] = False
    facts["problems"] = [
        {"kind": "days", "subject": "2026-11-20,2026-11-21,2026-11-24", "at": None, "detail": ""},
        {"kind": "run", "subject": "Daily", "at": at(hours=7), "outcome": "failed", "detail": HOSTILE[:200]},
        {"kind": "stalled", "subject": "", "at": at(hours=5), "detail": ""},
        {"kind": "incident", "subject": "views,likes", "at": at(hours=2), "detail": ""},
        {"kind": "unsent", "subject": "alert-2026-11-30T0715Z-views", "at": at(hours=1), "detail": "telegram"},
        {"kind": "undropped", "subject": "", "at": None, "detail": ""},
    ]
    facts["days"] = {
        "first": "2026-11-01",
        "last": "2026-11-29",
        "loaded": 26,
        "missing": ["2026-11-20", "2026-11-21", "2026-11-24"],
    }
    facts["runs"]["Daily"]["outcome"], facts["runs"]["Daily"]["error"] = "failed", HOSTILE[:200]
    facts["learning"] = [
        {"metric": name, "known_days": 9, "needed_days": 14, "checked_from": "2026-12-05"} for name in ("views", "ctr")
    ]
    opened = {"opened": at(hours=2, minutes=2), "worst": -0.56, "silent_since": None, "notified": True}
    incidents: list[dict[str, Any]] = [
        {"id": "a", "metrics": ["views", "likes"], "acknowledged_by": [], "muted_until": None, "mark": ""},
        {"id": "b", "metrics": ["messages_sent"], "acknowledged_by": [HOSTILE[:60]], "muted_until": None, "mark": ""},
        {"id": "c", "metrics": ["ctr"], "acknowledged_by": [""], "muted_until": at(hours=-2), "mark": "false alarm"},
    ]
    facts["incidents"] = [{**opened, **incident} for incident in incidents]  # type: ignore[typeddict-item]
    facts["incidents"][1]["silent_since"] = at(hours=1, minutes=17)
    facts["mutes"] = [{"metric": "ctr", "until": at(hours=-2), "by": HOSTILE[:40], "why": HOSTILE[:120]}]
    facts["history"] = [
        {
            "key": f"alert-{number}-x",
            "metrics": [list(LABELS)[number % 3], *(["messages_sent"] if number % 5 == 0 else [])],
            "opened": at(hours=2 + 10.25 * number),
            "until": at(hours=1 + 10.25 * number) if number > 2 else None,
            "worst": -0.56 if number % 2 else 1.284,
            "end": ENDS[number % 5] if number > 2 else "open",
        }
        for number in range(alerts)
    ]
    return facts


def run(*, seconds: float, did: str = "", **back: float) -> Any:
    """A run that ended well."""
    began = at(**back)
    return {"began": began, "seconds": seconds, "outcome": "ok", "did": did, "error": "", "newest_ok": began}


def load(**changes: int) -> Any:
    """A table that is loaded at once."""
    return {"delay_seconds": 0, "interval_seconds": 900, "overdue": False, "slots_are_checked": True, **changes}
