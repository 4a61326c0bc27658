"""Computes the bands of whole series for plots. Pure except for luigi.cfg."""

from collections.abc import Container, Sequence

import numpy as np

from pipeline.alerts.detection.checks import WINDOWS, batches
from pipeline.alerts.detection.monitor import Monitor
from pipeline.slots.series import Adjustment, Array, Part, Series

Band = tuple[Array, Array, Array]
"""Expected, lower and upper of every column, (T,), in the units of the part."""


def bands(
    series: Series, monitors: Sequence[Monitor], adjustments: Sequence[Adjustment], parts: Container[Part]
) -> dict[Part, Band]:
    """Compute the bands of some parts; the parameters are those of `checks.evaluate`."""
    computed = {}
    for batch in batches(series, monitors, adjustments, only=parts):
        bounds = batch.detector.detect(batch.values, batch.denominators)
        for row, (part, window) in enumerate(batch.keys):
            if window == WINDOWS[0]:
                scale = batch.denominators[row] if part.is_share and batch.denominators is not None else 1.0
                arrays = (bounds.expected, bounds.lower, bounds.upper)
                expected, lower, upper = (_padded(array[row] * scale, series) for array in arrays)
                computed[part] = (expected, lower, upper)
    return computed


def _padded(row: Array, series: Series) -> Array:
    """Pad a row to all columns with NaN. Slices are checked with the newest columns only."""
    return np.concatenate([np.full(series.numerators.shape[1] - len(row), np.nan), row])
