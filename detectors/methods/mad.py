"""Median and median absolute deviation of the past: the robust k-sigma rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.base import Array, Bounds, Detector, parameter
from detectors.statistics import (
    SIGMAS_PER_MAD,
    last_columns,
    median_and_deviation,
    past_median_and_deviation,
    past_of_last,
)


@dataclass(frozen=True, kw_only=True)
class Mad(Detector):
    """Median of past points plus and minus `multiplier` robust standard deviations (Hampel identifier, 1974).

    The robust standard deviation is 1.4826 times the median absolute deviation from the median. NaN where fewer than
    half of the points are present.

    As it is, without tuning, it gives 5.2 to 6.3 false notifications per week and series on labelled web metrics.

    Parameters
    ----------
    period
        Points in a day.
    window
        How many past points: the same slot of so many days, or so many points in a row.
    same_slot
        True compares with the same slot of the past days; False with the last points, a rolling band, for series
        without a daily shape.
    multiplier
        Half the band's width in robust standard deviations: 3 is Hampel's.
    """

    name: ClassVar[str] = "mad"
    summary: ClassVar[str] = "the history holds incidents, up to half of it; weekends must not differ much"

    window: int = parameter(28, least=3)
    same_slot: bool = parameter(True)
    multiplier: float = parameter(3.0, above=0)

    @property
    def promises(self) -> frozenset[str]:
        """Both."""
        return frozenset({"shift", "scale"})

    @property
    def _step(self) -> int:
        return self.period if self.same_slot else 1

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        return self._band(values, *past_median_and_deviation(values, self.window, self._step))

    def _last_columns(self, columns: int) -> slice:
        return last_columns(columns, self.window, self._step)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        return self._band(values[:, -1:], *median_and_deviation(past_of_last(values, self.window)))[:, 0]

    def _band(self, values: Array, middle: Array, deviation: Array, present: Array) -> Bounds:
        half = np.where(2 * present >= self.window, self.multiplier * SIGMAS_PER_MAD * deviation, np.nan)
        return Bounds.from_band(values, np.where(np.isnan(half), np.nan, middle), middle - half, middle + half)
