"""What of a slot speaks: its value, or its least or greatest sub-slot; by rules, and on events with an outage."""

from datetime import datetime

import numpy as np
import pytest

from detectors.base import Bounds
from pipeline.alerts.detection import evaluate, monitors
from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.detection.inside import SubSlot, agreed, inside_of
from pipeline.slots import Adjustment, Part, Series
from pipeline.slots.series import SubSlots
from tests.pipeline.configuration import configured

DAYS = 20
SLOT = datetime(2026, 11, 21, 0, 0)
VIEWS = Part("views")
LENGTH = "5 minutes"
LEAST, GREATEST = Part("views", LENGTH, "least"), Part("views", LENGTH, "greatest")


def history(last: list[int], length: str = LENGTH, metric: str = "views") -> Series:
    """Three parts of about 100 events in every slot of weeks, and the last slot as given."""
    rng = np.random.default_rng(3)
    thirds = rng.poisson(100, (DAYS * 96 + 1, 3))
    thirds[-1] = last
    rows = np.array([thirds.min(axis=1), thirds.max(axis=1)], dtype=float)
    minutes = np.array([thirds.argmin(axis=1), thirds.argmax(axis=1)]) * 5.0
    parts = Part(metric, length, "least"), Part(metric, length, "greatest")
    total = thirds.sum(axis=1).astype(float)[np.newaxis]
    inside = SubSlots(parts, rows, np.ones_like(rows), minutes)
    return Series((VIEWS,), SLOT, total, np.ones_like(total), np.arange(total.shape[1]), inside)


def check(series: Series, detector: str = "seasonal", *adjustments: Adjustment) -> CheckResult:
    with configured(clock={"timezone": "UTC"}, alerts={"metrics": "views", "detector": detector}):
        (result,) = evaluate(series, monitors(), adjustments)
    return result


@pytest.mark.parametrize("detector", ["seasonal", "ensemble"])
def test_a_drop_by_half_in_five_minutes_is_an_anomaly_of_these_minutes(detector: str) -> None:
    half = check(history([102, 44, 99]), detector)
    assert (half.verdict, half.sub_slot) == ("anomaly", SubSlot("least", 5, 5, 44.0))
    assert half.lower <= half.value == 245  # the slot as a whole is as usual
    assert half.slot_score == half.score < -1
    peak = check(history([90, 103, 200]), detector)
    assert (peak.verdict, peak.sub_slot) == ("anomaly", SubSlot("greatest", 10, 5, 200.0))
    assert check(history([102, 97, 99]), detector).verdict == "ok"


def test_a_slot_that_is_out_as_a_whole_speaks_for_itself() -> None:
    outage = check(history([0, 0, 0]))
    assert (outage.verdict, outage.sub_slot) == ("anomaly", None)


def test_what_comes_some_minutes_late_is_no_anomaly() -> None:
    late = check(history([150, 51, 100]))
    assert (late.verdict, late.sub_slot) == ("ok", None)
    assert abs(late.score) <= 1


def test_other_detectors_and_unknown_sub_slots_leave_the_slot() -> None:
    assert check(history([102, 44, 99]), "sigma").sub_slot is None
    series = history([102, 44, 99])
    assert series.sub_slots is not None
    series.sub_slots.numerators[:, -1] = np.nan
    assert check(series).verdict == "ok"
    assert check(history([102, 44, 99], metric="likes")).verdict == "ok"


def test_stretches_that_are_scaled_are_scaled_inside_too() -> None:
    """Half of the events are the new level: these minutes are as usual."""
    halved = Adjustment("views", datetime.min, SLOT, 0.5)
    assert check(history([51, 44, 52]), "seasonal").verdict == "anomaly"
    assert check(history([51, 44, 52]), "seasonal", halved).verdict == "ok"
    assert check(history([51, 10, 52]), "seasonal", halved).sub_slot == SubSlot("least", 5, 5, 10.0)


def test_the_slots_own_score_counts_against_a_sub_slot_on_the_other_side() -> None:
    numbers = np.array([10.0, 10.0, 10.0]), np.array([8.0] * 3), np.array([12.0] * 3), np.array([-3.0, 3.0, -3.0])
    bounds = Bounds(*numbers, spoke=np.array([1, 2, 1], dtype=np.int8))
    score, spoke = agreed(bounds, np.array([11.0, 11.0, 14.0]))
    assert score.tolist() == [0.5, 3.0, 2.0]
    assert spoke.tolist() == [0, 2, 0]


def test_ratios_that_an_hour_averaged_into_each_other_are_unknown() -> None:
    rows = np.array([[31.0, 6.0], [6.0, 31.0]]) / 2
    below = np.array([[110.0, 20.0], [20.0, 110.0]]) / 2
    parts = Part("ctr", LENGTH, "least"), Part("ctr", LENGTH, "greatest")
    inside = inside_of(SubSlots(parts, rows, below, rows), [Part("ctr")], LENGTH, {}).extremes()
    assert np.array_equal(inside.least, [[31 / 110, np.nan]], equal_nan=True)
    assert np.array_equal(inside.greatest, [[6 / 20, np.nan]], equal_nan=True)
