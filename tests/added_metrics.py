"""Runs a day on which two additional metrics fall, and prints the messages to people as JSON.

``python -m tests.added_metrics PATH FOLDER`` runs in a directory with a copy of `pipeline` that has two more metrics:
the count `interactions` and the ratio `messages_per_sender`. PATH is an embedded warehouse.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core import clock
from pipeline.demo.events import Columns
from pipeline.tasks import DailyMetrics, Morning, Weekly
from pipeline.warehouse.engines import EmbeddedEngine
from tests.pipeline.alerts.place import OUTAGE, SLOT, TODAY, Site, site

MORNING_AFTER = datetime(2026, 11, 13, 3)
WEEK_BEFORE = TODAY - timedelta(days=7)
NEWEST = OUTAGE + SLOT


def of_ios(columns: Columns) -> Any:
    """Return which events are from iOS and after the start of the outage."""
    return (columns["time"] >= clock.epoch(OUTAGE)) & (columns["os"] == "iOS")


def fewer_per_sender(table: str, columns: Columns) -> Columns:
    """Repeat every message six times, except those of iOS after the outage: as many people send fewer."""
    if table != "message_actions":
        return columns
    times = np.where(of_ios(columns), 1, 6)
    return {name: np.repeat(column, times) for name, column in columns.items()}


def fewer_interactions(table: str, columns: Columns) -> Columns:
    """Keep one of five feed events of iOS after the outage."""
    if table != "feed_actions":
        return columns
    kept = ~of_ios(columns) | (np.arange(len(columns["time"])) % 5 == 0)
    return {name: column[kept] for name, column in columns.items()}


def run(place: Site, metrics: str) -> None:
    """Run the alerts of two slots, the report of the day, and the summary of a week with one false alarm."""
    name = metrics.split(",")[0]
    place.alerts = {"metrics": metrics, "slice_volume": "10"}
    place.sections = {"report": {"metrics": name}}
    place.alert(OUTAGE + SLOT, NEWEST + SLOT)
    place.run(DailyMetrics(date=WEEK_BEFORE), MORNING_AFTER)
    place.run(Morning(), MORNING_AFTER)
    (incident,) = place.incidents()
    action = {"incident_id": incident["incident_id"], "action": "false_alarm", "person": "Ann", "at": NEWEST + SLOT}
    columns = {**action, "channel": "outbox", "update_number": 1}
    place.warehouse.insert(f"{place.database}.incident_actions", {key: [value] for key, value in columns.items()})
    place.run(Weekly(), MORNING_AFTER)


def counted(place: Site, table: str, start: datetime, end: datetime, where: str = "1") -> list[int]:
    """Events and users of an interval, from the source."""
    ((events, users),) = place.warehouse.query(
        f"SELECT count(), uniqExact(user_id) FROM {place.database}.{table} WHERE {where} "
        f"AND time >= toDateTime('{start}', 'UTC') AND time < toDateTime('{end}', 'UTC')"
    )
    return [events, users]


def newest(place: Site, metric: str) -> list[float]:
    """The measured and expected values of the newest slot."""
    of_slot = f"metric = '{metric}' AND dimension = 'total' AND slot = toDateTime('{NEWEST}', 'UTC')"
    measured = f"SELECT numerator, denominator FROM {place.database}.slot_metrics FINAL WHERE {of_slot}"
    expected = f"SELECT expected FROM {place.database}.slot_checks FINAL WHERE {of_slot}"
    return [*place.warehouse.query(measured)[0], *place.warehouse.query(expected)[0]]


def missing(place: Site, metric: str) -> float:
    """What the slots of the outage lack against their expectation."""
    sql = f"SELECT sum(expected - value) FROM {place.database}.slot_checks FINAL"
    of_outage = f"metric = '{metric}' AND dimension = 'total' AND slot >= toDateTime('{OUTAGE}', 'UTC')"
    ((lost,),) = place.warehouse.query(f"{sql} WHERE {of_outage}")
    return float(lost)


def story(
    warehouse: EmbeddedEngine, folder: Path, change: Callable[[str, Columns], Columns], metrics: str, table: str
) -> dict[str, object]:
    """All messages and values about the first metric of a new site."""
    with site(warehouse, folder) as place:
        place.load(change=change)
        run(place, metrics)
        return {
            "messages": place.messages(),
            "pictures": sorted(path.stem for path in (folder / "outbox").glob("*.png")),
            "newest": newest(place, metrics.split(",")[0]),
            "missing": missing(place, metrics.split(",")[0]),
            "source": counted(place, table, NEWEST, NEWEST + SLOT),
            "of iOS": counted(place, table, OUTAGE, NEWEST + SLOT, "os = 'iOS'"),
            "day": counted(place, table, *clock.day_bounds(TODAY)),
            "week before": counted(place, table, *clock.day_bounds(WEEK_BEFORE)),
        }


def main(path: str, folder: Path) -> None:
    """Print both stories."""
    warehouse = EmbeddedEngine(path)
    sides = "messages_per_sender,messages_sent,messenger_users"
    stories = {
        "ratio": story(warehouse, folder / "ratio", fewer_per_sender, sides, "message_actions"),
        "count": story(warehouse, folder / "count", fewer_interactions, "interactions", "feed_actions"),
    }
    print(json.dumps(stories, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
