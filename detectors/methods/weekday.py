"""The same slot of past days by weekday, level and trend; a drift of some days narrows the band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.base import Array, Bounds, Detector, parameter
from detectors.noise import Kind, Noise, invariances
from detectors.statistics import SIGMAS_PER_MAD, median, past, quantiles

_WEEK = 7
_MULTIPLIER = 4.5
"""Half the band's width in standard deviations at sensitivity 1, once many days are known."""
_DRIFT_MULTIPLIER = 3.75
"""The same for the weighted sum of the last four days."""
_DRIFT = np.array([1.0, 2.0, 3.0, 4.0]) / np.sqrt(30.0)
"""Weights of these days, the newest last: the best ones for a drift that began three days before."""
_CLIP = 3.0
"""An earlier day counts for a drift as this many standard deviations at most: one bad day is no drift."""
_LEAST_OF_DRIFT = 2.0
"""The newest day itself is outside only if it is this many standard deviations off, however far others were."""
_LEVEL_DAYS = 14
_SKIPPED = 3
"""The newest days do not move the level: a drift would be forecast to go on."""
_TREND = 0.5
"""How much of the trend is believed. Half of it costs less than its noise does."""
_LEAST_ERRORS = 7
_HUBER = 2.0


@dataclass(frozen=True, kw_only=True)
class Weekday(Detector):
    """Band around the forecast of a day from its weekday, the level of the last two weeks and their trend.

    It is made for one value a day (``period=1``), and then reads weeks of days. With more points a day each slot is
    compared with the same slot of other days alone.

    The weekdays come from a polish of the last `days` days by robust means (Huber, 1964), the level from two weeks that
    end three days ago, the trend from the difference between them and the two weeks before. The half width is a
    multiple of the robust standard deviation of the errors of earlier forecasts, wider (by Student's t) while few are
    known. The errors of four days add up to a drift: the band narrows on the side to which the three days before
    deviated. So a fall of some percent a day is found before a day alone would be outside.

    With normal noise 0.0002 false flags a week and series; with heavy tails (t of five degrees of freedom) 0.01.

    Counts and ratios are forecast as logarithms. Their noise is at least that of chance (`detectors.noise.Noise`).

    Parameters
    ----------
    period
        Points in a day: 1 for a value a day.
    days
        Maximum history, in days.
    min_days
        Minimum number of known days.
    sensitivity
        1: the half width is 4.5 standard deviations. 2: half of that.
    kind
        "count", "ratio" (with the denominator given) or "value", any other quantity.

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("daily")
    >>> bounds = detectors.create("weekday", period=1, kind="count").detect(example.values)
    >>> bool(bounds.is_anomaly[example.labels].any())
    True
    """

    name: ClassVar[str] = "weekday"
    summary: ClassVar[str] = "one value a day with a weekly shape: single days, and drifts over some days"
    most_points: ClassVar[int | None] = 1

    days: int = parameter(56, least=21)
    min_days: int = parameter(21, least=21)
    sensitivity: float = parameter(1.0, above=0)
    kind: Kind = parameter("value")

    @property
    def promises(self) -> frozenset[str]:
        """Both for values, none for counts and ratios, whose noise depends on their size."""
        return invariances(self.kind)

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        rows, columns = values.shape
        made = [np.full((rows, columns), np.nan) for _ in range(4)]
        for slot in range(min(self.period, columns)):
            of_slot = slice(slot, None, self.period)
            counts = None if denominator is None else denominator[:, of_slot]
            bounds = self._of_days(values[:, of_slot], counts)
            for whole, part in zip(made, bounds.arrays, strict=True):
                whole[:, of_slot] = part
        return Bounds(*made)

    def _last_columns(self, columns: int) -> slice:
        return slice((columns - 1) % self.period, columns, self.period)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        return self._of_days(values, denominator)[:, -1]

    def _of_days(self, values: Array, denominator: Array | None) -> Bounds:
        """Bounds (R, D) of rows with one value a day."""
        noise = Noise(self.kind, values, denominator)
        logs = noise.to_additive(values)
        forecasts = [_forecast(logs[:, max(0, day - self.days) : day]) for day in range(logs.shape[1])]
        expected = noise.from_additive(np.stack(forecasts, axis=1))
        unit = noise.to_even(np.maximum(expected, 0.5 / noise.events)) if noise.counted else np.ones_like(expected)
        errors = (noise.to_even(values) - noise.to_even(expected)) / unit
        deviation, below, above = self._widths(errors)
        known = np.count_nonzero(~np.isnan(past(values, self.days)), axis=-1)
        expected = np.where((known >= self.min_days) & ~np.isnan(deviation), expected, np.nan)
        lower, _ = noise.band(expected, below, deviation * unit)
        _, upper = noise.band(expected, above, deviation * unit)
        return Bounds.from_band(values, expected, lower, upper)

    def _widths(self, errors: Array) -> tuple[Array, Array, Array]:
        """Standard deviation of the errors of the days before, and how many of them the band is wide on each side."""
        deviation, known = _scale(past(errors, self.days))
        most = _CLIP * deviation[..., np.newaxis]
        before = np.nan_to_num(np.clip(past(errors, len(_DRIFT) - 1), -most, most)) @ _DRIFT[:-1]
        sums = before + _DRIFT[-1] * errors
        # The errors of one forecast level have the same sign, so their sum varies more than that of chance.
        of_sums = np.fmax(_scale(past(sums, self.days))[0], deviation)
        alone = _MULTIPLIER / self.sensitivity
        drift = _DRIFT_MULTIPLIER / self.sensitivity
        with np.errstate(invalid="ignore", divide="ignore"):
            drifted = drift * _widened(known, drift) * of_sums / deviation
            moved = np.where(deviation > 0, before / deviation, 0.0)
            drifted = np.where(deviation > 0, drifted, np.inf)
        widest = alone * _widened(known, alone)
        least = np.minimum(_LEAST_OF_DRIFT, widest)
        below, above = (np.clip((drifted + side * moved) / _DRIFT[-1], least, widest) for side in (1, -1))
        return deviation, below, above


