"""Mean deviation from four forecasts: the daily profile, the profile at two levels, and the last value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.base import Array, Bounds, Detector, Extreme, parameter, score_band
from detectors.noise import Kind, Noise
from detectors.statistics import exponential_mean, median, moving_windows, past, past_days, robust_scale

_LIMIT = {"count": 3.5, "ratio": 3.5, "value": 5.0}
"""Mean deviation in standard deviations at the edge of the band, at sensitivity 1."""
_WEEK = 7
_CAP = 2.5
"""Cap of one view's deviation, as a multiple of the limit, so that one view alone cannot raise an anomaly."""
_INSIDE_WEIGHT = 4.0
"""Weight of the view that compares an extreme with its own slot. The other four weigh 7 together."""
_EXTREME_LIMIT = 1.5
"""Limit of an extreme relative to that of a slot: it is the furthest of several, so its tail is heavier."""
_TURN = 100.0
"""The score changes sign within 1 / `_TURN` of the band's width."""
_CHUNK = 1 << 19
"""Values per step, so that temporary arrays stay small."""


class View(NamedTuple):
    """A forecast of each column, (S, T), with its standard deviation and its weight; NaN = no forecast."""

    center: Array
    scale: Array
    weight: float


@dataclass(frozen=True, kw_only=True)
class Ensemble(Detector):
    """Mean of robust deviations from four views, that is, forecasts.

    At the start of each day, counted from the first column, the profile is the median of each slot over the past
    `days` (median and MAD of the same slot: field convention). The views are the profile, the profile plus the level
    of the last value, the profile plus the level of the last `level_days` (half the weight of the others), and the
    last value itself (Shewhart's differences). Each deviation is divided by its own robust standard deviation in the
    past days: the geometric mean of that of the slot and that of the whole day. Views with a short memory catch the
    onset of an incident, views with a long memory catch an ongoing incident. Because the mean of capped deviations is
    used, several views must agree. An incident of a few hours does not change the medians.

    Where points are closer than 15 minutes, the mean deviation is averaged over 15 minutes (an EWMA control chart,
    Roberts, 1959). One outlying minute is then an anomaly only if it is far outside for all views.

    An incident causes no flag a day or a week later, because it affects a minority of its slot's days. A permanent
    shift becomes the new normal once it fills half of `level_days`, by default after half a day. A value that returns
    to the normal level after an incident is not an anomaly.

    Parameters
    ----------
    period
        Points in a day.
    days
        History of the profile in days. The standard deviations use the same number of past days.
    min_days
        Minimum history, in days.
    level_days
        Memory of the level in days. A permanent shift is adopted after half of it.
    sensitivity
        The deviation at the edge of the band is inversely proportional to it: at 2 it is half of that at 1.
    kind
        "count", "ratio" (with the denominator given) or "value": see `detectors.noise.Noise`.

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("value")
    >>> bounds = detectors.create("ensemble").detect(example.values)
    >>> bool(bounds.is_anomaly[example.labels].any())
    True
    """

    name: ClassVar[str] = "ensemble"
    summary: ClassVar[str] = "the default: onsets, spikes and ongoing incidents of metrics with a daily shape"
    least_points: ClassVar[int] = 4

    days: int = parameter(14, least=2)
    min_days: int = parameter(2, least=2)
    level_days: float = parameter(1.0, above=0)
    sensitivity: float = parameter(1.0, above=0)
    kind: Kind = parameter("value")

    @property
    def promises(self) -> frozenset[str]:
        """Both for values, none for counts and ratios, whose noise depends on their size."""
        return frozenset({"shift", "scale"}) if self.kind == "value" else frozenset()

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        rows = max(1, _CHUNK // values.shape[1])
        chunks = [slice(row, row + rows) for row in range(0, len(values), rows)]
        parts = [self._bounds_from(values[c], None if denominator is None else denominator[c], 0) for c in chunks]
        fields = ("expected", "lower", "upper", "score")
        return Bounds(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in fields})

    def _last_columns(self, columns: int) -> slice:
        return slice(max(0, (columns - 1) // self.period * self.period - self._reach), columns)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        day = (values.shape[1] - 1) // self.period * self.period
        return self._bounds_from(values, denominator, max(0, day - self._remembered))[:, -1]

    @property
    def _patience(self) -> float:
        """Points in 15 minutes, over which deviations are averaged; at least 1."""
        return max(1.0, self.period / 96)

    @property
    def _remembered(self) -> int:
        """Columns before a day that its averaged deviations use. Older columns have a negligible weight."""
        return self.period if self._patience > 1 else 0

    @property
    def _reach(self) -> int:
        """Number of columns before a day that its deviations, levels and profiles depend on."""
        level = -(-self._level_points // self.period)
        return (2 * self.days + level) * self.period + self._remembered

    @property
    def _level_points(self) -> int:
        return max(2, round(self.level_days * self.period))

    def _bounds_from(self, values: Array, denominator: Array | None, first: int) -> Bounds:
        """Bounds of the columns from `first` on; `first` begins a day."""
        noise = Noise(self.kind, values, denominator)
        even = noise.to_even(values)
        views = [self._view(noise, even, *center, first) for center in self._centers(noise.to_additive(values))]
        return self._pool(noise, values[:, first:], even[:, first:], views)

    def _view(self, noise: Noise, even: Array, additive: Array, weight: float, own_noise: float, first: int) -> View:
        """The view of `even` values, from the column `first` on, that has the center `additive`."""
        expected = noise.from_additive(additive)
        center = noise.to_even(expected)
        # A center that is a single value has noise too.
        least = own_noise * noise.least(expected)
        scale = self._scale(even - center, least, first)
        return View(center[:, first:], np.fmax(scale, least[:, first:]) + 0 * scale, weight)

    def _score_extreme(self, values: Array, denominator: Array | None, extreme: Extreme) -> Array:
        rows = max(1, _CHUNK // values.shape[1])
        chunks = [slice(row, row + rows) for row in range(0, len(values), rows)]
        everything = slice(None)
        parts = [
            self._extreme_from(
                values[c], None if denominator is None else denominator[c], extreme.part(c, everything), 0
            )
            for c in chunks
        ]
        return np.concatenate(parts)

    def _score_last_extreme(self, values: Array, denominator: Array | None, extreme: Extreme) -> Array:
        day = (values.shape[1] - 1) // self.period * self.period
        return self._extreme_from(values, denominator, extreme, max(0, day - self._remembered))[:, -1]

    def _extreme_from(self, values: Array, denominator: Array | None, extreme: Extreme, first: int) -> Array:
        """Score of an extreme, of the columns from `first` on."""
        noise = Noise(self.kind, extreme.values, extreme.denominator, extreme.length)
        even = noise.to_even(extreme.values)
        additive = noise.to_additive(extreme.values)
        views = [self._view(noise, even, *center, first) for center in self._centers(additive)]
        slot = Noise(self.kind, values, denominator).to_additive(values)
        inside = slot + self._profile(additive - slot)
        views.append(self._view(noise, even, inside, _INSIDE_WEIGHT, 1.0, first))
        limit = _EXTREME_LIMIT * _LIMIT[self.kind] / self.sensitivity
        mirrored = [view._replace(center=extreme.side * view.center) for view in views]
        day, point = mirrored[0], mirrored[2]
        at = extreme.side * even[:, first:]
        size = _mean_deviation(at, mirrored, _CAP * limit, one_sided=True) / limit
        before = np.nan_to_num(past(exponential_mean(size, self._patience), 1)[..., 0])
        size = size / np.clip(self._patience - (self._patience - 1) * before, 1, 0.9 * _CAP)
        # After an incident a value at the day's level is normal, as for slots.
        reach = limit * day.scale
        normal = (np.abs(point.center - day.center) > reach) & (at - day.center <= reach)
        return extreme.side * np.where(np.isnan(day.scale), np.nan, np.where(normal, np.minimum(size, 1.0), size))

    def _profile(self, values: Array) -> Array:
        """Median of the same slot over the past days, (S, T)."""
        profile = np.full(values.shape, np.nan)
        for start, stop, history in past_days(values, self.period, self.days):
            shape = median(np.moveaxis(history, 1, -1))
            same_weekday = (history - shape[:, np.newaxis])[:, ::-1][:, _WEEK - 1 :: _WEEK]
            if self.kind != "value" and same_weekday.shape[1] > 1:
                shape = shape + self._weekday(same_weekday)
            profile[:, start:stop] = shape[:, : stop - start]
        return profile

    def _weekday(self, rest: Array) -> Array:
        """Difference of a weekday from the shape, (S, period), smoothed over an eighth of the day; 0 if unknown."""
        windows = np.moveaxis(moving_windows(rest, self.period // 16), 1, -1)
        return np.nan_to_num(median(windows.reshape(len(rest), self.period, -1)))

    def _centers(self, values: Array) -> Iterator[tuple[Array, float, float]]:
        """Yield the center, the weight and the noise of each view.

        The noise is the standard deviation of a value around the center if all values have independent noise of 1. The
        last value is that of 15 minutes ago, so that views with a short memory do not adopt an incident before it is
        flagged.
        """
        profile, last = self._profile(values), round(self._patience)
        rest = values - profile
        yield profile + self._daily_level(rest), 1.0, 1.0
        yield profile, 2.0, 1.0
        yield profile + past(rest, 1, last)[..., 0], 2.0, np.sqrt(2)
        yield past(values, 1, last)[..., 0], 2.0, np.sqrt(2)

    def _daily_level(self, rest: Array) -> Array:
        """Median deviation of the last `level_days` from the profile, computed hourly; 0 where few values are known."""
        hour, count = max(1, self.period // 24), self._level_points
        padded = np.concatenate([np.full((len(rest), count), np.nan), rest], axis=1)
        windows = sliding_window_view(padded, count, axis=1)[:, : rest.shape[1] : hour]
        enough = 8 * np.count_nonzero(~np.isnan(windows), axis=-1) >= count
        return np.repeat(np.where(enough, median(windows), 0.0), hour, axis=1)[:, : rest.shape[1]]

    def _scale(self, deviations: Array, least: Array, first: int) -> Array:
        """Robust standard deviation of the columns from `first` on, (S, T - first); `least` is the sampling noise."""
        scale = np.full((len(deviations), deviations.shape[1] - first), np.nan)
        for start, stop, history in past_days(
            deviations, self.period, self.days, first=max(first, self.min_days * self.period)
        ):
            spread = robust_scale(history, least[:, start - history.shape[1] * self.period : start])
            by_slot = np.count_nonzero(~np.isnan(history), axis=1)
            enough = 2 * by_slot.sum(axis=1, keepdims=True) >= (self.min_days - 1) * self.period
            spread = np.where(enough & (by_slot >= self.min_days - 1), spread, np.nan)
            scale[:, start - first : stop - first] = spread[:, : stop - start]
        return scale

    def _pool(self, noise: Noise, values: Array, even: Array, views: list[View]) -> Bounds:
        limit = _LIMIT[self.kind] / self.sensitivity
        day, point = views[0], views[2]
        center = np.where(np.isnan(day.scale), np.nan, day.center)
        size = _mean_deviation(even, views, _CAP * limit) / limit
        before = np.nan_to_num(past(exponential_mean(size, self._patience), 1)[..., 0])
        # The deviation at which the mean of 15 minutes reaches the limit. A single value suffices if all views are near
        # their cap.
        allowed = limit * np.clip(self._patience - (self._patience - 1) * before, 1, 0.9 * _CAP)
        mirrored = [view._replace(center=-view.center) for view in views]
        lower = -_outermost(-center, mirrored, allowed, _CAP * limit)
        upper = _outermost(center, views, allowed, _CAP * limit)
        # After an incident a value at the day's level is normal, regardless of its distance from the last value.
        reach = limit * day.scale
        returns = np.abs(point.center - center) > reach
        lower = np.where(returns, np.minimum(lower, center - reach), np.minimum(lower, center))
        upper = np.where(returns, np.maximum(upper, center + reach), np.maximum(upper, center))
        expected, lower, upper = (noise.from_even(array) for array in (center, lower, upper))
        band = score_band(values, expected, lower, upper)
        # The absolute score is the mean deviation of 15 minutes, but the band decides whether it exceeds 1. The score
        # changes its sign at the expected value, so it goes through 0 there instead of jumping.
        size = before + (size - before) / self._patience
        inside = np.minimum(size, 1.0) * np.minimum(_TURN * np.abs(band), 1.0)
        size = np.where(np.abs(band) > 1, np.maximum(size, np.nextafter(1.0, 2.0)), inside)
        return Bounds(expected, lower, upper, np.sign(band) * size)


def _mean_deviation(at: Array, views: list[View], cap: float, *, one_sided: bool = False) -> Array:
    """Weighted mean of the capped deviations of `at`, in standard deviations; NaN without any view.

    One-sided: values below a center do not deviate from it.
    """
    total, weights = np.zeros(at.shape), np.zeros(at.shape)
    for center, scale, weight in views:
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.maximum(at - center, 0.0) if one_sided else np.abs(at - center)
            deviation = np.where((gap == 0) & ~np.isnan(scale), 0.0, np.minimum(gap / scale, cap))
        known = ~np.isnan(deviation)
        total += np.where(known, weight * deviation, 0.0)
        weights += weight * known
    with np.errstate(invalid="ignore"):
        return total / weights


def _outermost(expected: Array, views: list[View], limit: Array, cap: float) -> Array:
    """The greatest value whose mean deviation is within the limit; `expected` if there is none.

    The mean deviation is concave between adjacent centers and grows beyond the last center. So above the greatest
    center within the limit it crosses the limit exactly once, before the next center.
    """
    centers = np.sort(np.stack([np.where(np.isnan(v.scale), np.nan, v.center) for v in views]), axis=0)
    widest = np.fmax.reduce([v.scale for v in views])
    low, high = expected, np.full(expected.shape, np.nan)
    above = np.fmax.reduce(centers) + 2 * cap * widest
    for center in centers[::-1]:
        greatest = np.isnan(high) & (_mean_deviation(center, views, cap) <= limit)
        low, high = np.where(greatest, center, low), np.where(greatest, above, high)
        above = np.where(np.isnan(center), above, center)
    high = np.where(np.isnan(high), low, high)
    for _ in range(40):
        middle = low + (high - low) / 2
        inside = _mean_deviation(middle, views, cap) <= limit
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low
