"""Mean deviation from five forecasts: the profile of the day, at two levels and with a trend, and the last value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.base import Array, Bounds, Detector, Inside, parameter, score_band
from detectors.noise import Kind, Noise, invariances
from detectors.statistics import exponential_mean, median, moving_windows, past, past_days, quantiles, robust_scale

_LIMIT = {"count": 3.5, "ratio": 3.5, "value": 5.0}
"""Mean deviation in standard deviations at the edge of the band, at sensitivity 1."""
_WEEK = 7
_CAP = 2.5
"""Cap of one view's deviation, as a multiple of the limit, so that one view alone cannot raise an anomaly."""
_SHORT_WEIGHT = 4.0
"""Weight of all views with a short memory together. With more, an ongoing incident would be normal after its onset."""
_WITHIN_WEIGHT = 4.0
"""Weight of the view that compares an extreme with its own slot. The other three weigh 6 together."""
_EXTREME_LIMIT = {"count": 1.2, "ratio": 1.2, "value": 1.3}
"""Limit of an extreme relative to that of a slot: as the furthest of several it has a heavier tail. The sampling noise
of counts and ratios allows for that."""
_BODY, _EDGE, _RARE = 0.5, 0.9, 5e-5
"""The tail of an extreme: an exponential through two quantiles, up to what one slot in 20,000 exceeds."""
_TURN = 100.0
"""The score changes sign within 1 / `_TURN` of the band's width."""
_CHUNK = 1 << 17
"""Values per step, so that temporary arrays stay small: some of them have a copy for each view."""


class View(NamedTuple):
    """A forecast of each column, (S, T), with its standard deviation and its weight; NaN = no forecast."""

    center: Array
    scale: Array
    weight: float


