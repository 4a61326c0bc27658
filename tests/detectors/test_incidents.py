"""The ensemble catches injected incidents, does not adopt an incident of a few hours, and adopts a permanent shift."""

from __future__ import annotations

import numpy as np
import pytest

import detectors
from detectors import Bounds
from detectors.base import Array
from tests.detectors.synthetic import PERIOD, noise, notifications, rates

DAYS, SERIES = 42, 12
AT = 30 * PERIOD + 50
"""Midday of a working day."""
KINDS = ["count", "value", "ratio"]


def metric(kind: str, seed: int = 3) -> tuple[Array, Array | None]:
    """Healthy values (SERIES, DAYS * PERIOD) and, for a ratio, the denominators."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rates(rng, 1000, days=DAYS, series=SERIES, weekend=1.0)).astype(float)
    if kind == "count":
        return counts, None
    if kind == "ratio":
        return rng.binomial(counts.astype(int), 0.2) / np.maximum(counts, 1), counts
    columns = np.arange(DAYS * PERIOD)
    return 50 + 10 * np.sin(2 * np.pi * columns / PERIOD) + 10 * noise(rng, SERIES, len(columns)), None


def detect(kind: str, values: Array, denominator: Array | None, **parameters: float) -> Bounds:
    return detectors.create("ensemble", kind=kind, **parameters).detect(values, denominator)


def lowered(kind: str, values: Array, share: float, points: int) -> Array:
    """Lower `points` columns from AT on by a relative `share`, or by 10 * `share` for a "value" (no natural zero)."""
    changed = values.copy()
    part = slice(AT, AT + points)
    changed[:, part] = values[:, part] - 10 * share if kind == "value" else values[:, part] * (1 - share)
    return changed


@pytest.mark.parametrize("kind", KINDS)
def test_healthy_series_are_quiet(kind: str) -> None:
    weeks = DAYS / 7 - 2
    assert notifications(detect(kind, *metric(kind)), 14 * PERIOD) / weeks <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_an_outage_is_caught_at_once_and_leaves_no_echo(kind: str, share: float) -> None:
    values, denominator = metric(kind)
    before = detect(kind, values, denominator)
    bounds = detect(kind, lowered(kind, values, share, 8), denominator)
    assert (bounds.score[:, AT] < -1).all()
    # The return to normal is not an anomaly, from its first point on.
    recovered = slice(AT + 8, AT + 12)
    assert bounds.is_anomaly[:, recovered].sum() <= before.is_anomaly[:, recovered].sum() + 1
    for days in (1, 7):
        echo = slice(AT + days * PERIOD - 4, AT + days * PERIOD + 12)
        assert bounds.is_anomaly[:, echo].sum() <= before.is_anomaly[:, echo].sum() + 1
        # An echo would halve the expected value; a median that loses one of its days moves by noise only.
        assert np.abs(bounds.expected[:, echo] / before.expected[:, echo] - 1).max() < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_an_outage_stands_out_for_hours(kind: str) -> None:
    values, denominator = metric(kind)
    bounds = detect(kind, lowered(kind, values, 1.0, 8), denominator)
    assert bounds.is_anomaly[:, AT : AT + 8].mean() > 0.9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level_days", [1.0, 2.0])
def test_a_shift_that_stays_is_adopted_after_half_of_the_memory(kind: str, level_days: float) -> None:
    values, denominator = metric(kind)
    shifted = lowered(kind, values, 0.5, values.shape[1] - AT)
    bounds = detect(kind, shifted, denominator, level_days=level_days)
    expected = bounds.expected / detect(kind, values, denominator, level_days=level_days).expected
    half = round(level_days * PERIOD / 2)
    adopted = np.median(shifted[:, AT:] / values[:, AT:])
    # It is the old level an hour or two before, and the new level an hour or two after.
    np.testing.assert_allclose(expected[:, AT + half - 12], 1, atol=0.1 if kind == "value" else 0.2)
    np.testing.assert_allclose(expected[:, AT + half + 12], adopted, atol=0.1)
    after = slice(AT + half + 24, AT + half + 24 + PERIOD)
    assert bounds.is_anomaly[:, after].mean() < 0.02


@pytest.mark.parametrize("share", [5.0, -50.0])
def test_a_shift_of_any_size_is_adopted(share: float) -> None:
    """However far the old profile is: its deviation is capped, and it has no majority."""
    values, _ = metric("value")
    bounds = detect("value", lowered("value", values, share, values.shape[1] - AT), None)
    half = PERIOD // 2
    assert bounds.is_anomaly[:, AT : AT + half - 4].mean() > 0.95
    assert bounds.is_anomaly[:, AT + half + 12 : AT + half + 12 + PERIOD].mean() < 0.02


def test_a_spike_is_caught_and_forgotten() -> None:
    values, _ = metric("value")
    spiked = values.copy()
    spiked[:, AT] += 1e6
    bounds, before = detect("value", spiked, None), detect("value", values, None)
    assert (bounds.score[:, AT] > 1).all()
    # A giant outlier does not change the scale: the band keeps its width.
    width = (bounds.upper - bounds.lower)[:, AT + 2 * PERIOD :] / (before.upper - before.lower)[:, AT + 2 * PERIOD :]
    assert np.abs(width - 1).max() < 0.2


def test_one_outlying_minute_is_not_an_anomaly_but_fifteen_minutes_are() -> None:
    """Points every five minutes: an ongoing incident is caught within 15 minutes, an extreme one at once."""
    period, at = 288, 9 * 288 + 100
    rng = np.random.default_rng(4)
    values = 50 + 10 * np.sin(2 * np.pi * np.arange(10 * period) / period) + rng.normal(0, 1, (20, 10 * period))
    detector = detectors.create("ensemble", period=period)
    for rise, points, share in ((12, 1, 0.0), (12, 3, 1.0), (50, 1, 1.0)):
        changed = values.copy()
        changed[:, at : at + points] += rise
        assert detector.detect(changed).is_anomaly[:, at : at + points].any(axis=1).mean() == pytest.approx(
            share, abs=0.1
        )


def test_a_series_that_starts_flat_at_zero_gets_a_scale() -> None:
    values, _ = metric("value")
    values[:, : 14 * PERIOD] = 0
    later = detect("value", values, None)[:, 29 * PERIOD :]
    assert notifications(later, 0) / (13 / 7) <= 1


@pytest.mark.parametrize("kind", ["count", "ratio"])
def test_small_numbers_are_noisier(kind: str) -> None:
    """The same relative drop is an anomaly for thousands of events but not for a few."""
    rng = np.random.default_rng(8)
    anomalies = []
    for mean in (10, 5000):
        counts = rng.poisson(rates(rng, mean, days=DAYS, series=SERIES, weekend=1.0)).astype(float)
        values = counts if kind == "count" else rng.binomial(counts.astype(int), 0.2) / np.maximum(counts, 1)
        changed = lowered(kind, values, 0.4, 1)
        anomalies.append(detect(kind, changed, counts if kind == "ratio" else None).is_anomaly[:, AT].mean())
    assert anomalies[0] < 0.1
    assert anomalies[1] == 1


def test_sensitivity_scales_the_score() -> None:
    values, _ = metric("value")
    counts = [detect("value", values, None, sensitivity=s).is_anomaly.sum() for s in (0.5, 1.0, 2.0)]
    assert counts[0] <= counts[1] < counts[2]
    plain, double = detect("value", values, None), detect("value", values, None, sensitivity=2.0)
    ratio = ((double.upper - double.lower) / (plain.upper - plain.lower))[:, 14 * PERIOD :]
    # Not exactly half: the views differ by their own noise, which does not depend on the limit.
    assert 0.4 < np.median(ratio) < 0.6


def test_the_band_is_where_the_score_turns() -> None:
    """A value at the bound is inside; a value just beyond it is outside."""
    values, _ = metric("value")
    detector = detectors.create("ensemble")
    newest = detector.detect_last(values)
    for bound, sign in ((newest.lower, -1), (newest.upper, 1)):
        for beyond, wanted in ((0.0, False), (1e-6, True)):
            values[:, -1] = bound + sign * beyond
            assert (detector.detect_last(values).is_anomaly == wanted).all()
            if wanted:
                np.testing.assert_allclose(np.abs(detector.detect_last(values).score), 1, atol=1e-3)


def test_kinds_refuse_unsuitable_values() -> None:
    for method in ("ensemble", "seasonal"):
        with pytest.raises(detectors.DetectorError, match='cannot be a count; kind="value" takes any'):
            detectors.create(method, kind="count").detect([1.0, -1.0])
        with pytest.raises(detectors.DetectorError, match='kind="ratio" needs the denominator'):
            detectors.create(method, kind="ratio").detect([0.5])
        with pytest.raises(detectors.DetectorError, match="kind must be one of count, ratio, value, not 'share'"):
            detectors.create(method, kind="share")
    with pytest.raises(detectors.DetectorError, match="level must be a finite number above 0, at most 1, not 2"):
        detectors.create("holt_winters", level=2)
