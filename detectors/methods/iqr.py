"""Quartiles of the past: the fences of a box plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.base import Array, Bounds, Detector, parameter
from detectors.statistics import last_columns, past_of_last, past_quantiles, quantiles_and_count

_LEVELS = (0.25, 0.5, 0.75)


@dataclass(frozen=True, kw_only=True)
class Iqr(Detector):
    """Fences `multiplier` interquartile ranges beyond the quartiles of past points (Tukey, 1977).

    The expected value is the median. NaN where fewer than half of the points are present.

    Untuned, on labelled web metrics: 6.2 to 6.4 false notifications per week and series.

    Parameters
    ----------
    period
        Points in a day.
    window
        Number of past points: the same slot of that many days, or that many consecutive points.
    same_slot
        True: the history is the same slot of past days. False: it is the last points (a rolling band), for series
        without a daily shape.
    multiplier
        Distance of the fences from the quartiles in interquartile ranges: 1.5 is Tukey's "outside", 3 his "far out".

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("count")
    >>> bounds = detectors.create("iqr", window=14).detect(example.values)
    >>> bool(bounds.is_anomaly[example.labels].any())
    True
    """

    name: ClassVar[str] = "iqr"
    summary: ClassVar[str] = "a history with incidents and no weekly shape (weekends would widen the quartiles)"

    window: int = parameter(28, least=3)
    same_slot: bool = parameter(True)
    multiplier: float = parameter(1.5, above=0)

    @property
    def promises(self) -> frozenset[str]:
        """Both: shift and scale."""
        return frozenset({"shift", "scale"})

    @property
    def _step(self) -> int:
        return self.period if self.same_slot else 1

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        return self._band(values, *past_quantiles(values, self.window, self._step, *_LEVELS))

    def _last_columns(self, columns: int) -> slice:
        return last_columns(columns, self.window, self._step)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        quartiles_and_count = quantiles_and_count(past_of_last(values, self.window), *_LEVELS)
        return self._band(values[:, -1:], *quartiles_and_count)[:, 0]

    def _band(self, values: Array, first: Array, middle: Array, third: Array, present: Array) -> Bounds:
        fence = np.where(2 * present >= self.window, self.multiplier * (third - first), np.nan)
        return Bounds.from_band(values, np.where(np.isnan(fence), np.nan, middle), first - fence, third + fence)
