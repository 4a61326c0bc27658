"""What kind of number a metric is, and so what its noise looks like: a count, a ratio of counts, or any value."""

from __future__ import annotations

from typing import Literal

import numpy as np

from detectors.arrays import Array
from detectors.errors import DetectorError

Kind = Literal["count", "ratio", "value"]


class Noise:
    """The noise of one kind of number: where its shapes add up, where it is even, and how small it can be.

    Shapes of counts multiply, so they are taken apart as logarithms. They are judged as square roots, where the noise
    of a Poisson count is 1/2 whatever its size (Bartlett, 1936); for a ratio with n in the denominator it is
    ``sqrt((1 - p) / n) / 2``. Any other value is left as it is, and its noise can be nothing.

    Parameters
    ----------
    kind
        "count": never negative; "ratio": the same, over the denominators given; "value": any quantity.
    values, denominator
        What a detector was given, (S, T) or None. A denominator belongs to a ratio; for a count or a value it tells
        only, where it is 0, that there is no data.

    Raises
    ------
    DetectorError
        Negative counts, or a ratio without its denominator.
    """

    def __init__(self, kind: Kind, values: Array, denominator: Array | None) -> None:
        self.counted = kind != "value"
        if self.counted and (values < 0).any():
            raise DetectorError(f'values are negative, so they are no {kind}; kind="value" takes any quantity')
        if kind == "ratio" and denominator is None:
            raise DetectorError('a ratio is judged by its denominator; give it, or use kind="value"')
        self.events = np.ones((1, values.shape[1]))
        """Events behind a value of 1: the denominator of a ratio, else 1."""
        if kind == "ratio" and denominator is not None:
            self.events = np.where(denominator > 0, denominator, np.nan)

    def to_additive(self, values: Array, columns: slice = slice(None)) -> Array:
        """Where shapes add up: the logarithm of counts."""
        return np.log(values + 0.5 / self.events[:, columns]) if self.counted else values

    def from_additive(self, logs: Array, columns: slice = slice(None)) -> Array:
        """Undo `to_additive`; no count below 0."""
        return np.maximum(np.exp(logs) - 0.5 / self.events[:, columns], 0.0) if self.counted else logs

    def to_even(self, values: Array) -> Array:
        """Where noise is the same at every size: the square root of counts."""
        return np.sqrt(values) if self.counted else values

    def from_even(self, roots: Array) -> Array:
        """Undo `to_even`; no count below 0."""
        return np.square(np.maximum(roots, 0.0)) if self.counted else roots

    def least(self, expected: Array, columns: slice = slice(None)) -> Array:
        """Standard deviation that chance alone gives `expected`, as `to_even` shows it."""
        if not self.counted:
            return np.zeros_like(expected)
        return np.sqrt(self._spread(expected, columns) / self.events[:, columns]) / 2

    def band(
        self, expected: Array, width: float, deviation: Array, columns: slice = slice(None)
    ) -> tuple[Array, Array]:
        """Lower and upper bound: `width` standard deviations, as `to_even` shows them, on either side.

        Square roots are even but not symmetric: far below its expectation a count would pass for rarer than it is, and
        a share of more than a half by far. So the lower bound is lowered by what it would be off if the noise were
        chance alone.
        """
        least = self.least(expected, columns)
        middle, half = self.to_even(expected), width * np.maximum(deviation, least)
        lower, upper = self.from_even(middle - half), self.from_even(middle + half)
        if self.counted:
            lower = lower * self._share_of_quantile(expected, self.from_even(middle - width * least), width, columns)
        return lower, upper

    def _share_of_quantile(self, expected: Array, bound: Array, width: float, columns: slice) -> Array:
        """How much of a bound by square root is left by the quantile of chance, as Cornish and Fisher (1938) expand it.

        0 where no number of events is so rare.
        """
        events, spread = self.events[:, columns], self._spread(expected, columns)
        deviation = np.sqrt(np.maximum(expected * events * spread, 1.0))
        skew, kurtosis = 2 * spread - 1, 1 - 6 * spread * (1 - spread)
        second = skew * (width**2 - 1) / 6
        third = skew**2 * (2 * width**3 - 5 * width) / 36 - kurtosis * (width**3 - 3 * width) / 24
        # The square root has another second term. Half an event is between the last inside and the first outside.
        excess = spread * width**2 / 4 - second - third / deviation + 0.5
        number = bound * events
        return np.clip((number - excess) / np.maximum(number, 1e-9), 0.0, 1.0)

    def _spread(self, expected: Array, columns: slice) -> Array:
        """Variance of a number of events over the number expected: 1 - p for a share p; what can exceed 1 is none."""
        events = self.events[:, columns]
        return np.where((events > 1) & (expected < 1), np.maximum(1 - expected, 1 / events), 1.0)
