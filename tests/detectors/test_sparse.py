"""Series that are 0 in most slots: their generators, and what methods and the lab do with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import detectors
from detectors import DetectorError
from detectors.__main__ import main
from detectors.base import Array
from detectors.lab.inject import combinations, inject
from detectors.lab.readers import from_array
from detectors.sparse import SPARSE, sparse_series
from tests.detectors.synthetic import PERIOD, notifications

DAYS = 42


def generated(name: str) -> Array:
    return sparse_series(name, np.random.default_rng(6), series=10, columns=DAYS * PERIOD, period=PERIOD)


@pytest.mark.parametrize("name", SPARSE)
def test_most_slots_are_zero_and_the_other_values_differ_widely(name: str) -> None:
    values = generated(name)
    assert 0.7 < np.mean(values == 0) < 0.95
    assert (values >= 0).all()
    above = values[values > 0]
    assert above.max() > 4 * np.median(above)


def test_each_has_what_its_name_says() -> None:
    assert (generated("purchases") % 1 == 0).all()
    by_slot = generated("purchases").reshape(10, DAYS, PERIOD).mean(axis=(0, 1))
    assert by_slot[: PERIOD // 2].mean() > 3 * by_slot[PERIOD // 2 :].mean()
    bursts, errors = generated("bursts") > 0, generated("errors") > 0
    goes_on = [(given[:, 1:] & given[:, :-1]).sum() / given[:, :-1].sum() for given in (bursts, errors)]
    assert goes_on[0] > 0.6  # two of three slots of a burst, and more where bursts overlap
    assert goes_on[1] < 0.15
    with pytest.raises(DetectorError, match="there is no generator 'noise'; there are: errors, purchases, bursts"):
        sparse_series("noise", np.random.default_rng(0), series=1, columns=1, period=1)


@pytest.mark.parametrize("method", ["seasonal", "ensemble"])
@pytest.mark.parametrize("name", SPARSE)
def test_a_quiet_method_is_quiet_and_finds_incidents(method: str, name: str) -> None:
    values = generated(name)
    detector = detectors.create(method)
    assert "quiet" in detector.promises
    assert notifications(detector.detect(values), 14 * PERIOD) / 4 <= 1
    values[:, -1] = 200 * values.max()
    assert detector.detect_last(values).is_anomaly.all()


@pytest.mark.parametrize("method", ["seasonal", "ensemble"])
def test_only_the_usual_sensitivity_is_quiet(method: str) -> None:
    assert "quiet" in detectors.create(method, sensitivity=0.5).promises
    assert "quiet" not in detectors.create(method, sensitivity=1.1).promises


@pytest.mark.parametrize("name", SPARSE)
def test_an_example_is_mostly_zero_with_two_incidents(name: str) -> None:
    example = detectors.load_example(name)
    assert np.mean(example.values == 0) > 0.7
    bounds = detectors.create("ensemble", kind=example.kind).detect(example.values)
    starts = np.flatnonzero(np.diff(example.labels.astype(int)) == 1) + 1
    assert starts.size == 2
    assert bounds.is_anomaly[starts].all()


def test_incidents_are_injected_as_rises_by_the_greatest_value() -> None:
    (series,) = from_array(generated("errors")[0])
    assert {kind for kind, _ in combinations([series])} == {"spike", "shift"}
    changed, incidents = inject(series, 14 * PERIOD)
    assert len(incidents) > 5
    for incident in incidents:
        place = slice(incident.start, incident.end + 1)
        rises = changed.values[place] - series.values[place]
        np.testing.assert_allclose(rises, incident.size * series.values.max())
    usual, _ = from_array(np.stack([generated("errors")[0] + 5, generated("errors")[0]]))
    assert "drop" in {kind for kind, _ in combinations([usual, series])}


def test_a_method_that_does_not_promise_to_be_quiet_is_doubted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{1_767_571_200 + 900 * i},{value:.6f}" for i, value in enumerate(generated("errors")[0])]
    path = tmp_path / "errors.csv"
    path.write_text("\n".join(["time,value", *rows]))
    said = {}
    for method in ("sigma", "ensemble"):
        assert main(["score", "--detector", method, str(path)]) == 0
        said[method] = capsys.readouterr().err
    assert "WARNING: sigma is not for series that are mostly 0, as errors is (90%)" in said["sigma"]
    assert "Methods that promise to be quiet there: ensemble, seasonal" in said["sigma"]
    assert "WARNING" not in said["ensemble"]
