"""Statistics that methods share: windows of the past, and statistics that skip NaN without a warning.

Arrays are (S, T): S series of T columns. The past of a column is the columns before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.arrays import Array
from detectors.compilation import kernels_for

SIGMAS_PER_MAD = 1.4826
"""Standard deviation divided by the median absolute deviation, for normal noise."""
_TAIL, _TAIL_SIGMAS = 0.95, 5.0
_ROUGH, _FAR_TAIL, _CHANCE_SIGMAS = 100.0, 0.99, 3.5
_LEAST_OF_DAY = 0.1
_ROWS = 16
"""Series per step, so that temporary arrays fit in the processor's cache."""
_LOST_DIGITS = 1e-5


def past(values: Array, count: int, step: int = 1) -> Array:
    """Return a view (S, T, count): for column t the columns t - count * step, ..., t - step; NaN before column 0."""
    padding = np.full((*values.shape[:-1], count * step), np.nan)
    padded = np.concatenate([padding, values[..., :-1]], axis=-1)
    return sliding_window_view(padded, count * step, axis=-1)[..., ::step]


def last_columns(columns: int, count: int, step: int = 1) -> slice:
    """Return the slice of the newest of `columns` columns and up to `count` before it, `step` apart."""
    return slice(columns - 1 - min(count, (columns - 1) // step) * step, columns, step)


def past_of_last(values: Array, count: int) -> Array:
    """Return `past` of the newest column only, (S, 1, count)."""
    if values.shape[-1] > count:
        return values[..., np.newaxis, -count - 1 : -1]
    return past(values, count)[..., -1:, :]


def past_days(values: Array, period: int, days: int, first: int = 0) -> Iterator[tuple[int, int, Array]]:
    """Iterate over the days from column `first` on, without the very first day. Days are counted from column 0.

    Yields
    ------
    start, stop, history
        First column of the day, column after it, and (S, D, period) the D <= `days` whole days before it.
    """
    columns = values.shape[-1]
    for start in range(-(-max(first, 1) // period) * period, columns, period):
        count = min(days, start // period)
        yield start, min(start + period, columns), values[:, start - count * period : start].reshape(-1, count, period)


def exponential_mean(values: Array, memory: float) -> Array:
    """Return the weighted mean up to each column, (S, T); weights decay by ``1 - 1 / memory`` per column.

    NaN has no weight. The result is NaN before the first value. The recurrence is computed as a matrix product per
    block of columns.
    """
    keep, block = 1 - 1 / memory, 64
    age = np.arange(block)[np.newaxis] - np.arange(block)[:, np.newaxis]
    weights = np.where(age >= 0, keep ** np.maximum(age, 0), 0.0)
    fade = keep ** np.arange(1, block + 1)
    known = ~np.isnan(values)
    # Subtract a value of the series, so that the mean of a constant is exact.
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
    """Return linearly interpolated quantiles along the last axis, NaN skipped; NaN without samples."""
    return _quantiles_in_order(*_in_order(samples), *levels)


def quantiles_and_count(samples: Array, *levels: float) -> tuple[Array, ...]:
    """Return `quantiles`, and as the last element the number of samples."""
    ordered, present = _in_order(samples)
    return *_quantiles_in_order(ordered, present, *levels), present


def median_and_deviation(samples: Array) -> tuple[Array, Array, Array]:
    """Return median, median absolute deviation and number of samples along the last axis, NaN skipped."""
    ordered, present = _in_order(samples)
    (middle,) = _quantiles_in_order(ordered, present, 0.5)
    size = ordered.shape[-1]
    columns = np.ascontiguousarray(np.moveaxis(ordered, -1, 0))
    deviation = _distance(columns, middle, (size + 1) // 2)
    if size % 2 == 0:
        deviation = np.asarray(_between(deviation, _distance(columns, middle, size // 2 + 1), 0.5))
    gaps = present < size
    if gaps.any():
        deviation[gaps] = median(np.abs(ordered[gaps] - middle[gaps][..., np.newaxis]))
    return middle, deviation, present


def _distance(columns: Array, middle: Array, rank: int) -> Array:
    """The `rank`-th smallest distance from `middle`. The nearest `rank` values are adjacent in sorted columns."""
    runs = len(columns) - rank + 1
    nearest: Array = np.minimum.reduce(np.maximum(middle - columns[:runs], columns[rank - 1 :] - middle))
    return nearest


def _in_order(samples: Array) -> tuple[Array, Array]:
    """Samples sorted along the last axis, NaN last, and the number of samples."""
    ordered = np.sort(samples, axis=-1)
    present = np.full(ordered.shape[:-1], float(ordered.shape[-1]))
    gaps = np.isnan(ordered[..., -1])
    present[gaps] = np.count_nonzero(~np.isnan(ordered[gaps]), axis=-1)
    return ordered, present


def _quantiles_in_order(ordered: Array, present: Array, *levels: float) -> tuple[Array, ...]:
    gaps = present < ordered.shape[-1]
    with_gaps = ordered[gaps]
    last = np.maximum(present[gaps] - 1, 0).astype(np.intp)[..., np.newaxis]
    results = []
    for level in levels:
        whole = level * (ordered.shape[-1] - 1)
        result = np.asarray(_between(ordered[..., int(whole)], ordered[..., math.ceil(whole)], whole % 1))
        if with_gaps.size:
            position = level * last
            below = position.astype(np.intp)
            low = np.take_along_axis(with_gaps, below, axis=-1)
            high = np.take_along_axis(with_gaps, np.minimum(below + 1, last), axis=-1)
            result[gaps] = _between(low, high, position - below)[..., 0]
        results.append(result)
    return tuple(results)


def _between(low: Array, high: Array, share: float | Array) -> Array:
    return low + (high - low) * share


def median(samples: Array) -> Array:
    """Return the median along the last axis, NaN skipped."""
    return quantiles(samples, 0.5)[0]


def moving_windows(values: Array, radius: int) -> Array:
    """Return a view (..., T, 2 * radius + 1): each column with its neighbours, NaN beyond the ends."""
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(radius, radius)], constant_values=np.nan)
    return sliding_window_view(padded, 2 * radius + 1, axis=-1)


def robust_scale(deviations: Array, least: Array | float = 0.0) -> Array:
    """Return the robust standard deviation of each slot, (S, period), from deviations of past days, (S, D, period).

    One slot has too few days for a reliable estimate. So the result is the geometric mean of two scales: that of the
    slot, smoothed over an hour on either side, and that of the whole day. It is at least a fifth of the 95 % quantile
    of the deviations, so that it is not 0 for a series that was flat for long and then varies.

    More than half of the values of an error counter or of rare purchases are equal, so their median deviation says
    nothing of those that differ. Where it is below a hundredth of the 99 % quantile, that quantile is the least scale;
    unless sampling noise, whose standard deviations are `least`, explains it.
    """
    sizes = np.abs(deviations)
    period = sizes.shape[-1]
    together = sizes.reshape(len(sizes), -1)
    whole, tail, far = (part[:, np.newaxis] for part in quantiles(together, 0.5, _TAIL, _FAR_TAIL))
    rough = _ROUGH * whole <= far
    if rough.any():
        noise = np.broadcast_to(least, together.shape)[rough[:, 0]]
        rough[rough[:, 0], 0] = far[rough[:, 0], 0] > _CHANCE_SIGMAS * np.fmax.reduce(noise, axis=1)
    radius = period // 24
    slots = np.pad(median(np.moveaxis(sizes, 1, -1)), ((0, 0), (radius, radius)), mode="wrap")
    slots = median(moving_windows(slots, radius))[:, radius : radius + period]
    slots = np.where(np.isnan(slots), whole, np.maximum(slots, _LEAST_OF_DAY * whole))
    scale = np.maximum(SIGMAS_PER_MAD * np.sqrt(slots * whole), tail / _TAIL_SIGMAS)
    return np.where(rough, np.maximum(scale, far), scale)


def window_sums(values: Array, count: int, step: int = 1) -> Array:
    """Return the sums (S, T - (count - 1) * step) of `count` columns `step` apart, beginning at each column.

    They are composed of sums of 1, 2, 4, ... columns. This takes O(log count) additions per column and does not
    accumulate rounding errors as a running sum does.
    """
    width = values.shape[1] - (count - 1) * step
    total = np.zeros((len(values), width))
    power, size, taken = values, 1, 0
    while size <= count:
        if count & size:
            total += power[:, taken * step : taken * step + width]
            taken += size
        power = power[:, : -size * step] + power[:, size * step :]
        size *= 2
    return total


def past_mean_and_deviation(values: Array, count: int, step: int = 1) -> tuple[Array, Array, Array]:
    """Return mean, sample standard deviation and number of values, (S, T), of `count` past columns `step` apart.

    Equal to `mean_and_deviation` of `past`, but with O(log count) additions per column.
    """
    kernels = kernels_for(values)
    if kernels:
        mean, deviation, present = (np.empty(values.shape) for _ in range(3))
        kernels.past_moments(_contiguous(values), count, step, _LOST_DIGITS, mean, deviation, present)
    else:
        mean, deviation, present = _some_at_a_time(lambda rows: _past_moments(rows, count, step), values)
    return mean, deviation, present


def past_quantiles(values: Array, count: int, step: int, *levels: float) -> tuple[Array, ...]:
    """Return quantiles, and last the number of values, (S, T), of `count` past columns `step` apart."""
    kernels = kernels_for(values)
    if kernels:
        return _compiled_quantiles(kernels, values, count, step, levels)
    return _some_at_a_time(lambda rows: quantiles_and_count(past(rows, count, step), *levels), values)


def past_median_and_deviation(values: Array, count: int, step: int = 1) -> tuple[Array, Array, Array]:
    """Return `median_and_deviation`, (S, T), of `count` past columns `step` apart."""
    kernels = kernels_for(values)
    if kernels:
        middle, deviation, present = _compiled_quantiles(
            kernels, values, count, step, (0.5, kernels.MEDIAN_ABSOLUTE_DEVIATION)
        )
    else:
        middle, deviation, present = _some_at_a_time(lambda rows: median_and_deviation(past(rows, count, step)), values)
    return middle, deviation, present


def _some_at_a_time(statistic: Callable[[Array], tuple[Array, ...]], values: Array) -> tuple[Array, ...]:
    parts = [statistic(values[first : first + _ROWS]) for first in range(0, len(values), _ROWS)]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _compiled_quantiles(
    kernels: ModuleType, values: Array, count: int, step: int, levels: tuple[float, ...]
) -> tuple[Array, ...]:
    results, present = np.empty((len(levels), *values.shape)), np.empty(values.shape)
    kernels.past_quantiles(_contiguous(values), count, step, np.array(levels), results, present)
    return *results, present


def _contiguous(values: Array) -> Array:
    # numba compiles once per memory layout.
    table = np.ascontiguousarray(values).view()
    table.flags.writeable = False
    return table


def _past_moments(values: Array, count: int, step: int) -> tuple[Array, Array, Array]:
    known = ~np.isnan(values)
    complete = bool(known.all())
    origin = np.take_along_axis(values, known.argmax(axis=1)[:, np.newaxis], axis=1)
    shifted = values - origin if complete else np.where(known, values - origin, 0.0)
    number = _past_sums((known[:1] if complete else known).astype(np.float64), count, step)
    total, squares = _past_sums(shifted, count, step), _past_sums(np.square(shifted), count, step)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / number
        variance = (squares - total * mean) / (number - 1)
        # Cancellation: the difference is inexact where the noise is small relative to the distance from the origin.
        doubtful = variance * number < _LOST_DIGITS * squares
        mean = np.where(number >= 2, origin + mean, np.nan)
        deviation = np.where(number >= 2, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    if doubtful.any():
        mean[doubtful], deviation[doubtful] = mean_and_deviation(past(values, count, step)[doubtful])
    return mean, deviation, np.broadcast_to(number, values.shape)


def _past_sums(values: Array, count: int, step: int) -> Array:
    rows, columns = values.shape
    padded = np.zeros((rows, columns + (count - 1) * step))
    padded[:, count * step :] = values[:, : max(0, columns - step)]
    return window_sums(padded, count, step)


def mean_and_deviation(samples: Array) -> tuple[Array, Array]:
    """Return mean and sample standard deviation along the last axis, NaN skipped; NaN with fewer than two values."""
    # Subtract the smallest value, so that the mean of a constant is exact and its deviation is 0.
    origin = np.fmin.reduce(samples, axis=-1, keepdims=True)
    count = np.count_nonzero(~np.isnan(samples), axis=-1)
    above = np.nan_to_num(samples - origin)
    mean = above.sum(axis=-1) / np.maximum(count, 1)
    spread = np.where(np.isnan(samples), 0.0, above - mean[..., np.newaxis])
    variance = np.square(spread).sum(axis=-1) / np.maximum(count - 1, 1)
    enough = count >= 2
    return np.where(enough, origin[..., 0] + mean, np.nan), np.where(enough, np.sqrt(variance), np.nan)
