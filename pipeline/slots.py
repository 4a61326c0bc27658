"""Slot metrics: filled from raw events in bulk, read back as series on the local wall clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from pipeline import clock
from pipeline.dimensions import DIMENSIONS, LONGEST_VALUE, UNKNOWN, Dimension
from pipeline.loading import insert_whole
from pipeline.metrics import FEED, MESSAGES, METRICS, Metric
from pipeline.source import Source, source
from pipeline.tables import COLUMNS, SLOT_METRICS, full_name, warehouse
from pipeline.warehouse import Fragment, statement

Array = NDArray[np.float64]


def fill(start: datetime, end: datetime, silent_from: dict[str, datetime] | None = None) -> None:
    """Measure the slots from `start` to `end` (naive UTC, within one day of the zone) in one statement.

    Parameters
    ----------
    start, end : datetime
        Start of the first slot and end of the last.
    silent_from : dict, optional
        By source table, from when on a slot without events counts as zero; by default always.
    """
    events = source()
    selects = [_select_events(events, kind) for kind in (FEED, MESSAGES)]
    # The same rule for a slot and for a whole day: what was frequent on the day before.
    top_from, top_to = clock.day_bounds(clock.to_local(start).date() - timedelta(days=1))
    params: dict[str, object] = {"start": str(start), "end": str(end), "top_from": str(top_from), "top_to": str(top_to)}
    for kind in (FEED, MESSAGES):
        first = max(start, (silent_from or {}).get(kind, start))
        if first < end:
            selects.append(_select_silence(kind))
            params |= {f"{kind}_first": _epoch(first), f"{kind}_slots": (end - first) // clock.SLOT}
    select = statement("slot_metrics", selects=Fragment("\n    UNION ALL\n    ".join(selects)))
    insert_whole(events.connection, select, params, full_name(SLOT_METRICS), COLUMNS[SLOT_METRICS])


def first_slots() -> dict[str, datetime]:
    """By source table, the first slot that lies wholly after its first event; tables without events are absent."""
    events = source()
    found = {}
    for kind in (FEED, MESSAGES):
        ((seconds,),) = events.connection.query(statement("first_event", source=events.table(kind)))
        if seconds:
            found[kind] = clock.floor_to_slot(_moments([seconds])[0]) + clock.SLOT
    return found


def measured(metrics: Sequence[Metric], start: datetime, end: datetime) -> dict[str, set[datetime]]:
    """By metric, the slots from `start` to `end` (naive UTC) that have its total."""
    found = _totals(metrics, start, end)
    return {metric.name: set(_moments(found[metric.name][0])) for metric in metrics}


@dataclass(frozen=True)
class Series:
    """The metrics' history up to a slot, on the local wall clock: 96 columns a day.

    The hour that spring skips is missing (NaN), the hour that autumn repeats is averaged, so a column is always the
    same time of day.
    """

    metrics: tuple[Metric, ...]
    """What the rows are."""
    slot: datetime
    """The slot of the last column, naive UTC."""
    values: Array
    """(S, T): numerator / denominator, NaN where there is no data."""
    denominators: Array
    """(S, T): 1 for a count, NaN where there is no data."""

    def columns(self, slots: Sequence[datetime]) -> list[int]:
        """The column of each slot (naive UTC)."""
        last = _wall(self.slot)
        width = self.values.shape[1]
        return [width - 1 - (last - _wall(slot)) // clock.SLOT for slot in slots]


def read(metrics: Sequence[Metric], slot: datetime, days: int) -> Series:
    """Read the totals of the metrics for the days before a slot and the slot itself."""
    # A day of the wall clock may be an hour longer than 24 hours.
    start = slot - timedelta(days=days, hours=1)
    found = _totals(metrics, start, slot + clock.SLOT)
    laid = [lay_out(*found[metric.name], slot=slot, days=days) for metric in metrics]
    numerators, denominators = (np.stack([pair[i] for pair in laid]) for i in (0, 1))
    values = np.full_like(numerators, np.nan)
    np.divide(numerators, denominators, out=values, where=denominators > 0)
    return Series(tuple(metrics), slot, values, denominators)


def lay_out(
    epochs: Sequence[int], numerators: Sequence[int], denominators: Sequence[int], *, slot: datetime, days: int
) -> tuple[Array, Array]:
    """Lay one series out on the local wall clock, `days` * 96 columns that end with `slot`.

    Parameters
    ----------
    epochs : sequence of int
        Starts of slots, Unix seconds, in any order, not repeated.
    numerators, denominators : sequence of int
        Their measurements.
    slot : datetime
        The slot of the last column, naive UTC.
    days : int
        How many days of columns.

    Returns
    -------
    tuple of ndarray
        Numerators and denominators, each (T,), NaN where nothing was measured; averaged where two slots share a
        column, but the last column is `slot` alone.
    """
    width = days * clock.SLOTS_A_DAY
    last = _wall(slot)
    moments = _moments(epochs)
    columns = np.array([width - 1 - (last - _wall(moment)) // clock.SLOT for moment in moments], dtype=np.int64)
    kept = (columns >= 0) & (columns < width - 1)
    for i, moment in enumerate(moments):
        if moment == slot:
            kept[i] = True
    sums = np.zeros((3, width))
    for row, numbers in enumerate((np.ones(len(moments)), numerators, denominators)):
        np.add.at(sums[row], columns[kept], np.asarray(numbers, dtype=np.float64)[kept])
    with np.errstate(invalid="ignore"):
        return sums[1] / sums[0], sums[2] / sums[0]


def _totals(metrics: Sequence[Metric], start: datetime, end: datetime) -> dict[str, Sequence[Sequence[int]]]:
    """By metric: slots as Unix seconds, numerators, denominators."""
    rows = warehouse().query(
        statement("slot_series", slot_metrics=full_name(SLOT_METRICS)),
        {"metrics": tuple(metric.name for metric in metrics), "start": str(start), "end": str(end)},
    )
    nothing: Sequence[Sequence[int]] = ([], [], [])
    found: dict[str, Sequence[Sequence[int]]] = {name: arrays for name, *arrays in rows}
    return {metric.name: found.get(metric.name, nothing) for metric in metrics}


def _moments(epochs: Sequence[int]) -> list[datetime]:
    return [datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None) for seconds in epochs]


def _wall(moment: datetime) -> datetime:
    return clock.to_local(moment).replace(tzinfo=None)


def _epoch(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


def _select_events(events: Source, kind: str) -> str:
    table = events.table(kind)
    slices = ["('total', 'all')", *(f"('{item.name}', {_slice_value(item, table)})" for item in DIMENSIONS)]
    return statement(
        "slot_metrics_of_table",
        source=table,
        slices=Fragment(", ".join(slices)),
        measures=Fragment(
            ", ".join(
                f"('{metric.name}', toUInt64({metric.slot}), toUInt64({metric.slot_denominator or 1}))"
                for metric in METRICS
                if metric.table == kind
            )
        ),
    )


def _select_silence(kind: str) -> str:
    measures = (
        f"('{metric.name}', toUInt64({0 if metric.slot_denominator else 1}))"
        for metric in METRICS
        if metric.table == kind
    )
    return statement(
        "slot_metrics_of_silence",
        first=Fragment(f"%({kind}_first)s"),
        slots=Fragment(f"%({kind}_slots)s"),
        measures=Fragment(", ".join(measures)),
    )


def _slice_value(dimension: Dimension, table: str) -> str:
    value = dimension.event_value
    if dimension.top:
        top = statement("top_values", source=table, value=Fragment(value), count=Fragment(str(dimension.top)))
        value = f"if({value} = '' OR {value} IN ({top}), {value}, 'other')"
    return f"if({value} = '', '{UNKNOWN}', substringUTF8({value}, 1, {LONGEST_VALUE}))"
