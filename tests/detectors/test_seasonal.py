"""Expected values of the seasonal detectors, on series without noise."""

from __future__ import annotations

import numpy as np
import pytest

import detectors
from detectors.methods.ensemble import Ensemble
from detectors.methods.seasonal import Seasonal
from detectors.noise import Kind

DAY = 24


@pytest.mark.parametrize("kind", ["count", "value"])
def test_after_a_day_without_data_the_level_is_that_of_the_days_before(kind: Kind) -> None:
    values = np.full(22 * DAY, 100.0)
    values[20 * DAY : 21 * DAY] = np.nan
    bounds = Seasonal(period=DAY, kind=kind).detect(values)
    assert bounds.expected[21 * DAY :] == pytest.approx(100.0)
    assert not bounds.is_anomaly[21 * DAY :].any()


def test_bands_begin_after_the_minimum_history() -> None:
    bounds = Seasonal(period=DAY, min_days=5, days=10, kind="count").detect(np.full(7 * DAY, 100.0))
    assert np.isnan(bounds.expected[: 5 * DAY]).all()
    assert bounds.expected[5 * DAY :] == pytest.approx(100.0)


@pytest.mark.parametrize(("kind", "expected"), [("count", 200.0), ("value", 100.0)])
def test_the_ensemble_knows_weekdays_of_counts_and_not_of_values(kind: Kind, expected: float) -> None:
    # Every seventh day has twice the count in the evening.
    table = np.full((29, DAY), 100.0)
    table[::7, 18:] = 200.0
    bounds = Ensemble(period=DAY, days=28, kind=kind).detect(table.reshape(-1))
    # At the first slot of the evening the day so far is like any other day.
    assert bounds.expected[28 * DAY + 18] == pytest.approx(expected, rel=0.05)


def test_detect_last_equals_detect_for_points_closer_than_15_minutes() -> None:
    # With a point every 10 minutes the previous day matters too, so `detect_last` computes the scales of two days.
    period = 144
    rng = np.random.default_rng(5)
    values = rng.poisson(100, 6 * period + 7).astype(float)
    detector = Ensemble(period=period, days=4, kind="count")
    whole, newest = detector.detect(values), detector.detect_last(values)
    for name in ("expected", "lower", "upper", "score"):
        assert getattr(newest, name) == pytest.approx(getattr(whole, name)[-1])


@pytest.mark.parametrize("first", range(7))
def test_the_first_day_after_the_minimum_history_is_as_quiet_as_later_ones(first: int) -> None:
    # Saturdays have three quarters of a weekday's events, Sundays two thirds.
    period, min_days, rng = 96, 14, np.random.default_rng(3)
    columns = np.arange(24 * period)
    factors = np.array([1, 1, 1, 1, 1, 0.75, 0.66])[(columns // period + first) % 7]
    shape = 1 + 0.6 * np.sin(2 * np.pi * columns / period)
    values = rng.poisson(2000 * shape * factors, (3, len(columns))).astype(float)
    bounds = Seasonal(period=period, kind="count").detect(values)
    flags = bounds.is_anomaly.reshape(3, -1, period).sum(axis=2)
    assert np.isnan(bounds.score[:, : min_days * period]).all()
    assert np.isfinite(bounds.score[:, min_days * period :]).all()
    assert flags.max() <= 1


@pytest.mark.parametrize("kind", ["count", "value"])
def test_scores_scatter_alike_in_a_young_series_and_in_an_old_one(kind: Kind) -> None:
    # Bands that did not know how little they were fitted to gave 1.09 of the scatter after 14 days, and more messages.
    period, rng = 96, np.random.default_rng(7)
    columns = np.arange(29 * period)
    shape = 0.5 * np.sin(2 * np.pi * columns / period)
    values = shape + rng.normal(0, 0.05, (200, len(columns)))
    values = values if kind == "value" else rng.poisson(np.exp(7 + values)).astype(float)
    detector = Seasonal(period=period, kind=kind)
    young, old = (detector.detect_day(series).score for series in (values[:, -15 * period :], values))
    assert young.std() / old.std() == pytest.approx(1, abs=0.04)


def test_a_slot_that_was_never_seen_is_not_judged() -> None:
    # The source has rows from 6:00 to 21:00 only, and on the last day around the clock.
    period = 96
    night = np.r_[:24, 84:96]
    table = np.full((21, period), 200.0)
    table[:-1, night] = np.nan
    for name in ("seasonal", "ensemble", "holt_winters", "stl"):
        scores = detectors.create(name, period=period).detect(table.ravel()).score[-period:]
        assert np.isnan(scores[night]).all(), name
        assert np.isfinite(scores[24:84]).all(), name
