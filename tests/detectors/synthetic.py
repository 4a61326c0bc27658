"""Synthetic metrics: a rate with the shape of a day and a week times AR(1) log-noise, and Poisson counts around it."""

from __future__ import annotations

import numpy as np

from detectors import Bounds
from detectors.base import Array

PERIOD = 96


def noise(rng: np.random.Generator, series: int, columns: int, deviation: float = 0.03, memory: float = 0.9) -> Array:
    """AR(1) noise (series, columns) with the given standard deviation."""
    shocks = rng.normal(0, deviation * np.sqrt(1 - memory**2), (series, columns))
    shocks[:, 0] = rng.normal(0, deviation, series)
    for column in range(1, columns):
        shocks[:, column] += memory * shocks[:, column - 1]
    return shocks


def rates(
    rng: np.random.Generator, mean: float, *, days: int, series: int, weekend: float = 0.75, growth: float = 1.0
) -> Array:
    """Expected events by slot (series, days * PERIOD): `mean` on a working day, times `weekend` on the last two."""
    slot = np.arange(days * PERIOD)
    angle = 2 * np.pi * slot / PERIOD
    shape = 1 + 0.6 * np.sin(angle - 2.2) + 0.15 * np.sin(2 * angle - 1.3)
    week = np.where(slot // PERIOD % 7 >= 5, weekend, 1.0)
    rate: Array = mean * shape * week * growth ** (slot / PERIOD) * np.exp(noise(rng, series, len(slot)))
    return rate


def notifications(bounds: Bounds, first: int) -> float:
    """Episodes (flags less than an hour apart) per series from column `first` on."""
    from detectors.episodes import episodes

    flags = bounds.is_anomaly[:, first:]
    return sum(len(episodes(series, gap=4)) for series in flags) / len(flags)
