"""Loops of `detectors.statistics` and `detectors.bounds`, compiled by numba for large batches.

In a sorted window a missing value is stored as infinity, so that it sorts last and needs no special case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from detectors.arrays import JUST_ABOVE_ONE, Array

MEDIAN_ABSOLUTE_DEVIATION = -1.0
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function. numba caches the result on disk for later processes if it has a writable directory."""
    try:
        return cast(Function, njit(cache=True, error_model="numpy")(function))
    except RuntimeError:  # no writable directory: a read-only installation and no home directory
        return cast(Function, njit(error_model="numpy")(function))


@compiled
def _quantile(window: Array, number: int, level: float) -> float:
    if number == 0:
        return np.nan
    position = level * (number - 1)
    below = int(position)
    low, high = window[1 + below], window[1 + min(below + 1, number - 1)]
    between: float = low + (high - low) * (position - below)
    return between


@compiled
def _distance(window: Array, number: int, middle: float, rank: int) -> float:
    """The `rank`-th smallest distance from `middle`. The nearest `rank` values are adjacent in a sorted window."""
    nearest = np.inf
    for first in range(1, number - rank + 2):
        down, up = middle - window[first], window[first + rank - 1] - middle
        reach = down if down > up else up
        nearest = reach if reach < nearest else nearest
    return nearest


