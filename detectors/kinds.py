"""What kind of number a metric is, and so what its noise looks like: a count, a ratio of counts, or any value."""

from __future__ import annotations

from typing import Literal

import numpy as np

from detectors.base import Array, DetectorError

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
        events = self.events[:, columns]
        # A share p of n events has the variance p * (1 - p) / n; what can exceed 1 is no share.
        spread = np.where((events > 1) & (expected < 1), np.maximum(1 - expected, 1 / events), 1.0)
        return np.sqrt(spread / events) / 2
