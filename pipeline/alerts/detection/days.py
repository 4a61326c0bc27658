"""Checks each monitored metric and each of its slices on a day, against days before it. Pure except for luigi.cfg.

As in slots, a slice of a count is checked by its share of the total, any other slice and every total by its value.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

import detectors
from detectors.base import Detector
from pipeline.alerts.detection import holidays
from pipeline.alerts.detection.band import Band
from pipeline.alerts.detection.checks import CheckResult, check_result
from pipeline.alerts.detection.monitor import Monitor
from pipeline.alerts.detection.shares import Score
from pipeline.core import clock, settings
from pipeline.slots.series import Adjustment, Array, Part, ratio

SLICE_SENSITIVITY = 0.85
"""There are several times as many slices as totals, so their bands are wider."""
EXCLUDED_SHARE = 0.05
"""A stretch that covers less of a day than this leaves the day in the history: an hour of an outage at most."""
DRIFT_DAYS = 4
"""How many days a message writes the change per day of."""


@dataclass(frozen=True)
class DaySeries:
    """Metrics and slices of consecutive days."""

    parts: tuple[Part, ...]
    """The part of each row."""
    days: tuple[date, ...]
    """The day of each column."""
    numerators: Array
    """(S, D): counts; NaN where the day is not loaded."""
    denominators: Array
    """(S, D): 1 for a count, NaN where the day is not loaded."""

    @property
    def day(self) -> date:
        """The newest day."""
        return self.days[-1]

    @cached_property
    def values(self) -> Array:
        """(S, D): numerator / denominator, NaN where there is no data."""
        return ratio(self.numerators, self.denominators)

    def upto(self, day: date) -> "DaySeries":
        """Cut the series off after a day."""
        width = self.days.index(day) + 1
        return DaySeries(self.parts, self.days[:width], self.numerators[:, :width], self.denominators[:, :width])

    def row(self, part: Part) -> int | None:
        """Return the row of a part; None if it has none."""
        return self.parts.index(part) if part in self.parts else None

    def factors(self, adjustments: Iterable[Adjustment]) -> Array:
        """Compute the factors (D,) by which days are multiplied before a detector learns; NaN excludes a day.

        The factor of the newest day is 1: it is never excluded, and a level that begins on it or later is not its own.
        """
        factors = np.ones(len(self.days))
        starts, ends = self._bounds
        for item in adjustments:
            first, last = (np.datetime64(moment) for moment in (item.start, item.end))
            if item.factor is not None and last > starts[-1]:
                continue
            covered = (np.minimum(ends, last) - np.maximum(starts, first)) / (ends - starts)
            is_whole = (item.factor is not None) & (ends <= last)
            factor = np.where(is_whole, item.factor or 1.0, np.nan)
            factors = np.where(covered >= EXCLUDED_SHARE, factors * factor, factors)
        factors[-1] = 1.0
        return factors

    @cached_property
    def _bounds(self) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
        """The start and the end of each day, naive UTC."""
        bounds = [clock.day_bounds(day) for day in self.days]
        starts, ends = (np.array([pair[i] for pair in bounds], dtype="datetime64[us]") for i in (0, 1))
        return starts, ends


@dataclass(frozen=True)
class CheckedDay:
    """The results of a day's checks, and the bands of all days before it for pictures.

    Attributes
    ----------
    series : DaySeries
        The days up to the checked one.
    results : mapping
        The results, by part: the totals in the order of the monitors, then the slices.
    bands : mapping
        Expected, lower and upper of every day, (D,), by part.
    """

    series: DaySeries
    results: Mapping[Part, CheckResult]
    bands: Mapping[Part, Band]

    def upto(self, day: date) -> "CheckedDay":
        """Cut the days after a day off; the results remain those of the newest day."""
        series = self.series.upto(day)
        width = len(series.days)
        return replace(self, series=series, bands={part: _cut(band, width) for part, band in self.bands.items()})

    def expected(self, part: Part) -> float:
        """Return the events that were expected on the last day of the series; for a ratio, with its denominator."""
        row, band = self.series.row(part), self.bands.get(part)
        return math.nan if row is None or band is None else float(band[0][-1] * self.series.denominators[row, -1])

    def drift(self, part: Part) -> float:
        """Return the mean relative change a day from what was expected, over the last days; NaN if it is no drift.

        A drift has each of the last `DRIFT_DAYS` days further off than the one before.
        """
        row, band = self.series.row(part), self.bands.get(part)
        if row is None or band is None or len(self.series.days) < DRIFT_DAYS:
            return math.nan
        last = slice(-DRIFT_DAYS, None)
        change = ratio(self.series.values[row, last], band[0][last]) - 1
        moves = np.diff(change, prepend=0.0) * np.sign(change[-1])
        return float(change[-1] / DRIFT_DAYS) if (moves > 0).all() else math.nan


def detector(kind: str, *, is_slice: bool) -> Detector | None:
    """Make the detector of days for a kind of metric; None where ``[alerts] day_detector`` is empty."""
    name = settings.AlertSettings().day_detector
    sensitivity = SLICE_SENSITIVITY if is_slice else 1.0
    wanted = {"period": 1, "kind": kind, "sensitivity": sensitivity}
    if not name:
        return None
    known = detectors.find(name).__dataclass_fields__
    return detectors.create(name, **{key: value for key, value in wanted.items() if key in known})


def evaluate(series: DaySeries, monitors: Sequence[Monitor], adjustments: Sequence[Adjustment] = ()) -> CheckedDay:
    """Check the newest day of each series.

    Parameters
    ----------
    series : DaySeries
        The totals of the monitored metrics, and slices of them.
    monitors : sequence of Monitor
        The metrics and their settings.
    adjustments : sequence of Adjustment
        Stretches of the history to exclude or to rescale.
    """
    chosen = {monitor.metric.name: monitor for monitor in monitors}
    results: dict[Part, CheckResult] = {}
    bands: dict[Part, Band] = {}
    for is_slice, kind in ((False, "count"), (False, "ratio"), (True, "ratio")):
        parts = [
            part
            for part in series.parts
            if part.metric in chosen and part.is_total != is_slice and (is_slice or _kind(chosen, part) == kind)
        ]
        method = detector(kind, is_slice=is_slice)
        if parts and method:
            found = _checked(series, method, parts, adjustments, chosen)
            for part, (result, band) in zip(parts, found, strict=True):
                results[part], bands[part] = result, band
    order = {part: place for place, part in enumerate([*map(Part, chosen), *series.parts])}
    return CheckedDay(series, dict(sorted(results.items(), key=lambda item: order[item[0]])), bands)


def _cut(band: Band, width: int) -> Band:
    return band[0][:width], band[1][:width], band[2][:width]


def _kind(chosen: Mapping[str, Monitor], part: Part) -> str:
    return chosen[part.metric].metric.kind


def _checked(
    series: DaySeries,
    method: Detector,
    parts: Sequence[Part],
    adjustments: Sequence[Adjustment],
    chosen: Mapping[str, Monitor],
) -> list[tuple[CheckResult, Band]]:
    at = [series.parts.index(part) for part in parts]
    of = _denominators(series, parts, at)
    factors = np.array([series.factors(item for item in adjustments if _concerns(item, part)) for part in parts])
    values = ratio(series.numerators[at] * factors, of)
    special = holidays.classes(series.days)
    learnt = values.copy()
    learnt[:, [column for column, day in enumerate(series.days[:-1]) if day in special]] = np.nan
    is_ratio = not parts[0].is_total or chosen[parts[0].metric].metric.kind == "ratio"
    bounds = method.detect(learnt, np.nan_to_num(of) if is_ratio else None)
    bounds = holidays.compared_with_like(bounds, values, series.days, special)
    made = []
    for row, part in enumerate(parts):
        expected, lower, upper, furthest = (float(array[row, -1]) for array in bounds.arrays)
        score = Score(type(method).name, values[row, -1], of[row, -1], expected, lower, upper, furthest)
        scale = of[row] if part.is_share else 1.0
        band = (bounds.expected[row] * scale, bounds.lower[row] * scale, bounds.upper[row] * scale)
        made.append((check_result(part, [score], chosen[part.metric].settings), band))
    return made


def _concerns(item: Adjustment, part: Part) -> bool:
    """Whether a stretch is one of a part: its own, or for a share one in which another share was wrong."""
    if item.part in (part, part.metric):
        return True
    is_beside = isinstance(item.part, Part) and part.is_beside(item.part)
    return is_beside and part.is_share and item.metric == part.metric and item.factor is None


def _denominators(series: DaySeries, parts: Sequence[Part], at: Sequence[int]) -> Array:
    totals = [series.parts.index(Part(part.metric)) for part in parts]
    is_share = np.array([[part.is_share] for part in parts])
    of: Array = np.where(is_share, series.numerators[totals], series.denominators[at])
    return of
