"""A series on a regular grid, and the function that lays rows on the grid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array
from detectors.errors import DetectorError
from detectors.noise import Kind
from detectors.rows import Rows

Direction = Literal["both", "up", "down"]

DAY_SECONDS = 86_400
MAX_COLUMNS = 10_000_000
_RUN = 8
"""This number of equal steps in a row is a second sampling rate. Fewer are jitter."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Series:
    """One series on a regular grid.

    Parameters
    ----------
    name
        The name that reports show.
    values
        (T,), NaN = missing.
    period
        Points in a day.
    start
        Wall clock of column 0, without tzinfo.
    zone
        IANA name of the wall clock's time zone.
    denominator
        (T,) for a ratio, otherwise None.
    labels
        (T,) booleans, True = part of an incident; None = the series has no labels.
    direction
        Which deviations count: "both", "up" or "down".
    declared
        The kind of number if it is known; None derives it from the values.
    notes
        The corrections made on reading, one phrase each.

    Raises
    ------
    DetectorError
        An array has the wrong shape.
    """

    name: str
    values: Array
    period: int = 96
    start: datetime = datetime(2026, 1, 1)
    zone: str = "UTC"
    denominator: Array | None = None
    labels: NDArray[np.bool_] | None = None
    direction: Direction = "both"
    declared: Kind | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for what, array in (("denominator", self.denominator), ("labels", self.labels)):
            if array is not None and array.shape != self.values.shape:
                raise DetectorError(f"{self.name}: {what} must have the shape of the values, not {array.shape}")
        if self.values.ndim != 1 or not self.values.size:
            raise DetectorError(f"{self.name}: values must have the shape (T,), T at least 1, not {self.values.shape}")

    @property
    def kind(self) -> Kind:
        """`declared`; by default "ratio" with denominators, "count" for whole values >= 0, otherwise "value"."""
        if self.declared is not None:
            return self.declared
        if self.denominator is not None:
            return "ratio"
        known = self.values[~np.isnan(self.values)]
        return "count" if known.size and bool(np.all((known >= 0) & (known == np.floor(known)))) else "value"

    def moment(self, column: int) -> datetime:
        """Wall clock of a column, without tzinfo."""
        return self.start + timedelta(seconds=column * DAY_SECONDS / self.period)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that a result depends on."""
        digest = hashlib.sha256(
            repr((self.name, self.period, self.start, self.zone, self.direction, self.kind)).encode()
        )
        for array in (self.values, self.denominator, self.labels):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def lay_out(name: str, rows: Rows, zone: str | None) -> Series:
    """Lay rows on a grid.

    The most frequent step between timestamps is the step of the grid. Rows are sorted, rows of the same column are
    averaged, and columns without a row are NaN. `Series.notes` reports each of these corrections.

    Parameters
    ----------
    name
        Name of the series.
    rows
        Its rows, in any order.
    zone
        As in `detectors.lab.readers.collect`.

    Raises
    ------
    DetectorError
        The step does not divide a day, the series has two sampling rates, or a timestamp is far from all others.
    """
    if not rows.seconds.size or not np.isfinite(rows.seconds).all():
        raise DetectorError(f"{name}: a timestamp is missing" if rows.seconds.size else f"{name}: no rows")
    order = np.argsort(rows.seconds, kind="stable")
    seconds = rows.seconds[order]
    clock = None if zone is None else _zone(zone)
    wall = seconds if rows.naive or clock is None else seconds + _offsets(seconds, clock)
    step = _step(name, rows, order, seconds)
    columns = np.rint((wall - wall[0]) / step).astype(np.int64)
    columns -= columns.min()
    if columns.max() >= MAX_COLUMNS:
        raise DetectorError(f"{name}: {columns.max() + 1} points of {step:g} s from first to last; is a date wrong?")
    width = int(columns.max()) + 1
    values, denominators, labels = (
        None if array is None else _mean(array[order].astype(np.float64), columns, width)
        for array in (rows.values, rows.denominators, rows.labels)
    )
    assert values is not None
    return Series(
        name=name,
        values=values,
        period=round(DAY_SECONDS / step),
        start=datetime.fromtimestamp(float(wall[0]), UTC).replace(tzinfo=None),
        zone=zone or "UTC",
        denominator=denominators,
        labels=None if labels is None else np.nan_to_num(labels) > 0,
        notes=tuple(_notes(rows, order, step, columns)),
    )


def _notes(rows: Rows, order: NDArray[np.intp], step: float, columns: NDArray[np.int64]) -> Iterator[str]:
    """Describe the corrections: order, repeated timestamps, timestamps off the grid, gaps."""
    backwards = np.flatnonzero(np.diff(rows.seconds) < 0)
    if backwards.size:
        yield f"{backwards.size} rows out of order, first at {rows.at(int(backwards[0]) + 1)}: sorted"
    seconds = rows.seconds[order]
    again = np.flatnonzero(np.diff(seconds) == 0) + 1
    if again.size:
        first = int(order[again[0]])
        yield f"{again.size} repeated timestamps, first at {rows.at(first)}: their mean is used"
    off = np.abs((seconds - seconds[0]) / step % 1 - 0.5) < 0.5 - 1e-6
    if off.any():
        first = int(order[int(np.argmax(off))])
        yield f"{np.count_nonzero(off)} rows off the grid of {step:g} s, first at {rows.at(first)}: moved onto it"
    width = int(columns.max()) + 1
    gaps = int(np.count_nonzero(np.bincount(columns, minlength=width) == 0))
    if gaps:
        yield f"{gaps} of {width} points have no row: missing"


def _step(name: str, rows: Rows, order: NDArray[np.intp], seconds: Array) -> float:
    """The most frequent step in seconds. Raises for a second sampling rate or a step that does not divide a day."""
    steps = np.diff(seconds)
    later = steps > 0
    if not later.any():
        raise DetectorError(f"{name}: one timestamp; a series needs at least two to determine its rate")
    sizes, counts = np.unique(steps[later], return_counts=True)
    step = float(sizes[np.argmax(counts)])
    if step > DAY_SECONDS or abs(DAY_SECONDS / step - round(DAY_SECONDS / step)) > 1e-9:
        raise DetectorError(
            f"{name}: a point every {step:g} s, which does not divide a day; resample it, for example to 15 minutes"
        )
    starts = np.flatnonzero(np.diff(steps, prepend=np.nan) != 0)
    lengths = np.diff(np.append(starts, steps.size))
    other = starts[(lengths >= _RUN) & (steps[starts] != step) & (steps[starts] > 0)]
    if other.size:
        raise DetectorError(
            f"{name}, {rows.at(int(order[other[0]]))}: from here a point every {steps[other[0]]:g} s, elsewhere every "
            f"{step:g} s; resample the series to one rate"
        )
    return step


def _offsets(seconds: Array, clock: ZoneInfo) -> Array:
    """UTC offset of the time zone, in seconds, at each of these Unix seconds."""
    quarters, back = np.unique(seconds // 900, return_inverse=True)
    offsets = [datetime.fromtimestamp(quarter * 900, clock).utcoffset() or timedelta() for quarter in quarters.tolist()]
    return np.array([offset.total_seconds() for offset in offsets])[back]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DetectorError(f"{name!r} is not a time zone; use an IANA name, such as Europe/Moscow") from None


def _mean(numbers: Array, columns: NDArray[np.int64], width: int) -> Array:
    """Mean of the rows of each column, NaN skipped; NaN for a column without values."""
    known = ~np.isnan(numbers)
    counts = np.bincount(columns[known], minlength=width)
    sums = np.bincount(columns[known], weights=numbers[known], minlength=width)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
