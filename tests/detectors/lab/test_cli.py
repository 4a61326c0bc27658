"""The commands of the lab."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detectors.__main__ import main
from detectors.lab.compare import digest
from detectors.lab.readers import collect, from_array
from detectors.lab.series import Series
from tests.detectors.lab.histories import daily


def write(folder: Path, series: list[Series]) -> str:
    lines = ["timestamp,value,series"]
    for item in series:
        lines += [
            f"{item.moment(i).isoformat()},{value:.0f},{item.name}" for i, value in enumerate(item.values.tolist())
        ]
    path = folder / "history.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_compare_prints_the_table_and_writes_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["compare", write(tmp_path, daily(5)), "--detector", "sigma multiplier=3,4", "--detector", "ewma"]
    assert main([*arguments, "--workers", "1", "--plots", "1", "--out", str(out)]) == 0
    output = capsys.readouterr().out
    lines = output.splitlines()
    assert lines[0].startswith("5 series, 3600 points, ")
    ranked = [line.split() for line in lines[2:5]]
    assert {row[0] for row in ranked} == {"sigma(multiplier=3)", "sigma(multiplier=4)", "ewma"}
    assert [float(row[1]) for row in ranked] == sorted((float(row[1]) for row in ranked), reverse=True)
    assert lines[5].startswith(ranked[0][0])
    assert sorted(path.name for path in out.iterdir()) == [
        "costs.csv",
        "ranking.csv",
        "report.html",
        "results.jsonl",
        "scores.csv",
    ]
    page = (out / "report.html").read_bytes()
    assert b"oint-adjusted" not in page
    assert main([*arguments, "--workers", "1", "--plots", "1", "--out", str(out)]) == 0
    assert (out / "report.html").read_bytes() == page
    assert capsys.readouterr().out == output
    assert main([*arguments, "--workers", "1", "--plots", "1", "--out", str(out), "--point-adjusted"]) == 0
    assert "adjusted F1" in capsys.readouterr().out
    assert b"oint-adjusted F1" in (out / "report.html").read_bytes()


def test_tune_prints_messages_with_dates_and_the_section_to_paste(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tune", write(tmp_path, daily(5)), "--detector", "sigma", "--workers", "1"]
    assert main([*arguments, "--budget", "3", "--out", str(tmp_path / "out")]) == 0
    output = capsys.readouterr().out
    assert "5 series, 2026-01-01 to 2026-01-31 (UTC)" in output
    assert f"Data {digest(collect(arguments[1]))[:16]}, seed 0, copies " in output
    assert "Chosen on 2026-01-15 to 2026-01-24" in output
    assert "a point every hour, kind count (the values are whole and none is negative)" in output
    # The alerts judge slots of 15 minutes, so for hourly points there is no section of luigi.cfg.
    assert "luigi.cfg:" not in output
    assert "detectors.create('sigma', period=24, multiplier=" in output


def test_tune_prints_the_section_to_paste_for_slots_of_15_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(3)
    (series,) = from_array(rng.poisson(300, 26 * 96).astype(float), names=["views"])
    arguments = ["tune", write(tmp_path, [series]), "--detector", "ewma", "--workers", "1", "--copies", "1"]
    assert main([*arguments, "--budget", "9", "--out", str(tmp_path / "out")]) == 0
    assert "For luigi.cfg:\n\n[alerts]\ndetector = ewma\ndetector_params = {" in capsys.readouterr().out


def test_tune_says_when_no_detector_keeps_the_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A tenth of the points are outliers of every size, so a detector that catches incidents exceeds the budget.
    (wild,) = daily(1)
    wild.values[::10] *= 1 + 99 * (wild.values[::10] % 7)
    arguments = ["tune", write(tmp_path, [wild]), "--detector", "difference", "--workers", "1"]
    assert main([*arguments, "--budget", "0.01", "--out", str(tmp_path / "out")]) == 1
    output = capsys.readouterr().out
    assert "The budget of 0.01 messages a week cannot be met: raise it." in output
    assert "luigi.cfg" not in output


@pytest.mark.parametrize(
    "option", ["--workers=-1", "--workers=0", "--seed=-1", "--warmup=nan", "--warmup=-1", "--plots=x"]
)
def test_an_invalid_number_is_refused_with_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["compare", str(tmp_path), option])
    name, _, value = option.partition("=")
    assert f"argument {name}: '{value}' is not a " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "nowhere.csv"], "No such file or directory: 'nowhere.csv'"),
        (["compare", "{file}", "--detector", "sgima"], "no detector is called 'sgima'"),
        (["compare", "{file}", "--zone", "Mars/One"], "'Mars/One' is not a time zone"),
        (["tune", "{file}", "--budget", "3", "--warmup", "25"], "the history is too short"),
        (["tune", "{file}", "--budget", "-1"], "the budget must be more than 0"),
        (["compare", "{file}", "--copies", "0"], "copies must be at least 1"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    path = write(tmp_path, daily(1))
    assert main([*(part.format(file=path) for part in arguments), "--out", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("detectors: ")
    assert message in line
