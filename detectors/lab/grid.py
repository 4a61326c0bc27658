"""Lays rows on a regular grid of the wall clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array
from detectors.errors import DetectorError
from detectors.extremes import Extremes
from detectors.lab.rate import DAY_SECONDS, Rate, duration, every, find_rate
from detectors.lab.series import Series
from detectors.noise import Kind
from detectors.reader.moments import written
from detectors.reader.rows import Rows
from detectors.reader.windows import Windows

MAX_COLUMNS = 10_000_000
_RUN = 8
"""This number of equal steps in a row is a second sampling rate. Fewer are jitter."""
_MOST_MISSING = 1 / 3
"""A slot is missing if more than this share of its points is."""
_NEAR_CLOCK = 0.25
"""A grid that is within this share of a step of the full hours is theirs if its times jitter."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How rows are laid on a grid.

    Parameters
    ----------
    zone
        IANA name of the time zone whose wall clock the columns follow. Timestamps without an offset are in this zone.
        None is UTC.
    step
        Seconds of a step; None finds it.
    every
        Seconds of a slot over which points are summed (counts) or averaged; None keeps the points.
    kind
        The kind of the values; None derives it from them.
    windows
        Labels from another file.
    """

    zone: str | None = None
    step: float | None = None
    every: float | None = None
    kind: Kind | None = None
    windows: Windows | None = None


@dataclass(frozen=True)
class Laid:
    """A series, and the column of each of its rows in the order of the file; without rows if points were merged."""

    series: Series
    columns: NDArray[np.int64]


def lay_out(name: str, rows: Rows, layout: Layout) -> Laid:
    """Lay rows on a grid.

    Rows are sorted, rows of the same column are averaged, and columns without a row are NaN. `Series.notes` reports
    each of these corrections.

    Raises
    ------
    DetectorError
        The step does not divide a day, the series has two sampling rates, or a timestamp is far from all others.
    """
    order = np.argsort(rows.seconds, kind="stable")
    clock = None if layout.zone is None else zone_of(layout.zone)
    seconds = rows.seconds[order]
    wall = seconds if rows.naive or clock is None else seconds + _offsets(seconds, clock)
    rate = _rate(name, rows, order, layout)
    step = rate.step
    start = layout.every and float(np.floor(wall.min() / step) * step)
    origin = start if start is not None else _origin(wall, rate)
    columns = np.rint((wall - origin) / step).astype(np.int64) if start is None else _slots(wall, origin, step)
    origin += float(columns.min()) * step
    columns -= columns.min()
    if columns.max() >= MAX_COLUMNS:
        raise DetectorError(f"{name}: {columns.max() + 1} points of {step:g} s from first to last; is a date wrong?")
    made = _series(name, rows, order, columns, layout)
    notes = tuple(_notes(rows, order, rate, columns, wall - origin, merged=layout.every is not None))
    labels = made.labels
    if layout.windows is not None:
        labels, remark = _label(name, layout.windows, wall, columns, made.values.size, layout.zone)
        notes += remark
    by_row = np.empty_like(columns)
    by_row[order] = columns
    started = datetime.fromtimestamp(origin, UTC).replace(tzinfo=None)
    return Laid(replace(made, start=started, period=round(DAY_SECONDS / step), labels=labels, notes=notes), by_row)


def _rate(name: str, rows: Rows, order: NDArray[np.intp], layout: Layout) -> Rate:
    """The rate of the grid. With slots it is theirs, and the rows may be irregular."""
    if layout.every is not None:
        return Rate(layout.every, 0.0)
    seconds = rows.seconds[order]
    if layout.step is not None:
        found = find_rate(seconds, name) if np.unique(seconds).size > 1 else Rate(layout.step, 0.0)
        if found.step > 1.5 * layout.step or found.step < layout.step / 1.5:
            raise DetectorError(
                f"{name}: the period is {DAY_SECONDS / layout.step:g} points a day, {every(layout.step)}, but "
                f"the series has a point {found}; omit the period, or merge points with --every"
            )
        return Rate(layout.step, found.jitter)
    rate = find_rate(seconds, name)
    _check_one_rate(name, rows, order, rate.step)
    return rate


def _check_one_rate(name: str, rows: Rows, order: NDArray[np.intp], step: float) -> None:
    steps = np.diff(rows.seconds[order])
    starts = np.flatnonzero(np.diff(steps, prepend=np.nan) != 0)
    lengths = np.diff(np.append(starts, steps.size))
    other = starts[(lengths >= _RUN) & (np.abs(steps[starts] - step) > 0.5 * step) & (steps[starts] > 0)]
    if other.size:
        raise DetectorError(
            f"{name}, {rows.at(int(order[other[0]]))}: from here a point {every(float(steps[other[0]]))}, elsewhere "
            f"{every(step)}; --every {_longer(step, float(steps[other[0]]))} merges them to one rate"
        )


def _longer(one: float, other: float) -> str:
    seconds = max(one, other)
    return f"{seconds / 60:g}min" if seconds >= 60 else f"{seconds:g}s"


def _origin(wall: Array, rate: Rate) -> float:
    """The moment of the first column: that of most rows, or the nearest full step of the clock if times jitter."""
    if not rate.jitter:
        phases, counts = np.unique(np.round(wall % rate.step, 6), return_counts=True)
        shift = float(phases[np.argmax(counts)])
        return float(np.rint((wall[0] - shift) / rate.step) * rate.step + shift)
    turns = 2 * np.pi * (wall / rate.step % 1)
    phase = float(np.angle(np.mean(np.exp(1j * turns)))) / (2 * np.pi)
    if abs(phase) <= _NEAR_CLOCK:
        phase = 0.0
    return float((np.rint(wall[0] / rate.step - phase) + phase) * rate.step)


def _slots(wall: Array, origin: float, step: float) -> NDArray[np.int64]:
    return np.floor((wall - origin) / step).astype(np.int64)


def _series(name: str, rows: Rows, order: NDArray[np.intp], columns: NDArray[np.int64], layout: Layout) -> Series:
    """Make the series of the columns; `start`, `period` and `notes` follow."""
    width = int(columns.max()) + 1
    sorted_rows = {
        key: None if array is None else array[order].astype(np.float64)
        for key, array in (("values", rows.values), ("denominator", rows.denominators), ("labels", rows.labels),
                           ("least", rows.least), ("greatest", rows.greatest))
    }  # fmt: skip
    if layout.every is not None:
        return _merged(name, sorted_rows, columns, width, layout, find_points(rows.seconds[order], layout.every))
    laid = {key: None if array is None else mean(array, columns, width) for key, array in sorted_rows.items()}
    values, labels, least, greatest = (laid[key] for key in ("values", "labels", "least", "greatest"))
    assert values is not None
    return Series(
        name=name,
        values=values,
        denominator=laid["denominator"],
        labels=None if labels is None else np.nan_to_num(labels) > 0,
        extremes=None if least is None or greatest is None else Extremes(least, greatest),
        zone=layout.zone or "UTC",
        declared=layout.kind,
    )


def find_points(seconds: Array, slot: float) -> int:
    """Return the number of points in a slot; 0 if they are irregular."""
    try:
        return max(1, round(slot / find_rate(seconds, "").step))
    except DetectorError:
        return 0


def _merged(
    name: str, given: dict[str, Array | None], columns: NDArray[np.int64], width: int, layout: Layout, points: int
) -> Series:
    """Merge the points of each slot: sums of counts, means of values, quotients of sums for ratios."""
    values = given["values"]
    assert values is not None
    kind = layout.kind or Series(name=name, values=values, denominator=given["denominator"]).kind
    known = np.bincount(columns[~np.isnan(values)], minlength=width)
    enough = known >= max(1, points * (1 - _MOST_MISSING))
    denominator = None
    if given["denominator"] is not None:
        counts = np.where(np.isnan(values), np.nan, given["denominator"])
        denominator = mean(counts, columns, width) * known
        with np.errstate(divide="ignore", invalid="ignore"):
            merged = mean(values * counts, columns, width) * known / denominator
    else:
        merged = mean(values, columns, width)
        if kind == "count" and points:
            merged = np.rint(merged * points)
    if kind == "count" and not points:
        kind = "value"  # the sum of irregular points says how many there were
    labels = None if given["labels"] is None else np.nan_to_num(mean(given["labels"], columns, width)) > 0
    return Series(
        name=name,
        values=np.where(enough, merged, np.nan),
        denominator=denominator,
        labels=labels,
        extremes=_inside(given, columns, width, points),
        declared=kind,
        zone=layout.zone or "UTC",
    )


def _inside(given: dict[str, Array | None], columns: NDArray[np.int64], width: int, points: int) -> Extremes | None:
    """Least and greatest point of each slot; None if slots hold one point."""
    values, counts = given["values"], given["denominator"]
    assert values is not None
    lows, highs = (values if given[key] is None else given[key] for key in ("least", "greatest"))
    if points == 1 and given["least"] is None:
        return None
    length = 1 / points if points > 1 and given["least"] is None else None
    least, at_least = _first(lows, columns, width, counts)
    greatest, at_greatest = _first(None if highs is None else -highs, columns, width, counts)
    return Extremes(least, -greatest, at_least, at_greatest, length)


def _first(
    numbers: Array | None, columns: NDArray[np.int64], width: int, counts: Array | None
) -> tuple[Array, Array | None]:
    """The least number of each column, and the count beside it. NaN is skipped."""
    assert numbers is not None
    order = np.lexsort((numbers, columns))  # NaN comes last
    first = order[np.searchsorted(columns[order], np.arange(width))]
    known = np.bincount(columns, minlength=width) > 0
    least = np.where(known, numbers[first], np.nan)
    return least, None if counts is None else np.where(known, counts[first], np.nan)


def _label(
    name: str, windows: Windows, wall: Array, columns: NDArray[np.int64], width: int, zone: str | None
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Labels of the columns whose rows lie in a window, and a note on windows without rows."""
    chosen = windows.of(name)
    starts, ends = windows.starts[chosen], windows.ends[chosen]
    if not windows.naive and zone is not None:
        starts, ends = (moments + _offsets(moments, zone_of(zone)) for moments in (starts, ends))
    labels = np.zeros(width, dtype=bool)
    empty = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        inside = columns[np.searchsorted(wall, start) : np.searchsorted(wall, end, side="right")]
        labels[inside] = True
        empty += not inside.size
    if empty == starts.size and empty:
        first = f"; the first begins at {written(float(starts[0]))}, the series at {written(float(wall[0]))}"
        raise DetectorError(f"{windows.name}: no window lies in the series {name}{first}")
    return labels, (f"{empty} of {starts.size} windows have no row",) if empty else ()


