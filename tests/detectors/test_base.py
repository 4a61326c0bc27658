from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import detectors
from detectors import Bounds, Detector, DetectorError
from detectors.base import Array, score_band

SMALL = st.floats(-1e6, 1e6)


@given(SMALL, SMALL, st.floats(0, 1e6), st.floats(0, 1e6))
def test_score_and_band_agree(value: float, expected: float, below: float, above: float) -> None:
    lower, upper = expected - below, expected + above
    score = float(score_band(*(np.array(x) for x in (value, expected, lower, upper))))
    assert (abs(score) > 1) == (value < lower or value > upper)
    assert score == 0 or (score > 0) == (value > expected)


@given(SMALL, st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_the_edge_of_the_band_is_inside(expected: float, below: float, above: float) -> None:
    for edge, beyond in ((expected - below, -math.inf), (expected + above, math.inf)):
        band = (np.array(expected), np.array(expected - below), np.array(expected + above))
        assert abs(float(score_band(np.array(edge), *band))) <= 1
        assert abs(float(score_band(np.array(np.nextafter(edge, beyond)), *band))) > 1


@pytest.mark.parametrize(
    ("value", "expected", "lower", "upper", "score"),
    [
        (5, 5, 5, 5, 0),
        (6, 5, 5, 5, math.inf),
        (4, 5, 5, 5, -math.inf),
        (9, 5, 3, math.inf, 0),
        (1, 5, 3, math.inf, -2),
        (-9, 5, -math.inf, 7, 0),
        (8, 5, 3, 7, 1.5),
        (4, 5, 3, 7, -0.5),
        (math.nan, 5, 3, 7, math.nan),
        (5, math.nan, math.nan, math.nan, math.nan),
    ],
)
def test_score_by_hand(value: float, expected: float, lower: float, upper: float, score: float) -> None:
    arrays = (np.array([float(x)]) for x in (value, expected, lower, upper))
    np.testing.assert_array_equal(score_band(*arrays), [score])


def test_bounds_are_indexed_together() -> None:
    bounds = detectors.create("sigma", period=2, window=3).detect(np.arange(40.0).reshape(2, 20))
    assert bounds[..., -1].expected.shape == (2,)
    assert bounds[0].score.shape == (20,)
    assert bounds[0, 5:7].upper.tolist() == bounds.upper[0, 5:7].tolist()


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        (3.0, r"shape \(T,\) or \(S, T\)"),
        (np.zeros((2, 2, 2)), r"not \(2, 2, 2\)"),
        (["a", "b"], "must be numbers"),
        (["1", "2"], "must be numbers"),
        ([[1.0], [1.0, 2.0]], "must be numbers"),
        (np.array([1 + 2j]), "must be numbers"),
        (np.array(["2026-01-01"], dtype="datetime64[D]"), "must be numbers"),
        ([[1.0, 2.0], [1.0, math.inf]], "infinite at column 1"),
    ],
)
def test_invalid_values_are_refused(given_values: Any, message: str) -> None:
    detector = detectors.create("sigma")
    for detect in (detector.detect, detector.detect_last):
        with pytest.raises(DetectorError, match=message):
            detect(given_values)


def test_invalid_denominators_are_refused() -> None:
    detector = detectors.create("seasonal")
    with pytest.raises(DetectorError, match=r"shape \(2,\), values have \(3,\)"):
        detector.detect([0.1, 0.2, 0.3], [1, 2])
    for wrong in (-1.0, math.inf):
        with pytest.raises(DetectorError, match="must hold counts"):
            detector.detect([0.1], [wrong])


def test_detect_last_needs_a_column() -> None:
    with pytest.raises(DetectorError, match="no columns"):
        detectors.create("sigma").detect_last([])


def test_anything_array_like() -> None:
    import pandas as pd

    plain = [4.0, 5.0, math.nan, 5.0, 4.0, 5.0, 6.0, 3.0]
    detector = detectors.create("sigma", window=4, same_slot=False)
    wanted = detector.detect(np.array(plain)).score
    masked = np.ma.MaskedArray([4, 5, 9, 5, 4, 5, 6, 3], mask=np.arange(8) == 2)
    with_none = [None if math.isnan(x) else x for x in plain]
    for other in (plain, tuple(plain), pd.Series(plain), masked, with_none, np.array(plain, dtype=np.float32)):
        np.testing.assert_array_equal(detector.detect(other).score, wanted)  # type: ignore[arg-type]


