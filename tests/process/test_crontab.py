"""The crontab of docs/schedulers.md, run by a shell with cron's environment."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT, crontab
from tests.patience import HANGS_SECONDS
from tests.process.conftest import MakeProject
from tests.process.project import YESTERDAY, Project

CRONS_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "feedpulse"}


def run_line(project: Project, family: str) -> str:
    """Run the crontab line of a root task in the project's directory; return its log."""
    (line,) = (line for line in crontab() if f" {family} " in line)
    (project.directory / ".venv").mkdir()
    (project.directory / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (project.directory / "var" / "log").mkdir(parents=True)
    secrets = project.directory / "feedpulse.env"
    secrets.write_text(f"export PYTHONPATH={shlex.quote(str(ROOT))}\n")
    for theirs, ours in (("/etc/feedpulse.env", secrets), ("/opt/feedpulse", project.directory)):
        assert theirs in line
        line = line.replace(theirs, shlex.quote(str(ours)))
    project.configure(core={"local_scheduler": "true"})
    run = subprocess.run(
        ["sh", "-c", line],
        cwd="/",
        env=CRONS_ENVIRONMENT | {"HOME": str(project.directory)},
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        check=False,
    )
    (log,) = (project.directory / "var" / "log").iterdir()
    text = log.read_text(encoding="utf-8")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", ""), text  # cron mails anything that is printed
    assert "Traceback" not in text
    return text


@pytest.mark.long
def test_the_weekly_summary_is_sent(new_project: MakeProject) -> None:
    project = new_project("embedded")
    assert "2 ran successfully" in run_line(project, "Weekly")
    assert project.sent() == [f"weekly_summary-{YESTERDAY}"]


@pytest.mark.long
def test_presses_are_read(new_project: MakeProject) -> None:
    project = new_project("embedded")
    assert "Presses()" in run_line(project, "Presses")
    assert project.sent() == []
