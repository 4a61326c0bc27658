"""A daily profile, its level and the last value: what is odd by all of them is an anomaly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.base import Array, Bounds, Detector, parameter, score_band
from detectors.noise import Kind, Noise
from detectors.statistics import exponential_mean, median, moving_windows, past, past_days, robust_scale

_LIMIT = {"count": 3.5, "ratio": 3.5, "value": 5.0}
"""Mean deviation, in standard deviations, that is an anomaly at sensitivity 1."""
_WEEK = 7
_CAP = 2.5
"""No view counts for more than so many limits: one that blows up cannot alarm alone."""
_TURN = 100.0
"""The score turns its sign within so small a part of the band's width."""
_CHUNK = 1 << 19
"""Values that are judged at once, so that temporary arrays stay small."""


class View(NamedTuple):
    """One opinion of each column, (S, T): what to expect, and the standard deviation around it; NaN = abstains."""

    center: Array
    scale: Array
    weight: float


@dataclass(frozen=True, kw_only=True)
class Ensemble(Detector):
    """Mean of robust deviations from what four views expect.

    At the start of each day, counted from the first column, the profile is the median of each slot over the past
    `days` (median and MAD of the same slot: field convention). The value is compared with the profile as it is, with
    the profile raised to the level of the last value and of the last `level_days`, and with the last value itself
    (Shewhart's differences); the level of the last `level_days` has half the weight of each other. Each deviation is
    divided by its own robust standard deviation in the past days, half-way between that of the slot and that of the
    whole day. Short memories catch the onset, long ones the standing incident; their mean, each capped, asks for
    agreement, and medians learn no incident of some hours.

    Where points are closer than a quarter of an hour, the mean deviation is averaged over that time (an EWMA control
    chart, Roberts, 1959): one odd minute is no anomaly, unless it is far out by all views.

    An incident never echoes a day or a week later: it is a minority of its slot's days. A shift that stays is the
    new normal once it fills half of `level_days`: after about half a day. After an incident, a value back at the level
    is no anomaly.

    Parameters
    ----------
    period
        Points in a day.
    days
        History that is used for the profile; the same again for the deviations.
    min_days
        History it takes to speak.
    level_days
        Memory of the level: a lasting shift is adopted after half of it.
    sensitivity
        2 flags half of the deviations that 1 flags at, 0.5 asks for twice as much.
    kind
        "count", "ratio" (with the denominator given) or "value": see `detectors.noise.Noise`. A count of 20 has noise
        that a count of 20,000 has not.
    """

    name: ClassVar[str] = "ensemble"
    summary: ClassVar[str] = "the default: onsets, spikes and standing incidents of metrics with the shape of a day"

    days: int = parameter(14, least=2)
    min_days: int = parameter(2, least=2)
    level_days: float = parameter(1.0, above=0)
    sensitivity: float = parameter(1.0, above=0)
    kind: Kind = parameter("value")

    @property
    def promises(self) -> frozenset[str]:
        """Both, but for counts and ratios, whose noise depends on their size."""
        return frozenset({"shift", "scale"}) if self.kind == "value" else frozenset()

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        rows = max(1, _CHUNK // values.shape[1])
        chunks = [slice(row, row + rows) for row in range(0, len(values), rows)]
        found = [self._judge(values[c], None if denominator is None else denominator[c], 0) for c in chunks]
        fields = ("expected", "lower", "upper", "score")
        return Bounds(**{name: np.concatenate([getattr(one, name) for one in found]) for name in fields})

    def _last_columns(self, columns: int) -> slice:
        return slice(max(0, (columns - 1) // self.period * self.period - self._reach), columns)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        day = (values.shape[1] - 1) // self.period * self.period
        return self._judge(values, denominator, max(0, day - self._remembered))[:, -1]

    @property
    def _patience(self) -> float:
        """Points in a quarter of an hour, over which deviations are averaged; 1 where points are further apart."""
        return max(1.0, self.period / 96)

    @property
    def _remembered(self) -> int:
        """Columns before a day whose deviations count, for less and less: of a whole day before, nothing is left."""
        return self.period if self._patience > 1 else 0

    @property
    def _reach(self) -> int:
        """Columns before a day that its bands depend on: deviations, before them levels, before them profiles."""
        level = -(-self._level_points // self.period)
        return (2 * self.days + level) * self.period + self._remembered

    @property
    def _level_points(self) -> int:
        return max(2, round(self.level_days * self.period))

    def _judge(self, values: Array, denominator: Array | None, first: int) -> Bounds:
        """Bounds of the columns from `first` on, which begins a day."""
        noise = Noise(self.kind, values, denominator)
        even = noise.to_even(values)
        views = []
        for additive, weight, certainty in self._centers(noise.to_additive(values)):
            expected = noise.from_additive(additive)
            center = noise.to_even(expected)
            scale = self._scale(even - center, first)
            # The level has noise too, where it is that of few points.
            least = certainty * noise.least(expected)
            views.append(View(center[:, first:], np.fmax(scale, least[:, first:]) + 0 * scale, weight))
        return self._pool(noise, values[:, first:], even[:, first:], views)

    def _profile(self, values: Array) -> Array:
        """Median of the same slot over the past days, (S, T), by whole days."""
        profile = np.full(values.shape, np.nan)
        for start, stop, history in past_days(values, self.period, self.days):
            shape = median(np.moveaxis(history, 1, -1))
            same_weekday = (history - shape[:, np.newaxis])[:, ::-1][:, _WEEK - 1 :: _WEEK]
            if self.kind != "value" and same_weekday.shape[1] > 1:
                shape = shape + self._weekday(same_weekday)
            profile[:, start:stop] = shape[:, : stop - start]
        return profile

    def _weekday(self, rest: Array) -> Array:
        """How a weekday differs from the shape, (S, period), smoothed over an eighth of the day; 0 if unknown."""
        windows = np.moveaxis(moving_windows(rest, self.period // 16), 1, -1)
        return np.nan_to_num(median(windows.reshape(len(rest), self.period, -1)))

    def _centers(self, values: Array) -> Iterator[tuple[Array, float, float]]:
        """What the next value is compared with, each with its weight and its noise.

        The noise is the standard deviation of a value about such a center, for independent noise of 1. The last value
        is that of a quarter of an hour ago, so that short memories learn no incident before it can be told.
        """
        profile, last = self._profile(values), round(self._patience)
        rest = values - profile
        yield profile + self._daily_level(rest), 1.0, 1.0
        yield profile, 2.0, 1.0
        yield profile + past(rest, 1, last)[..., 0], 2.0, np.sqrt(2)
        yield past(values, 1, last)[..., 0], 2.0, np.sqrt(2)

    def _daily_level(self, rest: Array) -> Array:
        """Median above the profile of the last `level_days`, looked at once an hour; 0 where little of it is known."""
        hour, count = max(1, self.period // 24), self._level_points
        padded = np.concatenate([np.full((len(rest), count), np.nan), rest], axis=1)
        windows = sliding_window_view(padded, count, axis=1)[:, : rest.shape[1] : hour]
        enough = 8 * np.count_nonzero(~np.isnan(windows), axis=-1) >= count
        return np.repeat(np.where(enough, median(windows), 0.0), hour, axis=1)[:, : rest.shape[1]]

    def _scale(self, deviations: Array, first: int) -> Array:
        """Robust standard deviation from the columns `first` on, (S, T - first), by whole days."""
        scale = np.full((len(deviations), deviations.shape[1] - first), np.nan)
        for start, stop, history in past_days(
            deviations, self.period, self.days, first=max(first, self.min_days * self.period)
        ):
            spread = robust_scale(history)
            known = 2 * np.count_nonzero(~np.isnan(history), axis=(1, 2)) >= (self.min_days - 1) * self.period
            spread = np.where(known[:, np.newaxis], spread, np.nan)
            scale[:, start - first : stop - first] = spread[:, : stop - start]
        return scale

    def _pool(self, noise: Noise, values: Array, even: Array, views: list[View]) -> Bounds:
        limit = _LIMIT[self.kind] / self.sensitivity
        day, point = views[0], views[2]
        center = np.where(np.isnan(day.scale), np.nan, day.center)
        size = _mean_deviation(even, views, _CAP * limit) / limit
        before = np.nan_to_num(past(exponential_mean(size, self._patience), 1)[..., 0])
        # Where the mean of the last quarter of an hour reaches 1. Where all views are near their cap, one value does.
        allowed = limit * np.clip(self._patience - (self._patience - 1) * before, 1, 0.9 * _CAP)
        mirrored = [view._replace(center=-view.center) for view in views]
        lower = -_outermost(-center, mirrored, allowed, _CAP * limit)
        upper = _outermost(center, views, allowed, _CAP * limit)
        # After an incident, back at the level of the day is normal, however far the last value was from it.
        reach = limit * day.scale
        returns = np.abs(point.center - center) > reach
        lower = np.where(returns, np.minimum(lower, center - reach), np.minimum(lower, center))
        upper = np.where(returns, np.maximum(upper, center + reach), np.maximum(upper, center))
        expected, lower, upper = (noise.from_even(array) for array in (center, lower, upper))
        band = score_band(values, expected, lower, upper)
        # The size is the mean deviation of the last quarter of an hour; on which side of the limit it lies, the band
        # decides. At the expected value the sign turns: the size goes through 0, and not from one side to the other.
        size = before + (size - before) / self._patience
        inside = np.minimum(size, 1.0) * np.minimum(_TURN * np.abs(band), 1.0)
        size = np.where(np.abs(band) > 1, np.maximum(size, np.nextafter(1.0, 2.0)), inside)
        return Bounds(expected, lower, upper, np.sign(band) * size)


def _mean_deviation(at: Array, views: list[View], cap: float) -> Array:
    """Weighted mean of the capped deviations of `at`, in standard deviations; NaN where all abstain."""
    total, weights = np.zeros(at.shape), np.zeros(at.shape)
    for center, scale, weight in views:
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.abs(at - center)
            deviation = np.where((gap == 0) & ~np.isnan(scale), 0.0, np.minimum(gap / scale, cap))
        known = ~np.isnan(deviation)
        total += np.where(known, weight * deviation, 0.0)
        weights += weight * known
    with np.errstate(invalid="ignore"):
        return total / weights


def _outermost(expected: Array, views: list[View], limit: Array, cap: float) -> Array:
    """The greatest value whose mean deviation is within the limit; `expected` where there is none.

    Between neighbouring centers the mean deviation is concave, and beyond the last it only grows: so above the
    greatest center that is within the limit it crosses the limit once, before the next center.
    """
    centers = np.sort(np.stack([np.where(np.isnan(v.scale), np.nan, v.center) for v in views]), axis=0)
    widest = np.fmax.reduce([v.scale for v in views])
    low, high = expected, np.full(expected.shape, np.nan)
    above = np.fmax.reduce(centers) + 2 * cap * widest
    for center in centers[::-1]:
        found = np.isnan(high) & (_mean_deviation(center, views, cap) <= limit)
        low, high = np.where(found, center, low), np.where(found, above, high)
        above = np.where(np.isnan(center), above, center)
    high = np.where(np.isnan(high), low, high)
    for _ in range(40):
        middle = low + (high - low) / 2
        inside = _mean_deviation(middle, views, cap) <= limit
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low
