"""Relative deviation from the same slot a day ago: the check that teams write first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.base import Array, Bounds, Detector, parameter
from detectors.statistics import last_columns, past, past_of_last


@dataclass(frozen=True, kw_only=True)
class DayAgo(Detector):
    """Band around the same slot a day ago, symmetric in ratio (field convention of alert scripts).

    Growth by `threshold` and the fall that undoes it are equally far out: the band is ``[x / (1 + threshold),
    x * (1 + threshold)]``, never narrower than `min_change` on either side. It knows no weekends, and an incident
    echoes a day later.

    As it is, without tuning, it gives 2.2 to 3.5 false notifications per week and series on labelled web metrics.

    Parameters
    ----------
    period
        Points in a day.
    threshold
        Relative growth at which the band ends: 0.5 is half as much again, or a third less.
    min_change
        The smallest change worth a flag, in events: in units of the values, or of the numerator where a denominator
        is given. Keeps a handful of events a slot from flagging; 0 for quantities that are no counts.
    """

    name: ClassVar[str] = "day_ago"
    summary: ClassVar[str] = "a day of history is all there is, or a rule anybody can recompute by hand"

    period: int = parameter(96, least=1)
    threshold: float = parameter(0.5, above=0)
    min_change: float = parameter(20.0, least=0)

    @property
    def promises(self) -> frozenset[str]:
        """Scale, where there is no `min_change`: that is in events."""
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
