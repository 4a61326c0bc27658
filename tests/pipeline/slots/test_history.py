"""The history of a slot as read from real rows: its beginning, its content, and its cache in a process."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest

from pipeline.core import clock, process
from pipeline.core.metrics import BY_NAME
from pipeline.slots import history
from pipeline.slots.series import Part, Series
from pipeline.warehouse import tables
from pipeline.warehouse.engines import EmbeddedEngine
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place

SLOT = timedelta(minutes=15)
DAYS = 2
VIEWS, CTR = BY_NAME["views"], BY_NAME["ctr"]
NOON = datetime(2026, 11, 12, 11)
"""Noon in Berlin, an hour ahead of UTC."""
MIDNIGHT = datetime(2026, 11, 9, 23)
"""Midnight in Berlin, two days before the midnight of that day."""


@pytest.fixture(autouse=True)
def database(embedded_warehouse: EmbeddedEngine) -> Iterator[str]:
    with fresh_database(embedded_warehouse) as name:
        own = {**place(embedded_warehouse), "database": name}
        with configured(clock={"timezone": "Europe/Berlin"}, warehouse=own):
            yield name


def write(counts: dict[datetime, int], *, dimension: str = "total", value: str = "all") -> None:
    """Write views by slot."""
    tables.open_warehouse().insert(
        tables.full_name(tables.SLOT_METRICS),
        {
            "slot": list(counts),
            "metric": ["views"] * len(counts),
            "dimension": [dimension] * len(counts),
            "dimension_value": [value] * len(counts),
            "numerator": list(counts.values()),
            "denominator": [1] * len(counts),
        },
    )


def numbered(first: datetime, last: datetime) -> dict[datetime, int]:
    """Slots from one to another, each with a different count."""
    return {first + i * SLOT: i for i in range((last - first) // SLOT + 1)}


def read(slot: datetime, slice_volume: float | None = None) -> Series:
    return history.read([VIEWS], slot, DAYS, slice_volume)


def test_the_history_begins_at_a_midnight_and_ends_at_the_slot() -> None:
    write(numbered(MIDNIGHT - 8 * SLOT, NOON + 8 * SLOT))
    series = read(NOON)
    # Two whole days, and 00:00 to 12:00 of the third.
    assert series.numerators.shape == (1, 2 * 96 + 48 + 1)
    assert series.numerators[0].tolist() == list(range(8, 8 + 241))
    assert series.slot == NOON


@pytest.mark.parametrize(("minutes", "columns"), [(0, 1), (15, 2), (60, 5), (23 * 60 + 45, 96)])
def test_a_day_that_has_just_begun_still_has_whole_days_before_it(minutes: int, columns: int) -> None:
    today = MIDNIGHT + timedelta(days=2)
    slot = today + timedelta(minutes=minutes)
    write(numbered(MIDNIGHT - SLOT, slot))
    series = read(slot)
    assert series.numerators[0].tolist() == list(range(1, 2 * 96 + columns + 1))


@pytest.mark.parametrize(
    ("day", "hours"),
    [(datetime(2026, 10, 26), 25), (datetime(2026, 3, 30), 23)],
    ids=["an hour came twice", "an hour was skipped"],
)
def test_a_change_of_the_clock_does_not_move_where_it_begins(day: datetime, hours: int) -> None:
    """On the day after the change, its midnight and the two before it are columns 192, 96 and 0."""
    today = clock.day_bounds(day.date())[0]
    change = today - timedelta(hours=hours)
    first = change - timedelta(days=1)
    write(dict.fromkeys(numbered(first - 8 * SLOT, today + 8 * SLOT), 1))
    marked = {first: 100, change: 200, today: 300}
    write(marked)
    numerators = read(today + 8 * SLOT).numerators[0]
    assert len(numerators) == 2 * 96 + 9
    assert {int(column): int(numerators[column]) for column in np.flatnonzero(numerators > 1)} == {
        0: 100,
        96: 200,
        192: 300,
    }


def test_what_was_never_measured_is_no_data_and_a_slice_without_events_is_zero() -> None:
    write({NOON - 2 * SLOT: 50, NOON: 60})
    write({NOON: 60}, dimension="os", value="iOS")
    series = read(NOON, 0)
    assert series.parts == (Part("views"), Part("views", "os", "iOS"))
    assert np.array_equal(series.numerators[:, -3:], [[50, np.nan, 60], [0, np.nan, 60]], equal_nan=True)
    assert np.isnan(series.numerators[:, :-3]).all()


def test_metrics_are_rows_in_the_order_they_are_asked_for_and_slices_follow_sorted() -> None:
    write({NOON: 9})
    for dimension, value in (("source", "ads"), ("os", "iOS"), ("os", "Android")):
        write({NOON: 3}, dimension=dimension, value=value)
    series = history.read([VIEWS, CTR], NOON, DAYS, 0)
    slices = [Part("views", *names) for names in (("os", "Android"), ("os", "iOS"), ("source", "ads"))]
    assert series.parts == (Part("views"), Part("ctr"), *slices)
    assert np.array_equal(series.numerators[:, -1], [9, np.nan, 3, 3, 3], equal_nan=True)


def test_consecutive_reads_keep_old_slots_and_read_the_newest_again() -> None:
    write(numbered(MIDNIGHT, NOON + 2 * SLOT))
    read(NOON)
    last, first_read_again, kept = NOON, NOON - 12 * SLOT, NOON - 13 * SLOT
    write({kept: 7_001, first_read_again: 7_002, last: 7_003})
    on = read(NOON + SLOT)
    known = {slot: int(on.numerators[0, -2 - (NOON - slot) // SLOT]) for slot in (kept, first_read_again, last)}
    assert known == {kept: (kept - MIDNIGHT) // SLOT, first_read_again: 7_002, last: 7_003}
    assert on.numerators[0, -1] == (NOON + SLOT - MIDNIGHT) // SLOT
    # A slot of the past, and a new process, read everything again.
    assert read(NOON - SLOT).numerators[0, -13] == 7_001
    process.reset()
    assert read(NOON + SLOT).numerators[0, -15] == 7_001


def test_what_is_kept_belongs_to_what_was_asked_for() -> None:
    write(numbered(MIDNIGHT - 96 * SLOT, NOON + 3 * SLOT))
    write(dict.fromkeys(numbered(MIDNIGHT, NOON + 3 * SLOT), 5), dimension="os", value="iOS")
    read(NOON)
    assert len(read(NOON + SLOT, 1).parts) == 2
    assert len(read(NOON + 2 * SLOT).parts) == 1
    assert history.read([VIEWS], NOON + 3 * SLOT, DAYS + 1).numerators.shape == (1, 3 * 96 + 52)
    assert history.read([VIEWS, CTR], NOON + 3 * SLOT, DAYS).parts == (Part("views"), Part("ctr"))


def test_slot_after_slot_is_as_if_each_were_read_alone() -> None:
    """Reads over a midnight, with a slice that is silent for a while."""
    first = MIDNIGHT + timedelta(days=2) - 6 * SLOT
    last = first + 12 * SLOT
    write(numbered(MIDNIGHT - timedelta(days=1), last))
    silent = {slot: 0 if first < slot < first + 3 * SLOT else 2 for slot in numbered(MIDNIGHT, last)}
    write({slot: count for slot, count in silent.items() if count}, dimension="os", value="iOS")
    slots = list(numbered(first, last))
    in_turn = [read(slot, 1) for slot in slots]
    for slot, continued in zip(slots, in_turn, strict=True):
        process.reset()
        alone = read(slot, 1)
        assert continued.parts == alone.parts
        assert np.array_equal(continued.numerators, alone.numerators, equal_nan=True), slot
        assert np.array_equal(continued.denominators, alone.denominators, equal_nan=True), slot


def test_slices_are_read_for_two_weeks_of_a_longer_history() -> None:
    days, noon = 20, datetime(2026, 7, 12, 10)  # no clock changes in these days
    first = noon - timedelta(days=days)
    write(dict.fromkeys(numbered(first, noon), 9))
    write(dict.fromkeys(numbered(first, noon - SLOT), 2), dimension="os", value="iOS")
    total, of_slice = history.read([VIEWS], noon, days, 1).numerators
    assert np.count_nonzero(total == 9) == days * 96 + 1
    # Fifteen days and an hour before the slot; the slot itself has no count.
    known = 15 * 96 + 4
    assert np.isnan(of_slice[: -known - 1]).all()
    assert of_slice[-known - 1 :].tolist() == [2] * known + [0]


def write_sub_slots(slots: list[datetime], least: int, greatest: int) -> None:
    """Write the least and the greatest sub-slot of views of every length, that of 3 minutes as the given ones."""
    for i, (length, of) in enumerate((("1 minute", 1), ("3 minutes", 0), ("5 minutes", 2))):
        for value, count in (("least", least + of), ("greatest", greatest + of)):
            tables.open_warehouse().insert(
                tables.full_name(tables.SLOT_METRICS),
                {
                    "slot": slots,
                    "metric": ["views"] * len(slots),
                    "dimension": [length] * len(slots),
                    "dimension_value": [value] * len(slots),
                    "numerator": [count] * len(slots),
                    "denominator": [1] * len(slots),
                    "minute": [3 + i] * len(slots),
                },
            )


def test_sub_slots_are_of_the_shortest_length_that_has_enough_events() -> None:
    """An average of 250 events is 50 in 3 minutes; what the day itself had does not count."""
    midnight = MIDNIGHT + timedelta(days=2)
    write(dict.fromkeys(numbered(MIDNIGHT, midnight - SLOT), 250))
    write(dict.fromkeys(numbered(midnight, NOON + SLOT), 9_000))
    write_sub_slots(list(numbered(midnight - SLOT, NOON + SLOT)), 40, 60)
    for slot in (NOON, NOON + SLOT):  # the second adds to what the first has read
        inside = read(slot, 0).sub_slots
        assert inside is not None
        assert inside.parts == (Part("views", "3 minutes", "greatest"), Part("views", "3 minutes", "least"))
        assert np.array_equal(inside.numerators[:, -49:], np.repeat([[60], [40]], 49, axis=1))
        assert np.array_equal(inside.minutes[:, -49:], np.full((2, 49), 4))
        assert np.isnan(inside.numerators[:, : 2 * 96 - 1]).all()  # measured before there were sub-slots
    write(dict.fromkeys(numbered(MIDNIGHT, midnight - SLOT), 249))
    process.reset()
    inside = read(NOON).sub_slots
    assert inside is not None
    assert [part.dimension for part in inside.parts] == ["5 minutes"] * 2
    write(dict.fromkeys(numbered(MIDNIGHT, midnight - SLOT), 149))
    process.reset()
    inside = read(NOON).sub_slots
    assert inside is not None
    assert inside.parts == ()


def test_a_slot_is_measured_when_its_sub_slots_are() -> None:
    write(numbered(NOON, NOON + SLOT))
    write_sub_slots([NOON], 1, 2)
    found = {
        name: history.measured([VIEWS], name, MIDNIGHT, NOON + 9 * SLOT)["views"] for name in ("total", "1 minute")
    }
    assert found == {"total": {NOON, NOON + SLOT}, "1 minute": {NOON}}


def test_a_warehouse_of_an_early_release_is_read_without_sub_slots() -> None:
    write(numbered(MIDNIGHT, NOON))
    table = tables.full_name(tables.SLOT_METRICS)
    tables.open_warehouse().execute(f"ALTER TABLE {table} DROP COLUMN minute")
    process.reset()
    with tables.reading(tables.SLOT_METRICS):
        series = read(NOON)
    assert series.sub_slots is not None
    assert series.sub_slots.parts == ()
    assert series.numerators[0, -1] == (NOON - MIDNIGHT) // SLOT
