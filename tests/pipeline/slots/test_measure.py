"""The rows of ``slot_metrics`` for events written by hand: cases that random worlds rarely reach."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.slots import measure
from pipeline.slots.sub_slots import SHORTEST
from pipeline.warehouse import tables
from pipeline.warehouse.engines import Engine
from tests.pipeline.etl.running import changed_rows, measured_slots, prepared
from tests.pipeline.etl.stories import FRIDAY, SATURDAY, at, seen, sent, with_events
from tests.pipeline.reference import Event, Events, measure_slots

NOON = at(SATURDAY)
SECOND = timedelta(seconds=1)
SLOT = timedelta(minutes=15)
MOSCOW = ZoneInfo("Europe/Moscow")


def measured(
    warehouse: Engine, feed: list[Event], messages: list[Event], start: datetime = NOON, end: datetime = NOON + SLOT
) -> dict[tuple[str, str, str], tuple[int, ...]]:
    """Check all rows against the reference, and return those of the slot at noon."""
    with prepared(warehouse, with_events(feed, messages)) as (_, database):
        measure.fill(start, end)
        actual = measured_slots(warehouse, database)
        assert changed_rows(actual, measure_slots(Events(feed, messages), SATURDAY, start, end, MOSCOW)) == {}
    return {tuple(names): numbers for (slot, *names), numbers in actual.items() if slot == NOON}  # type: ignore[misc]


def sliced(
    actual: dict[tuple[str, str, str], tuple[int, ...]], metric: str, dimension: str
) -> dict[str, tuple[int, ...]]:
    return {value: numbers for (name, by, value), numbers in actual.items() if (name, by) == (metric, dimension)}


def test_a_slot_holds_its_first_second_and_not_the_next_slots_first(warehouse: Engine) -> None:
    moments = [NOON - SECOND, NOON, NOON + SLOT - SECOND, NOON + SLOT]
    actual = measured(warehouse, [seen(1, time) for time in moments], [sent(1, 2, time) for time in moments])
    assert actual["views", "total", "all"] == (2, 1)
    assert actual["messages_sent", "total", "all"] == (2, 1)


def test_users_are_distinct_and_only_views_stand_below_likes(warehouse: Engine) -> None:
    feed = [seen(user, NOON, action) for user, action in ((1, "view"), (1, "view"), (1, "like"), (2, "share"))]
    actual = measured(warehouse, feed, [sent(3, 4, NOON), sent(3, 5, NOON), sent(6, 4, NOON)])
    totals = {metric: numbers for (metric, dimension, _), numbers in actual.items() if dimension == "total"}
    assert totals == {
        "feed_users": (2, 1),
        "views": (2, 1),
        "likes": (1, 1),
        "ctr": (1, 2),
        "messenger_users": (2, 1),
        "messages_sent": (3, 1),
    }


def test_each_age_is_in_its_band(warehouse: Engine) -> None:
    ages = [-1, 0, 17, 18, 24, 25, 34, 35, 44, 45, 54, 55, 120]
    actual = measured(warehouse, [seen(1, NOON, age=age) for age in ages], [])
    assert sliced(actual, "views", "age") == {
        "unknown": (1, 1),
        "0-17": (2, 1),
        "18-24": (2, 1),
        "25-34": (2, 1),
        "35-44": (2, 1),
        "45-54": (2, 1),
        "55+": (2, 1),
    }


def test_of_very_many_values_the_most_frequent_are_kept(warehouse: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MOST_VALUES", 2)
    seen_by = {"a": (1, 1), "b": (3, 1), "c": (2, 2), "d": (0, 0), "e": (1, 0)}
    feed = [
        seen(number, NOON, action, os=os)
        for os, counts in seen_by.items()
        for action, count in zip(("view", "like"), counts, strict=True)
        for number in range(count)
    ]
    with prepared(warehouse, with_events(feed, [])) as (_, database):
        measure.fill(NOON, NOON + SLOT)
        measured_rows = measured_slots(warehouse, database)
        actual = {(metric, by, value): counts for (_, metric, by, value), counts in measured_rows.items()}
        assert measure.cut_dimensions(NOON, NOON + SLOT) == ["os"]
    assert actual["views", "total", "all"] == (7, 1)
    kept = {metric: set(sliced(actual, metric, "os")) for metric in ("views", "likes", "ctr")}
    assert kept == {"views": {"b", "c"}, "likes": {"a", "c"}, "ctr": {"b", "c"}}  # a ratio by its denominator


def test_each_dimension_is_read_from_its_own_column(warehouse: Engine) -> None:
    attributes: dict[str, Any] = {"os": "iOS", "gender": 7, "age": 30, "source": "ads", "country": "Ruritania"}
    day_before = [seen(9, at(FRIDAY), country="Ruritania")]
    message_before = [sent(9, 8, at(FRIDAY), country="Ruritania")]
    actual = measured(
        warehouse,
        [*day_before, seen(1, NOON, **attributes)],
        [*message_before, sent(1, 2, NOON, **attributes)],
    )
    values = {"os": "iOS", "gender": "7", "age": "25-34", "source": "ads", "country": "Ruritania"}
    for metric in ("feed_users", "messenger_users", "views", "messages_sent"):
        assert {name: sliced(actual, metric, name) for name in values} == {
            name: {value: (1, 1)} for name, value in values.items()
        }


@pytest.mark.parametrize("table", ["feed", "messages"])
def test_a_country_beyond_the_twenty_of_the_day_before_is_other(warehouse: Engine, table: str) -> None:
    def event(time: datetime, country: str) -> Event:
        return seen(1, time, country=country) if table == "feed" else sent(1, 2, time, country=country)

    names = [f"C{i:02}" for i in range(24)]
    # C00 has the fewest events of the day before. C03 and C04 tie for the twentieth place; the first by name gets it.
    before = [event(at(FRIDAY), name) for i, name in enumerate(names) for _ in range(4 if i == 3 else i)]
    wrong_days = [event(at(SATURDAY, 1), "New")] * 40 + [event(at(FRIDAY, -1), "Old")] * 40
    rows = [*before, *wrong_days, *(event(NOON, name) for name in (*names, "New", "Old", ""))]
    metric = "views" if table == "feed" else "messages_sent"
    actual = measured(warehouse, *((rows, []) if table == "feed" else ([], rows)))
    kept = [*names[5:], "C03"]
    assert sliced(actual, metric, "country") == {
        **dict.fromkeys(kept, (1, 1)),
        "other": (len(names) - len(kept) + 2, 1),
        "unknown": (1, 1),
    }


def test_a_table_that_is_silent_counts_zero_in_every_slot(warehouse: Engine) -> None:
    feed = [seen(1, NOON)]
    actual = measured(warehouse, feed, [], NOON - SLOT, NOON + 2 * SLOT)
    assert actual["messages_sent", "total", "all"] == (0, 1)
    assert actual["messenger_users", "total", "all"] == (0, 1)
    assert not sliced(actual, "messages_sent", "os")


def test_the_least_and_the_greatest_part_of_a_slot_are_found_where_they_are(warehouse: Engine) -> None:
    minute = timedelta(minutes=1)
    counts = [3, 3, 3, 3, 3, 0, 1, 3, 3, 3, 4, 3, 3, 3, 3]
    views = [seen(user, NOON + i * minute) for i, count in enumerate(counts) for user in range(count)]
    likes = [seen(1, NOON + i * minute, "like") for i in (2, 10, 14)]
    actual = measured(warehouse, [*views, *likes], [sent(1, 2, NOON + 14 * minute + 59 * SECOND)])
    least, greatest = (
        {dimension: actual["views", dimension, side] for dimension in ("1 minute", "3 minutes", "5 minutes")}
        for side in ("least", "greatest")
    )
    assert least == {"1 minute": (0, 1, 5), "3 minutes": (6, 1, 3), "5 minutes": (10, 1, 5)}
    assert greatest == {"1 minute": (4, 1, 10), "3 minutes": (10, 1, 9), "5 minutes": (16, 1, 10)}
    # Of distinct users a sub-slot is no part of the slot's number. Of a ratio, minutes without views have no value.
    assert actual["feed_users", "total", "all"] == (4, 1)
    assert actual["feed_users", "5 minutes", "least"] == (3, 1, 0)
    assert actual["ctr", "1 minute", "least"] == (0, 3, 0)
    assert actual["ctr", "1 minute", "greatest"] == (1, 3, 2)
    assert actual["messages_sent", "1 minute", "greatest"] == (1, 1, 14)
    assert actual["messages_sent", "5 minutes", "least"] == (0, 1, 0)


@pytest.mark.one_engine("embedded")
def test_days_that_an_earlier_release_measured_are_measured_anew_for_their_sub_slots(warehouse: Engine) -> None:
    feed = [seen(1, at(SATURDAY, hour)) for hour in range(24)]
    with prepared(warehouse, with_events(feed, [])) as (_, database):
        first = measure.first_slots([SATURDAY])
        slots = [at(SATURDAY, 0) + i * SLOT for i in range(96)]
        rows = [(slot, metric) for slot in slots for metric in ("feed_users", "views", "likes", "ctr")]
        early: dict[str, Any] = {"slot": [slot for slot, _ in rows], "metric": [metric for _, metric in rows]}
        constant = {"dimension": "total", "dimension_value": "all", "numerator": 9, "denominator": 1}
        tables.insert(tables.SLOT_METRICS, early | {name: [value] * len(rows) for name, value in constant.items()})
        assert measure.unmeasured([SATURDAY], first) == {}  # a replay plays such days
        assert measure.unmeasured([SATURDAY], first, SHORTEST) == {SATURDAY: first["feed"]}
        measure.measure_days([SATURDAY], lambda _: None)
        assert measure.unmeasured([SATURDAY], first, SHORTEST) == {}
        actual = measured_slots(warehouse, database)
        assert actual[NOON, "views", "total", "all"] == actual[NOON, "views", "5 minutes", "greatest"][:2] == (1, 1)
