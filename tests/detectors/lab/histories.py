"""Histories and detectors for the tests of the lab."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from detectors.base import Array, Bounds, Detector, parameter
from detectors.lab.readers import from_array
from detectors.lab.series import Series

PERIOD = 24


def daily(series: int = 6, days: int = 30, seed: int = 0) -> list[Series]:
    """Hourly counts with the shape of a day and Poisson noise."""
    rng = np.random.default_rng(seed)
    hours = np.arange(days * PERIOD)
    shape = 300 + 200 * np.sin(2 * np.pi * hours / PERIOD)
    values = rng.poisson(np.broadcast_to(shape, (series, hours.size)))
    return from_array(values.astype(float), period=PERIOD, names=[f"metric {i}" for i in range(series)])


@dataclass(frozen=True, kw_only=True)
class Threshold(Detector):
    """Any value above `multiplier` is an anomaly, so a test knows its flags in advance."""

    name: ClassVar[str] = "test_threshold"
    summary: ClassVar[str] = "tests"

    multiplier: float = parameter(1.0, above=0)

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        zero = np.zeros_like(values)
        return Bounds.from_band(values, zero, zero - self.multiplier, zero + self.multiplier)


@dataclass(frozen=True, kw_only=True)
class Broken(Detector):
    """Fails on every series."""

    name: ClassVar[str] = "test_broken"
    summary: ClassVar[str] = "tests"

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        raise RuntimeError("no such luck")


@dataclass(frozen=True, kw_only=True)
class Slow(Threshold):
    """Takes 0.1 s per series."""

    name: ClassVar[str] = "test_slow"

    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        time.sleep(0.1)
        return super()._detect(values, denominator)


FAST = ["sigma", "difference", "ewma"]
METHODS = [*FAST, Broken()]
HOSTILE = '<script>alert(1)</script> $x$ & "q"'


def awkward() -> list[Series]:
    """Series of which the first has a hostile name and a note."""
    first, *others = daily()
    return [replace(first, name=HOSTILE, notes=("3 rows out of order: sorted",)), *others]