def test_denominator_is_broadcast_over_series() -> None:
    values = np.random.default_rng(1).random((3, 40))
    denominator = np.r_[np.zeros(3), np.full(37, 100.0)]
    bounds = detectors.create("day_ago", period=4).detect(values, denominator)
    assert np.isnan(bounds.score[:, :7]).all()
    assert np.isfinite(bounds.score[:, 7:]).all()


def test_available() -> None:
    assert {"day_ago", "sigma", "iqr", "stl", "seasonal"} <= set(detectors.available())


def test_an_unknown_name_lists_the_valid_names() -> None:
    with pytest.raises(DetectorError, match="no detector is called 'sigmoid'; there are: .*iqr.*sigma"):
        detectors.create("sigmoid")


def test_an_unknown_parameter_lists_the_valid_parameters() -> None:
    with pytest.raises(
        DetectorError, match="iqr has no parameter 'multipler'; it has: period, window, same_slot, multiplier"
    ):
        detectors.create("iqr", multipler=2.5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"multiplier": 0}, "multiplier must be a finite number above 0, not 0"),
        ({"multiplier": math.nan}, "multiplier must be a finite number"),
        ({"multiplier": "3"}, "multiplier must be a finite number above 0, not '3'"),
        ({"multiplier": True}, "multiplier must be a finite number"),
        ({"window": 2}, "window must be a whole number, at least 3, not 2"),
        ({"window": 3.5}, "window must be a whole number"),
        ({"period": 0}, "period must be a whole number, at least 1"),
        ({"same_slot": 1}, "same_slot must be true or false, not 1"),
        ({"window": None}, "window must be a whole number"),
    ],
)
def test_bad_parameter(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DetectorError, match=f"sigma: {message}"):
        detectors.create("sigma", **parameters)


def test_numpy_numbers_are_numbers() -> None:
    assert detectors.create("sigma", window=np.int64(5), multiplier=np.float64(2)) == detectors.create(
        "sigma", window=5, multiplier=2.0
    )


def test_grandchildren_register_and_names_are_unique() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Child(Detector):
        def _detect(self, values: Array, denominator: Array | None) -> Bounds:
            return Bounds.from_band(values, values * 0, values * 0, values * 0)

    @dataclass(frozen=True, kw_only=True)
    class Grandchild(Child):
        name: ClassVar[str] = "test_grandchild"
        summary: ClassVar[str] = "never"

    assert detectors.find("test_grandchild") is Grandchild
    assert "test_grandchild" in detectors.available()
    with pytest.raises(DetectorError, match="two detectors are called 'test_grandchild'"):

        class Other(Child):
            name: ClassVar[str] = "test_grandchild"


def test_detectors_of_an_installed_package(tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(
        "from dataclasses import dataclass\n"
        "from detectors.methods.sigma import Sigma\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Mine(Sigma):\n"
        "    name = 'mine'\n"
        "    summary = 'mine'\n"
    )
    metadata = tmp_path / "outside-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[detectors]\nmine = outside:Mine\nbroken = nowhere:Nothing\nother = outside:Mine\n"
    )
    program = (
        "import sys, detectors\n"
        "assert 'outside' not in sys.modules\n"
        "assert {'mine', 'broken', 'sigma'} <= set(detectors.available())\n"
        "assert 'outside' not in sys.modules\n"
        "print(detectors.create('mine', window=5))\n"
        "for name in ('broken', 'other'):\n"
        "    try:\n"
        "        detectors.create(name)\n"
        "    except detectors.DetectorError as error:\n"
        "        print(error)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(detectors.__file__).parents[1])])
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert run.returncode == 0, run.stderr
    made, broken, other = run.stdout.splitlines()
    assert made == "Mine(period=96, window=5, same_slot=True, multiplier=3.0)"
    assert "'broken' (nowhere:Nothing) cannot be loaded" in broken
    assert "'other' (outside:Mine) is not a Detector of that name" in other
