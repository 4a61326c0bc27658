"""Exponentially weighted mean of the last points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.base import Array, Bounds, Detector, parameter
from detectors.statistics import exponential_mean, past


@dataclass(frozen=True, kw_only=True)
class Ewma(Detector):
    """Exponentially weighted mean plus and minus `multiplier` standard deviations around it (Roberts, 1959).

    The standard deviation is that of past one-step errors, exponentially weighted with a memory of `deviation_days`
    (RiskMetrics, 1996). The method does not model the daily shape: its level follows it. The level reaches an outage
    within a few times `memory` points, and the band stays wide for days.

    Untuned, on labelled web metrics: 1.4 to 1.9 false notifications per week and series.

    Parameters
    ----------
    period
        Points in a day. The first band needs one day of errors.
    memory
        Mean age of the values in the level, in points: a new value has the weight ``1 / memory``.
    deviation_days
        Mean age of the errors in the standard deviation, in days.
    multiplier
        Half the band's width in standard deviations.

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("value")
    >>> bounds = detectors.create("ewma").detect(example.values)
    >>> bool(bounds.is_anomaly[example.labels].any())
    True
    """

    name: ClassVar[str] = "ewma"
    summary: ClassVar[str] = "little history, or no daily shape: the level follows within minutes"
    least_points: ClassVar[int] = 24
    proportional: ClassVar[bool] = True

    memory: float = parameter(3.0, least=1)
    deviation_days: float = parameter(3.0, least=1)
    multiplier: float = parameter(3.0, above=0)

    @property
    def promises(self) -> frozenset[str]:
        """Both: shift and scale."""
        return frozenset({"shift", "scale"})

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        expected = past(exponential_mean(values, self.memory), 1)[..., 0]
        squares = np.square(values - expected)
        variance = np.maximum(exponential_mean(squares, self.deviation_days * self.period), 0.0)
        deviation = past(np.sqrt(variance), 1)[..., 0]
        seen = past(np.cumsum(~np.isnan(squares), axis=1, dtype=np.float64), 1)[..., 0]
        half = np.where(seen >= self.period, self.multiplier * deviation, np.nan)
        return Bounds.from_band(values, expected + 0 * half, expected - half, expected + half)
