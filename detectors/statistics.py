"""What methods share: windows of the past, and statistics that skip NaN without a warning."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.base import Array

SIGMAS_PER_MAD = 1.4826
"""Standard deviations in a median absolute deviation, for normal noise."""


def past(values: Array, count: int, step: int = 1) -> Array:
    """View (S, T, count): before each column t, the columns t - count * step, ..., t - step; NaN before the first."""
    padding = np.full((*values.shape[:-1], count * step), np.nan)
    padded = np.concatenate([padding, values[..., :-1]], axis=-1)
    return sliding_window_view(padded, count * step, axis=-1)[..., ::step]


def past_of_last(values: Array, count: int, step: int = 1) -> Array:
    """`past` of the newest column only, (S, 1, count)."""
    return past(values[..., -count * step - 1 :], count, step)[..., -1:, :]


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
