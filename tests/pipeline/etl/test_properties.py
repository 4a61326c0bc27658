"""The loaded days are what plain Python makes of the same events, whatever the events are."""

from collections import Counter
from datetime import date
from itertools import cycle
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.core import clock
from pipeline.slots import measure
from pipeline.warehouse.engines import Engine
from tests.pipeline.etl.running import (
    Case,
    changed_rows,
    differences,
    load,
    loaded,
    measured_slots,
    prepared,
    staging_tables,
)
from tests.pipeline.etl.worlds import PLACES, cases
from tests.pipeline.reference import VALUES, Day, Slots, measure_slots

# An example is a whole world and takes a second: there is no shrinking, a failure says which row differs. Of a place's
# two the first is hypothesis' simplest, the second is random.
FEW = settings(
    max_examples=2,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


# Every place in every run, on the engines in turn: so both see clocks change, in spring and in autumn.
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
        found = {day: loaded(warehouse, database, day) for day in case.days}
        for day in case.days:
            assert differences(found[day], case.expected(day)) == {}, day
            check_invariants(case, found[day], day)
            check_slots(warehouse, database, found[day], day)
        check_slot_metrics(warehouse, database, case)
        assert staging_tables(warehouse, database) == []
        load(*case.days)
        assert {day: loaded(warehouse, database, day) for day in case.days} == found


def check_invariants(case: Case, found: Day, day: date) -> None:
    """What must hold for every loaded day, counted from the events without the reference's detours."""
    today = case.events.of_day(day, ZoneInfo(case.zone))
    actions = Counter(event["action"] for event in today.feed)
    pairs = {(event["user_id"] or 0, event["receiver_id"] or 0) for event in today.messages}
    rows = len(today.messages)
    wanted = dict(zip(VALUES, (actions["view"], actions["like"], rows, rows, len(pairs), len(pairs)), strict=True))
    for dimension in ("os", "gender", "age"):
        slices = [values for (name, _), values in found.slices.items() if name == dimension]
        sums = {name: sum(values[i] for values in slices) for i, name in enumerate(VALUES)}
        assert sums == wanted, (day, dimension)


def check_slots(warehouse: Engine, database: str, found: Day, day: date) -> None:
    """For additive metrics, the day is the sum of its slots: 96, or what a change of the clock leaves."""
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
        assert sums[metric] == found.totals[metric][0], (day, metric)


def check_slot_metrics(warehouse: Engine, database: str, case: Case) -> None:
    """Every row of the days' slots, each metric, numerator and denominator, total or slice, and no row besides."""
    expected: Slots = {}
    for day in case.days:
        expected |= measure_slots(case.events, day, *clock.day_bounds(day), ZoneInfo(case.zone))
    assert changed_rows(measured_slots(warehouse, database), expected) == {}
