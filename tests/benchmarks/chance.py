"""False notifications of generated series without incidents: ``python -m tests.benchmarks.chance [SERIES]``.

Prints a row for each kind of noise: false notifications a week of `ensemble` and `seasonal`, without and with extremes.
Each series has 42 days, of which the last 28 count.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np

import detectors
from detectors.arrays import Array
from detectors.extremes import Extremes
from detectors.sparse import SPARSE, sparse_series
from tests.detectors.synthetic import PERIOD, noise, notifications

DAYS, LEARNT = 42, 14
Metric = tuple[str, Array, Array | None, Extremes]
"""Kind, values, denominator, extremes."""


def shapes(rng: np.random.Generator, series: int) -> Array:
    """Expected values around 1: a daily shape times a level that wanders."""
    slots = np.arange(DAYS * PERIOD)
    shape: Array = (1 + 0.5 * np.sin(2 * np.pi * slots / PERIOD)) * np.exp(noise(rng, series, len(slots)))
    return shape


def counts(rng: np.random.Generator, series: int, mean: float, parts: int, spread: float = 0.0) -> Metric:
    """Poisson counts of the parts of slots, whose rates vary by `spread` besides."""
    rate = np.repeat(mean * shapes(rng, series) / parts, parts, axis=1)
    rate *= rng.lognormal(-(spread**2) / 2, spread, rate.shape)
    inside = rng.poisson(rate).astype(float).reshape(series, -1, parts)
    return "count", inside.sum(axis=2), None, Extremes(inside.min(axis=2), inside.max(axis=2), length=1 / parts)


def ratios(rng: np.random.Generator, series: int, mean: float, parts: int) -> Metric:
    """Shares of 0.2 of the events of the parts of slots."""
    rate = np.repeat(mean * shapes(rng, series) / parts, parts, axis=1)
    events = np.maximum(rng.poisson(rate), 1)
    hits = rng.binomial(events, 0.2)
    by_slot, hits_by_slot = (array.reshape(series, -1, parts) for array in (events, hits))
    share = hits_by_slot / by_slot
    least, greatest = (
        np.take_along_axis(by_slot, at[..., np.newaxis], axis=2)[..., 0] for at in (share.argmin(2), share.argmax(2))
    )
    inside = Extremes(share.min(axis=2), share.max(axis=2), least, greatest, length=1 / parts)
    total = by_slot.sum(axis=2).astype(float)
    return "ratio", hits_by_slot.sum(axis=2) / total, total, inside


def values(rng: np.random.Generator, series: int, draw: Callable[[tuple[int, int, int]], Array], parts: int) -> Metric:
    """Any quantity: means of parts with this noise."""
    inside = 100 * shapes(rng, series)[..., np.newaxis] + 3 * draw((series, DAYS * PERIOD, parts))
    return "value", inside.mean(axis=2), None, Extremes(inside.min(axis=2), inside.max(axis=2))


def sparse(rng: np.random.Generator, series: int, name: str) -> Metric:
    """Series that are 0 in most thirds of slots."""
    thirds = sparse_series(name, rng, series=series, columns=3 * DAYS * PERIOD, period=3 * PERIOD)
    inside = thirds.reshape(series, -1, 3)
    return "value", inside.sum(axis=2), None, Extremes(inside.min(axis=2), inside.max(axis=2), length=1 / 3)


def metrics(rng: np.random.Generator, series: int) -> Iterator[tuple[str, Metric]]:
    """Yield each kind of series by its name."""
    yield "counts, 20 a slot, thirds", counts(rng, series, 20, 3)
    yield "counts, 400 a slot, thirds", counts(rng, series, 400, 3)
    yield "counts, 400 a slot, overdispersed", counts(rng, series, 400, 3, 0.1)
    yield "counts, 5,000 a slot, minutes", counts(rng, series, 5000, 15)
    yield "ratios, 2,000 a slot, minutes", ratios(rng, series, 2000, 15)
    yield "values, normal noise of minutes", values(rng, series, rng.standard_normal, 15)
    yield "values, Laplace noise of minutes", values(rng, series, lambda size: rng.laplace(0, 0.7, size), 15)
    yield "values, Student's t noise of minutes (4 degrees of freedom)", values(rng, series, heavy(rng), 15)
    yield "the same noise of thirds of a slot", values(rng, series, heavy(rng), 3)
    for name in SPARSE:
        yield f"mostly 0, {name}", sparse(rng, series, name)


def heavy(rng: np.random.Generator) -> Callable[[tuple[int, int, int]], Array]:
    return lambda size: rng.standard_t(4, size) / np.sqrt(2)


def main(series: int) -> None:
    """Print the table."""
    print("| series | `ensemble` | `seasonal` |\n| --- | --- | --- |")
    for name, (kind, given, denominator, extremes) in metrics(np.random.default_rng(1), series):
        cells = []
        for method in ("ensemble", "seasonal"):
            detector = detectors.create(method, kind=kind)
            both = (detector.detect(given, denominator, inside) for inside in (None, extremes))
            weeks = (DAYS - LEARNT) / 7
            cells.append(", ".join(f"{notifications(bounds, LEARNT * PERIOD) / weeks:.2f}" for bounds in both))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
