"""Checks configured instances of every method against the contract. `test_broken_contract` tests the check itself."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import detectors
from detectors import Detector
from detectors.base import Array
from detectors.contract import check_detector
from detectors.methods.day_ago import DayAgo
from detectors.methods.difference import Difference
from detectors.methods.ensemble import Ensemble
from detectors.methods.ewma import Ewma
from detectors.methods.holt_winters import HoltWinters
from detectors.methods.iqr import Iqr
from detectors.methods.mad import Mad
from detectors.methods.seasonal import Seasonal
from detectors.methods.sigma import Sigma
from detectors.methods.stl import Stl
from detectors.methods.weekday import Weekday

INSTANCES: list[Detector] = [
    DayAgo(period=12),
    DayAgo(period=5, threshold=0.2, min_change=0.0),
    Sigma(period=12),
    Sigma(period=12, same_slot=False, window=24, multiplier=2.5),
    Iqr(period=12),
    Iqr(period=12, same_slot=False, multiplier=1.5),
    Mad(period=12),
    Mad(period=12, same_slot=False, window=25, multiplier=4.0),
    Seasonal(period=24),
    Seasonal(period=12, days=10, min_days=3),
    Seasonal(period=12, kind="count"),
    Seasonal(period=12, kind="ratio"),
    Stl(period=12, days=7),
    Difference(period=12),
    Difference(period=5, days=3, multiplier=4.0),
    Ewma(period=12),
    Ewma(period=5, memory=10.0, deviation_days=1.0),
    HoltWinters(period=12),
    HoltWinters(period=5, start_days=1, level=0.5),
    Ensemble(period=24),
    Ensemble(period=12, kind="count", sensitivity=2.0),
    Ensemble(period=12, kind="ratio"),
    Weekday(period=1),
    Weekday(period=5, days=28, kind="count"),
    Weekday(period=1, kind="ratio", sensitivity=2.0),
]


FAST = [
    instance for instance in INSTANCES if not isinstance(instance, Stl) and getattr(instance, "kind", None) != "ratio"
]


@pytest.mark.parametrize("detector", INSTANCES, ids=repr)
def test_contract(detector: Detector) -> None:
    check_detector(detector, days=60 if detector.period == 1 else 30)  # weeks, of single days


def test_every_method_is_checked() -> None:
    ours = {name for name in detectors.available() if detectors.find(name).__module__.startswith("detectors.methods.")}
    assert {instance.name for instance in INSTANCES} == ours


def test_the_template_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = Path(detectors.__file__).parent / "methods" / "_template.py.txt"
    (tmp_path / "copy_of_template.py").write_text(template.read_text())
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("copy_of_template")
    check_detector(detectors.create("my_method", period=12, width=500.0))


@pytest.mark.parametrize("detector", FAST, ids=repr)
@settings(max_examples=25)
@given(
    values=arrays(np.float64, st.integers(1, 260), elements=st.sampled_from([0.0, 1.0, 2.0, 30.0, 1e6, np.nan])),
    cut=st.integers(1, 260),
)
def test_any_series_is_scored_causally_and_without_warnings(detector: Detector, values: Array, cut: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = detector.detect(values)
        part = detector.detect(values[:cut])
        last = detector.detect_last(values[:cut])
    for name in ("expected", "lower", "upper", "score"):
        before = getattr(part, name)
        np.testing.assert_allclose(before, getattr(whole, name)[: len(before)], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(getattr(last, name), before[-1], rtol=1e-9, atol=1e-9)
    known = ~np.isnan(whole.score)
    outside = (values < whole.lower) | (values > whole.upper)
    np.testing.assert_array_equal(whole.is_anomaly[known], outside[known])
