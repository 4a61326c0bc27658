"""Median and MAD of the same slot of past days, plus a moving level; the noise of counts is the minimum width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.base import Array, Bounds, Detector, Inside, parameter, score_band
from detectors.bounds import furthest
from detectors.extremes import Pair
from detectors.noise import Kind, Noise, invariances
from detectors.statistics import median, moving_windows, past, robust_scale

_WEEK = 7
_MAX_LEVEL = np.log(4)
_MULTIPLIER = {"count": 5.0, "ratio": 5.0, "value": 8.0}
"""Half the band's width in standard deviations at sensitivity 1. Values have no minimum noise and heavier tails."""


@dataclass(frozen=True, kw_only=True)
class Seasonal(Detector):
    """Robust band around the same slot of the past days.

    At the start of each day, counted from the first column, the past `days` form a table of days by slots. A median
    polish (Tukey, 1977) decomposes it into the level of each week, the median shape of the day, and the difference of
    each weekday from that shape. During the day the median deviation of the last 24 hours from this profile is added
    as the level. The band follows growth and weekends. An incident of a few hours does not move it, neither at once nor
    a day or a week later. A permanent shift becomes the new normal after about half a day. The half width is a
    multiple of the robust standard deviation of the slot's residuals.

    Counts and ratios are decomposed as logarithms and compared as square roots. Their noise is at least that of
    chance (`detectors.noise.Noise`), which keeps small counts quiet.

    Parameters
    ----------
    period
        Points in a day.
    days
        Maximum history, in days.
    min_days
        Minimum history: the number of past days on which the slot is known. With fewer than 14 the first weekend that
        is judged may differ from the band, since a weekday needs two days. From 14 on the band is wider where fewer
        than `days` are known, by a tenth at 14 of 28.
    sensitivity
        1: the half width is 5 standard deviations for counts and ratios, 8 for values. 2: half of that.
    kind
        "count", "ratio" (with the denominator given) or "value", any other quantity.

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("count")
    >>> bounds = detectors.create("seasonal", kind="count").detect(example.values)
    >>> bool(bounds.is_anomaly[example.labels].any())
    True
    """

    name: ClassVar[str] = "seasonal"
    summary: ClassVar[str] = "counts and ratios with a daily and weekly shape: small counts, and long drops"

    series_at_once: ClassVar[int] = 64  # weeks of history each; one check has hundreds of series

    days: int = parameter(28, least=3)
    min_days: int = parameter(14, least=3)
    sensitivity: float = parameter(1.0, above=0)
    kind: Kind = parameter("value")

    @property
    def promises(self) -> frozenset[str]:
        """Quiet by default; shift and scale for values only: the noise of counts and ratios depends on their size."""
        return invariances(self.kind) | ({"quiet"} if self.sensitivity <= 1 else set())

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        return Bounds.from_band(values, *self._band(values, Noise(self.kind, values, denominator)))

    def _detect_day(self, values: Array, denominator: Array | None) -> Bounds:
        today = self._today(values)
        band = self._day(values, Noise(self.kind, values, denominator), today, 0)
        return Bounds.from_band(values[:, today:], *band)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        return Bounds.from_band(values[:, -1:], *self._last_band(values, Noise(self.kind, values, denominator)))[:, 0]

    def _look(self, values: Array, denominator: Array | None, pair: Pair | None) -> Bounds:
        """All three looks in one pass: a day of a few series is quickly computed, but slow to call."""
        if pair is None:
            return super()._look(values, denominator, pair)
        inside, slots = pair.checked(), len(values)
        together, events = np.concatenate([values, inside.values]), None
        if denominator is not None and inside.denominator is not None:
            events = np.concatenate([denominator, inside.denominator])
        noise = Noise(self.kind, together, events, inside.length, slots=slots)
        bounds = Bounds.from_band(together, *self._band(together, noise))
        return furthest(bounds[:slots], _on_side(bounds.score[slots:], inside.side))

    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        noise = Noise(self.kind, inside.values, inside.denominator, inside.length)
        return _on_side(score_band(inside.values, *self._band(inside.values, noise)), inside.side)

    def _score_day_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        noise, today = Noise(self.kind, inside.values, inside.denominator, inside.length), self._today(values)
        band = self._day(inside.values, noise, today, 0)
        return _on_side(score_band(inside.values[:, today:], *band), inside.side)

    def _score_last_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        noise = Noise(self.kind, inside.values, inside.denominator, inside.length)
        band = self._last_band(inside.values, noise)
        return _on_side(score_band(inside.values[:, -1:], *band), inside.side)[:, 0]

    def _band(self, values: Array, noise: Noise) -> tuple[Array, Array, Array]:
        """Expected, lower and upper, (S, T)."""
        days = [self._day(values, noise, start, 0) for start in range(0, values.shape[1], self.period)]
        expected, lower, upper = (np.concatenate(parts, axis=1) for parts in zip(*days, strict=True))
        return expected, lower, upper

    def _last_band(self, values: Array, noise: Noise) -> tuple[Array, Array, Array]:
        """Expected, lower and upper of the newest column, (S, 1)."""
        day, slot = divmod(values.shape[1] - 1, self.period)
        return self._day(values, noise, day * self.period, slot)

    def _day(self, values: Array, noise: Noise, start: int, first: int) -> tuple[Array, Array, Array]:
        """Expected, lower and upper of the day that begins at column `start`, from its slot `first` on."""
        stop = min(start + self.period, values.shape[1])
        oldest = max(0, start - self.days * self.period)
        if start - oldest < self.min_days * self.period:
            unknown = np.full((len(values), stop - start - first), np.nan)
            return unknown, unknown, unknown
        logs = noise.to_additive(values[:, oldest:stop], slice(oldest, stop))
        table = logs[:, : start - oldest].reshape(len(values), -1, self.period)
        shape, weeks = _polish(table)
        rest = table - shape[:, np.newaxis] - weeks
        weekdays = np.stack([self._weekday(rest[:, day::_WEEK]) for day in range(_WEEK)], axis=1)

        today = shape + weeks[:, -1] + weekdays[:, table.shape[1] % _WEEK]
        # Yesterday's profile without yesterday's residuals, which would hide a part of yesterday's level. Only a young
        # series uses them, where no other day tells its weekday: with that in the level, today's would be wrong.
        earlier = rest[:, -_WEEK - 1 :: -_WEEK]
        is_unknown = earlier.shape[1] < 2 and table.shape[1] < self.days
        yesterday = shape + weeks[:, -1] + (self._smooth(rest[:, -1:]) if is_unknown else self._weekday(earlier))
        so_far = stop - start
        recent = np.concatenate([table[:, -1] - yesterday, logs[:, -so_far:] - today[:, :so_far]], axis=1)
        level = self._level(past(recent, self.period)[:, self.period + first :])
        new_columns = slice(start + first, stop)
        known = np.count_nonzero(~np.isnan(table[..., first:so_far]), axis=1)
        is_known = known >= self.min_days
        expected = noise.from_additive(np.where(is_known, today[:, first:so_far] + level, np.nan), new_columns)

        fitted = shape[:, np.newaxis] + weeks + weekdays[:, np.arange(table.shape[1]) % _WEEK]
        past_columns = slice(oldest, start)
        fitted = noise.from_additive(fitted.reshape(len(values), -1), past_columns)
        residuals = noise.to_even(values[:, past_columns]) - noise.to_even(fitted)
        least = noise.least(fitted, past_columns)
        deviation = robust_scale(residuals.reshape(table.shape), least)[:, first:so_far]
        deviation = deviation * self._width(known)
        return expected, *noise.band(expected, _MULTIPLIER[self.kind] / self.sensitivity, deviation, new_columns)

    def _width(self, known: NDArray[np.int_]) -> Array:
        """Width of the band relative to that of a full history, by the number of known days.

        Less than two weeks are not widened: who asks for them wants to hear early, and then hears more that is false.
        """
        two_weeks = 2 * _WEEK
        width = _new_to_fitted(np.maximum(known, two_weeks)) / _new_to_fitted(max(self.days, two_weeks))
        return np.where(known < two_weeks, 1.0, width)

    def _weekday(self, rest: Array) -> Array:
        """Difference of a weekday from the profile, (S, period); 0 if unknown."""
        if rest.shape[1] < 2:  # the fit of a single day is exact and leaves no residuals
            return np.zeros((len(rest), self.period))
        return self._smooth(rest)

    def _smooth(self, rest: Array) -> Array:
        """Median of some days, (S, D, period), over an eighth of the day; 0 if unknown."""
        windows = np.moveaxis(moving_windows(rest, self.period // 16), 1, -2)
        return np.nan_to_num(median(windows.reshape(len(rest), self.period, -1)))

    def _level(self, recent: Array) -> Array:
        """Median deviation of the last day from the profile; 0 where fewer than an eighth of its values are known.

        For counts it is limited to a factor of 1/4 to 4, so that a dead metric does not become the new normal.
        """
        enough = 8 * np.count_nonzero(~np.isnan(recent), axis=-1) >= self.period
        level = np.where(enough, median(recent), 0.0)
        return np.clip(level, -_MAX_LEVEL, _MAX_LEVEL) if self.kind != "value" else level


def _new_to_fitted(days: ArrayLike) -> Array:
    """How much wider new values scatter around a profile of so many days, two weeks at least, than the fitted ones do.

    As in a regression of n values on p parameters, the variance of a new value is 1 + p / n times that of the noise,
    and the variance of a residual 1 - p / n times (Draper and Smith, 1998, Applied Regression Analysis, chapter 3).
    The parameters are the shape, and an offset of 13 slots for each weekday; a median needs pi / 2 times the values
    that a mean needs.
    """
    share = np.pi / 2 * (1 + _WEEK / 13) / np.asarray(days)
    return np.sqrt((1 + share) / (1 - share))


def _on_side(score: Array, side: Array) -> Array:
    """The score on the side of an extreme, 0 on the other side."""
    return side * np.maximum(side * score, 0.0)


def _polish(table: Array) -> tuple[Array, Array]:
    """Shape of the day (S, period) and level of each row's week (S, days, 1) of a table (S, days, period)."""
    by_slot = np.moveaxis(table, 1, -1)
    shape = median(by_slot)
    rows = median(table - shape[:, np.newaxis])
    # A window of a week contains every weekday once. At the ends it is the first or the last full week.
    days = rows.shape[1]
    starts = np.clip(np.arange(days) - _WEEK // 2, 0, max(0, days - _WEEK))
    windows = starts[:, np.newaxis] + np.arange(min(_WEEK, days))
    weeks = np.nan_to_num(median(rows[:, windows]))
    return shape + median(by_slot - shape[..., np.newaxis] - weeks[:, np.newaxis]), weeks[..., np.newaxis]
