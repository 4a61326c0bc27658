"""The loaded days equal what plain Python computes from the same events, for any events."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date
from itertools import cycle
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.core import clock, process
from pipeline.slots import measure
from pipeline.tasks import Daily
from pipeline.warehouse.engines import Engine
from tests.pipeline.etl.arrivals import arrive
from tests.pipeline.etl.running import (
    Case,
    changed_rows,
    differences,
    load,
    loaded,
    measured_slots,
    prepared,
    run,
    scratch_tables,
)
from tests.pipeline.etl.worlds import PLACES, cases
from tests.pipeline.reference import VALUES, Day, Event, Events, Slots, measure_slots

# An example is a whole world and takes a second, so there is no shrinking; a failure shows the differing row. The first
# of the two examples for a place is hypothesis' simplest, the second is random.
FEW = settings(
    max_examples=2,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

pytestmark = pytest.mark.one_engine("server")


# Every place in every run, on alternating engines: both see clock changes in spring and in autumn.
@pytest.mark.parametrize(("engine", "place"), [*zip(cycle(["embedded", "server"]), PLACES)])
@FEW
@given(data=st.data())
def test_loaded_days_are_what_plain_python_makes(
    request: pytest.FixtureRequest, engine: str, place: tuple[str, date], data: st.DataObject
) -> None:
    warehouse: Engine = request.getfixturevalue(f"{engine}_warehouse")
    case: Case = data.draw(cases(*place))
    with prepared(warehouse, case) as (_, database):
        load(*case.days)
        actual = {day: loaded(warehouse, database, day) for day in case.days}
        for day in case.days:
            assert differences(actual[day], case.expected(day)) == {}, day
            check_invariants(case, actual[day], day)
            check_slots(warehouse, database, actual[day], day)
        check_slot_metrics(warehouse, database, case)
        assert scratch_tables(warehouse, database) == []
        load(*case.days)
        assert {day: loaded(warehouse, database, day) for day in case.days} == actual


@pytest.mark.parametrize(("engine", "place"), [("embedded", PLACES[0]), ("server", PLACES[3])])
@FEW
@given(data=st.data())
def test_days_with_late_rows_are_what_plain_python_makes_of_all_rows(
    request: pytest.FixtureRequest, engine: str, place: tuple[str, date], data: st.DataObject
) -> None:
    """Some days are loaded, the days before are only looked up, and both get late rows."""
    warehouse: Engine = request.getfixturevalue(f"{engine}_warehouse")
    case: Case = data.draw(cases(*place))
    feed, messages = (
        _dealt(events, data.draw(st.sets(st.integers(0, 64), min_size=1)))
        for events in (case.events.feed, case.events.messages)
    )
    kept = sorted(case.days)[data.draw(st.integers(0, 2)) :]
    early = replace(case, events=Events(feed[0], messages[0]))
    with prepared(warehouse, early, etl={"start": str(kept[0]), "reload_days": "6"}) as (source, database):
        clock.set_now(clock.day_bounds(kept[-1])[1].replace(tzinfo=UTC))
        run(Daily())
        arrive(warehouse, source, early, feed[1], messages[1])
        process.reset()
        run(Daily())
        for day in kept:
            assert differences(loaded(warehouse, database, day), case.expected(day)) == {}, day


def _dealt(events: Sequence[Event], late: set[int]) -> tuple[list[Event], list[Event]]:
    """Deal events into early and late ones."""
    places = range(len(events))
    return [events[i] for i in places if i not in late], [events[i] for i in places if i in late]


def check_invariants(case: Case, actual: Day, day: date) -> None:
    """Check invariants of a loaded day, counted directly from the events."""
    today = case.events.of_day(day, ZoneInfo(case.zone))
    actions = Counter(event["action"] for event in today.feed)
    pairs = {(event["user_id"] or 0, event["receiver_id"] or 0) for event in today.messages}
    rows = len(today.messages)
    wanted = dict(zip(VALUES, (actions["view"], actions["like"], rows, rows, len(pairs), len(pairs)), strict=True))
    for dimension in ("os", "gender", "age"):
        slices = [values for (name, _), values in actual.slices.items() if name == dimension]
        sums = {name: sum(values[i] for values in slices) for i, name in enumerate(VALUES)}
        assert sums == wanted, (day, dimension)


def check_slots(warehouse: Engine, database: str, actual: Day, day: date) -> None:
    """Check that for additive metrics the day is the sum of its slots, also when clocks change."""
    start, end = clock.day_bounds(day)
    if start == end:  # a day that the zone skipped
        return
    measure.fill(start, end)
    rows = warehouse.query(
        f"SELECT metric, count(), sum(numerator) FROM {database}.slot_metrics FINAL WHERE dimension = 'total' "
        "AND slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC') GROUP BY metric",
        {"start": start, "end": end},
    )
    sums = {metric: total for metric, _, total in rows}
    assert {count for _, count, _ in rows} == {(end - start).total_seconds() / 900}
    for metric in ("views", "likes", "messages_sent"):
        assert sums[metric] == actual.totals[metric][0], (day, metric)


def check_slot_metrics(warehouse: Engine, database: str, case: Case) -> None:
    """Check that the days' slots have exactly the expected rows: all metrics, totals and slices."""
    expected: Slots = {}
    for day in case.days:
        expected |= measure_slots(case.events, day, *clock.day_bounds(day), ZoneInfo(case.zone))
    assert changed_rows(measured_slots(warehouse, database), expected) == {}
