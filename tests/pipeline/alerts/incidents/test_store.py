"""Incidents written by an earlier release, and the state at the beginning of a slot."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.detection.inside import SubSlot
from pipeline.alerts.incidents import Rules, advance, store
from pipeline.alerts.incidents.incident import Incident, Member, make_id, message_key
from pipeline.alerts.incidents.store import RecordedPress
from pipeline.core.clock import SLOT
from pipeline.slots import Part
from pipeline.warehouse.engines import EmbeddedEngine
from pipeline.warehouse.tables import INCIDENTS, full_name, open_warehouse
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place

START = datetime(2026, 11, 12, 9)
# An earlier release wrote this after three slots; in the third, iOS had too few events to be checked.
DETAILS = """{"incident_id": "views:2026-11-12T0900", "opened": "2026-11-12 09:00:00",
"last_anomaly": "2026-11-12 09:30:00", "members": [
{"metric": "views", "dimension": "total", "value": "all", "since": "2026-11-12 09:00:00",
"last": "2026-11-12 09:30:00", "sign": -1, "bad_slots": 3, "good_slots": 0, "observed": 160.0, "expected": 300.0,
"worst": -0.5, "worst_at": "2026-11-12 09:00:00", "worst_value": 50.0, "worst_expected": 100.0,
"lull_observed": 0.0, "lull_expected": 0.0},
{"metric": "views", "dimension": "os", "value": "iOS", "since": "2026-11-12 09:00:00",
"last": "2026-11-12 09:00:00", "sign": -1, "bad_slots": 1, "good_slots": 4, "observed": 40.0, "expected": 100.0,
"worst": -0.6, "worst_at": "2026-11-12 09:00:00", "worst_value": 40.0, "worst_expected": 100.0,
"lull_observed": 95.0, "lull_expected": 0.0}],
"silent_since": null, "ended": false, "outcome": "", "notified": true, "told_worst": -0.5, "escalated": false,
"mark": ""}"""


@pytest.fixture(autouse=True)
def _warehouse(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[None]:
    with fresh_database(embedded_warehouse) as database:
        own = {**place(embedded_warehouse), "database": database}
        with configured(START + 3 * SLOT, warehouse=own, delivery={"lock_path": str(tmp_path)}):
            row = {
                "incident_id": "views:2026-11-12T0900",
                "slot": START + 2 * SLOT,
                "metric": "views",
                "opened": START,
                "last_anomaly": START + 2 * SLOT,
                "state": "open",
                "good_slots": 0,
                "notified": 1,
                "outcome": "",
                "details": DETAILS,
            }
            open_warehouse().insert(full_name(INCIDENTS), {name: [value] for name, value in row.items()})
            yield


def test_an_incident_of_an_earlier_release_continues_and_ends() -> None:
    state = store.load_state(START + 3 * SLOT)
    (incident,) = state.current
    assert [member.part for member in incident.members] == [Part("views"), Part("views", "os", "iOS")]
    assert (incident.notified, incident.last_anomaly) == (True, START + 2 * SLOT)
    assert not incident.members[0].is_worse  # all of it was told
    good = CheckResult("views", "total", "all", "seasonal", 100.0, 100.0, 80.0, 120.0, 0.0, "ok", 0.0, 1.0)
    open_incidents = [incident]
    for i in range(3, 7):
        assert not open_incidents[0].ended
        open_incidents = advance(open_incidents, [good], START + i * SLOT, Rules())
    assert [(item.ended, item.outcome) for item in open_incidents] == [(True, "recovered")]


def test_a_new_normal_that_people_declared_ends_as_the_next_slot_begins() -> None:
    press = RecordedPress(7, "new_normal", "views:2026-11-12T0900", "Anna", START + 2 * SLOT)
    store.save_presses("telegram:1", [press])
    state = store.load_state(START + 3 * SLOT)
    assert [(incident.ended, incident.outcome) for incident in state.current] == [(True, "new normal")]
    assert [action.person for action in state.actions["views:2026-11-12T0900"]] == ["Anna"]
    assert store.load_presses(["telegram:1", "telegram:2"], [7, 8]) == {"telegram:1": {7: press}, "telegram:2": {}}


def test_earlier_ended_incidents_are_past() -> None:
    (incident,) = store.load_incidents(START + 3 * SLOT)
    (ended,) = advance([incident], [], START + 3 * SLOT, Rules())
    store.save_incidents([ended], START + 3 * SLOT)
    state = store.load_state(START + 4 * SLOT)
    assert (state.current, state.past) == ((), (ended,))


def test_an_incident_of_days_is_none_of_slots() -> None:
    day = datetime(2026, 11, 10, 21)
    member = Member("views", "total", "all", since=day, last=day, sign=-1, bad_slots=1, observed=88.0, expected=100.0)
    of_days = Incident(make_id("views", day, "day"), day, day, (member,), notified=True, unit="day")
    store.save_incidents([of_days], START)
    assert of_days.incident_id == "views:2026-11-11"
    assert message_key(of_days.incident_id) == "alert-2026-11-11-views"
    (of_slots,) = store.load_incidents(START + 3 * SLOT)
    assert of_slots.incident_id == "views:2026-11-12T0900"
    assert [incident.incident_id for _, incident in store.load_states(START)] == [of_slots.incident_id]
    assert store.load_between(START - timedelta(days=7), START + 3 * SLOT) == [of_days, of_slots]


def test_minutes_that_deviate_are_kept_with_their_check_and_their_incident() -> None:
    views = CheckResult("views", "total", "all", "seasonal", 97.0, 100.0, 80.0, 120.0, -1.5, "anomaly", -1.5, 1.0)
    inside = replace(views, sub_slot=SubSlot("least", 5, 5, 1.0))
    store.save_checks([inside], START)
    store.save_checks([views], START + SLOT)
    results = store.load_checks(START, START + 2 * SLOT)
    assert [results[slot][views.part] for slot in sorted(results)] == [inside, views]
    begun = advance([], [inside], START, Rules())
    store.save_incidents(begun, START)
    assert begun[0].members[0].inside_to == START + timedelta(minutes=10)
    assert begun[0] in store.load_incidents(START + SLOT)
