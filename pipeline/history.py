"""Slot metrics read back as series on the local wall clock: what the detectors look at."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import clock
from pipeline.dimensions import DIMENSIONS
from pipeline.metrics import BY_NAME, Metric
from pipeline.tables import SLOT_METRICS, full_name, warehouse
from pipeline.warehouse import statement

Array = NDArray[np.float64]

SLOT_SECONDS = int(clock.SLOT.total_seconds())
SLICE_DAYS = 14
"""Slices are judged by, and compared with, so many days."""
REREAD_SLOTS = 12
"""Slots whose numbers may still change: more than are counted again."""


class Part(NamedTuple):
    """A metric in total, or in one slice."""

    metric: str
    dimension: str = "total"
    value: str = "all"

    @property
    def is_total(self) -> bool:
        """Whether it is the metric of everybody."""
        return self.dimension == "total"

    @property
    def is_share(self) -> bool:
        """Whether it is judged by its share of the total: a slice of a count. A slice of a ratio is its own rate."""
        return not self.is_total and BY_NAME[self.metric].kind == "count"


@dataclass(frozen=True)
class Adjustment:
    """What people or the calendar said of a stretch of history.

    Parameters
    ----------
    part : Part
        Which; dimension '' is every part of the metric.
    start, end : datetime
        The stretch, naive UTC, the end exclusive.
    factor : float or None
        None leaves the stretch out of what a detector learns from; a number multiplies it: the level moved, and the
        days before are read as if they had had the new one.
    """

    part: Part
    start: datetime
    end: datetime
    factor: float | None = None


@dataclass(frozen=True)
class Series:
    """The history of metrics and slices up to a slot, on the local wall clock: 96 columns a day, from a midnight on.

    The hour that spring skips is missing (NaN), the hour that autumn repeats is averaged, so a column is always the
    same time of day.
    """

    parts: tuple[Part, ...]
    """What the rows are."""
    slot: datetime
    """The slot of the last column, naive UTC."""
    numerators: Array
    """(S, T): counts; NaN where there is no data."""
    denominators: Array
    """(S, T): 1 for a count, NaN where there is no data."""
    columns: NDArray[np.int64]
    """(G,): the column of each of the last G slots of real time, the newest last; some may lie outside of [0, T)."""

    @property
    def values(self) -> Array:
        """(S, T): numerator / denominator, NaN where there is no data."""
        return ratio(self.numerators, self.denominators)

    def in_real_time(self, row: Array, count: int) -> Array:
        """Take the last `count` slots of real time from a row of T columns; NaN for a slot without a column."""
        columns = self.columns[-count:]
        inside = (columns >= 0) & (columns < len(row))
        return np.where(inside, row[np.where(inside, columns, 0)], np.nan)

    def columns_of(self, start: datetime, end: datetime) -> NDArray[np.int64]:
        """The columns of the slots from `start` to `end`, those of them that are there."""
        newest = len(self.columns) - 1
        first, stop = (newest - (self.slot - moment) // clock.SLOT for moment in (start, end))
        columns = self.columns[max(0, first) : max(0, min(stop, newest + 1))]
        inside = (columns >= 0) & (columns < self.numerators.shape[1])
        chosen: NDArray[np.int64] = columns[inside]
        return chosen

    def upto(self, slot: datetime) -> "Series":
        """The series as it was when `slot` was its newest; itself where `slot` is newer."""
        back = max(0, (self.slot - slot) // clock.SLOT)
        columns = self.columns[: len(self.columns) - back]
        width = int(columns[-1]) + 1
        return Series(
            self.parts, min(slot, self.slot), self.numerators[:, :width], self.denominators[:, :width], columns
        )

    def learned(self, adjustments: Iterable[Adjustment]) -> Array:
        """The factors (T,) that the columns are multiplied by before anything is learnt: NaN leaves a column out."""
        factors = np.ones(self.numerators.shape[1])
        for item in adjustments:
            factors[self.columns_of(item.start, item.end)] *= np.nan if item.factor is None else item.factor
        return factors


def ratio(numerators: Array, denominators: Array) -> Array:
    """Divide; NaN where the denominator is zero or missing."""
    values = np.full(np.broadcast_shapes(numerators.shape, denominators.shape), np.nan)
    np.divide(numerators, denominators, out=values, where=denominators > 0)
    return values


def measured(metrics: Sequence[Metric], start: datetime, end: datetime) -> dict[str, set[datetime]]:
    """By metric, the slots from `start` to `end` (naive UTC) that have its total."""
    found: dict[str, set[datetime]] = {metric.name: set() for metric in metrics}
    for name, dimension, _, numerators, _ in _read([metric.name for metric in metrics], start, end, least=None):
        if dimension == "total":
            found[name] = {start + i * clock.SLOT for i, count in enumerate(numerators) if count >= 0}
    return found


def read(metrics: Sequence[Metric], slot: datetime, days: int, slice_volume: float | None = None) -> Series:
    """Read the metrics for the days before a slot's day, and that day up to the slot.

    Parameters
    ----------
    metrics : sequence of Metric
        Their totals are rows even where nothing was measured.
    slot : datetime
        The last column.
    days : int
        How many whole days of the wall clock come before.
    slice_volume : float, optional
        Read those slices too that count at least so many events a slot.
    """
    local = clock.to_local(slot)
    width = days * clock.SLOTS_A_DAY + (local.hour * 60 + local.minute) // 15 + 1
    # So many days of the wall clock may last an hour longer.
    start = slot - (width - 1) * clock.SLOT - timedelta(hours=1)
    epochs = np.arange(clock.epoch(start), clock.epoch(slot) + 1, SLOT_SECONDS)
    parts, raw = _grid(tuple(metric.name for metric in metrics), start, slot, slice_volume)
    columns = wall_columns(epochs, width)
    numerators, denominators = (lay_out(array, columns, width) for array in raw)
    return Series(parts, slot, numerators, denominators, columns)


Grid = tuple[tuple[Part, ...], Array]
_last_read: dict[tuple[object, ...], tuple[datetime, datetime, Grid]] = {}


def _grid(metrics: tuple[str, ...], start: datetime, slot: datetime, slice_volume: float | None) -> Grid:
    """Parts and raw counts (2, S, G) of the slots from `start` to `slot`, in real time.

    A process that catches up reads slot after slot: what it read for the slot before is kept, but for the newest slots,
    whose rows may have come late since.
    """
    key = (warehouse(), full_name(SLOT_METRICS), metrics, slice_volume, clock.zone().key)
    before = _last_read.get(key)
    if before is not None and before[0] == start and before[1] < slot:
        parts, old = before[2]
        fresh = max(start, before[1] - REREAD_SLOTS * clock.SLOT)
        raw = _filled(parts, _read(metrics, fresh, slot + clock.SLOT, None if slice_volume is None else 0), fresh, slot)
        raw = np.concatenate([old[:, :, : (fresh - start) // clock.SLOT], raw], axis=2)
    else:
        least = None
        if slice_volume is not None:
            least = round(slice_volume * (slot + clock.SLOT - _slices_from(start, slot)) / clock.SLOT)
        rows = _read(metrics, start, slot + clock.SLOT, least)
        slices = sorted(Part(*names) for *names, _, _ in rows if names[1] != "total")
        parts = (*(Part(metric) for metric in metrics), *slices)
        raw = _filled(parts, rows, start, slot)
    _last_read.clear()
    _last_read[key] = (start, slot, (parts, raw))
    return parts, raw


def _filled(parts: Sequence[Part], rows: Iterable[tuple[Any, ...]], start: datetime, slot: datetime) -> Array:
    position = {part: row for row, part in enumerate(parts)}
    raw = np.full((2, len(parts), (slot - start) // clock.SLOT + 1), np.nan)
    slices_at = (_slices_from(start, slot) - start) // clock.SLOT
    for *names, numerators, denominators in rows:
        part = Part(*names)
        row, first = position.get(part), 0 if part.is_total else slices_at
        if row is not None:
            raw[0, row, first : first + len(numerators)] = numerators
            raw[1, row, first : first + len(denominators)] = denominators
    raw[raw < 0] = np.nan
    # A slice without events in a slot that was measured has zero.
    silent = np.isnan(raw[0]) & ~np.isnan(raw[0, [position[Part(part.metric)] for part in parts]])
    silent[:, :slices_at] = False
    raw[:, silent] = 0
    is_count = [BY_NAME[part.metric].kind == "count" for part in parts]
    raw[1, is_count] = np.where(np.isnan(raw[0, is_count]), np.nan, 1)
    return raw


def _slices_from(start: datetime, slot: datetime) -> datetime:
    """The first slot of slices: they are judged by fewer days than totals, and there are many of them."""
    return max(start, slot - timedelta(days=SLICE_DAYS + 1, hours=1))


def wall_columns(epochs: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """The column of each slot when the last slot is column ``width - 1`` and a day of the wall clock has 96.

    Parameters
    ----------
    epochs : ndarray of int, shape (G,)
        Consecutive slots as Unix seconds.
    width : int
        Number of columns; slots that fall outside get a negative column or one of `width` and more.
    """
    zone = clock.zone()

    def offsets(moments: NDArray[np.int64]) -> NDArray[np.int64]:
        found = (datetime.fromtimestamp(seconds, zone).utcoffset() or timedelta() for seconds in moments.tolist())
        return np.array([offset.total_seconds() for offset in found], dtype=np.int64)

    # No zone changes its clock twice within a day: each slot is asked only where two days differ.
    daily = offsets(np.append(epochs[:: clock.SLOTS_A_DAY], epochs[-1]))
    offset = np.repeat(daily[:-1], clock.SLOTS_A_DAY)[: len(epochs)]
    for day in np.flatnonzero(np.diff(daily)).tolist():
        slots = slice(day * clock.SLOTS_A_DAY, (day + 1) * clock.SLOTS_A_DAY)
        offset[slots] = offsets(epochs[slots])
    wall = epochs + offset
    columns: NDArray[np.int64] = width - 1 - (wall[-1] - wall) // SLOT_SECONDS
    return columns


def lay_out(numbers: Array, columns: NDArray[np.int64], width: int) -> Array:
    """Lay series out by column; the mean where slots share one, except that the last column is the last slot alone.

    Parameters
    ----------
    numbers : ndarray, shape (S, G)
        Series in real time, NaN where nothing was measured.
    columns : ndarray of int, shape (G,)
        The column of each slot; those outside of [0, width) are left out.
    width : int
        Number of columns.

    Returns
    -------
    ndarray, shape (S, width)
        NaN where no slot was measured.
    """
    kept = (columns >= 0) & (columns < width - 1)
    kept[-1] = True
    if (np.diff(columns[kept]) > 0).all():  # no clock went back: every slot has its own column
        laid = np.full((len(numbers), width), np.nan)
        laid[:, columns[kept]] = numbers[:, kept]
        return laid
    shown = numbers[:, kept].T
    sums, counts = np.zeros((2, width, len(numbers)))
    np.add.at(sums, columns[kept], np.nan_to_num(shown))
    np.add.at(counts, columns[kept], ~np.isnan(shown))
    with np.errstate(invalid="ignore"):
        return np.ascontiguousarray((sums / counts).T)


def _read(names: Sequence[str], start: datetime, end: datetime, least: int | None) -> list[tuple[Any, ...]]:
    """Metric, dimension, value, numerators, denominators: by slot from `start` on, -1 where there is none.

    Slices begin at `_slices_from`; denominators are those of ratios.
    """
    dimensions = ["total"] if least is None else ["total", *(dimension.name for dimension in DIMENSIONS)]
    return warehouse().query(
        statement("slot_series", slot_metrics=full_name(SLOT_METRICS)),
        {
            "metrics": tuple(names),
            "dimensions": tuple(dimensions),
            "ratios": tuple(name for name, metric in BY_NAME.items() if metric.kind == "ratio"),
            "start": str(start),
            "slices_from": str(_slices_from(start, end - clock.SLOT)),
            "end": str(end),
            "least": least or 0,
        },
    )
