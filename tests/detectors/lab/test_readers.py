"""Readers: what is corrected and reported, and what is refused with name and line."""

from __future__ import annotations

import gzip
import math
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detectors.errors import DetectorError
from detectors.lab.readers import collect, from_array, from_frame, read
from detectors.lab.series import Series

QUARTER = 900


def write(folder: Path, *lines: str, name: str = "views.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def one(folder: Path, *lines: str, zone: str | None = None) -> Series:
    (series,) = read(write(folder, *lines), zone=zone)
    return series


def test_a_file_is_a_series_called_as_the_file(tmp_path: Path) -> None:
    series = one(
        tmp_path, "timestamp,value,label", "2026-11-01T10:00,1,0", "2026-11-01T11:00,,1", "2026-11-01T12:00,3,"
    )
    assert (series.name, series.period, series.start, series.notes) == ("views", 24, datetime(2026, 11, 1, 10), ())
    np.testing.assert_array_equal(series.values, [1, np.nan, 3])
    assert series.labels is not None
    assert series.labels.tolist() == [False, True, False]
    assert series.moment(2) == datetime(2026, 11, 1, 12)


def test_gaps_disorder_repeats_and_off_grid_timestamps_are_corrected_and_noted(tmp_path: Path) -> None:
    stamps = [0, 1800, 900, 3600, 3600, 4510, 6300]
    lines = [f"{stamp},{value}" for stamp, value in zip(stamps, [1, 3, 2, 4, 6, 5, 7], strict=True)]
    series = one(tmp_path, "timestamp,value", *lines)
    np.testing.assert_array_equal(series.values, [1, 2, 3, np.nan, 5, 5, np.nan, 7])
    assert series.notes == (
        "1 rows out of order, first at line 4: sorted",
        "1 repeated timestamps, first at line 6: their mean is used",
        "1 rows off the grid of 15 min, first at line 7: moved onto it",
        "2 of 8 points have no row: missing",
    )


def test_a_ratio_comes_from_its_parts_and_is_missing_over_zero(tmp_path: Path) -> None:
    series = one(tmp_path, "timestamp,value,numerator,denominator", "0,,1,4", "900,,2,0", "1800,0.5,9,9")
    np.testing.assert_array_equal(series.values, [0.25, np.nan, 0.5])
    assert series.kind == "ratio"


def test_many_series_in_a_file_and_many_files_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "series,timestamp,value", "b,0,1", "a,0,2", "b,3600,3", "a,900,4", name="x.csv")
    with gzip.open(tmp_path / "y.csv.gz", "wt") as stream:
        stream.write("timestamp,value\n0,1\n300,2\n")
    (tmp_path / "notes.txt").write_text("no series")
    series = collect(str(tmp_path))
    assert [(item.name, item.period) for item in series] == [("x/b", 24), ("x/a", 96), ("y", 288)]
    assert [(series.name) for series in read(tmp_path / "x.csv")] == ["b", "a"]


# Europe/Berlin: on 29 March 2026 at 01:00 UTC the clock goes from 2 to 3, on 25 October at 01:00 UTC back to 2.
SPRING, AUTUMN = 1_774_742_400, 1_792_886_400


def test_the_wall_clock_of_a_zone_has_a_hole_in_spring_and_a_mean_in_autumn(tmp_path: Path) -> None:
    spring = one(tmp_path, "timestamp,value", *(f"{SPRING + i * 3600},{i}" for i in range(4)), zone="Europe/Berlin")
    assert spring.start == datetime(2026, 3, 29, 1)
    np.testing.assert_array_equal(spring.values, [0, np.nan, 1, 2, 3])
    autumn = one(tmp_path, "timestamp,value", *(f"{AUTUMN + i * 3600},{i}" for i in range(5)), zone="Europe/Berlin")
    assert autumn.start == datetime(2026, 10, 25, 2)
    np.testing.assert_array_equal(autumn.values, [0.5, 2, 3, 4])
    assert not any("repeated" in note for note in autumn.notes)


