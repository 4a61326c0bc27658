"""Difference to the last point, in units of how points usually differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.base import Array, Bounds, Detector, parameter
from detectors.statistics import SIGMAS_PER_MAD, median, past, past_days


@dataclass(frozen=True, kw_only=True)
class Difference(Detector):
    """Last value plus and minus `multiplier` robust standard deviations of the differences (field convention).

    The deviation is the median absolute difference between neighbours in the past `days`, learnt anew at the start
    of each day, counted from the first column. It catches onsets at once and is blind to an incident that stands: the
    second point of an outage is as usual, and the recovery is a jump again. NaN where the last value is missing.

    As it is, without tuning, it gives 0.9 to 1.9 false notifications per week and series on labelled web metrics.

    Parameters
    ----------
    period
        Points in a day.
    days
        History of differences that is used; a day is enough to speak.
    multiplier
        Half the band's width in standard deviations of a difference.
    """

    name: ClassVar[str] = "difference"
    summary: ClassVar[str] = (
        "jumps and spikes of any smooth series, a daily shape or not; blind to what stands or drifts"
    )

    days: int = parameter(14, least=1)
    multiplier: float = parameter(6.0, above=0)

    @property
    def promises(self) -> frozenset[str]:
        """Both."""
        return frozenset({"shift", "scale"})

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        last = past(values, 1)[..., 0]
        half = np.full(values.shape, np.nan)
        for start, stop, history in past_days(np.abs(values - last), self.period, self.days):
            usual = median(history.reshape(len(values), -1))
            half[:, start:stop] = self.multiplier * SIGMAS_PER_MAD * usual[:, np.newaxis]
        return Bounds.from_band(values, last + 0 * half, last - half, last + half)

    def _last_columns(self, columns: int) -> slice:
        return slice(max(0, (columns - 1) // self.period - self.days - 1) * self.period, columns)
