"""The result of a detector: a band and a score for each value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import JUST_ABOVE_ONE, Array
from detectors.compilation import kernels_for

__all__ = ["JUST_ABOVE_ONE", "Array", "Bounds", "Look", "furthest", "score_band"]


class Look(IntEnum):
    """What of a slot is furthest from its normal: its value, or its least or greatest sub-slot."""

    SLOT = 0
    LEAST = 1
    GREATEST = 2


@dataclass(frozen=True, eq=False)
class Bounds:
    """Band and score of each value. All arrays have the shape of the values.

    Attributes
    ----------
    expected, lower, upper
        The band, in the units of the values. NaN where history is too short, and for methods that only score.
    score
        Signed distance from `expected` in band widths: ``abs(score) > 1`` if and only if the value is outside the
        band. NaN where the value or its history is missing. With extremes it is the score of what is furthest: the
        value, the least or the greatest. Then a value inside the band can have a score outside.
    spoke
        With extremes: which of the three has the score, as numbers of `Look`. None without extremes.
    """

    expected: Array
    lower: Array
    upper: Array
    score: Array
    spoke: NDArray[np.int8] | None = None

    @classmethod
    def from_band(cls, values: Array, expected: Array, lower: Array, upper: Array) -> Bounds:
        """Score `values` against a band. The arrays are broadcast against each other."""
        score = score_band(values, expected, lower, upper)
        expected, lower, upper = (np.broadcast_to(array, score.shape) for array in (expected, lower, upper))
        return cls(expected, lower, upper, score)

    @property
    def is_anomaly(self) -> NDArray[np.bool_]:
        """True where ``abs(score) > 1``. False where the value is inside the band or has no score."""
        return np.abs(self.score) > 1

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """The four arrays: expected, lower, upper, score."""
        return self.expected, self.lower, self.upper, self.score

    @property
    def every(self) -> tuple[NDArray[Any], ...]:
        """The four arrays, and `spoke` if there is any."""
        return self.arrays if self.spoke is None else (*self.arrays, self.spoke)

    def __getitem__(self, key: Any) -> Bounds:
        """Index all arrays alike: ``bounds[..., -1]`` is the newest column."""
        return self.map(lambda array: np.asarray(array[key]))

    def map(self, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Bounds:
        """Apply a function to each array."""
        return Bounds(*(function(array) for array in self.every))


def furthest(slot: Bounds, extremes: Array) -> Bounds:
    """Return the bounds of the slots with the score of what is furthest.

    `extremes` are the scores of the least sub-slots, in as many rows as the slots have, and then of the greatest.
    """
    scores = np.concatenate([slot.score, extremes]).reshape(3, *slot.score.shape)
    size = np.where(np.isnan(scores), -1.0, np.abs(scores))
    spoke = np.where(np.isnan(slot.score), Look.SLOT, size.argmax(axis=0)).astype(np.int8)
    score = np.take_along_axis(scores, spoke[np.newaxis].astype(np.intp), axis=0)[0]
    return Bounds(slot.expected, slot.lower, slot.upper, score, spoke)


def score_band(values: Array, expected: Array, lower: Array, upper: Array) -> Array:
    """Return the signed distance of `values` from `expected`, in widths of the band on their side.

    A comparison with the bound decides whether a value is outside. The quotient is then clamped to agree with the
    comparison, because a division at the edge can be wrong by one unit in the last place. A band of zero width gives
    0 for a value equal to `expected`, otherwise +-inf. An infinite bound gives 0 on its side. NaN gives NaN.
    """
    kernels = kernels_for(values)
    if kernels:
        arrays = np.broadcast_arrays(values, expected, lower, upper)
        score = np.empty(arrays[0].shape)
        kernels.score_band(*(np.ascontiguousarray(array).ravel() for array in arrays), score.ravel())
        return score
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap = values - expected
        width = np.where(gap > 0, upper - expected, expected - lower)
        score = np.where((gap == 0) & ~np.isnan(width), 0.0, gap / width)
        score = np.where(values > upper, np.maximum(score, JUST_ABOVE_ONE), score)
        score = np.where(values < lower, np.minimum(score, -JUST_ABOVE_ONE), score)
        return np.where((values >= lower) & (values <= upper), np.clip(score, -1.0, 1.0), score)
