"""The rate of a series: jitter, steps that do not divide a day, and slots over which points are merged."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from detectors.errors import DetectorError
from detectors.lab.grid import Layout
from detectors.lab.rate import duration, find_rate, parse_duration
from detectors.lab.readers import from_frame, read
from detectors.lab.series import Series

MOMENT = 1_767_571_200  # 2026-01-05 00:00 UTC
IRREGULAR = np.cumsum(np.random.default_rng(1).integers(20, 70, 300))


def write(folder: Path, seconds: np.ndarray, values: np.ndarray) -> Path:
    path = folder / "views.csv"
    path.write_text("\n".join(["timestamp,value", *(f"{s:g},{v:g}" if s < 1e6 else f"{s:.0f},{v:g}"
                                                    for s, v in zip(seconds, values, strict=True))]))  # fmt: skip
    return path


def test_jitter_of_seconds_is_put_on_the_grid_and_said(tmp_path: Path) -> None:
    late = np.random.default_rng(0).integers(0, 30, 200)
    (series,) = read(write(tmp_path, MOMENT + 900 * np.arange(200) + late, np.arange(200)))
    assert (series.period, series.start) == (96, datetime(2026, 1, 5))
    np.testing.assert_array_equal(series.values, np.arange(200))
    (note,) = series.notes
    assert "rows off the grid of 15 min, first at line 2: moved onto it (jitter 2" in note


def test_a_grid_that_begins_between_the_full_hours_stays_there(tmp_path: Path) -> None:
    late = np.random.default_rng(0).integers(-20, 20, 200)
    (series,) = read(write(tmp_path, MOMENT + 420 + 900 * np.arange(200) + late, np.arange(200)))
    np.testing.assert_array_equal(series.values, np.arange(200))
    assert abs((series.start - datetime(2026, 1, 5, 0, 7)).total_seconds()) < 10


def test_a_clock_that_drifts(tmp_path: Path) -> None:
    # Each run takes a second longer than 15 minutes: in 2,000 points the series slips by two of them.
    (series,) = read(write(tmp_path, MOMENT + 901 * np.arange(2000), np.arange(2000)))
    assert series.period == 96
    assert series.values.size == 2002
    assert np.isnan(series.values).sum() <= 3


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (
            np.cumsum(np.random.default_rng(1).integers(20, 70, 300)),
            r"about every 4\d s, jitter 1\d s, which is too irregular",
        ),
        (420 * np.arange(50), r"about every 7 min, which does not divide a day; --every 15min takes"),
        (604_800 * np.arange(50), r"about every 7 days; the detectors compare days and need at least a point a day"),
        (np.cumsum([31, 28, 31, 30, 31, 30, 31, 31]) * 86_400, r"about every month"),
    ],
)
def test_a_refusal_names_the_rate_as_people_see_it(tmp_path: Path, seconds: np.ndarray, message: str) -> None:
    with pytest.raises(DetectorError, match="^views: a point " + message):
        read(write(tmp_path, MOMENT + seconds, np.arange(len(seconds))))


def test_irregular_points_can_be_merged(tmp_path: Path) -> None:
    seconds = MOMENT + IRREGULAR
    (series,) = read(write(tmp_path, seconds, np.arange(300)), layout=Layout(every=300))
    assert (series.period, series.start, series.kind) == (288, datetime(2026, 1, 5), "value")
    inside = seconds < MOMENT + 300
    assert series.values[0] == np.arange(300)[inside].mean()


def merged(values: list[float], **options: object) -> Series:
    import pandas as pd

    index = pd.date_range("2026-01-05", periods=len(values), freq="5min")
    frame = pd.DataFrame({"value": values, **options}, index=index)
    (series,) = from_frame(frame, layout=Layout(every=900))
    return series


def test_slots_hold_sums_of_counts_means_of_values_and_quotients_of_sums() -> None:
    counts = merged([1, 2, 3, 4, 5, 6])
    assert (counts.values.tolist(), counts.kind, counts.period) == ([6, 15], "count", 96)
    assert counts.extremes is not None
    assert (list(counts.extremes.least), list(counts.extremes.greatest)) == ([1, 4], [3, 6])  # type: ignore[arg-type]
    assert counts.extremes.length == pytest.approx(1 / 3)
    assert merged([1.5, 2, 3, -4, 5, 6]).values.tolist() == pytest.approx([6.5 / 3, 7 / 3])
    ratio = merged([0.5, 0.5, 0.25, 1, 1, 1], denominator=[10.0, 10, 20, 1, 1, 0])
    assert ratio.denominator is not None
    assert (ratio.values.tolist(), ratio.denominator.tolist()) == ([15 / 40, 1], [40, 2])
    assert ratio.extremes is not None
    assert list(ratio.extremes.least) == [0.25, 1]  # type: ignore[arg-type]
    assert list(ratio.extremes.least_denominator) == [20, 1]  # type: ignore[arg-type]


def test_a_slot_of_which_a_third_is_missing_is_scaled_and_of_which_more_is_missing_is_missing() -> None:
    assert merged([1, np.nan, 3, 4, 5, 6]).values.tolist() == [6, 15]
    np.testing.assert_array_equal(merged([1, np.nan, np.nan, 4, 5, 6]).values, [np.nan, 15])


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.5, 38, 900, 5400, 86_400, 2_592_000)] == [
        "0.5 s", "38 s", "15 min", "1 h 30 min", "1 day", "month"]  # fmt: skip
    assert [parse_duration(text) for text in ("30s", "15min", "15 min", "1h", "1d")] == [30, 900, 900, 3600, 86_400]
    for text in ("", "min", "7min", "-1h", "2d", "15 parsecs"):
        with pytest.raises(DetectorError, match="is not a duration|does not divide a day"):
            parse_duration(text)


def test_a_rate_says_its_jitter() -> None:
    assert str(find_rate(np.array([0.0, 900, 1800]), "x")) == "every 15 min"
    assert str(find_rate(np.array([0.0, 890, 1810, 2700, 3590]), "x")).startswith("about every 15 min, jitter 1")