def _forecast(history: Array) -> Array:
    """Forecast (R,) of the day after `history`, (R, n); NaN with fewer than two weeks."""
    rows, days = history.shape
    if days < _LEVEL_DAYS:
        return np.full(rows, np.nan)
    # Position 0 is the weekday of the day to forecast.
    padding = np.full((rows, -days % _WEEK), np.nan)
    position = (np.arange(days) - days) % _WEEK
    starts = np.clip(np.arange(days) - _WEEK // 2, 0, days - _WEEK)
    weeks = starts[:, np.newaxis] + np.arange(_WEEK)

    def weekdays(levels: Array) -> Array:
        table = np.concatenate([padding, history - levels], axis=1).reshape(rows, -1, _WEEK)
        means: Array = np.nan_to_num(_robust_mean(np.moveaxis(table, 1, -1)))
        centred: Array = means - means.mean(axis=1, keepdims=True)
        return centred

    shape = weekdays(median(history[:, weeks]))
    shape = weekdays(_robust_mean((history - shape[:, position])[:, weeks]))
    flat = history - shape[:, position]
    end = days - _SKIPPED
    recent, earlier = (
        flat[:, max(0, end - _LEVEL_DAYS) : end],
        flat[:, max(0, end - 2 * _LEVEL_DAYS) : end - _LEVEL_DAYS],
    )
    forecast: Array = _robust_mean(recent) + shape[:, 0]
    if earlier.shape[1] == _LEVEL_DAYS:
        trend = np.nan_to_num(_robust_mean(recent - earlier)) / _LEVEL_DAYS
        forecast = forecast + _TREND * trend * (_SKIPPED + (_LEVEL_DAYS + 1) / 2)
    return forecast


def _robust_mean(samples: Array) -> Array:
    """Mean along the last axis of what is at most some robust standard deviations from the median, the rest cut off."""
    middle = median(samples)[..., np.newaxis]
    gaps = samples - middle
    most = _HUBER * SIGMAS_PER_MAD * median(np.abs(gaps))[..., np.newaxis]
    count = np.maximum(np.count_nonzero(~np.isnan(samples), axis=-1), 1)
    mean: Array = middle[..., 0] + np.nan_to_num(np.clip(gaps, -most, most)).sum(axis=-1) / count
    return mean


def _scale(errors: Array) -> tuple[Array, Array]:
    """Robust standard deviation along the last axis, NaN with too few errors; and their number."""
    sizes = np.abs(errors)
    middle, tail = quantiles(sizes, 0.5, 0.95)
    # As in `robust_scale`: not 0 for a series that was flat for long and then varies.
    most = _CLIP * np.maximum(SIGMAS_PER_MAD * middle, tail / 5)
    count = np.count_nonzero(~np.isnan(errors), axis=-1)
    squares = np.nan_to_num(np.square(np.minimum(sizes, most[..., np.newaxis]))).sum(axis=-1)
    scale = np.sqrt(squares / np.maximum(count, 1))
    return np.where(count >= _LEAST_ERRORS, scale, np.nan), count.astype(np.float64)


def _widened(known: Array, width: float) -> Array:
    """How much wider a band of `width` deviations must be if `known` errors gave the deviation.

    Both have the same probability, by Student's t (Wallace, 1959).
    """
    freedom = np.maximum(known - 1, 1.0)
    factor: Array = np.sqrt(freedom * np.expm1(np.square(width * (8 * freedom + 3) / (8 * freedom + 1)) / freedom))
    return factor / width
