"""Measures slot metrics from raw events, any number of slots of a day in one statement."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from pipeline.core import clock
from pipeline.core.metrics import FEED, MESSAGES, METRICS, silent_measures, slot_measures
from pipeline.slots import expressions, history, sub_slots
from pipeline.warehouse.publish import Select, insert_whole
from pipeline.warehouse.source import Source, source
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import COLUMNS, SLOT_METRICS, full_name, open_warehouse

LONGEST_PAUSE = timedelta(days=1)
"""A source that has begun is not without events for longer, unless it is out of order."""

MOST_VALUES = 200
"""Number of values of a dimension that a slot keeps. Slices so rare that more than these exist are never checked."""


def fill(start: datetime, end: datetime, silent_from: dict[str, datetime] | None = None) -> None:
    """Measure the slots from `start` to `end` in one statement.

    Parameters
    ----------
    start, end : datetime
        Start of the first slot and end of the last; naive UTC, within one day of the zone.
    silent_from : dict, optional
        By source table, the moment from which a slot without events counts as zero; by default `start`.
    """
    events = source()
    selects = [_select_events(events, kind) for kind in (FEED, MESSAGES)]
    # The top values come from the day before, so that a single slot and a whole day use the same ones.
    top_from, top_to = clock.day_bounds(clock.to_local(start).date() - timedelta(days=1))
    params: dict[str, object] = {"start": str(start), "end": str(end), "top_from": str(top_from), "top_to": str(top_to)}
    params |= {"most": MOST_VALUES, "lengths": list(sub_slots.NUMBERS), "numbers": list(sub_slots.NUMBERS.values())}
    for kind in (FEED, MESSAGES):
        first = max(start, (silent_from or {}).get(kind, start))
        if first < end:
            selects.append(_select_silence(kind))
            params |= {f"{kind}_first": clock.epoch(first), f"{kind}_slots": (end - first) // clock.SLOT}
    sql = statement("slot_metrics", selects=Fragment("\n    UNION ALL\n    ".join(selects)))
    insert_whole(Select(events.engine, sql, params), full_name(SLOT_METRICS), COLUMNS[SLOT_METRICS])


def fill_missed(slot: datetime) -> datetime:
    """Measure a slot and the later closed slots of its day, so that catching up takes one statement a day.

    Parameters
    ----------
    slot : datetime
        The slot's start, naive UTC.

    Returns
    -------
    datetime
        The end of the last slot that was measured, naive UTC.
    """
    end = min(clock.last_closed_slot() + clock.SLOT, clock.day_bounds(clock.to_local(slot).date())[1])
    fill(slot, end)
    return end


def measure_days(days: Sequence[date], tell: Callable[[date], object], again: Collection[date] = ()) -> None:
    """Measure the days that have unmeasured slots or sub-slots, one statement a day.

    Parameters
    ----------
    days : sequence of date
        Consecutive days of the zone, in order.
    tell : callable
        Called with each day when the day is done.
    again : collection of date
        The days that are measured as a whole.
    """
    first = first_slots(days)
    missing = unmeasured(days, first, sub_slots.SHORTEST) | {day: clock.day_bounds(day)[0] for day in again}
    for day in days:
        if day in missing:
            fill(missing[day], clock.day_bounds(day)[1], first)
        tell(day)


def unmeasured(days: Sequence[date], first: Mapping[str, datetime], dimension: str = "total") -> dict[date, datetime]:
    """Return the days that have unmeasured slots, with the first slot to measure of each.

    Parameters
    ----------
    days : sequence of date
        Consecutive days of the zone, in order.
    first : mapping
        The result of `first_slots`. Slots before a table's first event are unknown, not zero.
    dimension : str
        What a measured slot has: its totals, or sub-slots of a length.
    """
    measured = history.measured(METRICS, dimension, clock.day_bounds(days[0])[0], clock.day_bounds(days[-1])[1])
    missing = {}
    for day in days:
        wanted = {table: {slot for slot in clock.day_slots(day) if slot >= first[table]} for table in first}
        if any(wanted.get(metric.table, set()) - measured[metric.name] for metric in METRICS):
            missing[day] = min(min(slots) for slots in wanted.values() if slots)
    return missing


def cut_dimensions(start: datetime, end: datetime) -> list[str]:
    """Return the dimensions that have `MOST_VALUES` values or more in a slot from `start` to `end`."""
    sql = statement("cut_dimensions", slot_metrics=full_name(SLOT_METRICS))
    bound = {"start": str(start), "end": str(end), "most": MOST_VALUES, "whole": ("total", *sub_slots.LENGTHS)}
    rows = open_warehouse().query(sql, bound)
    return [dimension for (dimension,) in rows]


def first_slots(days: Sequence[date]) -> dict[str, datetime]:
    """Find where the events of each source table begin.

    Events before a gap of more than `LONGEST_PAUSE` do not count while others follow it: a test row, or a row with a
    wrong time, would make every slot until the real beginning a zero.

    Parameters
    ----------
    days : sequence of date
        Consecutive days of the zone that are to be measured, in order.

    Returns
    -------
    dict
        By source table, the first slot that begins after the first event; it may be before the first day. Tables
        without events are absent.
    """
    start, end = clock.day_bounds(days[0])[0], clock.day_bounds(days[-1])[1]
    events = source()
    slots = {}
    for kind in (FEED, MESSAGES):
        rows = events.engine.query(
            statement("count_slots", source=events.table(kind), time=events.column(kind, "time")),
            {"start": str(start - LONGEST_PAUSE), "end": str(end)},
        )
        times = sorted(clock.from_epoch(seconds) for seconds, _ in rows)
        if times:
            followed = (slot for slot, after in pairwise([*times, end]) if after - slot <= LONGEST_PAUSE)
            slots[kind] = next(followed, times[0]) + clock.SLOT
    return slots


def _select_events(events: Source, kind: str) -> str:
    return statement(
        "slot_metrics_of_table",
        source=events.table(kind),
        slices=expressions.slices(events, kind),
        time=events.column(kind, "time"),
        measures=events.over(kind, slot_measures(kind)),
    )


def _select_silence(kind: str) -> str:
    return statement(
        "slot_metrics_of_silence",
        first=Fragment(f"%({kind}_first)s"),
        slots=Fragment(f"%({kind}_slots)s"),
        slices=Fragment(", ".join(["('total', 'all')", *sub_slots.every()])),
        measures=Fragment(silent_measures(kind)),
    )
