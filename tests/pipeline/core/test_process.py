"""The state of a process: what it caches, and that only a command changes it."""

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from pipeline.core.process import LUIGI_DEFAULTS, once, reset
from pipeline.tasks import Daily

ROOT = Path(__file__).parents[3]

STATE = """
import gc, logging, os, pkgutil, signal, sys, warnings
import luigi
from luigi.configuration import get_config

def state():
    loggers = {name: logging.getLogger(name) for name in ("", "luigi-interface", "luigi", "pipeline")}
    return (
        gc.get_freeze_count(), gc.get_threshold(), dict(os.environ), sys.path[:], list(warnings.filters),
        {name: (list(one.filters), list(one.handlers), one.level) for name, one in loggers.items()},
        {name: dict(get_config().items(name, raw=True)) for name in get_config().sections()},
        signal.getsignal(signal.SIGTERM), sys.excepthook,
    )

import clickhouse_driver, numpy
before = state()
import pipeline
"""

EVERYTHING = (
    STATE
    + """
for module in pkgutil.walk_packages(pipeline.__path__, "pipeline."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
print("same" if state() == before else [pair for pair in zip(before, state()) if pair[0] != pair[1]])
"""
)

FROM_A_PROGRAM = (
    "import gc, sys; frozen = gc.get_freeze_count(); sys.argv[0] = '{program}'"  # Python 3.12 begins with some
    + STATE
    + """
print(gc.get_freeze_count() > frozen, get_config().get("retcode", "task_failed"), get_config().get("worker", "timeout"))
"""
)


def printed(program: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_everything_changes_nothing_in_the_process(tmp_path: Path) -> None:
    assert printed(EVERYTHING, tmp_path) == "same"


def test_luigis_command_is_prepared_and_the_users_file_wins(tmp_path: Path) -> None:
    (tmp_path / "luigi.cfg").write_text("[retcode]\ntask_failed = 7\n[worker]\ntimeout = 9\n")
    luigi = FROM_A_PROGRAM.replace("{program}", "/somewhere/bin/luigi")
    assert printed(luigi, tmp_path) == "True 7 9"
    (tmp_path / "luigi.cfg").write_text("[worker]\ntimeout = 9\n")
    assert printed(luigi, tmp_path) == "True 30 9"


@pytest.mark.parametrize(
    ("program", "prepared"),
    [
        ("/somewhere/bin/luigi-deps", True),
        ("/somewhere/site-packages/luigi/__main__.py", True),  # python -m luigi
        ("/somewhere/bin/feedpulse", False),  # prepares when it runs a command
        ("/somewhere/bin/pytest", False),
        ("-c", False),
    ],
)
def test_only_luigis_commands_are_prepared_by_an_import(tmp_path: Path, program: str, prepared: bool) -> None:
    (tmp_path / "luigi.cfg").write_text("[retcode]\ntask_failed = 7\n[worker]\ntimeout = 9\n")
    assert printed(FROM_A_PROGRAM.replace("{program}", program), tmp_path) == f"{prepared} 7 9"


def test_a_reset_forgets_luigis_tasks() -> None:
    before = Daily()
    assert Daily() is before
    reset()
    assert Daily() is not before


def test_the_shipped_file_says_the_same_as_the_defaults_in_code() -> None:
    shipped = ConfigParser()
    shipped.read_string((ROOT / "luigi.cfg").read_text(encoding="utf-8"))
    for section, options in LUIGI_DEFAULTS.items():
        assert {option: shipped[section][option] for option in options} == options


def test_once_remembers_an_answer_until_everything_is_forgotten() -> None:
    asked = []

    @once
    def answer(question: str) -> str:
        asked.append(question)
        return question.upper()

    assert [answer("a"), answer("a"), answer("b")] == ["A", "A", "B"]
    assert asked == ["a", "b"]
    reset()
    assert answer("a") == "A"
    assert asked == ["a", "b", "a"]
