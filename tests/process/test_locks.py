"""Lock files that somebody else holds, or that cannot be written: the run says so, or goes on."""

import hashlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.core import files as configuration_files
from pipeline.warehouse.tables import TABLE_UPDATES
from reporting import files
from tests.process.conftest import MakeProject
from tests.process.project import NOW, finish, moment
from tests.process.saying import said, supervised_here, titles
from tests.reporting.test_files import HOLD


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], int]]:
    """Start a process that takes a lock and is stopped (SIGSTOP); returns its number."""
    monkeypatch.setattr(files, "LONGEST_WAIT_SECONDS", 0.3)
    processes = []

    def start(lock: Path) -> int:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{lock}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGSTOP)
        return process.pid

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_stopped_sender_is_named_and_told(new_project: MakeProject, stopped: Callable[[Path], int]) -> None:
    project = new_project("embedded")
    folder = Path(project.sections["delivery"]["lock_path"])
    files.make_private(folder)
    address = hashlib.sha256(f"outbox:{project.outbox}".encode()).hexdigest()[:16]
    holder = stopped(folder / f"{address}.lock")
    finished = supervised_here(project, "Morning")
    assert finished.code == 30, finished.log
    ((title, cause),) = said(project)
    assert title == "feedpulse: Morning failed"
    assert f"is held for more than 0.3 s by process {holder} (feedpulse run Alerts)" in cause


def test_what_was_said_is_remembered_while_a_stopped_run_holds_the_memory(
    new_project: MakeProject, stopped: Callable[[Path], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    project = new_project("embedded")
    project.configure(alerts={"channels": "outbox", "metrics": "dau"})
    folder = Path(project.sections["delivery"]["lock_path"])
    files.make_private(folder)
    monkeypatch.setattr(configuration_files, "identity", lambda: "one")
    holder = stopped(folder / "supervision-one.lock")
    for _ in range(2):
        finished = supervised_here(project, "Alerts")
        assert finished.code == 35, finished.log
        assert f"by process {holder} " in finished.log
    assert titles(project) == ["Alerts cannot start"]


def test_a_lock_directory_that_others_may_write_is_told_with_the_remedy(
    new_project: MakeProject, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "notes.txt").touch()
    shared.chmod(0o777)
    project = new_project("embedded")
    project.configure(delivery={"lock_path": str(shared)})
    finished = supervised_here(project, "Morning")
    assert finished.code == 30, finished.log
    ((_, cause),) = said(project)
    assert cause.startswith(f"[delivery] lock_path = {shared}")
    assert f"chmod go-w {shared}" in cause


def test_a_run_goes_on_where_luigi_cannot_write_its_lock_file(new_project: MakeProject) -> None:
    project = new_project("embedded")
    project.configure(core={"lock_pid_dir": str(project.directory / "luigi.cfg" / "pids")})
    finished = project.run("feedpulse", "run", "Alerts", "--local-scheduler", *moment(NOW))
    assert finished.code == 0, finished.log
    assert "Traceback" not in finished.log
    assert "Luigi's lock file cannot be written, so this run goes on without it" in finished.log


def test_a_run_that_is_suspended_goes_on_where_it_was(new_project: MakeProject) -> None:
    project = new_project("server")
    process = project.start("feedpulse", "run", "Alerts", "--local-scheduler", *moment(NOW))
    while not project.rows(TABLE_UPDATES) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    meanwhile = project.run("feedpulse", "run", "Alerts", "--local-scheduler", *moment(NOW))
    assert meanwhile.code == 10, meanwhile.log  # one at a time
    process.send_signal(signal.SIGCONT)
    finished = finish(process)
    assert finished.code == 0, finished.log
    assert len(project.sent()) == len(set(project.sent())) == 1
