"""Slot metrics read back as series on the local wall clock: what the detectors look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from pipeline import clock
from pipeline.metrics import Metric
from pipeline.tables import SLOT_METRICS, full_name, warehouse
from pipeline.warehouse import statement

Array = NDArray[np.float64]

SLOT_SECONDS = int(clock.SLOT.total_seconds())


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
    columns: NDArray[np.int64]
    """(G,): the column of each of the last G slots of real time, the newest last; some may lie outside of [0, T)."""

    def in_real_time(self, row: Array, count: int) -> Array:
        """Take the last `count` slots of real time from a row of T columns; NaN for a slot without a column."""
        columns = self.columns[-count:]
        inside = (columns >= 0) & (columns < len(row))
        return np.where(inside, row[np.where(inside, columns, 0)], np.nan)


def measured(metrics: Sequence[Metric], start: datetime, end: datetime) -> dict[str, set[datetime]]:
    """By metric, the slots from `start` to `end` (naive UTC) that have its total."""
    totals = _read_totals(metrics, start, end)
    return {
        name: {datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None) for seconds in epochs}
        for name, (epochs, *_) in totals.items()
    }


def read(metrics: Sequence[Metric], slot: datetime, days: int) -> Series:
    """Read the totals of the metrics for the days before a slot and the slot itself."""
    # So many days of the wall clock may last an hour longer.
    start = slot - timedelta(days=days, hours=1)
    totals = _read_totals(metrics, start, slot + clock.SLOT)
    epochs = np.arange(clock.epoch(start), clock.epoch(slot) + 1, SLOT_SECONDS)
    raw = np.full((2, len(metrics), len(epochs)), np.nan)
    for row, metric in enumerate(metrics):
        slots, *numbers = (np.asarray(array, dtype=np.int64) for array in totals[metric.name])
        raw[:, row, (slots - epochs[0]) // SLOT_SECONDS] = numbers
    columns = wall_columns(epochs, days * clock.SLOTS_A_DAY)
    numerators, denominators = (lay_out(array, columns, days * clock.SLOTS_A_DAY) for array in raw)
    values = np.full_like(numerators, np.nan)
    np.divide(numerators, denominators, out=values, where=denominators > 0)
    return Series(tuple(metrics), slot, values, denominators, columns)


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
    # Offsets are constant within an hour of UTC but for half-hour zones' changes, so each slot is asked.
    offsets = [datetime.fromtimestamp(seconds, zone).utcoffset() or timedelta() for seconds in epochs.tolist()]
    wall = epochs + np.array([offset.total_seconds() for offset in offsets], dtype=np.int64)
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
    shown = numbers[:, kept].T
    sums, counts = np.zeros((2, width, len(numbers)))
    np.add.at(sums, columns[kept], np.nan_to_num(shown))
    np.add.at(counts, columns[kept], ~np.isnan(shown))
    with np.errstate(invalid="ignore"):
        return np.ascontiguousarray((sums / counts).T)


def _read_totals(metrics: Sequence[Metric], start: datetime, end: datetime) -> dict[str, Sequence[Sequence[int]]]:
    """By metric: slots as Unix seconds, numerators, denominators."""
    rows = warehouse().query(
        statement("slot_series", slot_metrics=full_name(SLOT_METRICS)),
        {"metrics": tuple(metric.name for metric in metrics), "start": str(start), "end": str(end)},
    )
    nothing: Sequence[Sequence[int]] = ([], [], [])
    found: dict[str, Sequence[Sequence[int]]] = {name: arrays for name, *arrays in rows}
    return {metric.name: found.get(metric.name, nothing) for metric in metrics}