def _notes(
    rows: Rows, order: NDArray[np.intp], rate: Rate, columns: NDArray[np.int64], after: Array, *, merged: bool
) -> Iterator[str]:
    """Describe the corrections: order, repeated timestamps, timestamps off the grid, gaps."""
    backwards = np.flatnonzero(np.diff(rows.seconds) < 0)
    if backwards.size:
        yield f"{backwards.size} rows out of order, first at {rows.at(int(backwards[0]) + 1)}: sorted"
    seconds = rows.seconds[order]
    again = np.flatnonzero(np.diff(seconds) == 0) + 1
    if again.size:
        first = int(order[again[0]])
        yield f"{again.size} repeated timestamps, first at {rows.at(first)}: their mean is used"
    off = np.abs(after / rate.step - np.rint(after / rate.step)) > 1e-6
    if off.any() and not merged:
        first = int(order[int(np.argmax(off))])
        jitter = f" (jitter {duration(rate.jitter)})" if rate.jitter else ""
        yield (
            f"{np.count_nonzero(off)} rows off the grid of {duration(rate.step)}, first at {rows.at(first)}: moved "
            f"onto it{jitter}"
        )
    width = int(columns.max()) + 1
    gaps = int(np.count_nonzero(np.bincount(columns, minlength=width) == 0))
    if gaps:
        yield f"{gaps} of {width} points have no row: missing"


def _offsets(seconds: Array, clock: ZoneInfo) -> Array:
    """UTC offset of the time zone, in seconds, at each of these Unix seconds."""
    quarters, back = np.unique(seconds // 900, return_inverse=True)
    offsets = [datetime.fromtimestamp(quarter * 900, clock).utcoffset() or timedelta() for quarter in quarters.tolist()]
    return np.array([offset.total_seconds() for offset in offsets])[back]


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DetectorError(f"{name!r} is not a time zone; use an IANA name, such as Europe/Moscow") from None


def mean(numbers: Array, columns: NDArray[np.int64], width: int) -> Array:
    """Mean of the rows of each column, NaN skipped; NaN for a column without values."""
    known = ~np.isnan(numbers)
    counts = np.bincount(columns[known], minlength=width)
    sums: NDArray[Any] = np.bincount(columns[known], weights=numbers[known], minlength=width)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
