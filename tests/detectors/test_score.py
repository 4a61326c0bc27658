"""``python -m detectors score`` on files as people have them: rates, kinds, and what is said beside the result."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path

import numpy as np
import pytest

import detectors
from detectors.__main__ import main
from detectors.registry import available, find
from tests.detectors.test_contract import INSTANCES


def write(folder: Path, text: str) -> str:
    path = folder / "shop.csv"
    path.write_text(text)
    return str(path)


def scored(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[dict[str, str]], str]:
    assert main(["score", *arguments]) == 0
    captured = capsys.readouterr()
    return list(csv.DictReader(io.StringIO(captured.out))), captured.err


def daily(outage: int, days: int = 120) -> str:
    """Orders a day with a weekend of 60 %, and one day without any."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(np.where(np.arange(days) % 7 >= 5, 30, 50))
    counts[outage] = 0
    days_ = np.datetime64("2026-01-05") + np.arange(days)
    return "\n".join(["ds,y", *(f"{day},{count}" for day, count in zip(days_, counts, strict=True))])


def test_the_period_and_the_kind_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, said = scored(capsys, "--detector", "ensemble", write(tmp_path, daily(100)))
    assert "shop: a point every day, kind count (the values are whole and none is negative)" in said
    assert (rows[100]["value"], rows[100]["is_anomaly"]) == ("0.0", "1")
    # Among values of any sign, a day without an order is inside the band.
    as_values, _ = scored(capsys, "--detector", "ensemble", "--set", "kind=value", write(tmp_path, daily(100)))
    assert float(as_values[100]["lower"]) < 0
    assert as_values[100]["is_anomaly"] == "0"


def test_a_method_that_is_not_for_the_rate_warns_and_names_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said = scored(capsys, "--detector", "ensemble", write(tmp_path, daily(100)))
    assert (
        "shop: WARNING: ensemble is for at least 4 points a day, and this series has a point every day: others " in said
    )
    named = said.partition("others catch more there (")[2].partition(")")[0].split(", ")
    # Other test files may have registered methods of their own.
    assert {"day_ago", "iqr", "mad", "seasonal", "sigma", "weekday"} <= set(named)
    assert not {"difference", "ensemble", "ewma", "holt_winters", "stl"} & set(named)


def test_compare_leaves_out_what_is_not_for_the_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", write(tmp_path, daily(100)), "--workers", "1", "--copies", "1", "--plots", "0"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    output = capsys.readouterr().out
    assert "not ranked, ensemble: ensemble is for at least 4 points a day, and this series has a point every" in output
    assert "shop: a point every day, kind count" in output
    assert main([*arguments, "--detector", "ensemble", "--out", str(tmp_path / "out")]) == 0
    assert "WARNING: ensemble is for at least 4 points a day" in capsys.readouterr().out


def test_a_result_that_judged_almost_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, daily(10, days=20))
    _, said = scored(capsys, "--detector", "mad", path)
    assert "shop: WARNING: only 6 of 20 values were judged (30%)" in said
    _, said = scored(capsys, "--detector", "day_ago", path)
    assert "judged" not in said


def test_rows_in_any_order_repeats_and_missing_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, said = scored(
        capsys, "--detector", "day_ago",
        write(tmp_path, "time,value,is_anomaly\n2026-01-05 01:00,2,0\n2026-01-05 00:00,1,0\n2026-01-05 01:00,4,1\n"
                        "2026-01-05 03:00,NaN,0\n2026-01-05 02:00,8,0\n"),
    )  # fmt: skip
    assert [(row["timestamp"][-5:], row["value"]) for row in rows] == [
        ("00:00", "1.0"), ("01:00", "3.0"), ("02:00", "8.0"), ("03:00", "")]  # fmt: skip
    assert "shop: 2 rows out of order, first at line 3: sorted" in said
    assert "shop: 1 repeated timestamps, first at line 4: their mean is used" in said


def test_several_series_have_a_column_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "unique_id,ds,y\na,2026-01-05,1\nb,2026-01-05,5\na,2026-01-06,2\nb,2026-01-06,6\n"
    rows, _ = scored(capsys, "--detector", "day_ago", write(tmp_path, text))
    assert [(row["series"], row["value"]) for row in rows] == [("a", "1.0"), ("a", "2.0"), ("b", "5.0"), ("b", "6.0")]


def test_points_can_be_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(["time,value", *(f"2026-01-05 0{i // 60}:{i % 60:02},{i % 5}" for i in range(90))])
    rows, said = scored(capsys, "--detector", "day_ago", "--every", "15min", write(tmp_path, text))
    assert [(row["timestamp"], row["value"]) for row in rows][:2] == [
        ("2026-01-05T00:00:00", "30.0"), ("2026-01-05T00:15:00", "30.0")]  # fmt: skip
    assert "a point every 15 min, kind count" in said


def test_a_slot_of_minutes_is_judged_by_its_least_and_greatest_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Two minutes without an event, of 15 with 40 each: the slot alone is inside its band.
    rng = np.random.default_rng(0)
    slots = rng.poisson(40, (8 * 96, 15))
    slots[7 * 96 + 50, 3:5] = 0
    path = write(tmp_path, "\n".join(["time,value", *(
        f"{1_767_571_200 + 60 * i},{count}" for i, count in enumerate(slots.ravel().tolist()))]))  # fmt: skip
    rows, said = scored(capsys, "--detector", "ensemble", "--every", "15min", path)
    flagged = [row["timestamp"] for row in rows if row["is_anomaly"] == "1"]
    assert flagged == ["2026-01-12T12:30:00"]
    alone = detectors.create("ensemble", kind="count").detect(slots.sum(axis=1))
    assert abs(alone.score[7 * 96 + 50]) < 1
    assert "the least and the greatest point inside each slot are part of the score" in said
    _, said = scored(capsys, "--detector", "mad", "--every", "15min", path)
    assert "point inside each slot are NOT, mad takes none, part of the score" in said


def test_no_warning_of_a_library_reaches_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def noisy(*_: object, **__: object) -> None:
        warnings.warn("a library grumbles", FutureWarning, stacklevel=2)

    monkeypatch.setattr("detectors.lab.files.say", noisy)
    _, said = scored(capsys, "--detector", "day_ago", write(tmp_path, daily(10)))
    assert "grumbles" not in said


@pytest.mark.parametrize("name", [name for name in available() if find(name).proportional])
def test_the_band_of_a_proportional_method_grows_as_its_multiplier(name: str) -> None:
    from dataclasses import replace

    detector = next(one for one in INSTANCES if one.name == name)
    values = np.random.default_rng(0).normal(50, 5, 40 * detector.period)
    wide = replace(detector, multiplier=1.7 * detector.multiplier)  # type: ignore[attr-defined, call-arg]
    narrow_bounds, wide_bounds = detector.detect(values), wide.detect(values)
    np.testing.assert_array_equal(narrow_bounds.expected, wide_bounds.expected)
    for side in ("lower", "upper"):
        half = getattr(narrow_bounds, side) - narrow_bounds.expected
        np.testing.assert_allclose(getattr(wide_bounds, side) - wide_bounds.expected, 1.7 * half, atol=1e-9)
    assert detectors.find(name).proportional
