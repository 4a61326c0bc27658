"""`detect_day` equals the newest day of `detect`, with holes, late starts and days that are not over."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import Detector, DetectorError, Extremes, create
from detectors.contract import healthy_counts
from tests.detectors.test_contract import INSTANCES

OWN = [detector for detector in INSTANCES if type(detector)._detect_day is not Detector._detect_day]


@pytest.mark.parametrize("detector", [*OWN, create("ewma", period=12)], ids=repr)
def test_the_newest_day_is_that_of_detect(detector: Detector) -> None:
    rng = np.random.default_rng(4)
    values = healthy_counts(detector.period, 32, rng)
    counts = np.where(rng.random(values.shape) < 0.02, 0.0, 50.0)
    values[0, : 3 * detector.period + 1] = np.nan
    values[rng.random(values.shape) < 0.02] = np.nan
    for size in (values.shape[1], 31 * detector.period, 2):
        whole = detector.detect(values[:, :size], counts[:, :size])
        day = detector.detect_day(values[:, :size], counts[:, :size])
        today = (size - 1) // detector.period * detector.period
        for one, other in zip(day.arrays, whole[:, today:].arrays, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
        if detector.takes_extremes:
            _compare_with_extremes(detector, values[:, :size], counts[:, :size], today)
    single = detector.detect_day(values[1], counts[1])
    assert single.score.shape == (values.shape[1] - (values.shape[1] - 1) // detector.period * detector.period,)


def _compare_with_extremes(
    detector: Detector, values: NDArray[np.float64], counts: NDArray[np.float64], today: int
) -> None:
    rng = np.random.default_rng(5)
    thirds = values / 3 * rng.uniform(0.9, 1.1, (2, *values.shape))
    thirds[0, :, today::2] *= 5
    thirds[0, :, today + 1 :: 2] = 0
    inside = Extremes(thirds.min(axis=0), thirds.max(axis=0), counts / 3, counts / 3, length=1 / 3)
    whole = detector.detect(values, counts, inside)
    day = detector.detect_day(values, counts, inside)
    for one, other in zip(day.every, whole[:, today:].every, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    if values.shape[1] > 30 * detector.period:
        assert day.spoke is not None
        assert {1, 2} <= set(day.spoke.ravel().tolist())


def test_no_values_are_refused() -> None:
    with pytest.raises(DetectorError, match="detect_day needs at least one column"):
        create("sigma").detect_day(np.empty((2, 0)))
