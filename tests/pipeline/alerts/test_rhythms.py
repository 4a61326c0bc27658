"""Alerts of a source whose slots have their rows later than at their end."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipeline.core import clock
from pipeline.demo.events import Columns
from pipeline.tasks import Alerts
from pipeline.tasks.status import health
from pipeline.warehouse.engines import EmbeddedEngine
from tests.pipeline.alerts.place import BACK, OUTAGE, SLOT, Site, incident, site
from tests.soak import rhythms

KEY = "alert-2026-11-12T0900Z-messages_sent"
HOUR = timedelta(hours=1)


@pytest.fixture
def place(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[Site]:
    with site(embedded_warehouse, tmp_path) as made:
        made.alerts = {"catch_up_hours": "2"}
        yield made


def load(place: Site, until: datetime, loaded: datetime) -> None:
    """Insert the events of an interval, without those of the outage."""
    place.arrive("feed_actions", loaded, until)
    place.arrive("message_actions", loaded, min(until, max(loaded, OUTAGE)))
    if until > BACK:
        place.arrive("message_actions", max(loaded, BACK), until)


def test_a_source_that_is_loaded_hourly_alarms_with_each_load(place: Site) -> None:
    """Events up to the hour are there five minutes later; messages are out from 09:00 to 10:00."""
    start = OUTAGE - 4 * HOUR

    def before(_: str, columns: Columns) -> Columns:
        return {name: column[columns["time"] < clock.epoch(start)] for name, column in columns.items()}

    place.load(change=before)
    heard: dict[str, datetime] = {}
    loaded, now = start, start + SLOT
    while now <= BACK + 2 * HOUR + SLOT:
        due = rhythms.every(60)(now)
        if due > loaded:
            load(place, due, loaded)
            loaded = due
        place.run(Alerts(), now + timedelta(minutes=1))
        heard |= {key: now for key in place.messages() if key not in heard}
        now += SLOT
    assert heard == {KEY: BACK + SLOT, f"{KEY}-recovered": BACK + HOUR + SLOT}
    assert "✅ Messages sent and 1 more: recovered after 1 h" in place.messages()[f"{KEY}-recovered"]
    (state,) = (state for state in place.incidents() if state["notified"])
    assert (state["opened"], state["last_anomaly"]) == (str(OUTAGE), str(BACK - SLOT))
    with place.at(now + timedelta(minutes=43)):  # just before the next load, all is well
        found = health.read()
        assert list(found.problems()) == []
        assert found.slots
        assert {rhythm.delay for rhythm in found.slots.rhythms.values()} == {4}
        assert set(found.slots.lag_seconds.values()) == {0}


def test_what_late_rows_cannot_change_is_told_at_once_and_goes_on(place: Site) -> None:
    """Slots receive rows for half an hour; three times as many views come from 09:00 to 10:00."""
    place.load(incident("views", 2.0))
    place.run(Alerts(), OUTAGE - timedelta(days=2))
    slots = [OUTAGE - timedelta(hours=26) + i * SLOT for i in range(96)]
    place.warehouse.insert(
        f"{place.database}.slot_counts",
        {
            "slot": slots * 2,
            "source_table": ["feed"] * 192,
            "counted_at": [s + SLOT for s in slots] + [s + SLOT + timedelta(minutes=30) for s in slots],
            "rows": [5] * 96 + [50] * 96,
            "lag_seconds": [0] * 192,
        },
    )
    place.run(Alerts(), OUTAGE)
    assert place.messages() == {}
    place.run(Alerts(), OUTAGE + SLOT)
    ((key, text),) = place.messages().items()
    assert key == "alert-2026-11-12T0900Z-views"
    title, remark, *_ = text.split("\n")
    assert re.fullmatch(r"🔴 Views \+\d+\.\d% so far", title)
    assert remark.startswith("not final: ")
    done = f"SELECT count() FROM {place.database}.table_updates WHERE update_id LIKE 'check_alerts:2026-11-12T0900%'"
    assert place.warehouse.query(done) == [(0,)]

    place.alert(OUTAGE + 2 * SLOT, OUTAGE + 4 * SLOT)
    assert "not final" not in place.messages()[key]
    place.alert(OUTAGE + 5 * SLOT, BACK + 7 * SLOT)
    assert list(place.messages()) == [key, f"{key}-recovered"]
    assert place.warehouse.query(done) == [(1,)]
    (state,) = place.incidents()
    assert (state["opened"], state["last_anomaly"], state["outcome"]) == (str(OUTAGE), str(BACK - SLOT), "recovered")


@pytest.mark.long
@pytest.mark.parametrize("name", rhythms.RHYTHMS)
def test_three_days_of_a_rhythm(embedded_warehouse: EmbeddedEngine, tmp_path: Path, name: str) -> None:
    """Each of the demo's incidents is told in the first run after its load, and no healthy load is called missing."""
    heard = rhythms.play(embedded_warehouse, tmp_path, rhythms.RHYTHMS[name], 3)
    assert rhythms.unexpected(name, heard, 3) == []