@compiled
def _absolute_deviation(window: Array, number: int, middle: float) -> float:
    """Median of the distances from `middle`."""
    if number == 0:
        return np.nan
    low = _distance(window, number, middle, (number + 1) // 2)
    high = _distance(window, number, middle, number // 2 + 1) if number % 2 == 0 else low
    return low + (high - low) * 0.5


@compiled
def past_quantiles(values: Array, count: int, step: int, levels: Array, results: Array, present: Array) -> None:
    """Quantiles (level, S, T) of the `count` columns before each, `step` apart, and the number of values (S, T).

    The level `MEDIAN_ABSOLUTE_DEVIATION` selects that statistic instead of a quantile. Writes into `results` and
    `present`.
    """
    columns = values.shape[1]
    window, moved = np.empty(count + 2), np.empty(count + 2)
    for row in range(len(values)):
        line = values[row]
        for slot in range(min(step, columns)):
            window[:] = np.inf
            window[0] = moved[0] = -np.inf
            moved[count + 1] = np.inf
            number = 0
            for column in range(slot, columns, step):
                present[row, column] = number
                for i in range(levels.size):
                    if levels[i] == MEDIAN_ABSOLUTE_DEVIATION:
                        middle = _quantile(window, number, 0.5)
                        results[i, row, column] = _absolute_deviation(window, number, middle)
                    else:
                        results[i, row, column] = _quantile(window, number, levels[i])
                old = line[column - count * step] if column >= count * step else np.nan
                new = line[column]
                number += int(not np.isnan(new)) - int(not np.isnan(old))
                old = np.inf if np.isnan(old) else old
                new = np.inf if np.isnan(new) else new
                # Remove `old` from the sorted window and insert `new` without branches: each element follows from its
                # old neighbours. Both a binary search (mispredicted branches) and a function call (1/3) are slower.
                for i in range(1, count + 1):
                    before, here, after = window[i - 1], window[i], window[i + 1]
                    left = before if before < old else here
                    right = here if here < old else after
                    least = right if right < new else new
                    moved[i] = left if left > least else least
                window, moved = moved, window


@compiled
def _sums_by_block(table: Array, size: int, block: int, before: Array, after: Array) -> None:
    """Sums within blocks: `before` of the values before each value, `after` of the value and those after it.

    The sum of a window as long as a block is one element of `after` plus one of `before`. Unlike in a running sum, an
    outlier leaves no rounding error after it has left the window. The three rows are summed in parallel, because each
    addition of a row waits for its previous one.
    """
    for start in range(0, size, block):
        stop = min(start + block, size)
        left0 = left1 = left2 = right0 = right1 = right2 = 0.0
        for i in range(stop - start):
            first, last = start + i, stop - 1 - i
            before[0, first], before[1, first], before[2, first] = left0, left1, left2
            left0, left1, left2 = left0 + table[0, first], left1 + table[1, first], left2 + table[2, first]
            right0, right1, right2 = right0 + table[0, last], right1 + table[1, last], right2 + table[2, last]
            after[0, last], after[1, last], after[2, last] = right0, right1, right2


@compiled
def _moments_afresh(window: Array) -> tuple[float, float]:
    """`detectors.statistics.mean_and_deviation` of one window."""
    origin, number, total, squares = np.inf, 0, 0.0, 0.0
    for value in window:
        if not np.isnan(value):
            number += 1
            origin = min(origin, value)
    for value in window:
        if not np.isnan(value):
            total += value - origin
    mean = total / number
    for value in window:
        if not np.isnan(value):
            squares += (value - origin - mean) ** 2
    return origin + mean, np.sqrt(squares / (number - 1))


@compiled
def past_moments(
    values: Array, count: int, step: int, lost_digits: float, mean: Array, deviation: Array, present: Array
) -> None:
    """Mean, sample standard deviation and number of values of the `count` columns before each, `step` apart."""
    columns = values.shape[1]
    room = -(-columns // step)
    line, means, deviations = np.empty(room), np.empty(room), np.empty(room)
    table = np.zeros((3, count + room))
    before, after = np.empty((3, count + room)), np.empty((3, count + room))
    for row in range(len(values)):
        origin = 0.0
        for value in values[row]:
            if not np.isnan(value):
                origin = value
                break
        for slot in range(min(step, columns)):
            size = len(range(slot, columns, step))
            for i in range(size):
                value = values[row, slot + i * step]
                missing = np.isnan(value)
                above = 0.0 if missing else value - origin
                line[i] = value
                table[0, count + i] = 0.0 if missing else 1.0
                table[1, count + i] = above
                table[2, count + i] = above * above
            _sums_by_block(table, count + size, count, before, after)
            doubtful = 0
            for i in range(size):
                number = after[0, i] + before[0, count + i]
                total = after[1, i] + before[1, count + i]
                square = after[2, i] + before[2, count + i]
                average = total / number
                variance = (square - total * average) / (number - 1)
                means[i] = origin + average if number >= 2 else np.nan
                deviations[i] = np.sqrt(variance if variance > 0 else 0.0) if number >= 2 else np.nan
                after[0, i] = number
                lost = number >= 2 and variance * number < lost_digits * square
                after[1, i] = 1.0 if lost else 0.0
                doubtful += int(lost)
            if doubtful:
                for i in range(size):
                    if after[1, i] > 0:
                        means[i], deviations[i] = _moments_afresh(line[max(0, i - count) : i])
            for i in range(size):
                column = slot + i * step
                mean[row, column], deviation[row, column], present[row, column] = means[i], deviations[i], after[0, i]


@compiled
def score_band(values: Array, expected: Array, lower: Array, upper: Array, score: Array) -> None:
    """`detectors.bounds.score_band` of one-dimensional arrays; writes into `score`."""
    for i in range(values.size):
        value, middle, low, high = values[i], expected[i], lower[i], upper[i]
        gap = value - middle
        width = high - middle if gap > 0 else middle - low
        result = 0.0 if gap == 0 and not np.isnan(width) else gap / width
        # Every comparison with NaN is false, so NaN stays.
        if value >= low and value <= high:
            result = 1.0 if result > 1.0 else (-1.0 if result < -1.0 else result)
        elif value > high:
            result = JUST_ABOVE_ONE if result < JUST_ABOVE_ONE else result
        elif value < low:
            result = -JUST_ABOVE_ONE if result > -JUST_ABOVE_ONE else result
        score[i] = result
