"""``feedpulse run``, as it is installed; the older commands for the same tasks, and exit codes."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import pipeline
from tests.documents import ROOT
from tests.process.conftest import MakeProject
from tests.process.mistakes import NOT_SCHEDULED, TASK_FAILED, WRONG_COMMAND_LINE, below_a_file
from tests.process.project import TODAY, YESTERDAY, Finished, Project

REPORT = f"daily_report-{YESTERDAY}"
LOCALLY = ("--local-scheduler",)
WAYS = {
    "feedpulse": ("feedpulse", "run"),
    "python -m pipeline": ("python", "-m", "pipeline", "run"),
    "luigi": ("luigi", "--module", "pipeline"),
    "python -m luigi": ("python", "-m", "luigi", "--module", "pipeline"),
}


@pytest.fixture
def project(new_project: MakeProject) -> Project:
    """A project whose luigi.cfg has none of Luigi's own settings."""
    made = new_project("embedded")
    for section in ("retcode", "worker"):
        del made.sections[section]
    made.write_configuration()
    return made


@pytest.fixture
def other_pipeline(project: Project) -> Project:
    """A project in a directory that has another `pipeline` package."""
    (project.directory / "pipeline").mkdir()
    (project.directory / "pipeline" / "__init__.py").write_text("raise RuntimeError('the wrong pipeline')\n")
    return project


def test_a_task_runs_where_another_pipeline_lies(other_pipeline: Project) -> None:
    finished = other_pipeline.run("feedpulse", "run", "Morning", "--workers", "2", *LOCALLY)
    assert finished.code == 0, finished.log
    assert other_pipeline.sent() == [REPORT]
    # Python puts the working directory first in the search path.
    assert "the wrong pipeline" in other_pipeline.run("python", "-m", "pipeline", "run", "Morning", *LOCALLY).errors


def test_the_environment_need_not_be_activated(project: Project) -> None:
    project.environment |= {"PATH": "/usr/bin:/bin", "VIRTUAL_ENV": ""}
    assert str(Path(sys.executable).parent) not in project.environment["PATH"].split(os.pathsep)
    finished = project.run("feedpulse", "run", "Alerts", *LOCALLY)
    assert finished.code == 0, finished.log
    assert "1 Alerts()" in finished.log


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(way, id=name, marks=() if name in ("feedpulse", "luigi") else pytest.mark.long)
        for name, way in WAYS.items()
    ],
)
def test_exit_codes_hold_whatever_the_file_says_of_them(project: Project, tmp_path: Path, way: tuple[str, ...]) -> None:
    def run(*arguments: str) -> Finished:
        finished = project.run(*way, *arguments, *LOCALLY)
        assert "Traceback" not in finished.log
        return finished

    assert run("DailyReport", "--date", "2027-01-01").code == NOT_SCHEDULED
    assert run("DailyMetrics", "--date", "yesterday").code == WRONG_COMMAND_LINE
    assert run("DailyMetrics", "--no-such-argument", "1").code == 2
    project.configure(outbox={"path": str(below_a_file(tmp_path))})
    assert run("Morning").code == TASK_FAILED
    project.configure(retcode={"scheduling_error": "7"})
    assert run("DailyReport", "--date", "2027-01-01").code == 7


def test_commands_of_the_module_are_the_same(project: Project) -> None:
    for way in (("feedpulse",), ("python", "-m", "pipeline")):
        assert project.run(*way, "query", "SELECT 1 + 1") == Finished(0, "2\n", "")
    shown = project.run("feedpulse", "--version").output
    assert shown == f"feedpulse {pipeline.__version__} in {ROOT}\n"


def test_a_copy_in_the_working_directory_does_not_run(project: Project) -> None:
    """Neither as the command, nor as the embedded engine's process, nor by Luigi's command."""
    for package in ("pipeline", "detectors", "reporting"):
        (project.directory / package).mkdir()
        (project.directory / package / "__init__.py").write_text("raise SystemExit('the other copy')\n")
    assert project.run("feedpulse", "query", "SELECT 1 + 1") == Finished(0, "2\n", "")
    loaded = project.run("luigi", "--module", "pipeline", "Presses", *LOCALLY)
    assert (loaded.code, "the other copy" in loaded.log) == (0, False)


def test_a_wrong_language_of_a_replay_is_a_line(project: Project) -> None:
    project.configure(report={"language": "de"}, clock={"now": f"{TODAY + timedelta(days=1)}T09:30"})
    finished = project.run("feedpulse", "replay", "--from", str(TODAY))
    assert (finished.code, finished.output) == (1, "")
    assert "'de'" in finished.errors
    assert "en, ru" in finished.errors
    assert "Traceback" not in finished.errors
