"""The command's help, exit codes and errors."""

import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from detectors import DetectorError
from pipeline import tasks
from pipeline.commands import query
from pipeline.commands.main import COMMANDS, main
from pipeline.core.errors import FeedpulseError
from reporting.errors import ReportingError

LUIGIS_CODES = ("10", "20", "25", "30", "35", "40")

HELP = """
import sys
sys.argv = ["/somewhere/bin/feedpulse", "--help"]
from pipeline.commands.main import main
try:
    main()
except SystemExit:
    print("imported:", *sorted({name.split(".")[0] for name in sys.modules} & {"luigi", "numpy", "detectors"}))
"""


def printed(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    """Return the exit code and the output of a command."""
    try:
        code: object = main(arguments)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in COMMANDS)], ids=" ".join)
def test_help_fits_a_screen(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = printed(arguments, capsys)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert 5 <= len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_help_says_what_each_command_does_and_what_exit_codes_mean(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = printed(["--help"], capsys)
    for command, module in COMMANDS.items():
        assert f"  {command:<9}  {module.SUMMARY}\n" in out
    codes = out.partition("exit codes:")[2]
    assert all(re.search(rf"\b{code}\b", codes) for code in ("0", "1", "2", *LUIGIS_CODES))


def test_help_of_run_names_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = printed(["run", "--help"], capsys)
    for family in tasks.__all__:
        assert re.search(rf"\b{family}\b", out)
    codes = out.partition("exit codes")[2]
    assert all(re.search(rf"\b{code} ", codes) for code in ("0", "2", *LUIGIS_CODES))


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "usage: feedpulse"),
        (["qery"], "'query'"),
        (["query"], "sql"),
        (["verify", "--from", "tomorrow"], "tomorrow is not a day; write it as 2026-11-01"),
        (["tune"], "--budget"),
        (["run"], "name the task first (tasks: Alerts, "),
        (["run", "--workers", "4", "Daily"], "name the task first"),
        (["run", "Dayly"], "no task is called Dayly; did you mean Daily? (tasks: Alerts, "),
        (["run", "Something"], "no task is called Something (tasks: Alerts, "),
        (["run", "Daily", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["run", "Alerts", "--alerts-detectr", "x"], "--alerts-detectr x; did you mean --alerts-detector?"),
        (["run", "Daily", "--alerts-detector"], "argument --alerts-detector: expected one argument\n"),
        (["run", "RangeDaily", "--strat", "2026"], "--strat 2026; did you mean --start?"),
        (["detectors", "score", "--detector", "prophet"], "'prophet'"),
    ],
)
def test_wrong_usage_is_2_and_says_so(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = printed(arguments, capsys)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


def test_a_refused_task_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["run"], ["run", "Dayly", "--local-scheduler"]):
        _, _, err = printed(arguments, capsys)
        assert len(err.splitlines()) == 1
        assert all(family in err for family in tasks.__all__)


def test_a_refused_argument_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["--nonsense"], ["--alerts-detectr", "x"], ["stray"], ["--workers"]):
        code, _, err = printed(["run", "Alerts", *wrong], capsys)
        assert (code, len(err.splitlines())) == (2, 1)


@pytest.mark.parametrize("error", [FeedpulseError, ReportingError, DetectorError, PermissionError])
def test_an_error_that_people_can_act_on_is_a_line(
    error: type[Exception], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Sequence[str]) -> int:
        raise error("this is wrong: do that")

    monkeypatch.setattr(query, "main", fail)
    assert printed(["query", "SELECT 1"], capsys) == (1, "", "feedpulse query: this is wrong: do that\n")


def test_an_error_in_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Sequence[str]) -> int:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr(query, "main", fail)
    with pytest.raises(LookupError):
        main(["query", "SELECT 1"])
