"""Days by their weekday: drifts and single days at a known noise, and how often healthy days are flagged."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import detectors
from detectors.methods.weekday import Weekday

WEEK = np.array([1.0, 1.02, 1.03, 1.02, 1.05, 0.86, 0.82])
SERIES, WEEKS = 200, 8
DETECTOR = Weekday(period=1, kind="count")


def days(count: int, noise: float, growth: float = 0.0) -> NDArray[np.float64]:
    """Days of `SERIES` apps whose noise after the weekday is known."""
    rng = np.random.default_rng(3)
    shape = WEEK[np.arange(count) % 7] * (1 + growth) ** np.arange(count)
    values: NDArray[np.float64] = np.round(50_000 * shape * np.exp(noise * rng.standard_normal((SERIES, count))))
    return values


def share_found(noise: float, factors: NDArray[np.float64]) -> float:
    """The share of the series that are flagged in one of the days after `WEEKS`, which `factors` multiply."""
    values = days(7 * WEEKS + len(factors), noise)
    values[:, 7 * WEEKS :] *= factors
    return float((np.abs(DETECTOR.detect(values).score[:, 7 * WEEKS :]) > 1).any(axis=1).mean())


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_drift_of_three_percent_a_day_is_found_in_four_days(sign: int) -> None:
    drift = np.power(1 + sign * 0.03, np.arange(1.0, 5.0))
    assert share_found(0.01, drift) == 1
    assert share_found(0.02, drift) >= 0.9
    assert share_found(0.03, drift) >= 0.3
    assert share_found(0.05, drift) < 0.2  # as large as the noise of a day and a half


def test_one_low_day_is_found_where_its_noise_allows() -> None:
    low = np.array([0.88])
    assert share_found(0.01, low) >= 0.98
    assert share_found(0.02, low) >= 0.5
    assert share_found(0.05, low) < 0.1


@pytest.mark.parametrize("growth", [0.0, 0.005])
def test_healthy_days_are_quiet(growth: float) -> None:
    scores = DETECTOR.detect(days(84, 0.02, growth)).score
    assert np.isnan(scores[:, :21]).all()
    assert not np.isnan(scores[:, 21:]).any()
    assert (np.abs(scores[:, 21:]) > 1).sum() <= 3  # of 12,600


def test_a_day_after_one_bad_day_is_judged_alone() -> None:
    values = days(7 * WEEKS + 2, 0.02)
    values[:, -2] *= 0.5
    scores = DETECTOR.detect(values).score
    assert (scores[:, -2] < -1).all()
    assert (np.abs(scores[:, -1]) > 1).mean() < 0.02


def test_small_counts_have_the_noise_of_chance() -> None:
    rng = np.random.default_rng(1)
    values = rng.poisson(6 * WEEK[np.arange(84) % 7], (SERIES, 84)).astype(np.float64)
    flagged = np.abs(DETECTOR.detect(values).score) > 1
    assert flagged.sum() <= 5


def test_other_kinds_of_values_and_several_points_a_day() -> None:
    values = days(84, 0.02)
    ratio = detectors.create("weekday", period=1, kind="ratio")
    ratios = ratio.detect(values / 200_000, np.full(values.shape, 200_000.0))
    assert (np.abs(ratios.score[:, 21:]) > 1).sum() <= 3
    # Two slots a day are two series of their own.
    both = np.repeat(values, 2, axis=1)
    both[:, 1::2] *= 3
    twice = Weekday(period=2, kind="count").detect(both)
    np.testing.assert_allclose(twice.score[:, ::2], DETECTOR.detect(values).score, atol=1e-12)
