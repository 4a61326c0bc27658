"""Compiled loops give the same results as numpy."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from detectors import Detector, compilation
from detectors.base import Array, score_band
from detectors.contract import check_detector
from detectors.methods.iqr import Iqr
from detectors.methods.mad import Mad
from detectors.methods.sigma import Sigma
from detectors.statistics import past, past_mean_and_deviation, past_median_and_deviation, past_quantiles

ALWAYS, NEVER = 0, 10**12
needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed (extra: fast)")


def awkward() -> Array:
    """Series of noise, constants, giant outliers, ties and gaps, and one without values."""
    rng = np.random.default_rng(3)
    values = rng.normal(100, 5, (8, 400))
    values[1] = 7.1
    values[2, 150:] = 1e9
    values[3, :120], values[3, 200] = 0.0, 1e12
    values[4] = np.round(values[4] / 5)
    values[5, rng.random(400) < 0.3] = np.nan
    values[6, :250] = np.nan
    values[7] = np.nan
    return values


@pytest.fixture(params=[pytest.param(ALWAYS, marks=needs_numba, id="compiled"), pytest.param(NEVER, id="numpy")])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "MIN_POINTS", request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("values", [awkward(), np.asfortranarray(awkward())[:, :70]], ids=["rows", "columns"])
@pytest.mark.parametrize(("count", "step"), [(24, 1), (25, 1), (5, 24), (1, 1), (2, 3), (500, 1)])
def test_windows_of_the_past_are_those_of_numpy(values: Array, count: int, step: int) -> None:
    samples = past(values, count, step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy warns of windows without values
        quartiles = np.nanquantile(samples, [0.25, 0.5, 0.75], axis=-1)
        deviation = np.nanmedian(np.abs(samples - quartiles[1][..., np.newaxis]), axis=-1)
        mean, spread = np.nanmean(samples, axis=-1), np.nanstd(samples, axis=-1, ddof=1)
    present = np.count_nonzero(~np.isnan(samples), axis=-1)
    mean, spread = np.where(present >= 2, [mean, spread], np.nan)

    *results, counted = past_quantiles(values, count, step, 0.25, 0.5, 0.75)
    np.testing.assert_allclose(results, quartiles, rtol=1e-12)
    np.testing.assert_array_equal(counted, present)
    results = [*past_median_and_deviation(values, count, step)]
    np.testing.assert_allclose(results, [quartiles[1], deviation, present], rtol=1e-12)
    results = [*past_mean_and_deviation(values, count, step)]
    np.testing.assert_allclose(results, [mean, spread, present], rtol=1e-9, atol=1e-9 * 7)


@needs_numba
def test_a_constant_window_has_no_deviation_after_an_outlier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "MIN_POINTS", ALWAYS)
    values = np.full((1, 100), 0.1)
    values[0, :3] = 1e15, -5.0, 3.0
    mean, deviation, _ = past_mean_and_deviation(values, 10)
    assert (mean[0, 13:] == 0.1).all()
    assert (deviation[0, 13:] == 0).all()


@needs_numba
def test_scores_are_those_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [0.0, 1.0, 2.0, -1.0, np.nan, np.inf, -np.inf, np.nextafter(1.0, 2.0)]
    value, *bands = (part.ravel() for part in np.meshgrid(*[numbers] * 4))
    lower, expected, upper = np.sort(bands, axis=0)
    ways = []
    for limit in (ALWAYS, NEVER):
        monkeypatch.setattr(compilation, "MIN_POINTS", limit)
        ways.append(score_band(value, expected, lower, upper))
    np.testing.assert_array_equal(ways[0], ways[1])


@needs_numba
@pytest.mark.parametrize("same_slot", [True, False])
@pytest.mark.parametrize("method", [Sigma, Iqr, Mad])
def test_contract(method: type[Detector], same_slot: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "MIN_POINTS", ALWAYS)
    check_detector(method(period=12, same_slot=same_slot))  # type: ignore[call-arg]


@pytest.mark.parametrize("ratio", [False, True])
def test_detect_last_of_more_series_than_one_part(ratio: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    values, detector = awkward()[:, :101], Mad(period=10, window=5)
    counts = np.where(np.arange(101) % 7 == 0, 0.0, 9.0) if ratio else None
    whole = detector.detect(values, counts)[:, -1]
    monkeypatch.setattr(Mad, "series_at_once", 3)
    parts = detector.detect_last(values, counts)
    for name in ("expected", "lower", "upper", "score"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12)
