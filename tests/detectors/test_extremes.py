"""Detectors with the least and the greatest sub-slot of each slot."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import detectors
from detectors import DetectorError, Extremes, Look
from detectors.base import Array
from tests.detectors.synthetic import PERIOD, noise, notifications

TAKING = ["seasonal", "ensemble"]
VALUES = np.array([1.0, 2.0, 3.0, 4.0])


@pytest.mark.parametrize("method", TAKING)
@pytest.mark.parametrize(
    ("extremes", "message"),
    [
        (7, "extremes must be detectors.Extremes or a pair (least, greatest)"),
        ((VALUES, VALUES, VALUES), "extremes must be detectors.Extremes or a pair (least, greatest)"),
        ((VALUES[:3], VALUES), "extremes.least has the shape (3,), values have (4,)"),
        ((VALUES, VALUES[np.newaxis]), "extremes.greatest has the shape (1, 4), values have (4,)"),
        ((VALUES, ["a"] * 4), "extremes.greatest must be numbers"),
        ((VALUES, [2.0, 3.0, 4.0, np.inf]), "extremes.greatest is infinite at column 3"),
        ((VALUES, VALUES - 1), "extremes.least is greater than extremes.greatest at column"),
        (
            Extremes(VALUES, VALUES, length=0),
            "extremes.length must be a share of the slot, above 0 and at most 1, not 0",
        ),
        (Extremes(VALUES, VALUES, length=15), "extremes.length must be a share of the slot"),
        (Extremes(VALUES, VALUES, [1, 2], VALUES), "extremes.least_denominator has the shape (2,), values have (4,)"),
        (Extremes(VALUES, VALUES, VALUES), "extremes need both denominators or none"),
        (Extremes(VALUES, VALUES, VALUES, -VALUES), "extremes.greatest_denominator must hold counts"),
    ],
)
def test_wrong_extremes_are_refused_by_name(method: str, extremes: Any, message: str) -> None:
    detector = detectors.create(method)
    for detect in (detector.detect, detector.detect_last):
        with pytest.raises(DetectorError, match=re.escape(message)):
            detect(VALUES, None, extremes)


@pytest.mark.parametrize("method", sorted(set(detectors.available()) & {"sigma", "iqr", "stl", "ewma", "day_ago"}))
def test_other_methods_refuse_extremes(method: str) -> None:
    detector = detectors.create(method)
    assert not detector.takes_extremes
    for detect in (detector.detect, detector.detect_last):
        with pytest.raises(DetectorError, match=f"{method} takes no extremes"):
            detect(VALUES, None, (VALUES, VALUES))


@pytest.mark.parametrize("method", TAKING)
def test_ratios_need_the_denominators_of_their_extremes(method: str) -> None:
    detector = detectors.create(method, kind="ratio")
    with pytest.raises(DetectorError, match='kind="ratio" needs the denominator'):
        detector.detect(VALUES / 10, VALUES, (VALUES / 10, VALUES / 10))


@pytest.mark.parametrize("method", TAKING)
def test_what_spoke(method: str) -> None:
    """One slot dips as a whole, in another only its least minute does, in a third its greatest minute rises."""
    period = 24
    values = 100 + np.random.default_rng(1).normal(0, 1, 20 * period)
    least, greatest = values - 2, values + 2
    slots = [-9, -6, -3]
    values[-9], least[-9] = 20, 17
    least[-6], greatest[-3] = 20, 180
    detector = detectors.create(method, period=period)
    bounds = detector.detect(values, extremes=(least, greatest))
    assert bounds.spoke is not None
    assert bounds.is_anomaly[slots].all()
    assert bounds.spoke[[-6, -3]].tolist() == [Look.LEAST, Look.GREATEST]
    assert np.sign(bounds.score[slots]).tolist() == [-1, -1, 1]
    assert bounds.is_anomaly[-2 * period :].sum() == 3
    # The band is that of the slots, and only the slot that dipped as a whole is outside it.
    outside = (values < bounds.lower) | (values > bounds.upper)
    assert np.flatnonzero(outside[-2 * period :]).tolist() == [2 * period - 9]
    newest = detector.detect_last(values[:-5], extremes=Extremes(least[:-5], greatest[:-5]))
    assert newest.spoke == Look.LEAST
    assert newest.is_anomaly
    assert bounds[-6].spoke == Look.LEAST
    assert detector.detect(values).spoke is None


def inside(parts: Array) -> tuple[Array, Extremes]:
    """Return the counts of slots, and their extremes, from the counts of thirds of slots."""
    thirds = parts.reshape(len(parts), -1, 3)
    return thirds.sum(axis=2), Extremes(thirds.min(axis=2), thirds.max(axis=2), length=1 / 3)


def rate_of_thirds(rng: np.random.Generator, *, series: int, days: int) -> Array:
    """Expected events of thirds of a slot: 400 a slot on average, with a daily shape and a level that wanders."""
    slots = np.arange(days * PERIOD)
    shape = 400 * (1 + 0.5 * np.sin(2 * np.pi * slots / PERIOD)) * np.exp(noise(rng, series, len(slots)))
    return np.repeat(shape / 3, 3, axis=1)


@pytest.mark.parametrize("method", TAKING)
def test_extremes_raise_no_more_false_alarms(method: str) -> None:
    rng = np.random.default_rng(3)
    counts, extremes = inside(rng.poisson(rate_of_thirds(rng, series=12, days=28)).astype(float))
    detector = detectors.create(method, kind="count")
    without, both = detector.detect(counts), detector.detect(counts, None, extremes)
    first = 14 * PERIOD
    assert notifications(both, first) <= notifications(without, first) + 1 / 12


@pytest.mark.parametrize("method", TAKING)
def test_five_minutes_of_half_the_events_are_found(method: str) -> None:
    rng = np.random.default_rng(4)
    rate = rate_of_thirds(rng, series=100, days=21)[:, : (20 * PERIOD + 1) * 3]  # the last slot expects 400 events
    rate[:, -2] /= 2
    counts, extremes = inside(rng.poisson(rate).astype(float))
    detector = detectors.create(method, kind="count")
    found = [detector.detect_last(counts, None, given).is_anomaly.mean() for given in (None, extremes)]
    assert found[0] < 0.4
    assert found[1] > 0.7
