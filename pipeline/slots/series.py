"""The history of metrics and slices as arrays on the local wall clock. Pure; `history` reads it."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core import clock
from pipeline.core.metrics import BY_NAME

Array = NDArray[np.float64]

SLOT_SECONDS = int(clock.SLOT.total_seconds())
SLICE_DAYS = 14
"""Detectors of slices, and explanations, use this many days before the slot's day."""


class Part(NamedTuple):
    """A metric in total, or in one slice."""

    metric: str
    dimension: str = "total"
    value: str = "all"

    @property
    def is_total(self) -> bool:
        """Whether it is the total of the metric."""
        return self.dimension == "total"

    @property
    def is_share(self) -> bool:
        """Whether it is checked by its share of the total. Only slices of counts are; a slice of a ratio is a rate."""
        return not self.is_total and BY_NAME[self.metric].kind == "count"

    def is_beside(self, other: "Part") -> bool:
        """Whether both are slices of the same dimension, of whichever metrics, but not the same slice."""
        return not self.is_total and self.dimension == other.dimension and self.value != other.value


@dataclass(frozen=True)
class Adjustment:
    """A stretch of history that detectors ignore or rescale.

    Parameters
    ----------
    part : Part or str
        A metric or slice; the name of a metric means its total and all of its slices.
    start, end : datetime
        The stretch, naive UTC, the end exclusive.
    factor : float or None
        None excludes the stretch from what a detector learns. A number multiplies its values: after a level shift it
        scales the earlier days to the new level.
    """

    part: Part | str
    start: datetime
    end: datetime
    factor: float | None = None

    @property
    def metric(self) -> str:
        """The metric that it is about."""
        return self.part.metric if isinstance(self.part, Part) else self.part


@dataclass(frozen=True)
class SubSlots:
    """The least and the greatest sub-slot of totals, on the same columns as the `Series` that has them."""

    parts: tuple[Part, ...]
    """The part of each row: a metric, the length of a sub-slot as dimension, and 'least' or 'greatest' as value."""
    numerators: Array
    """(R, T): as in `Series`."""
    denominators: Array
    """(R, T): as in `Series`; 0 if no sub-slot of a ratio has a value."""
    minutes: Array
    """(R, T): the minute of the slot at which the sub-slot begins."""

    def between(self, start: int, stop: int) -> "SubSlots":
        """Keep some of the columns."""
        arrays = (array[:, start:stop] for array in (self.numerators, self.denominators, self.minutes))
        return SubSlots(self.parts, *arrays)


