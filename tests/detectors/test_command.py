"""The commands of ``python -m detectors``."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

import detectors
from detectors.__main__ import main

DAY = [
    "timestamp,value",
    *(f"2026-11-{day:02}T{hour:02}:00:00,{10 + hour % 3}" for day in (1, 2) for hour in range(24)),
]


def file(folder: Path, lines: list[str]) -> str:
    path = folder / "series.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_list_names_every_method_its_parameters_and_when_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in detectors.available():
        (line,) = (line for line in lines if line.startswith(f"{name}("))
        assert detectors.find(name).summary in line
        assert "period=96" in line
    assert any(line.startswith("ensemble(") and "sensitivity=1.0" in line and 'kind="value"' in line for line in lines)


def test_score_of_a_file_and_of_stdin_is_that_of_the_library(tmp_path: Path) -> None:
    path = file(tmp_path, DAY)
    command = [sys.executable, "-m", "detectors", "score", "--detector", "difference", "--set", "period=24"]
    from_file = subprocess.run([*command, path], capture_output=True, text=True, check=True).stdout
    text = Path(path).read_text()
    from_stdin = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    assert from_file == from_stdin
    rows = list(csv.DictReader(io.StringIO(from_file)))
    assert list(rows[0]) == ["timestamp", "value", "expected", "lower", "upper", "score", "is_anomaly"]
    assert [row["timestamp"] for row in rows] == [line.split(",")[0] for line in DAY[1:]]
    values = np.array([float(line.split(",")[1]) for line in DAY[1:]])
    wanted = detectors.create("difference", period=24).detect(values)
    for name in ("expected", "lower", "upper", "score"):
        written = np.array([float(row[name] or "nan") for row in rows])
        np.testing.assert_array_equal(written, getattr(wanted, name))
    assert [row["is_anomaly"] for row in rows[:24]] == [""] * 24
    assert {row["is_anomaly"] for row in rows[24:]} <= {"0", "1"}


def test_progress_is_shown_on_a_terminal(tmp_path: Path) -> None:
    shown, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    command = [sys.executable, "-m", "detectors", "score", "--detector", "sigma", "--set", "period=24"]
    subprocess.run([*command, file(tmp_path, DAY)], stdout=subprocess.DEVNULL, stderr=terminal, check=True)
    os.close(terminal)
    text = os.read(shown, 10_000).decode()
    os.close(shown)
    assert "48 rows" in text
    assert "scoring 48 values with sigma" in text


def test_a_ratio_and_a_gap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["timestamp,value,numerator,denominator", "0,,1,4", "21600,,2,4", "64800,,3,0", "86400,,2,4"]
    arguments = ["score", "--detector", "day_ago", "--set", "period=4", "--set", "min_change=0", file(tmp_path, lines)]
    assert main(arguments) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["value"] for row in rows] == ["0.25", "0.5", "", "0.5"]
    # The last row is a day after the first and twice its value; the band ends at 1.5 times.
    assert (rows[-1]["expected"], rows[-1]["is_anomaly"]) == ("0.25", "1")
    assert rows[2]["score"] == ""


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1: no column 'timestamp'"),
        (["time,value"], "series.csv: no rows"),
        (["timestamp,value"], "series.csv: no rows"),
        ([*DAY[:3], "2026-11-01T02:00:00"], "line 4: 1 cells under 2 columns"),
        ([*DAY[:3], "2026-11-01T02:00:00,twelve"], "line 4: value 'twelve' is not a finite number"),
        ([*DAY[:3], "2026-11-01T02:00:00,inf"], "line 4: value 'inf' is not a finite number"),
        ([*DAY[:3], "yesterday,12"], "line 4: timestamp 'yesterday' is neither ISO 8601 nor Unix seconds"),
        ([*DAY[:2], "2026-11-01T00:10:00,12"], "every hour, but the series has a point every 10 min; omit the period"),
        (["timestamp,value,denominator", "0,1,-2"], "line 2: the denominator is infinite or negative (-2)"),
    ],
)
def test_an_invalid_row_is_reported_with_its_line(
    lines: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "--detector", "sigma", "--set", "period=24", file(tmp_path, lines)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--detector", "prophet"], "no detector is called 'prophet'; there are: day_ago"),
        (["--detector", "ensemble", "--set", "sensitive=2"], "ensemble has no parameter 'sensitive'; it has: period"),
        (["--detector", "ensemble", "--set", "sensitivity=0"], "sensitivity must be a finite number above 0, not 0"),
        (
            ["--detector", "ensemble", "--set", "kind=ratio"],
            "needs the denominator; give it, or use kind",
        ),
        (["--detector", "ensemble", "--set", "kind=share"], "kind must be one of count, ratio, value, not 'share'"),
    ],
)
def test_a_bad_choice_is_a_line_that_lists_the_valid_ones(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(tmp_path, ["timestamp,value", "0,1", "900,2"])
    assert main(["score", *arguments, path]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "--detector", "sigma", "nowhere.csv"]) == 2
    assert "nowhere.csv" in capsys.readouterr().err


def test_values_of_set_are_json_or_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file(tmp_path, ["timestamp,value", "0,1", "900,1"])
    for setting in ("same_slot=false", "multiplier=2.5", json.dumps(5).join(["window=", ""])):
        assert main(["score", "--detector", "iqr", "--set", setting, path]) == 0
    assert main(["score", "--detector", "iqr", "--set", "same_slot=no", path]) == 2
    assert "same_slot must be true or false, not 'no'" in capsys.readouterr().err
