"""Same slot of the past days: median and MAD, on a level that follows, with noise of counts as the floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.base import Array, Bounds, Detector, DetectorError, parameter
from detectors.statistics import SIGMAS_PER_MAD, median, moving_windows, past

_WEEK = 7
_MAX_LEVEL = np.log(4)


@dataclass(frozen=True, kw_only=True)
class Seasonal(Detector):
    """Robust band around the same slot of the past days.

    At the start of each day, counted from the first column, the past `days` are laid out as a table of days by
    slots and taken apart in the manner of median polish (Tukey, 1977): the level of each week, the median shape of
    the day, and how the same weekday differs from it. During the day the level of the last 24 hours is added, as the
    median deviation from that profile: growth and weekends move the band; an incident of some hours does not, then
    or a day or a week later, and a lasting shift is the new normal after about half a day. The half width is
    `multiplier` standard deviations by the slot's median absolute residual.

    Counts and ratios of counts are taken apart as logarithms (shapes multiply) and judged as square roots, where the
    noise of a Poisson count is 1/2 whatever its size (Bartlett, 1936); for a ratio with n in the denominator it is
    ``sqrt((1 - p) / n) / 2``. The noise is never taken for less: that is the floor which keeps small counts quiet.

    Parameters
    ----------
    period
        Points in a day.
    days
        History that is used.
    min_days
        History it takes to speak.
    multiplier
        Half the band's width in standard deviations.
    counts
        True for counts, and for ratios whose denominator is given: never negative. False for any other quantity:
        no logarithm, no floor.
    """

    name: ClassVar[str] = "seasonal"
    summary: ClassVar[str] = "counts and ratios with the shape of a day and a week: the one to begin with"

    days: int = parameter(28, least=3)
    min_days: int = parameter(14, least=3)
    multiplier: float = parameter(5.0, above=0)
    counts: bool = parameter(True)

    @property
    def promises(self) -> frozenset[str]:
        """Both, but for counts, whose noise depends on their size."""
        return frozenset() if self.counts else frozenset({"shift", "scale"})

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        events = self._events(values, denominator)
        days = [self._day(values, events, start, 0) for start in range(0, values.shape[1], self.period)]
        expected, lower, upper = (np.concatenate(parts, axis=1) for parts in zip(*days, strict=True))
        return Bounds.from_band(values, expected, lower, upper)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        day, slot = divmod(values.shape[1] - 1, self.period)
        band = self._day(values, self._events(values, denominator), day * self.period, slot)
        return Bounds.from_band(values[:, -1:], *band)[:, 0]

    def _events(self, values: Array, denominator: Array | None) -> Array:
        """Events behind a value of 1: the denominator of a ratio, 1 for a count."""
        if self.counts and (values < 0).any():
            raise DetectorError("seasonal: values are negative, so they are no counts; counts=False takes any quantity")
        if denominator is None:
            return np.ones((1, values.shape[1]))
        return np.where(denominator > 0, denominator, np.nan)

    def _day(self, values: Array, events: Array, start: int, first: int) -> tuple[Array, Array, Array]:
        """Expected, lower and upper of the day that begins at column `start`, from its slot `first` on."""
        stop = min(start + self.period, values.shape[1])
        oldest = max(0, start - self.days * self.period)
        if start - oldest < self.min_days * self.period:
            unknown = np.full((len(values), stop - start - first), np.nan)
            return unknown, unknown, unknown
        logs = self._to_additive(values[:, oldest:stop], events[:, oldest:stop])
        table = logs[:, : start - oldest].reshape(len(values), -1, self.period)
        shape, weeks = _polish(table)
        rest = table - shape[:, np.newaxis] - weeks
        weekdays = np.stack([self._weekday(rest[:, day::_WEEK]) for day in range(_WEEK)], axis=1)

        today = shape + weeks[:, -1] + weekdays[:, table.shape[1] % _WEEK]
        # Yesterday by its weekday before: with itself among the rows it would hide a part of its own level.
        yesterday = shape + weeks[:, -1] + self._weekday(rest[:, -_WEEK - 1 :: -_WEEK])
        so_far = stop - start
        recent = np.concatenate([table[:, -1] - yesterday, logs[:, -so_far:] - today[:, :so_far]], axis=1)
        level = self._level(past(recent, self.period)[:, self.period + first :])
        expected = self._from_additive(today[:, first:so_far] + level, events[:, start + first : stop])

        fitted = shape[:, np.newaxis] + weeks + weekdays[:, np.arange(table.shape[1]) % _WEEK]
        fitted = self._from_additive(fitted.reshape(len(values), -1), events[:, oldest:start])
        residuals = self._to_judged(values[:, oldest:start]) - self._to_judged(fitted)
        deviation = self._deviation(residuals.reshape(table.shape))[:, first:so_far]
        return self._band(expected, deviation, events[:, start + first : stop])

    def _weekday(self, rest: Array) -> Array:
        """How the weekday of these rows differs from the profile, smoothed over an eighth of the day; 0 if unknown."""
        series, days, slots = rest.shape
        if not days:
            return np.zeros((series, slots))
        windows = np.moveaxis(moving_windows(rest, self.period // 16), 1, -1)
        return np.nan_to_num(median(windows.reshape(series, slots, -1)))

    def _level(self, recent: Array) -> Array:
        """Median of the last day's deviations from the profile; 0 where too little of it is present.

        Counts: a fourth to fourfold at most, so that a dead metric does not become the new normal.
        """
        enough = 8 * np.count_nonzero(~np.isnan(recent), axis=-1) >= self.period
        level = np.where(enough, median(recent), 0.0)
        return np.clip(level, -_MAX_LEVEL, _MAX_LEVEL) if self.counts else level

    def _deviation(self, residuals: Array) -> Array:
        """Robust standard deviation by slot, (S, period), smoothed over its neighbours."""
        by_slot = SIGMAS_PER_MAD * median(np.abs(np.moveaxis(residuals, 1, -1)))
        return median(moving_windows(by_slot, self.period // 24))

    def _band(self, expected: Array, deviation: Array, events: Array) -> tuple[Array, Array, Array]:
        if self.counts:
            # A share p of n events has the variance p * (1 - p) / n; what can exceed 1 is no share.
            spread = np.where((events > 1) & (expected < 1), np.maximum(1 - expected, 1 / events), 1.0)
            deviation = np.maximum(deviation, np.sqrt(spread / events) / 2)
        middle, half = self._to_judged(expected), self.multiplier * deviation
        if not self.counts:
            return expected, middle - half, middle + half
        return expected, np.square(np.maximum(middle - half, 0)), np.square(middle + half)

    def _to_additive(self, values: Array, events: Array) -> Array:
        return np.log(values + 0.5 / events) if self.counts else values

    def _from_additive(self, logs: Array, events: Array) -> Array:
        return np.maximum(np.exp(logs) - 0.5 / events, 0.0) if self.counts else logs

    def _to_judged(self, values: Array) -> Array:
        return np.sqrt(values) if self.counts else values


def _polish(table: Array) -> tuple[Array, Array]:
    """Shape of the day (S, period) and level of each row's week (S, days, 1) of a table (S, days, period)."""
    by_slot = np.moveaxis(table, 1, -1)
    shape = median(by_slot)
    rows = median(table - shape[:, np.newaxis])
    # A window of a week holds every weekday once; at the ends it is the first or the last full week.
    days = rows.shape[1]
    starts = np.clip(np.arange(days) - _WEEK // 2, 0, max(0, days - _WEEK))
    windows = starts[:, np.newaxis] + np.arange(min(_WEEK, days))
    weeks = np.nan_to_num(median(rows[:, windows]))
    return shape + median(by_slot - shape[..., np.newaxis] - weeks[:, np.newaxis]), weeks[..., np.newaxis]
