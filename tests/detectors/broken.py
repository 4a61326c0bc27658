"""Detectors that each break one rule of the contract for slots.

The classes define no `name`, so they are not registered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from detectors import Bounds, Detector
from detectors.base import Array
from detectors.extremes import Given
from detectors.statistics import past


@dataclass(frozen=True, kw_only=True)
class Sound(Detector):
    """Follows the contract: the mean of the last three points plus and minus a wide band."""

    summary: ClassVar[str] = "tests"

    def _expected(self, values: Array) -> Array:
        mean: Array = past(values, 3).mean(axis=-1)
        return mean

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        expected = self._expected(values)
        return Bounds.from_band(values, expected, expected - 3000, expected + 3000)


Sound.name = "test_sound"


@dataclass(frozen=True, kw_only=True)
class SeesTheFuture(Sound):
    def _expected(self, values: Array) -> Array:
        return np.broadcast_to(np.nanmean(np.nan_to_num(values), axis=1, keepdims=True), values.shape)


@dataclass(frozen=True, kw_only=True)
class SeesItself(Sound):
    def _expected(self, values: Array) -> Array:
        return super()._expected(values) + 0.01 * np.nan_to_num(values)


@dataclass(frozen=True, kw_only=True)
class Random(Sound):
    calls: list[int] = field(default_factory=list, compare=False, hash=False)

    def _expected(self, values: Array) -> Array:
        self.calls.append(1)
        return super()._expected(values) + len(self.calls) * 1e-3


@dataclass(frozen=True, kw_only=True)
class Mutates(Sound):
    def _expected(self, values: Array) -> Array:
        values[:, 0] = 1
        return super()._expected(values)


@dataclass(frozen=True, kw_only=True)
class MutatesThroughItsView(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        owner: Any = denominator
        while owner is not None and owner.base is not None:
            owner = owner.base
        if owner is not None:
            owner[:] = 1
        return super()._detect(values, denominator)


@dataclass(frozen=True, kw_only=True)
class MixesSeries(Sound):
    def _expected(self, values: Array) -> Array:
        own = super()._expected(values)
        mixed: Array = own + np.nan_to_num(own).mean(axis=0) * 1e-3
        return mixed


@dataclass(frozen=True, kw_only=True)
class LastDiffers(Sound):
    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        return self._detect(values * 1.01, denominator)[:, -1]


@dataclass(frozen=True, kw_only=True)
class LastSeesTooLittle(Sound):
    def _last_columns(self, columns: int) -> slice:
        return slice(max(0, columns - 2), columns)


@dataclass(frozen=True, kw_only=True)
class LastForgetsTheDenominator(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        expected = self._expected(values)
        width = 3000.0 if denominator is None else 3000 / np.maximum(denominator, 1)
        return Bounds.from_band(values, expected, expected - width, expected + width)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        return self._detect(values, None)[:, -1]


@dataclass(frozen=True, kw_only=True)
class ReadsMemory(Sound):
    def _expected(self, values: Array) -> Array:
        return super()._expected(values.ravel(order="K").reshape(values.shape))


@dataclass(frozen=True, kw_only=True)
class LastReadsMemory(Sound):
    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        return self._detect(values.ravel(order="K").reshape(values.shape), denominator)[:, -1]


@dataclass(frozen=True, kw_only=True)
class LastRoundsFloat32(Sound):
    def detect_last(
        self, values: ArrayLike, denominator: ArrayLike | None = None, extremes: Given | None = None
    ) -> Bounds:
        bounds = self.detect(values, denominator)[..., -1]
        coarse = np.asarray(values).dtype == np.float32
        return Bounds(bounds.expected.round(1) if coarse else bounds.expected, bounds.lower, bounds.upper, bounds.score)


@dataclass(frozen=True, kw_only=True)
class WarnsOnGaps(Sound):
    def _expected(self, values: Array) -> Array:
        mean: Array = np.nanmean(past(values, 3), axis=-1)
        return mean


@dataclass(frozen=True, kw_only=True)
class NeverRecovers(Sound):
    def _expected(self, values: Array) -> Array:
        before = np.concatenate([np.zeros((len(values), 1)), values[:, :-1]], axis=1)
        return np.cumsum(before, axis=1) / np.arange(1, values.shape[1] + 1)


@dataclass(frozen=True, kw_only=True)
class CountsColumns(Sound):
    """Its history is a number of columns, known or not."""

    def _expected(self, values: Array) -> Array:
        mean = np.nancumsum(values, axis=1) / np.arange(1, values.shape[1] + 1)
        return np.where(np.arange(values.shape[1]) < 5 * self.period, np.nan, past(mean, 1)[..., 0])


@dataclass(frozen=True, kw_only=True)
class LooksAtTheFront(Sound):
    """It looks whether the first column is missing."""

    def detect(self, values: ArrayLike, denominator: ArrayLike | None = None, extremes: Given | None = None) -> Bounds:
        bounds = super().detect(values, denominator)
        front = np.isnan(np.asarray(values)[..., :1])
        return Bounds.from_band(np.asarray(values), *(array + front for array in bounds.arrays[:3]))


@dataclass(frozen=True, kw_only=True)
class Mute(Sound):
    def _expected(self, values: Array) -> Array:
        return np.full(values.shape, np.nan)


@dataclass(frozen=True, kw_only=True)
class CriesWolf(Sound):
    def _expected(self, values: Array) -> Array:
        return np.full(values.shape, -1e6)


@dataclass(frozen=True, kw_only=True)
class FlagsConstants(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        expected = self._expected(values)
        expected = np.where(np.ptp(past(values, 3), axis=-1) == 0, expected + 1e4, expected)
        return Bounds.from_band(values, expected, expected - 3000, expected + 3000)


@dataclass(frozen=True, kw_only=True)
class UpsideDown(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        bounds = super()._detect(values, denominator)
        return Bounds(bounds.expected, bounds.upper, bounds.lower, bounds.score)


@dataclass(frozen=True, kw_only=True)
class ScoreForgetsTheBand(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        bounds = super()._detect(values, denominator)
        return Bounds(bounds.expected, bounds.lower, bounds.upper, bounds.score / 10)


@dataclass(frozen=True, kw_only=True)
class ScoresTheMissing(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        bounds = super()._detect(values, denominator)
        return Bounds(bounds.expected, bounds.lower, bounds.upper, np.nan_to_num(bounds.score))


@dataclass(frozen=True, kw_only=True)
class WrongSign(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        bounds = super()._detect(values, denominator)
        return Bounds(bounds.expected, bounds.lower, bounds.upper, -bounds.score)


@dataclass(frozen=True, kw_only=True)
class Narrow(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        bounds = super()._detect(values, denominator)
        return Bounds(bounds.expected.astype(np.float32), bounds.lower, bounds.upper, bounds.score)


@dataclass(frozen=True, kw_only=True)
class WrongShape(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        return super()._detect(values, denominator)[:, 1:]


@dataclass(frozen=True, kw_only=True)
class BreaksItsPromise(Sound):
    @property
    def promises(self) -> frozenset[str]:
        return frozenset({"scale"})


@dataclass(frozen=True, kw_only=True)
class BreaksItsShift(Sound):
    @property
    def promises(self) -> frozenset[str]:
        return frozenset({"shift"})

    def _expected(self, values: Array) -> Array:
        return 0.9 * super()._expected(values)


@dataclass(frozen=True, kw_only=True)
class ChangesItsParameter(Sound):
    window: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "window", self.window + 1)


class Undecorated(Sound):
    window: int = 5


@dataclass(frozen=True, kw_only=True)
class LaterDenominators(Sound):
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        expected = self._expected(values)
        width = 3000.0 if denominator is None else 3000 / denominator.max()
        return Bounds.from_band(values, expected, expected - width, expected + width)
