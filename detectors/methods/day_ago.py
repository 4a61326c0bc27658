"""Relative deviation from the same slot a day ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.base import Array, Bounds, Detector, parameter
from detectors.statistics import last_columns, past, past_of_last


@dataclass(frozen=True, kw_only=True)
class DayAgo(Detector):
    """Band around the same slot a day ago, symmetric in ratio (field convention of alert scripts).

    The band is ``[x / (1 + threshold), x * (1 + threshold)]``. So growth by `threshold` and the fall that reverts it
    have the same absolute score. The band is at least `min_change` wide on either side. The method does not model
    weekends, and an incident raises a second flag a day later.

    Untuned, on labelled web metrics: 2.2 to 3.5 false notifications per week and series.

    Parameters
    ----------
    period
        Points in a day.
    threshold
        Relative growth at the edge of the band: 0.5 means 50 % up or a third down.
    min_change
        Smallest change that can be flagged, in events: units of the values, or of the numerator if there is a
        denominator. It suppresses flags in slots with few events. Use 0 for quantities that are not counts.

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("count")
    >>> bounds = detectors.create("day_ago").detect(example.values)
    >>> bool(bounds.is_anomaly[example.labels].any())
    True
    """

    name: ClassVar[str] = "day_ago"
    summary: ClassVar[str] = "only one day of history, or a rule that is easy to recompute by hand"

    period: int = parameter(96, least=1)
    threshold: float = parameter(0.5, above=0)
    min_change: float = parameter(20.0, least=0)

    @property
    def promises(self) -> frozenset[str]:
        """Scale if `min_change` is 0, because its unit is events."""
        return frozenset() if self.min_change else frozenset({"scale"})

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        return self._around(values, past(values, 1, self.period)[..., 0], denominator)

    def _last_columns(self, columns: int) -> slice:
        return last_columns(columns, 1, self.period)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        newest = None if denominator is None else denominator[:, -1:]
        return self._around(values[:, -1:], past_of_last(values, 1)[..., 0], newest)[:, 0]

    def _around(self, values: Array, expected: Array, denominator: Array | None) -> Bounds:
        events = 1.0 if denominator is None else np.where(denominator > 0, denominator, np.nan)
        change = np.abs(expected) * self.threshold
        lower = expected - np.maximum(change / (1 + self.threshold), self.min_change / events)
        upper = expected + np.maximum(change, self.min_change / events)
        return Bounds.from_band(values, expected, lower, upper)
