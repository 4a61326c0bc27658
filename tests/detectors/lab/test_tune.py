"""Tuning: a history whose messages can be counted by hand, and histories that cannot be tuned."""

from __future__ import annotations

import configparser
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import detectors
from detectors.errors import DetectorError
from detectors.lab.candidates import Candidate, config
from detectors.lab.readers import from_array
from detectors.lab.series import Series
from detectors.lab.tune import tune
from detectors.lab.tuning import Tuning
from tests.detectors.lab.histories import PERIOD, Broken, Threshold, daily

DAYS = 30
START = datetime(2026, 1, 1)


def history(*names: str) -> list[Series]:
    """Noise of 0.3, a blip of 2 every noon, and four labelled incidents of 5, two in each part of the scored days."""
    values = np.full(DAYS * PERIOD, 0.3)
    values[12::PERIOD] = 2.0
    labels = np.zeros(values.size, dtype=bool)
    for day in (16, 20, 24, 27):
        labels[day * PERIOD + 3 : day * PERIOD + 6] = True
    values[labels] = 5.0
    return from_array(
        np.tile(values, (len(names), 1)), labels=np.tile(labels, (len(names), 1)), names=names, period=PERIOD
    )


# 14 days of warm-up; of the 384 hours after them 230 are the earlier part, 154 the later.
EARLIER_WEEKS, LATER_WEEKS = 230 / 24 / 7, 154 / 24 / 7


def tuned(budget: float, *names: str) -> Tuning:
    return tune(history(*names or ("views",)), budget, [Threshold()], workers=1)


def test_the_narrowest_band_whose_messages_keep_the_budget() -> None:
    best = tuned(2).best
    assert best is not None
    # Below 2 every noon is a message. At 1/4 there is a single endless incident, which would also keep the budget.
    assert best.candidate == Candidate("test_threshold", (("multiplier", 2.0),))
    assert (best.earlier.caught, best.earlier.incidents, best.later.caught, best.later.incidents) == (2, 2, 2, 2)
    assert best.earlier.per_week == pytest.approx(2 / EARLIER_WEEKS)
    assert best.later.per_week == pytest.approx(2 / LATER_WEEKS)


def test_the_messages_with_their_dates() -> None:
    messages = tuned(2).messages
    assert [message.moment for message in messages] == [
        START + timedelta(days=day, hours=3) for day in (16, 20, 24, 27)
    ]
    (line,) = messages[0].lines
    assert (line.series, line.value, line.expected, line.lower, line.upper) == ("views", 5.0, 0.0, -2.0, 2.0)
    assert line.last == START + timedelta(days=16, hours=5)


def test_series_that_open_at_once_share_a_message() -> None:
    together = tuned(2, "views", "likes")
    assert together.best is not None
    assert together.best.earlier.per_week == pytest.approx(2 / EARLIER_WEEKS)
    assert [[line.series for line in message.lines] for message in together.messages] == [["views", "likes"]] * 4
    # An hour apart they are separate messages, and the same budget is too small for both.
    views, likes = history("views", "likes")
    assert likes.labels is not None
    late = replace(likes, values=np.roll(likes.values, 1), labels=np.roll(likes.labels, 1))
    apart = tune([views, late], 2, [Threshold()], workers=1)
    assert apart.choices == []


def test_only_the_direction_that_alarms_counts() -> None:
    (views,) = history("views")
    tuning = tune([replace(views, direction="down")], 2, [Threshold()], workers=1)
    assert tuning.best is None


def test_a_budget_that_cannot_be_met_is_reported() -> None:
    tuning = tuned(0.5)
    assert tuning.best is None
    assert tuning.config() == ""
    assert "catches no incident in time" in tuning.failures["test_threshold"]


def test_short_histories_and_no_budget_are_refused() -> None:
    with pytest.raises(DetectorError, match="metric 0: the history is too short: 19.0 days, of which 9.5 are"):
        tune(daily(1, days=19), 3, [Threshold()], workers=1)
    with pytest.raises(DetectorError, match="the budget must be more than 0"):
        tune(history("views"), 0, [Threshold()])


@pytest.fixture(scope="module")
def real() -> Tuning:
    return tune(daily(6), 3, ["sigma", "ewma", "difference", Broken()], workers=1)


def test_the_best_is_best_on_the_earlier_part_and_keeps_the_budget_there(real: Tuning) -> None:
    recalls = [choice.earlier.recall for choice in real.choices]
    assert recalls == sorted(recalls, reverse=True)
    assert all(choice.earlier.per_week <= 3 for choice in real.choices)
    assert "no such luck" in real.failures["test_broken"]


def test_the_messages_are_those_of_the_configured_detector(real: Tuning) -> None:
    assert real.best is not None
    parser = configparser.ConfigParser()
    parser.read_string(real.config())
    name, parameters = parser["alerts"]["detector"], json.loads(parser["alerts"]["detector_params"])
    detector = detectors.create(name, period=PERIOD, **parameters)
    flagged = {
        (series.name, series.moment(int(column)))
        for series, (first, _) in zip(real.series, real.cuts, strict=True)
        for column in np.flatnonzero(detector.detect(series.values).is_anomaly)
        if column >= first
    }
    opened = [(line.series, message.moment) for message in real.messages for line in message.lines]
    assert set(opened) <= flagged
    assert len(opened) == len(set(opened))
    weeks = [
        (series.values.size - first) / PERIOD / 7 for series, (first, _) in zip(real.series, real.cuts, strict=True)
    ]
    earlier, later = real.best.earlier.per_week, real.best.later.per_week
    assert len(real.messages) == pytest.approx(weeks[0] * (0.6 * earlier + 0.4 * later), rel=0.01)


def test_the_same_again_and_resumed(real: Tuning, tmp_path: Path) -> None:
    methods = ["sigma", "ewma", "difference"]
    first = tune(daily(6), 3, methods, workers=2, out=tmp_path)
    (file,) = tmp_path.iterdir()
    written = file.read_bytes()
    again = tune(daily(6), 3, methods, workers=1, out=tmp_path)
    assert file.read_bytes() == written
    assert first.choices == again.choices == real.choices
    assert first.messages == again.messages == real.messages


def test_parameters_that_depend_on_the_kind_get_a_separate_section() -> None:
    counts = from_array(np.ones((2, 10)), names=["views", "likes"])
    weights = from_array(np.full(10, 0.5), names=["weight"])
    text = config(Candidate("day_ago", (("threshold", 0.8),)), [*counts, *weights])
    assert text == (
        '[alerts]\ndetector = day_ago\ndetector_params = {"threshold": 0.8}\n'
        '[metric.weight]\ndetector = day_ago\ndetector_params = {"min_change": 0.0, "threshold": 0.8}\n'
    )
    # The alerts know from the metric whether it is a count or a ratio.
    assert config(Candidate("ensemble", (("sensitivity", 0.8),)), [*counts, *weights]) == (
        '[alerts]\ndetector = ensemble\ndetector_params = {"sensitivity": 0.8}\n'
    )