@dataclass(frozen=True, kw_only=True)
class Ensemble(Detector):
    """Mean of robust deviations from five views, that is, forecasts.

    At the start of each day, counted from the first column, the profile is the median of each slot over the past
    `days` (median and MAD of the same slot: field convention). The views are the profile, the profile plus the level
    of the last `level_days`, and three with a short memory: the last value itself (Shewhart's differences), the
    profile plus the level of the last value, and the profile plus the trend of the last two values. Each deviation is
    divided by its own robust standard deviation in the past days: the geometric mean of that of the slot and that of
    the whole day. Views with a short memory catch the onset of an incident, views with a long memory catch an ongoing
    incident. Because the mean of capped deviations is used, several views must agree. An incident of a few hours does
    not change the medians.

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
        """Quiet by default; shift and scale for values only: the noise of counts and ratios depends on their size."""
        return invariances(self.kind) | ({"quiet"} if self.sensitivity <= 1 else set())

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        parts = [self._bounds_from(some, counts, 0) for some, counts in _chunks(values, denominator)]
        fields = ("expected", "lower", "upper", "score")
        return Bounds(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in fields})

    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        chunks = _chunks(values, denominator, inside.side, inside.values, inside.denominator)
        parts = [
            self._extremes_from(slots, counts, Inside(side, extremes, events, inside.length), 0)
            for slots, counts, side, extremes, events in chunks
        ]
        return np.concatenate(parts)

    def _detect_day(self, values: Array, denominator: Array | None) -> Bounds:
        today = self._today(values)
        first = max(0, today - self._remembered)
        return self._bounds_from(values, denominator, first)[:, today - first :]

    def _score_day_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        today = self._today(values)
        first = max(0, today - self._remembered - self._tail)
        return self._extremes_from(values, denominator, inside, first)[:, today - first :]

    def _score_last_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        return self._score_day_extremes(values, denominator, inside)[:, -1]

    def _last_columns(self, columns: int) -> slice:
        return slice(max(0, (columns - 1) // self.period * self.period - self._reach), columns)

    def _last_columns_with_extremes(self, columns: int) -> slice:
        return slice(max(0, (columns - 1) // self.period * self.period - self._reach - self._tail), columns)

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
    def _tail(self) -> int:
        """Columns before a day whose extremes tell the usual tail."""
        return _WEEK * self.period

    @property
    def _level_points(self) -> int:
        return max(2, round(self.level_days * self.period))

    def _bounds_from(self, values: Array, denominator: Array | None, first: int) -> Bounds:
        """Bounds of the columns from `first` on; `first` begins a day."""
        noise = Noise(self.kind, values, denominator)
        even = noise.to_even(values)
        views = self._views(noise, even, list(self._centers(noise.to_additive(values))), first)
        return self._pool(noise, values[:, first:], even[:, first:], views)

    def _views(self, noise: Noise, even: Array, centers: list[tuple[Array, float, float]], first: int) -> list[View]:
        """The views of `even` values, from the column `first` on, that have these centers, weights and noise."""
        expected = [noise.from_additive(additive) for additive, _, _ in centers]
        evens = [noise.to_even(array) for array in expected]
        # A center that is a single value has noise too.
        least = [own * noise.least(array) for array, (_, _, own) in zip(expected, centers, strict=True)]
        # All views at once: a day of a few series is quickly computed, but slow to call.
        scales = self._scale(np.concatenate([even - array for array in evens]), np.concatenate(least), first)
        views = []
        for center, scale, lowest, (_, weight, _) in zip(
            evens, np.split(scales, len(centers)), least, centers, strict=True
        ):
            views.append(View(center[:, first:], np.fmax(scale, lowest[:, first:]) + 0 * scale, weight))
        return views

    def _extremes_from(self, values: Array, denominator: Array | None, inside: Inside, first: int) -> Array:
        """Score of extremes, of the columns from `first` on."""
        noise = Noise(self.kind, inside.values, inside.denominator, inside.length)
        even, additive = noise.to_even(inside.values), noise.to_additive(inside.values)
        slot = Noise(self.kind, values, denominator).to_additive(values)
        within = slot + self._profile(additive - slot)
        centers = [*self._centers(additive, slots=False), (within, _WITHIN_WEIGHT, 1.0)]
        views = self._views(noise, even, centers, first)
        limit = _EXTREME_LIMIT[self.kind] * _LIMIT[self.kind] / self.sensitivity
        mirrored = [view._replace(center=inside.side * view.center) for view in views]
        profile, point = mirrored[:2]
        at = inside.side * even[:, first:]
        size = _mean_deviation(at, mirrored, _CAP * limit, one_sided=True) / limit
        size /= self._usual_tail(size)
        before = np.nan_to_num(past(exponential_mean(size, self._patience), 1)[..., 0])
        size = size / np.clip(self._patience - (self._patience - 1) * before, 1, 0.9 * _CAP)
        # After an incident a usual value is normal, as for slots.
        reach = limit * profile.scale
        normal = (np.abs(point.center - profile.center) > reach) & (at - profile.center <= reach)
        return inside.side * np.where(np.isnan(profile.scale), np.nan, np.where(normal, np.minimum(size, 1.0), size))

    def _usual_tail(self, size: Array) -> Array:
        """The size, at least 1, that one slot in 20,000 would exceed by the distribution of the past week.

        Incidents are too rare to change its quantiles. The tail of the furthest of several values is exponential
        (Gumbel), or nearly so.
        """
        tail = np.ones(size.shape)
        for start, stop, history in past_days(size, self.period, _WEEK):
            body, edge = quantiles(history.reshape(len(size), -1), _BODY, _EDGE)
            slope = (edge - body) / np.log((1 - _BODY) / (1 - _EDGE))
            tail[:, start:stop] = np.fmax(1.0, edge + slope * np.log((1 - _EDGE) / _RARE))[:, np.newaxis]
        return tail

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

    def _centers(self, values: Array, *, slots: bool = True) -> Iterator[tuple[Array, float, float]]:
        """Yield the center, the weight and the noise of each view; those of the day's level and the trend for slots.

        The noise is the standard deviation of a value around the center if all values have independent noise of 1. The
        last value is that of 15 minutes ago, so that views with a short memory do not adopt an incident before it is
        flagged.
        """
        profile, last = self._profile(values), round(self._patience)
        rest = values - profile
        if slots:
            yield profile + self._daily_level(rest), 1.0, 1.0
        yield profile, 2.0, 1.0
        weight = _SHORT_WEIGHT / (3 if slots else 2)
        yield profile + past(rest, 1, last)[..., 0], weight, np.sqrt(2)
        yield past(values, 1, last)[..., 0], weight, np.sqrt(2)
        if slots:
            earlier, latest = np.moveaxis(past(rest, 2, last), -1, 0)
            yield profile + 2 * latest - earlier, weight, np.sqrt(6)

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


def _chunks(values: Array, *others: Array | None) -> Iterator[tuple[Any, ...]]:
    """Yield some rows at a time of all arrays, so that temporary arrays stay small."""
    rows = max(1, _CHUNK // values.shape[1])
    for row in range(0, len(values), rows):
        yield tuple(None if array is None else array[row : row + rows] for array in (values, *others))


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
