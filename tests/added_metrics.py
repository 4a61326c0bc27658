"""Runs a day on which two metrics fall that the project does not have; prints, as JSON, what people read.

``python -m tests.added_metrics PATH FOLDER`` runs in a directory with a copy of `pipeline` that has the count
`interactions` and the ratio `messages_per_sender`; PATH is an embedded warehouse.
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
    """Whether an event is one of iOS since the outage."""
    return (columns["time"] >= clock.epoch(OUTAGE)) & (columns["os"] == "iOS")


def fewer_per_sender(table: str, columns: Columns) -> Columns:
    """Every message six times, but those of iOS once since the outage: as many people send less."""
    if table != "message_actions":
        return columns
    times = np.where(of_ios(columns), 1, 6)
    return {name: np.repeat(column, times) for name, column in columns.items()}


def fewer_interactions(table: str, columns: Columns) -> Columns:
    """Of five events of iOS in the feed one since the outage."""
    if table != "feed_actions":
        return columns
    kept = ~of_ios(columns) | (np.arange(len(columns["time"])) % 5 == 0)
    return {name: column[kept] for name, column in columns.items()}


def run(place: Site, metrics: str) -> None:
    """The alerts of two slots, the report of the day, and the summary of a week whose alert was a false alarm."""
    name = metrics.split(",")[0]
    place.alerts = {"metrics": metrics, "slice_volume": "10"}
    place.sections = {"report": {"metrics": name}}
    place.alert(OUTAGE + SLOT, NEWEST + SLOT)
    place.run(DailyMetrics(date=WEEK_BEFORE), MORNING_AFTER)
    place.run(Morning(), MORNING_AFTER)
    (incident,) = place.incidents()
    said = {"incident_id": incident["incident_id"], "action": "false_alarm", "person": "Ann", "at": NEWEST + SLOT}
    columns = {**said, "channel": "outbox", "update_number": 1}
    place.warehouse.insert(f"{place.database}.incident_actions", {key: [value] for key, value in columns.items()})
    place.run(Weekly(), MORNING_AFTER)


def counted(place: Site, table: str, start: datetime, end: datetime, where: str = "1") -> list[int]:
    """Events and users of a stretch, from the source."""
    ((events, users),) = place.warehouse.query(
        f"SELECT count(), uniqExact(user_id) FROM {place.database}.{table} WHERE {where} "
        f"AND time >= toDateTime('{start}', 'UTC') AND time < toDateTime('{end}', 'UTC')"
    )
    return [events, users]


def newest(place: Site, metric: str) -> list[float]:
    """What was measured and expected in the newest slot."""
    of_slot = f"metric = '{metric}' AND dimension = 'total' AND slot = toDateTime('{NEWEST}', 'UTC')"
    measured = f"SELECT numerator, denominator FROM {place.database}.slot_metrics FINAL WHERE {of_slot}"
    expected = f"SELECT expected FROM {place.database}.slot_checks FINAL WHERE {of_slot}"
    return [*place.warehouse.query(measured)[0], *place.warehouse.query(expected)[0]]


def story(
    warehouse: EmbeddedEngine, folder: Path, change: Callable[[str, Columns], Columns], metrics: str, table: str
) -> dict[str, object]:
    """Everything that a site of its own says of its first metric."""
    with site(warehouse, folder) as place:
        place.load(change=change)
        run(place, metrics)
        return {
            "messages": place.messages(),
            "pictures": sorted(path.stem for path in (folder / "outbox").glob("*.png")),
            "newest": newest(place, metrics.split(",")[0]),
            "source": counted(place, table, NEWEST, NEWEST + SLOT),
            "of iOS": counted(place, table, OUTAGE, NEWEST + SLOT, "os = 'iOS'"),
            "day": counted(place, table, *clock.day_bounds(TODAY)),
            "week before": counted(place, table, *clock.day_bounds(WEEK_BEFORE)),
        }


def main(path: str, folder: Path) -> None:
    """Print both stories."""
    warehouse = EmbeddedEngine(path)
    sides = "messages_per_sender,messages_sent,messenger_users"
    told = {
        "ratio": story(warehouse, folder / "ratio", fewer_per_sender, sides, "message_actions"),
        "count": story(warehouse, folder / "count", fewer_interactions, "interactions", "feed_actions"),
    }
    print(json.dumps(told, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