@dataclass(frozen=True)
class Series:
    """The history of metrics and slices up to a slot, on the local wall clock: 96 columns a day, from a midnight on.

    The hour that spring skips is missing (NaN) and the hour that autumn repeats is averaged, so that a column of every
    day is the same time of day.
    """

    parts: tuple[Part, ...]
    """The part of each row."""
    slot: datetime
    """The slot of the last column, naive UTC."""
    numerators: Array
    """(S, T): counts; NaN where there is no data."""
    denominators: Array
    """(S, T): 1 for a count, NaN where there is no data."""
    columns: NDArray[np.int64]
    """(G,): the column of each of the last G slots of real time, the newest last; some lie outside of [0, T)."""
    sub_slots: SubSlots | None = None
    """What is known of the inside of the slots."""

    @property
    def values(self) -> Array:
        """(S, T): numerator / denominator, NaN where there is no data."""
        return ratio(self.numerators, self.denominators)

    def in_real_time(self, row: Array, count: int, days_before: int = 0) -> Array:
        """Take the last `count` slots of real time from a row of T columns; NaN for a slot without a column.

        With `days_before` take the same times of the wall clock so many days earlier.
        """
        columns = self.columns[-count:] - days_before * clock.SLOTS_A_DAY
        inside = (columns >= 0) & (columns < len(row))
        return np.where(inside, row[np.where(inside, columns, 0)], np.nan)

    def columns_of(self, start: datetime, end: datetime) -> NDArray[np.int64]:
        """Find the columns of the slots from `start` to `end`; slots outside of the series are left out."""
        newest = len(self.columns) - 1
        first, stop = (newest - (self.slot - time) // clock.SLOT for time in (start, end))
        columns = self.columns[max(0, first) : max(0, min(stop, newest + 1))]
        inside = (columns >= 0) & (columns < self.numerators.shape[1])
        chosen: NDArray[np.int64] = columns[inside]
        return chosen

    def is_in_order(self, count: int) -> bool:
        """Whether each of the last `count` slots has a column of its own, after those of the slots before."""
        return bool((np.diff(self.columns[-count - 1 :]) > 0).all())

    def upto(self, slot: datetime) -> "Series":
        """Cut the series off after `slot`; a newer `slot` returns all of it."""
        back = max(0, (self.slot - slot) // clock.SLOT)
        columns = self.columns[: len(self.columns) - back]
        width = int(columns[-1]) + 1
        return Series(
            self.parts,
            min(slot, self.slot),
            self.numerators[:, :width],
            self.denominators[:, :width],
            columns,
            self.sub_slots and self.sub_slots.between(0, width),
        )

    def without_today(self, rows: NDArray[np.bool_]) -> "Series":
        """Make the last day of some rows missing, given as a mask."""
        if not rows.any():
            return self
        numerators, denominators = self.numerators.copy(), self.denominators.copy()
        today = slice((numerators.shape[1] - 1) // clock.SLOTS_A_DAY * clock.SLOTS_A_DAY, None)
        numerators[rows, today] = denominators[rows, today] = np.nan
        return replace(self, numerators=numerators, denominators=denominators)

    def without(self, absent: Container[tuple[str, str]]) -> "Series":
        """Leave out the slices by some dimensions, each given as (kind of events, name of the dimension)."""
        rows = [
            row for row, part in enumerate(self.parts) if (BY_NAME[part.metric].table, part.dimension) not in absent
        ]
        if len(rows) == len(self.parts):
            return self
        kept = tuple(self.parts[row] for row in rows)
        return replace(self, parts=kept, numerators=self.numerators[rows], denominators=self.denominators[rows])

    def learned(self, adjustments: Iterable[Adjustment]) -> Array:
        """Compute the factors (T,) by which columns are multiplied before a detector learns; NaN excludes a column."""
        factors = np.ones(self.numerators.shape[1])
        for item in adjustments:
            factors[self.columns_of(item.start, item.end)] *= np.nan if item.factor is None else item.factor
        return factors


def ratio(numerators: Array, denominators: Array) -> Array:
    """Divide; NaN where the denominator is zero or missing."""
    values = np.full(np.broadcast_shapes(numerators.shape, denominators.shape), np.nan)
    np.divide(numerators, denominators, out=values, where=denominators > 0)
    return values


def wall_columns(epochs: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Compute the column of each slot: the last slot has column ``width - 1``, a day of the wall clock has 96 columns.

    Parameters
    ----------
    epochs : ndarray of int, shape (G,)
        Consecutive slots as Unix seconds.
    width : int
        Number of columns; a slot outside of them has a negative column, or one of `width` or more.
    """
    zone = clock.zone()

    def offsets(times: NDArray[np.int64]) -> NDArray[np.int64]:
        deltas = (datetime.fromtimestamp(seconds, zone).utcoffset() or timedelta() for seconds in times.tolist())
        return np.array([delta.total_seconds() for delta in deltas], dtype=np.int64)

    # No zone changes its clock twice within a day, so single slots are looked up only between days that differ.
    daily = offsets(np.append(epochs[:: clock.SLOTS_A_DAY], epochs[-1]))
    offset = np.repeat(daily[:-1], clock.SLOTS_A_DAY)[: len(epochs)]
    for day in np.flatnonzero(np.diff(daily)).tolist():
        slots = slice(day * clock.SLOTS_A_DAY, (day + 1) * clock.SLOTS_A_DAY)
        offset[slots] = offsets(epochs[slots])
    wall = epochs + offset
    columns: NDArray[np.int64] = width - 1 - (wall[-1] - wall) // SLOT_SECONDS
    return columns


def lay_out(numbers: Array, columns: NDArray[np.int64], width: int) -> Array:
    """Arrange series by column. Slots that share a column are averaged, but the last column is the last slot alone.

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
    if (np.diff(columns[kept]) > 0).all():  # the clock was not set back: every slot has its own column
        laid = np.full((len(numbers), width), np.nan)
        laid[:, columns[kept]] = numbers[:, kept]
        return laid
    shown = numbers[:, kept].T
    sums, counts = np.zeros((2, width, len(numbers)))
    np.add.at(sums, columns[kept], np.nan_to_num(shown))
    np.add.at(counts, columns[kept], ~np.isnan(shown))
    with np.errstate(invalid="ignore"):
        return np.ascontiguousarray((sums / counts).T)
