"""What methods share: windows of the past, and statistics that skip NaN without a warning."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.base import Array

SIGMAS_PER_MAD = 1.4826
"""Standard deviations in a median absolute deviation, for normal noise."""
_TAIL, _TAIL_SIGMAS = 0.95, 5.0
_LEAST_OF_DAY = 0.1


def past(values: Array, count: int, step: int = 1) -> Array:
    """View (S, T, count): before each column t, the columns t - count * step, ..., t - step; NaN before the first."""
    padding = np.full((*values.shape[:-1], count * step), np.nan)
    padded = np.concatenate([padding, values[..., :-1]], axis=-1)
    return sliding_window_view(padded, count * step, axis=-1)[..., ::step]


def past_of_last(values: Array, count: int, step: int = 1) -> Array:
    """`past` of the newest column only, (S, 1, count)."""
    return past(values[..., -count * step - 1 :], count, step)[..., -1:, :]


def past_days(values: Array, period: int, days: int, first: int = 0) -> Iterator[tuple[int, int, Array]]:
    """Walk over the days, counted from column 0, from column `first` on, that have a day before them.

    Yields
    ------
    start, stop, history
        Columns of the day, and (S, D, period) the last `days` whole days before it, or as many as there are.
    """
    columns = values.shape[-1]
    for start in range(-(-max(first, 1) // period) * period, columns, period):
        count = min(days, start // period)
        yield start, min(start + period, columns), values[:, start - count * period : start].reshape(-1, count, period)


def exponential_mean(values: Array, memory: float) -> Array:
    """Mean of the columns up to each column, (S, T), weights falling by the factor ``1 - 1 / memory`` per column.

    NaN has no weight; NaN before the first value. A recurrence, computed as a matrix product per block of columns.
    """
    keep, block = 1 - 1 / memory, 64
    age = np.arange(block)[np.newaxis] - np.arange(block)[:, np.newaxis]
    weights = np.where(age >= 0, keep ** np.maximum(age, 0), 0.0)
    fade = keep ** np.arange(1, block + 1)
    known = ~np.isnan(values)
    # Measured from a value of the series, so that a constant has exactly itself as mean.
    origin = np.take_along_axis(values, known.argmax(axis=1)[:, np.newaxis], axis=1)
    sums = np.stack([np.where(known, values - origin, 0.0), known.astype(np.float64)])
    carry = np.zeros((*sums.shape[:2], 1))
    for start in range(0, values.shape[1], block):
        part = sums[..., start : start + block]
        width = part.shape[-1]
        part[...] = part @ weights[:width, :width] + carry * fade[:width]
        carry = part[..., -1:].copy()
    total, weight = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        return origin + np.where(weight > 0, total / weight, np.nan)


def quantiles(samples: Array, *levels: float) -> tuple[Array, ...]:
    """Quantiles along the last axis, linearly interpolated, NaN skipped; NaN where there is nothing."""
    ordered = np.sort(samples, axis=-1)  # NaN goes last
    last = np.maximum(np.count_nonzero(~np.isnan(ordered), axis=-1) - 1, 0)[..., np.newaxis]
    results = []
    for level in levels:
        position = level * last
        below = position.astype(np.intp)
        low = np.take_along_axis(ordered, below, axis=-1)
        high = np.take_along_axis(ordered, np.minimum(below + 1, last), axis=-1)
        results.append((low + (high - low) * (position - below))[..., 0])
    return tuple(results)


def median(samples: Array) -> Array:
    """Median along the last axis, NaN skipped."""
    return quantiles(samples, 0.5)[0]


def moving_windows(values: Array, radius: int) -> Array:
    """View (..., T, 2 * radius + 1): each column with its neighbours on both sides, NaN beyond the ends."""
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(radius, radius)], constant_values=np.nan)
    return sliding_window_view(padded, 2 * radius + 1, axis=-1)


def robust_scale(deviations: Array) -> Array:
    """Robust standard deviation by slot, (S, period), of the deviations of past days, (S, D, period).

    Half-way, as a geometric mean, between that of the slot, smoothed over an hour on either side, and that of the
    whole day: a slot alone has too few days to be sure of. At least a fifth of the 95 % quantile: few points may be
    far out, not one in twenty. So a series that was flat for long and now lives has a scale.
    """
    sizes = np.abs(deviations)
    period = sizes.shape[-1]
    whole, tail = (part[:, np.newaxis] for part in quantiles(sizes.reshape(len(sizes), -1), 0.5, _TAIL))
    radius = period // 24
    slots = np.pad(median(np.moveaxis(sizes, 1, -1)), ((0, 0), (radius, radius)), mode="wrap")
    slots = median(moving_windows(slots, radius))[:, radius : radius + period]
    slots = np.where(np.isnan(slots), whole, np.maximum(slots, _LEAST_OF_DAY * whole))
    return np.maximum(SIGMAS_PER_MAD * np.sqrt(slots * whole), tail / _TAIL_SIGMAS)


def mean_and_deviation(samples: Array) -> tuple[Array, Array]:
    """Mean and sample standard deviation along the last axis, NaN skipped; NaN below two values."""
    # Measured from the smallest value, so that a constant has exactly itself as mean and 0 as deviation.
    origin = np.fmin.reduce(samples, axis=-1, keepdims=True)
    count = np.count_nonzero(~np.isnan(samples), axis=-1)
    above = np.nan_to_num(samples - origin)
    mean = above.sum(axis=-1) / np.maximum(count, 1)
    spread = np.where(np.isnan(samples), 0.0, above - mean[..., np.newaxis])
    variance = np.square(spread).sum(axis=-1) / np.maximum(count - 1, 1)
    enough = count >= 2
    return np.where(enough, origin[..., 0] + mean, np.nan), np.where(enough, np.sqrt(variance), np.nan)
