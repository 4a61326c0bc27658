"""Files as people have them: what is read, what is said of it, and what is refused by name and line."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from detectors.errors import DetectorError
from detectors.lab.grid import Layout
from detectors.lab.readers import from_frame, read
from detectors.lab.series import Series
from detectors.reader.format import Format

MOMENT = 1_767_571_200  # 2026-01-05 00:00 UTC


def one(folder: Path, text: str, encoding: str = "utf-8", **options: Any) -> Series:
    path = folder / "views.csv"
    path.write_bytes(text.encode(encoding))
    layout = Layout(**{key: options.pop(key) for key in ("zone", "every", "kind", "step") if key in options})
    (series,) = read(path, layout=layout, file_format=Format(**options))
    return series


def hourly(*times: str, head: str = "time,value", mark: str = ",") -> str:
    return "\n".join([head, *(f"{time}{mark}{i + 1}" for i, time in enumerate(times)), ""])


@pytest.mark.parametrize(
    ("text", "period", "remarks"),
    [
        # Prophet, quoted names, and the row numbers that R writes.
        ("ds,y\n2026-01-05,1\n2026-01-06,2\n", 1, []),
        ('"","ds","y"\n"1",2026-01-05,1\n"2",2026-01-06,2\n', 1, []),
        # A DatetimeIndex of pandas, and its default index.
        (",requests\n2026-01-05 00:00:00,1\n2026-01-05 00:30:00,2\n", 48, ["the value is the column 'requests'"]),
        ("Unnamed: 0,Date,Value\n0,2026-01-05,1\n1,2026-01-06,2\n", 1, []),
        # Luminol has no header; old Mac line ends; a tab; spaces after commas.
        ("2026-01-05 00:00:01,1\n2026-01-05 00:00:03,2\n", 43_200, ["the file has no header"]),
        ("ds,y\r2026-01-05,1\r2026-01-06,2\r", 1, []),
        ("Timestamp\tValue\n2026-01-05 00:00\t1\n2026-01-05 01:00\t2\n", 24, ["the delimiter is a tab"]),
        ("TIME, Value\n2026-01-05 00:00, 1\n2026-01-05 01:00, 2\n", 24, []),
        # A date and a time of day apart, other columns, and a label.
        ("Date,Time,load\n2026-01-05,00:00,1\n2026-01-05,01:00,2\n", 24, ["the value is the column 'load'"]),
        ("time,value,is_anomaly,host\n2026-01-05 00:00,1,0,a\n2026-01-05 01:00,2,1,a\n", 24,
         ["a column is not used: 'host'"]),
        # Rows of empty cells, as Excel writes them.
        ("time;value\n2026-01-05 00:00;1\n2026-01-05 01:00;2\n;\n;\n", 24, ["2 rows of empty cells are skipped"]),
        # Numbers and other forms of times.
        (hourly("1767571200000", "1767574800000"), 24, ["read as milliseconds since 1970: 1767571200000 is 2026"]),
        (hourly("1767571200000000", "1767574800000000"), 24, ["read as microseconds since 1970"]),
        (hourly("1767571200", "1767574800"), 24, ["read as seconds since 1970: 1767571200 is 2026-01-05 00:00:00 UTC"]),
        (hourly("1.7675712e9", "1.7675748e9"), 24, ["read as seconds"]),
        (hourly("20260105", "20260106"), 1, ["read as YYYYMMDD: 20260105 is 2026"]),
        (hourly("2026010500", "2026010501"), 24, ["read as YYYYMMDDHH: 2026010500 is 2026-01-05 00:00:00"]),
        (hourly("2026/1/5 0:00", "2026/1/5 1:00"), 24, []),
        (hourly("20260105T000000Z", "20260105T010000Z"), 24, []),
        (hourly("2026-01-05 00:00:00 UTC", "2026-01-05 01:00:00 UTC"), 24, []),
        (hourly("2026-01-05T03:00:00+0300", "2026-01-05T04:00:00 +03:00"), 24, []),
        (hourly("5 Jan 2026 00:00", "5 Jan 2026 01:00"), 24, []),
        (hourly("1/5/2026 12:00 AM", "1/5/2026 1:00 AM"), 24, ["with the month first: 1/5/2026 12:00 AM is 05 Jan"]),
    ],
)  # fmt: skip
def test_files_as_they_come(tmp_path: Path, text: str, period: int, remarks: list[str]) -> None:
    series = one(tmp_path, text)
    np.testing.assert_array_equal(series.values, [1, 2])
    assert series.period == period
    assert series.start.date() == datetime(2026, 1, 5).date()
    for remark in remarks:
        assert any(remark in said for said in series.read_as), series.read_as
    assert remarks or not series.read_as


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1251"])
def test_an_encoding_is_found_and_said(tmp_path: Path, encoding: str) -> None:
    text = "Время;Значение;Участок\n2026-01-05 00:00;1,5;Север\n2026-01-05 01:00;2,25;Север\n"
    series = one(tmp_path, text, encoding)
    np.testing.assert_array_equal(series.values, [1.5, 2.25])
    assert any("encoding" in said for said in series.read_as) != encoding.startswith("utf-8")
    assert "the decimal mark of the value is a comma: 1,5 is 1.5" in series.read_as


def test_days_come_first_only_when_told(tmp_path: Path) -> None:
    text = hourly("05.01.2026 00:00", "05.01.2026 01:00")
    with pytest.raises(DetectorError, match="line 2: in '05.01.2026 00:00' the day may come first; say so"):
        one(tmp_path, text)
    assert one(tmp_path, text, day_first=True).start == datetime(2026, 1, 5)
    slashes = hourly("05/01/2026", "06/01/2026")
    assert one(tmp_path, slashes, day_first=True).period == 1
    with pytest.raises(DetectorError, match=r"about every month"):
        one(tmp_path, slashes)
    with pytest.raises(DetectorError, match=r"line 3: '13/01/2026' has its day first"):
        one(tmp_path, hourly("12/01/2026", "13/01/2026"))


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (("1,5", "1.234,5"), [1.5, 1234.5]),
        (("1 234,5", "2"), [1234.5, 2]),
        (("1,234.5", "1,234,567"), [1234.5, 1234567]),
        (("", "NaN"), [np.nan, np.nan]),
        (("N/A", "7"), [np.nan, 7]),
        (("1e3", "-.5"), [1000, -0.5]),
    ],
)
def test_numbers(tmp_path: Path, cells: tuple[str, str], wanted: list[float]) -> None:
    text = f"time;value\n2026-01-05 00:00;{cells[0]}\n2026-01-05 01:00;{cells[1]}\n"
    np.testing.assert_array_equal(one(tmp_path, text).values, wanted)


def test_an_unclear_comma_is_asked_for(tmp_path: Path) -> None:
    text = "time;value\n2026-01-05 00:00;1,234\n2026-01-05 01:00;2,345\n"
    with pytest.raises(DetectorError, match=r"line 2: the value '1,234' may be 1.234 or 1234; say which mark"):
        one(tmp_path, text)
    np.testing.assert_array_equal(one(tmp_path, text, decimal=",").values, [1.234, 2.345])
    np.testing.assert_array_equal(one(tmp_path, text, decimal=".").values, [1234, 2345])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (hourly("46027.0", "46027.0104"), "views.csv, line 2: 46027.0 looks like the serial number of a date in Excel"),
        (hourly("1", "2", "3"), "views.csv, line 2: the times are 1, 2 and so on, which are row numbers"),
        (hourly("2024", "2025"), "views.csv, line 2: '2024' is too small a number for a time"),
        (hourly("2026-01-05", "2026-01-06", "Total"), "views.csv, line 4: 'Total' is a total, not a timestamp; remove"),
        (hourly("2026-01-05", "2026-01-06", ""), "views.csv, line 4: the timestamp is missing; is this a total?"),
        ("time,value\n2026-01-05,1\n2026-01-06,down\n", "views.csv, line 3: value 'down' is not a finite number"),
        ("time,value\n2026-01-05,1\n2026-01-06,12 %\n", "line 3: value '12 %' is not a finite number; remove the"),
        ("time,a,b\n2026-01-05,1,2\n", "views.csv: the value may be any of 'a', 'b'; name it (--value COLUMN)"),
        ("a,b\n1,2\n3,4\n", "views.csv, line 1: no column 'timestamp', nor another one of times"),
        # The lines are those of the file: blank lines, quoted line ends and carriage returns count.
        ("time,value\n\n2026-01-05,1\n\n2026-01-06,x\n", "views.csv, line 5: value 'x'"),
        ('time,value,text\n2026-01-05,1,"two\nlines"\n2026-01-06,x,\n', "views.csv, line 4: value 'x'"),
        ("time,value\r\n2026-01-05,1\r\n2026-01-06\r\n", "views.csv, line 3: 1 cells under 2 columns"),
        ("time,value\n2026-01-05,1\n2026-01-06,1,2\n", "views.csv, line 3: 3 cells under 2 columns"),
        ("time,value\n2026-01-05,1\n2026-01-05 10:00+01:00,1\n", "views.csv, line 3: timestamps with and without a"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DetectorError, match="^.*" + re.escape(message)):
        one(tmp_path, text)


def test_columns_can_be_named(tmp_path: Path) -> None:
    text = "when,sold,asked\n2026-01-05,1,4\n2026-01-06,3,4\n"
    series = one(tmp_path, text, numerator="Sold", denominator="asked")
    np.testing.assert_array_equal(series.values, [0.25, 0.75])
    assert series.kind == "ratio"
    assert one(tmp_path, "2026-01-05,1,4\n2026-01-06,3,5\n", value="3").values.tolist() == [4, 5]
    with pytest.raises(DetectorError, match="no column 'price'; there are: 'when', 'sold', 'asked'"):
        one(tmp_path, text, value="price")


def test_an_unknown_encoding_or_delimiter(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="'klingon' is not an encoding"):
        read(_file(tmp_path, "time,value\n0,1\n"), file_format=Format(encoding="klingon"))
    with pytest.raises(DetectorError, match="views.csv, line 2: not ascii"):
        read(_file(tmp_path, "time,value\n0,é\n"), file_format=Format(encoding="ascii"))
    with pytest.raises(DetectorError, match="the delimiter must be one character"):
        Format(delimiter=";;")


def _file(folder: Path, text: str) -> Path:
    path = folder / "views.csv"
    path.write_text(text)
    return path


def test_a_frame_has_the_names_and_forms_of_a_file() -> None:
    frame = pd.DataFrame({"DS": ["2026-01-05", "2026-01-06"], "Y": ["1,5", "2"], "is_anomaly": [False, True]})
    (series,) = from_frame(frame)
    assert series.values.tolist() == [1.5, 2]
    assert series.labels is not None
    assert series.labels.tolist() == [False, True]


def test_an_incident_of_another_file(tmp_path: Path) -> None:
    from detectors.reader.windows import read_windows

    (tmp_path / "windows.csv").write_text("Start,End\n2026-01-05 01:00,2026-01-05 02:30\n2030-01-01,2030-01-02\n")
    (tmp_path / "points.csv").write_text("Datetime,Anomaly\n2026-01-05 00:00,0\n2026-01-05 02:00,1\n")
    path = _file(tmp_path, hourly(*(f"2026-01-05 0{hour}:00" for hour in range(5))))
    for name, wanted in (("windows", [0, 1, 1, 0, 0]), ("points", [0, 0, 1, 0, 0])):
        (series,) = read(path, layout=Layout(windows=read_windows(tmp_path / f"{name}.csv")))
        assert series.labels is not None
        assert series.labels.tolist() == wanted
    (tmp_path / "windows.csv").write_text("start,end,series\n2026-01-05 01:00,2026-01-05 02:30,likes\n")
    (series,) = read(path, layout=Layout(windows=read_windows(tmp_path / "windows.csv")))
    assert series.labels is not None
    assert not series.labels.any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start,end\n2026-01-06,2026-01-05\n", "windows.csv, line 2: the window ends before it starts"),
        ("from,when\n2026-01-06,1\n", "labels need the columns start and end, or time and label"),
        ("start,end\n2020-01-05,2020-01-06\n", "no window lies in the series views"),
    ],
)
def test_windows_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    from detectors.reader.windows import read_windows

    (tmp_path / "windows.csv").write_text(text)
    with pytest.raises(DetectorError, match=message):
        read(_file(tmp_path, hourly("2026-01-05", "2026-01-06")), layout=Layout(
            windows=read_windows(tmp_path / "windows.csv")))  # fmt: skip
