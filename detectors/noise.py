"""The noise model of a metric by its kind: a count, a ratio of counts, or any other value."""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal

import numpy as np

from detectors.arrays import Array
from detectors.errors import DetectorError

Kind = Literal["count", "ratio", "value"]


_WIDTH = 5.0
"""Width of a band in standard deviations for which the noise of extremes is exact."""


def invariances(kind: Kind) -> frozenset[str]:
    """Return what a method of this noise promises: both for values, none for others, whose noise depends on size."""
    return frozenset({"shift", "scale"}) if kind == "value" else frozenset()


class Noise:
    """The transformations of one kind of metric: additive scale, even (variance-stabilized) scale, minimum noise.

    The daily shape, the weekly shape and the level of counts are factors, so they are separated on the logarithmic
    scale. Deviations are measured on the square root scale. There the standard deviation of a Poisson count is 1/2 at
    every size (Bartlett, 1936), and that of a ratio p with denominator n is ``sqrt((1 - p) / n) / 2``. Other values are
    not transformed and have no minimum noise.

    Parameters
    ----------
    kind
        "count": never negative; "ratio": a count divided by `denominator`; "value": any quantity.
    values, denominator
        Input of a detector, (S, T) or None. For counts and values the denominator only marks missing data, where it
        is 0.
    length
        For an extreme: the share of the slot among whose parts it is the furthest, if known.
    slots
        Number of first rows that are whole slots where the others are extremes.

    Raises
    ------
    DetectorError
        A count or ratio is negative, or a ratio has no denominator.
    """

    def __init__(
        self, kind: Kind, values: Array, denominator: Array | None, length: float | None = None, *, slots: int = 0
    ) -> None:
        self.counted = kind != "value"
        if self.counted and (values < 0).any():
            raise DetectorError(f'negative values cannot be a {kind}; kind="value" takes any quantity')
        if kind == "ratio" and denominator is None:
            raise DetectorError('kind="ratio" needs the denominator; give it, or use kind="value"')
        self.events = np.ones((1, values.shape[1]))
        """Events per unit of the value: the denominator of a ratio, otherwise 1."""
        if kind == "ratio" and denominator is not None:
            self.events = np.where(denominator > 0, denominator, np.nan)
        of_extreme = 1.0 if length is None else _share_of_extreme(max(1, round(1 / length)))
        self.share = np.where(np.arange(len(values)) < slots, 1.0, of_extreme)[:, np.newaxis]
        """The sampling noise relative to that of a single value."""

    def to_additive(self, values: Array, columns: slice = slice(None)) -> Array:
        """Transform to the scale on which shapes add up: the logarithm of counts and ratios."""
        return np.log(values + 0.5 / self.events[:, columns]) if self.counted else values

    def from_additive(self, logs: Array, columns: slice = slice(None)) -> Array:
        """Invert `to_additive`; counts are at least 0."""
        return np.maximum(np.exp(logs) - 0.5 / self.events[:, columns], 0.0) if self.counted else logs

    def to_even(self, values: Array) -> Array:
        """Transform to the scale on which noise is even: the square root of counts and ratios."""
        return np.sqrt(values) if self.counted else values

    def from_even(self, roots: Array) -> Array:
        """Invert `to_even`; counts are at least 0."""
        return np.square(np.maximum(roots, 0.0)) if self.counted else roots

    def least(self, expected: Array, columns: slice = slice(None)) -> Array:
        """Return the standard deviation of pure sampling noise around `expected`, on the even scale."""
        if not self.counted:
            return np.zeros_like(expected)
        return self.share * np.sqrt(self._spread(expected, columns) / self.events[:, columns]) / 2

    def band(
        self, expected: Array, width: float | Array, deviation: Array, columns: slice = slice(None)
    ) -> tuple[Array, Array]:
        """Return lower and upper bound: `width` standard deviations of the even scale on either side.

        The square root stabilizes the variance but leaves skewness. It makes a count far below its expectation look
        rarer than it is, even more so for a share above 1/2. The lower bound is therefore lowered by its error under
        pure sampling noise.
        """
        least = self.least(expected, columns)
        middle, half = self.to_even(expected), width * np.maximum(deviation, least)
        lower, upper = self.from_even(middle - half), self.from_even(middle + half)
        if self.counted:
            lower = lower * self._share_of_quantile(expected, self.from_even(middle - width * least), width, columns)
        return lower, upper

    def _share_of_quantile(self, expected: Array, bound: Array, width: float | Array, columns: slice) -> Array:
        """Ratio of the quantile of sampling noise (Cornish and Fisher, 1938, expansion) to the square root's bound.

        0 where no number of events is that rare.
        """
        events, spread = self.events[:, columns], self._spread(expected, columns)
        deviation = np.sqrt(np.maximum(expected * events * spread, 1.0))
        skew, kurtosis = 2 * spread - 1, 1 - 6 * spread * (1 - spread)
        second = skew * (width**2 - 1) / 6
        third = skew**2 * (2 * width**3 - 5 * width) / 36 - kurtosis * (width**3 - 3 * width) / 24
        # The expansions of both bounds have the same first two terms, so `excess` is the difference of the others. The
        # bound lies half an event below the smallest count inside.
        excess = spread * width**2 / 4 - second - third / deviation + 0.5
        number = bound * events
        return np.clip((number - excess) / np.maximum(number, 1e-9), 0.0, 1.0)

    def _spread(self, expected: Array, columns: slice) -> Array:
        """Variance of the number of events / its expectation: 1 - p for a share p, otherwise 1."""
        events = self.events[:, columns]
        return np.where((events > 1) & (expected < 1), np.maximum(1 - expected, 1 / events), 1.0)


def _share_of_extreme(count: int) -> float:
    """Standard deviation that gives the furthest of `count` values the false alarms of a single value.

    In standard deviations of one value: the furthest is expected at `middle` (Blom, 1958), and it is beyond `edge` as
    often as a single value is beyond `_WIDTH`. So `_WIDTH` of the result are the distance between the two.
    """
    normal = NormalDist()
    middle = normal.inv_cdf((count - 0.375) / (count + 0.25)) if count > 1 else 0.0
    edge = -normal.inv_cdf(normal.cdf(-_WIDTH) / count)
    return (edge - middle) / _WIDTH
