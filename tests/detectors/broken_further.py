"""Detectors that each break a rule of the contract for extremes, or the promise to be quiet on series of zeros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from detectors import Bounds
from detectors.base import Array, Inside
from detectors.extremes import Given
from detectors.statistics import past
from tests.detectors.broken import Sound


@dataclass(frozen=True, kw_only=True)
class TakesExtremes(Sound):
    """Follows the contract: an extreme is compared with the mean of the last three, plus or minus a fixed width."""

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        expected = self._expected(values)
        return Bounds.from_band(values, expected, expected - 6000, expected + 6000)

    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        gap: Array = inside.values - past(inside.values, 3).mean(axis=-1)
        return inside.side * np.maximum(inside.side * gap, 0.0) / 1200


@dataclass(frozen=True, kw_only=True)
class IgnoresExtremes(Sound):
    """It accepts extremes without a word."""

    def detect(self, values: ArrayLike, denominator: ArrayLike | None = None, extremes: Given | None = None) -> Bounds:
        return super().detect(values, denominator)


@dataclass(frozen=True, kw_only=True)
class AlarmsTheUnknown(TakesExtremes):
    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        score = super()._score_extremes(values, denominator, inside)
        return np.where(np.isnan(score), 5.0 * inside.side, score)


@dataclass(frozen=True, kw_only=True)
class SeesBothSides(TakesExtremes):
    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        return -super()._score_extremes(values, denominator, inside)


@dataclass(frozen=True, kw_only=True)
class ForgetsExtremes(TakesExtremes):
    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        return super()._score_extremes(values, denominator, inside) / 1000


@dataclass(frozen=True, kw_only=True)
class SeesFutureExtremes(TakesExtremes):
    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        greatest = np.nan_to_num(inside.values).max(axis=1, keepdims=True)
        return super()._score_extremes(values, denominator, inside) * np.where(greatest > 4e3, 1.1, 1.0)


@dataclass(frozen=True, kw_only=True)
class LastExtremeDiffers(TakesExtremes):
    def _score_last_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        return 1.1 * self._score_extremes(values, denominator, inside)[:, -1]


@dataclass(frozen=True, kw_only=True)
class ExtremesBreakTheShift(TakesExtremes):
    @property
    def promises(self) -> frozenset[str]:
        return frozenset({"shift"})

    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        return super()._score_extremes(values, denominator, inside) * (1 + (inside.values < 0))


@dataclass(frozen=True, kw_only=True)
class Quiet(TakesExtremes):
    """Follows the contract, with its promise: where the mean of the last three is small, the widths are small, too."""

    small: ClassVar[tuple[float, float]] = (20.0, 20.0)
    """Half the width for slots and for extremes."""

    @property
    def promises(self) -> frozenset[str]:
        return frozenset({"quiet"})

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        expected = self._expected(values)
        width = np.where(expected < 10, self.small[0], 6000.0)
        return Bounds.from_band(values, expected, expected - width, expected + width)

    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        score = super()._score_extremes(values, denominator, inside)
        return np.where(self._expected(inside.values) < 10, 1200 / self.small[1] * score, score)


@dataclass(frozen=True, kw_only=True)
class AlarmsAtErrors(Quiet):
    small = (0.01, 20.0)


@dataclass(frozen=True, kw_only=True)
class AlarmsAtMinutes(Quiet):
    small = (20.0, 0.01)


@dataclass(frozen=True, kw_only=True)
class SleepsThroughAll(Quiet):
    small = (6000.0, 6000.0)


@dataclass(frozen=True, kw_only=True)
class NeverSpeaksOfErrors(Quiet):
    def _expected(self, values: Array) -> Array:
        expected = super()._expected(values)
        return np.where(expected < 1, np.nan, expected)