def test_offsets_are_used_and_bare_timestamps_are_in_the_zone(tmp_path: Path) -> None:
    lines = ["timestamp,value", "2026-11-01T10:00+03:00,1", "2026-11-01T08:00Z,2"]
    assert one(tmp_path, *lines).start == datetime(2026, 11, 1, 7)
    assert one(tmp_path, *lines, zone="Europe/Moscow").start == datetime(2026, 11, 1, 10)
    bare = one(tmp_path, "timestamp,value", "2026-11-01 10:00,1", "2026-11-01 11:00,2", zone="Europe/Moscow")
    assert (bare.start, bare.zone) == (datetime(2026, 11, 1, 10), "Europe/Moscow")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["timestamp,value", "0,1", "900,x"], "views.csv, line 3: value 'x' is not a finite number"),
        (["timestamp,value", "0,1", "900,inf"], "views.csv, line 3: value 'inf' is not a finite number"),
        (["timestamp,value", "0,1", "soon,1"], "views.csv, line 3: timestamp 'soon' is neither ISO 8601 nor Unix"),
        (["timestamp,value", "0,1", "nan,1"], "views.csv, line 3: the timestamp is missing"),
        (
            ["timestamp,value", "-1700000000,1", "-1699999100,1"],
            "views.csv, line 2: timestamp '-1700000000', read as seconds, is outside 1970 to 9999",
        ),
        (["timestamp,value", "0,1", '900,"1'], "views.csv, line 3: unexpected end of data"),
        (["timestamp,value,label", "0,1,2"], "views.csv, line 2: label '2' is neither 0 nor 1"),
        (["timestamp,value", "0,1", "900"], "views.csv, line 3: 1 cells under 2 columns"),
        (["timestamp,value,value", "0,1,2"], "views.csv: column 'value' is repeated; rename one of them"),
        (["value,label", "0,1"], "views.csv, line 1: no column 'timestamp'"),
        (["timestamp,value"], "views.csv: no rows"),
        (["timestamp,value", "0,1"], "views: one timestamp"),
        (["timestamp,value", "0,1", "420,1"], "a point about every 7 min, which does not divide a day"),
        (["timestamp,value,denominator", "0,1,-4"], "views.csv, line 2: the denominator is infinite or negative"),
        (["timestamp,value", "2026-11-01T10:00,1", "2026-11-01T11:00Z,1"], "line 3: timestamps with and without a UTC"),
        (["timestamp,value", "0,1", "60,1", "120,1", "99999999999,1"], "is a date wrong?"),
    ],
)
def test_invalid_rows_are_refused_with_name_and_line(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DetectorError, match="^.*" + re.escape(message)):
        one(tmp_path, *lines)


def test_a_line_is_right_after_ten_thousand_in_another_encoding(tmp_path: Path) -> None:
    lines = b"timestamp,value\n" + b"0,1\n" * 10_000 + b"900,\xff\n"
    (tmp_path / "views.csv").write_bytes(lines)
    (tmp_path / "views.csv.gz").write_bytes(gzip.compress(lines))
    for name in ("views.csv", "views.csv.gz"):
        with pytest.raises(DetectorError, match=f"^{name}, line 10002: value 'ÿ' is not a finite number"):
            read(tmp_path / name)


def test_seconds_may_be_written_as_fractions(tmp_path: Path) -> None:
    assert one(tmp_path, "timestamp,value", "900.0,1", "1800.0,2").moment(1) == datetime(1970, 1, 1, 0, 30)


def test_a_second_sampling_rate_is_refused_where_it_begins(tmp_path: Path) -> None:
    stamps = [*range(0, 1200, 60), *range(1200, 6000, 300)]
    with pytest.raises(DetectorError, match="views, line 22: from here a point every 5 min, elsewhere every minute"):
        one(tmp_path, "timestamp,value", *(f"{stamp},1" for stamp in stamps))


