"""The rule of the contract for detectors that promise to be quiet on series that are mostly zero."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detectors.base import Array, Bounds, Detector
from detectors.checks import denominator_for, require
from detectors.episodes import episodes
from detectors.extremes import Extremes
from detectors.sparse import SPARSE, sparse_series

_SERIES, _THIRDS = 10, 3
_MOST_A_WEEK = 1.0
_FAR = 200.0


def _quiet(detector: Detector, values: Array) -> None:
    """A detector that promises "quiet" is so on series that are mostly 0, and sees a value far beyond all others."""
    if "quiet" not in detector.promises:
        return
    columns, period = values.shape[1], detector.period
    for name in SPARSE:
        rng = np.random.default_rng(23)
        slots = sparse_series(name, rng, series=_SERIES, columns=columns, period=period)
        counts = denominator_for(detector, slots)
        slots = slots if counts is None else slots / counts
        _check_rate(detector, slots, None, name)
        slots[:, -1] = _FAR * slots.max()
        found = detector.detect_last(slots, counts).is_anomaly
        require(found.all(), f"{_FAR:g} times the greatest value of {name} is inside the band")
        if detector.takes_extremes:
            thirds = sparse_series(name, rng, series=_SERIES, columns=columns * _THIRDS, period=period * _THIRDS)
            _check_rate(detector, *_with_extremes(thirds.reshape(_SERIES, columns, _THIRDS), counts), name)


def _with_extremes(thirds: Array, counts: Array | None) -> tuple[Array, Extremes]:
    """Values and extremes of slots (S, T) from their thirds, (S, T, 3)."""
    slots, least, greatest = thirds.sum(axis=-1), thirds.min(axis=-1), thirds.max(axis=-1)
    if counts is None:
        return slots, Extremes(least, greatest, length=1 / _THIRDS)
    part = counts / _THIRDS
    return slots / counts, Extremes(least / part, greatest / part, part, part, length=1 / _THIRDS)


def _check_rate(detector: Detector, slots: Array, extremes: Extremes | None, name: str) -> None:
    half = slots.shape[1] // 2
    bounds: Bounds = detector.detect(slots, denominator_for(detector, slots), extremes)[:, half:]
    what = name if extremes is None else f"{name} with extremes"
    require(np.mean(np.isfinite(bounds.score)) > 0.5, f"most of the second half of {what} has no score")
    hour, weeks = max(1, detector.period // 24), (slots.shape[1] - half) / detector.period / 7
    rate = sum(len(episodes(flags, gap=hour)) for flags in bounds.is_anomaly) / len(slots) / weeks
    require(rate <= _MOST_A_WEEK, f"{rate:.1f} false notifications a week on {what}")


RULES_OF_SPARSE: tuple[Callable[[Detector, Array], None], ...] = (_quiet,)
