"""Generated series that are 0 in most slots, without incidents: error counters, rare purchases, bursts."""

from __future__ import annotations

import numpy as np

from detectors.arrays import Array
from detectors.errors import DetectorError

SPARSE = ("errors", "purchases", "bursts")


def sparse_series(name: str, rng: np.random.Generator, *, series: int, columns: int, period: int) -> Array:
    """Generate series (series, columns) that are 0 in most slots.

    Parameters
    ----------
    name
        "errors": an error counter, 0 in nine slots of ten, otherwise with a heavy tail. "purchases": rare counts, most
        at one time of the day. "bursts": retries that go on for three slots.
    rng
        Source of chance.
    series, columns
        Shape of the result.
    period
        Points in a day.

    Raises
    ------
    DetectorError
        There is no generator of this name.
    """
    shape = (series, columns)
    if name == "errors":
        return np.where(rng.random(shape) < 0.1, 0.05 * rng.lognormal(0, 1.2, shape), 0.0)
    if name == "purchases":
        by_day = 0.3 * (1 + np.sin(2 * np.pi * np.arange(columns) / period))
        return rng.poisson(np.broadcast_to(by_day, shape)).astype(float)
    if name == "bursts":
        starts = rng.random(shape) < 0.03
        running = starts | np.roll(starts, 1, axis=1) | np.roll(starts, 2, axis=1)
        return np.where(running, rng.gamma(2.0, 1.0, shape), 0.0)
    raise DetectorError(f"there is no generator {name!r}; there are: {', '.join(SPARSE)}")