@pytest.mark.parametrize(
    ("data", "message"),
    [(17, "data must be Series"), (np.empty((0,)), r"shape \(T,\)"), (np.zeros((2, 2, 2)), r"shape \(T,\)")],
)
def test_other_data_is_refused(data: object, message: str) -> None:
    with pytest.raises(DetectorError, match=message):
        collect(data)


def test_an_unknown_zone_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="no .csv"):
        collect(tmp_path)
    with pytest.raises(DetectorError, match="'Mars/One' is not a time zone"):
        one(tmp_path, "timestamp,value", "0,1", "900,1", zone="Mars/One")


def test_two_series_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="two series are called 'views'"):
        collect([write(tmp_path, "timestamp,value", "0,1", "900,1")] * 2)


def test_arrays_and_frames_are_the_same_series_as_a_file(tmp_path: Path) -> None:
    stamps = [0, 900, 1800, 2700]
    file = one(tmp_path, "timestamp,value,label", *(f"{stamp},{i},{i // 3}" for i, stamp in enumerate(stamps)))
    start = datetime(1970, 1, 1)
    (array,) = from_array([0, 1, 2, 3], labels=[0, 0, 0, 1], names=["views"], start=start)
    long = pd.DataFrame({"timestamp": stamps, "value": range(4), "label": [0, 0, 0, 1], "series": "views"})
    indexed = pd.DataFrame({"views": range(4)}, index=pd.to_datetime(stamps, unit="s", utc=True))
    (frame,), (wide,) = from_frame(long), from_frame(indexed["views"])
    assert array.digest == file.digest == frame.digest
    np.testing.assert_array_equal(wide.values, file.values)
    assert (wide.name, wide.period, wide.start) == ("views", 96, start)


def test_a_frame_is_refused_by_its_row() -> None:
    frame = pd.DataFrame({"timestamp": ["2026-11-01", "nonsense"], "value": [1, 2]})
    with pytest.raises(DetectorError, match="series, row 2: timestamp 'nonsense'"):
        from_frame(frame)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"value": [1.0, math.inf]}, "series, row 2: the value is infinite"),
        ({"denominator": [1.0, -1.0]}, "series, row 2: the denominator is infinite or negative"),
        ({"label": [0, 2]}, "series, row 2: the label is neither 0 nor 1"),
        ({"timestamp": [pd.Timestamp("2026-11-01"), pd.NaT]}, "series, row 2: the timestamp is missing"),
        ({"timestamp": ["2026-11-01", "2026-11-01T00:15Z"]}, "series, row 2: timestamps with and without a UTC offset"),
    ],
)
def test_a_frame_follows_the_rules_of_a_file(columns: dict[str, list[object]], message: str) -> None:
    frame = pd.DataFrame({"timestamp": [0, 900], "value": [1.0, 2.0], **columns})
    with pytest.raises(DetectorError, match=message):
        from_frame(frame)


def test_an_indexed_frame_may_hold_several_series() -> None:
    index = pd.date_range("2026-11-01", periods=4, freq="15min")
    both = pd.concat(
        pd.DataFrame({"value": [factor] * 4, "series": name}, index) for name, factor in (("a", 1), ("b", 5))
    )
    a, b = from_frame(both)
    assert (a.name, b.name) == ("a", "b")
    assert (list(a.values), list(b.values)) == ([1] * 4, [5] * 4)


def test_the_digest_depends_on_everything() -> None:
    base = from_array([1.0, 2, 3])[0]
    others = [
        from_array([1.0, 2, 4])[0],
        from_array([1.0, 2, 3], labels=[0, 0, 1])[0],
        from_array([1.0, 2, 3], denominator=[1, 1, 1])[0],
        from_array([1.0, 2, 3], period=48)[0],
        from_array([1.0, 2, 3], names=["x"])[0],
    ]
    assert len({base.digest, *(other.digest for other in others)}) == 6
    assert base.digest == from_array([1.0, 2, 3])[0].digest
