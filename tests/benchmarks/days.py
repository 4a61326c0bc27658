"""What the check of days finds at which noise, and how often it is wrong.

``python -m tests.benchmarks.days`` prints the tables of docs/days.md.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import detectors
from pipeline.alerts.detection.days import SLICE_SENSITIVITY

WEEK = np.array([1.0, 1.02, 1.03, 1.02, 1.05, 0.86, 0.82])
NOISES = (0.01, 0.02, 0.03, 0.05)
WEEKS = (4, 6, 8, 16)
DRIFT, DRIFT_DAYS, LOW = -0.03, 4, -0.12
TOTALS, SLICES = 6, 45
"""As many as the demo has."""
KINDS = {"normal": 0.0, "heavy tails (t of 5 degrees of freedom)": 5.0, "each day like the one before (AR 0.6)": -0.6}


def days(rng: np.random.Generator, series: int, count: int, noise: float, kind: float = 0.0) -> NDArray[np.float64]:
    """Counts of days whose noise after the weekday is known; `kind` is a value of `KINDS`."""
    errors = rng.standard_normal((series, count))
    if kind > 0:
        errors = rng.standard_t(kind, (series, count)) / np.sqrt(kind / (kind - 2))
    for day in range(1, count if kind < 0 else 0):
        errors[:, day] = -kind * errors[:, day - 1] + np.sqrt(1 - kind**2) * errors[:, day]
    values: NDArray[np.float64] = np.round(200_000 * WEEK[np.arange(count) % 7] * np.exp(noise * errors))
    return values


def found(rng: np.random.Generator, series: int, weeks: int, noise: float, factors: NDArray[np.float64]) -> float:
    """The share of series that are flagged on one of the days after `weeks`, which `factors` multiply."""
    values = days(rng, series, 7 * weeks + len(factors), noise)
    values[:, 7 * weeks :] = np.round(values[:, 7 * weeks :] * factors)
    scores = detectors.create("weekday", period=1, kind="count").detect(values).score[:, 7 * weeks :]
    return float((scores < -1).any(axis=1).mean())


def false_flags(rng: np.random.Generator, series: int, kind: float, sensitivity: float) -> float:
    """Flags a week and series on healthy days, of series of 4 to 16 weeks."""
    detector = detectors.create("weekday", period=1, kind="count", sensitivity=sensitivity)
    scores = detector.detect(days(rng, series, 16 * 7, 0.02, kind)).score[:, 28:]
    return float((np.abs(scores) > 1).mean() * 7)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.days", description=__doc__)
    parser.add_argument("--series", type=int, default=1000)
    series = parser.parse_args(arguments).series
    rng = np.random.default_rng(16)
    drift = np.power(1 + DRIFT, np.arange(1.0, DRIFT_DAYS + 1))
    low = np.array([1 + LOW])
    for weeks in WEEKS:
        cells = [f"{found(rng, series, weeks, noise, factors):.2f}" for factors in (drift, low) for noise in NOISES]
        print(f"| {weeks} | {' | '.join(cells)} |", flush=True)
    for name, kind in KINDS.items():
        totals, slices = (false_flags(rng, 2 * series, kind, s) for s in (1.0, SLICE_SENSITIVITY))
        together = TOTALS * totals + SLICES * slices
        print(f"{name}: {totals:.5f} a week and total, {slices:.5f} a slice; {together:.3f} a week in all", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
