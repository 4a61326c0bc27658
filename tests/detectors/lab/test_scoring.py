"""Scoring: cases computed by hand, and VUS-PR compared with the package that defines it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import DetectorError
from detectors.base import Array
from detectors.lab.scoring import (
    Outcome,
    Rules,
    best_threshold,
    bootstrap,
    count_outcome,
    events,
    notified,
    pooled,
    vus_pr,
)

Case = tuple[NDArray[np.int64], Array, int]


def marks(text: str) -> list[bool]:
    return [letter == "#" for letter in text]


@pytest.mark.parametrize(
    ("labels", "flags", "wanted"),
    [
        # One event of 3 points, flagged at its 2nd: caught, 1 point late, one notification that is not false.
        ("....###....", ".....#.....", Outcome(1, 1, 1, 1, 0, 11)),
        # A flag at the 6th point of an event is too late, but not a false alarm.
        ("#######....", ".....#.....", Outcome(1, 0, 0, 1, 0, 11)),
        # A message one point before or after the event belongs to it. Only the flag after it is a hit (within an hour).
        ("....#......", "...#.......", Outcome(1, 0, 0, 1, 0, 11)),
        ("....#......", ".....#.....", Outcome(1, 1, 1, 1, 0, 11)),
        # A flag two points after the end catches the event (within an hour), but its notification is false.
        ("....#......", "......#....", Outcome(1, 1, 2, 1, 1, 11)),
        # Flags up to 4 points apart are one message. Flags 5 points apart are two.
        ("...........", "#...#......", Outcome(0, 0, 0, 1, 1, 11)),
        ("...........", "#....#.....", Outcome(0, 0, 0, 2, 2, 11)),
        # An episode that begins before the event catches it at once, and its message is false.
        ("....##.....", "#..##......", Outcome(1, 1, 0, 1, 1, 11)),
        ("", "", Outcome()),
    ],
)
def test_judge_by_hand(labels: str, flags: str, wanted: Outcome) -> None:
    assert count_outcome(marks(labels), marks(flags)) == wanted


def test_a_detector_that_always_flags_pays_every_four_hours() -> None:
    day = np.ones(96, dtype=bool)
    assert notified(day).tolist() == [0, 16, 32, 48, 64, 80]
    assert count_outcome(~day, day).false == 6
    assert count_outcome(~day, day, Rules(repeat=1000)).false == 1


def test_figures_by_hand() -> None:
    outcome = Outcome(events=8, caught=4, delay=6, notifications=9, false=2, points=2 * 7 * 96)
    assert outcome.recall == 0.5
    assert outcome.precision == 4 / 6
    assert outcome.f1 == pytest.approx(2 * 0.5 * (4 / 6) / (0.5 + 4 / 6))
    assert outcome.mean_delay == 1.5
    assert outcome.false_per_week(96) == 1.0
    assert pooled([outcome, outcome]) == Outcome(16, 8, 12, 18, 4, 4 * 7 * 96)
    nothing = Outcome()
    assert all(math.isnan(x) for x in (nothing.f1, nothing.recall, nothing.precision, nothing.mean_delay))


def test_the_best_threshold_separates() -> None:
    labels = [marks("..#.....#......#"), marks("................")]
    scores = [np.where(truth, 5.0, 1.0) for truth in labels]
    scores[1][3] = -4.0
    limit = best_threshold(labels, scores)
    assert 4 < limit <= 5


def test_a_perfect_score_has_the_volume_1_without_a_buffer() -> None:
    labels = np.array(marks("..###......##..."))
    assert vus_pr(labels, labels.astype(float), window=0, thresholds=16) == pytest.approx(1)
    assert math.isnan(vus_pr(np.zeros(9, dtype=bool), np.arange(9.0)))


def test_volume_by_hand() -> None:
    # Thresholds 3, 2, 1, 0 flag 1, 2, 3, 4 points; the event is the point of score 2. Without a buffer precision is
    # 0, 1/2, 1/3, 1/4 at recall 0, 1, 1, 1: the area is one step of recall at 1/2.
    assert vus_pr(marks(".#.."), [3.0, 2.0, 1.0, 0.0], window=0, thresholds=4) == pytest.approx(0.5)


Events = tuple[tuple[int, int], ...]

# Points, events (start and length), the step and number of levels of the scores, how much an event adds, the window;
# and VUS-PR as the package tsb-ad 1.5 (numpy 1.26.4) computes it: `basic_metricor().RangeAUC_volume_opt(labels, scores,
# window, 250)[-1]`. Without and with buffers, events at both ends, buffers that meet, ties, a perfect and an inverted
# score, more points than thresholds, buffers longer than the event.
OF_TSB_AD: list[tuple[int, Events, int, int, float, int, float]] = [
    (60, ((20, 5),), 17, 59, 0.5, 0, 0.702380952380952),
    (60, ((20, 5),), 17, 59, 0.5, 4, 0.702380952380952),
    (120, ((0, 3), (50, 8), (117, 3)), 37, 113, 0.3, 4, 0.474388189110403),
    (120, ((30, 4), (37, 4), (60, 1)), 37, 113, 0.3, 9, 0.531835535123590),
    (200, ((40, 10), (120, 10)), 7, 5, 0.4, 4, 0.545475801204948),
    (200, ((40, 10), (120, 10)), 7, 5, 9.0, 4, 1.000000000000000),
    (200, ((40, 10), (120, 10)), 7, 193, -1.0, 4, 0.060646971540028),
    (960, ((100, 4), (300, 30), (500, 1), (502, 1), (700, 12), (940, 20)), 411, 953, 0.2, 4, 0.267335604715938),
    (90, ((40, 5),), 41, 89, 0.3, 60, 0.718932992885897),
]


@pytest.mark.parametrize(("points", "spans", "step", "levels", "more", "window", "volume"), OF_TSB_AD)
def test_the_volumes_that_tsb_ad_computed(
    points: int, spans: Events, step: int, levels: int, more: float, window: int, volume: float
) -> None:
    labels = np.zeros(points, dtype=np.int64)
    for start, length in spans:
        labels[start : start + length] = 1
    scores = np.arange(points) * step % levels / levels + more * labels
    assert vus_pr(labels, scores, window=window) == pytest.approx(volume, abs=1e-12)


def series_with_events() -> st.SearchStrategy[Case]:
    def build(seed: int, size: int, window: int, ties: bool) -> Case:
        rng = np.random.default_rng(seed)
        labels = np.zeros(size, dtype=np.int64)
        for start in rng.integers(0, size, rng.integers(1, 6)):
            labels[start : start + rng.integers(1, 12)] = 1
        labels[rng.integers(0, size)] = 0
        scores: Array = np.abs(rng.normal(size=size) + labels)
        return labels, np.around(scores, 1 if ties else 12), window

    return st.builds(build, st.integers(0, 10**6), st.integers(20, 300), st.integers(0, 9), st.booleans())


@given(case=series_with_events())
@settings(max_examples=40)
def test_only_the_order_of_scores_matters(case: Case) -> None:
    labels, scores, window = case
    if labels.any():
        assert vus_pr(labels, scores, window=window) == pytest.approx(vus_pr(labels, scores**3, window=window))


def test_bootstrap() -> None:
    values = np.arange(100.0)
    low, high = bootstrap(lambda drawn: float(values[drawn].mean()), 100)
    # The standard error of the mean is 28.9 / 10; 95 % are 1.96 of it on either side of 49.5.
    assert low == pytest.approx(49.5 - 5.66, abs=1)
    assert high == pytest.approx(49.5 + 5.66, abs=1)
    assert bootstrap(lambda drawn: 3.0, 5) == (3.0, 3.0)


def test_events() -> None:
    assert events(marks("##..#.###")) == [(0, 1), (4, 4), (6, 8)]


def test_bad_input() -> None:
    with pytest.raises(DetectorError, match=r"share a shape \(T,\), not \(3,\) and \(2,\)"):
        count_outcome([True, False, True], [True, False])
    with pytest.raises(DetectorError, match="missing at some points"):
        vus_pr([True, False], [1.0, math.nan])
    with pytest.raises(DetectorError, match="repeat must be at least 1, not 0"):
        Rules(repeat=0)
    with pytest.raises(DetectorError, match="no score is a finite number"):
        best_threshold([[True]], [np.array([np.inf])])
