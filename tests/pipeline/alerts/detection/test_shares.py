"""Checks of shares with the forecast of their total; every slice here has a share of one half."""

import math

import numpy as np
import pytest
from numpy.typing import ArrayLike

from detectors.base import Array, score_band
from detectors.noise import Kind, Noise
from pipeline.alerts.detection.shares import Score, with_forecasts
from pipeline.slots import Part

TOTAL, SLICE = Part("views"), Part("views", "os", "iOS")
WIDTH = 5.0


def scored(values: Array, of: Array, expected: float, kind: Kind) -> list[Score]:
    means = np.full_like(values, expected)
    noise = Noise(kind, values, of)
    low, high = noise.band(means, WIDTH, noise.least(means))
    numbers = np.array([values, of, means, low, high, score_band(values, means, low, high)])[:, 0]
    return [Score("seasonal", *row) for row in numbers.T.tolist()]


def all_by_share(events: ArrayLike, of: ArrayLike, forecast: float) -> list[tuple[Score, Score]]:
    """Check slices by their shares alone, and with the forecast."""
    mine, whole = np.array([events], dtype=float), np.array([of], dtype=float)
    slices = scored(mine / whole, whole, 1 / 2, "ratio")
    totals = scored(whole, np.ones_like(whole), forecast, "count")
    before = {(TOTAL, window): total for window, total in enumerate(totals)}
    after = with_forecasts(before | {(SLICE, window): one for window, one in enumerate(slices)}, WIDTH)
    assert all(after[key] == total for key, total in before.items())
    return [(one, after[SLICE, window]) for window, one in enumerate(slices)]


def by_share(events: float, of: float, forecast: float) -> tuple[Score, Score]:
    (pair,) = all_by_share([events], [of], forecast)
    return pair


def test_missing_events_count_if_events_are_few() -> None:
    alone, with_forecast = by_share(0, of=20, forecast=40)
    assert alone.score >= -1
    assert with_forecast.score < -1
    assert alone.expected * alone.denominator < with_forecast.expected * with_forecast.denominator < 20


@pytest.mark.parametrize("events", [4400, 5000, 5700])
def test_only_the_share_counts_if_events_are_many(events: float) -> None:
    alone, with_forecast = by_share(events, of=10_000, forecast=10_300)
    assert with_forecast.score == pytest.approx(alone.score, abs=0.05)
    assert with_forecast.value * with_forecast.denominator == pytest.approx(events)
    assert with_forecast.lower * with_forecast.denominator == pytest.approx(alone.lower * alone.denominator, rel=0.005)


@pytest.mark.parametrize("noisier", [1.0, 2.0, 3.0])
def test_a_slice_that_is_noisier_than_chance_keeps_its_wider_band(noisier: float) -> None:
    # With 10,000 events, the square root of a share of 1/2 has a standard deviation of sqrt((1 - 1/2) / 10,000) / 2.
    root, deviation = math.sqrt(1 / 2), noisier * math.sqrt(0.5 / 10_000) / 2
    lower, upper = ((root + side * WIDTH * deviation) ** 2 for side in (-1, 1))
    slice_ = Score("seasonal", 1 / 2, 10_000, 1 / 2, lower, upper, 0.0)
    total = Score("seasonal", 10_000, 1, 10_000, 9_000, 11_000, 0.0)
    after = with_forecasts({(TOTAL, 1): total, (SLICE, 1): slice_}, WIDTH)[SLICE, 1]
    assert after.upper - after.expected == pytest.approx(upper - 1 / 2, rel=0.02)
    assert after.expected - after.lower == pytest.approx(1 / 2 - lower, rel=0.02)


def test_chance_moves_a_share_as_rarely_as_before() -> None:
    rng = np.random.default_rng(8)
    others, events = rng.poisson(18, 4000), rng.poisson(18, 4000)
    scores = np.array([result.score for _, result in all_by_share(events, events + others, 36)])
    assert np.std(scores * WIDTH) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("of", "forecast"), [(200.0, 900.0), (0.0, 10.0), (50.0, math.nan)], ids=["moved", "nothing", "no forecast"]
)
def test_the_share_counts_if_the_total_is_outside_its_band(of: float, forecast: float) -> None:
    slice_ = Score("seasonal", 0.1, of, 1 / 2, 0.1, 0.6, -0.9)
    total = Score("seasonal", of, 1, forecast, 5, 600, -2 if forecast == 900 else forecast - forecast)
    before = {(TOTAL, 1): total, (SLICE, 1): slice_}
    assert with_forecasts(before, WIDTH) is before


def test_a_slice_of_a_ratio_is_its_own_rate() -> None:
    ctr, ios = Part("ctr"), Part("ctr", "os", "iOS")
    score = Score("seasonal", 0.1, 40, 0.2, 0.1, 0.4, -0.9)
    before = {(ctr, 1): score, (ios, 1): score}
    assert with_forecasts(before, WIDTH) is before
