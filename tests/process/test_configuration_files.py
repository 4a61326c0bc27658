"""Configuration files as a user has them: real commands, what they say and their exit codes."""

import contextlib
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.conftest import MakeProject
from tests.process.mistakes import NOT_SCHEDULED
from tests.process.project import Finished, Project, finish

RUN = ("feedpulse", "run", "Daily", "--local-scheduler")
OTHERS = (("query", "SELECT 1"), ("verify", "--from", "2026-11-10"), ("replay", "--from", "2026-11-10"), ("demo",))
MISTAKES = {
    "a section that is misspelt": ("[alert]\n", "did you mean [alerts]?"),
    "a BOM": ("\ufeff[alerts]\n", "without BOM"),
    "a lone %": ('[alerts]\nlinks = ["https://bi.example/?q=a%20b"]\n', "write %% for %."),
    "a section twice": ("[worker]\n[alerts]\n[worker]\n", "line 3: the section [worker] is there twice"),
    "a setting twice": ("[etl]\nstart =\nstart =\n", "line 3: [etl] start is there twice"),
}


@pytest.fixture
def project(new_project: MakeProject) -> Project:
    return new_project("embedded")


def start(project: Project, *command: str, cwd: Path | None = None, config: str | None = None) -> Finished:
    """Run a command without LUIGI_CONFIG_PATH, or with another."""
    project.environment["LUIGI_CONFIG_PATH"] = config or ""
    options = {} if cwd is None else {"cwd": cwd}
    return finish(project.start(*command, **options))


def assert_one_line(finished: Finished, code: int, *says: str) -> None:
    assert finished.code == code, finished.log
    assert len(finished.log.splitlines()) == 1, finished.log
    for text in says:
        assert text in finished.errors


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_file_is_one_line_and_nothing_runs(project: Project, mistake: str) -> None:
    content, says = MISTAKES[mistake]
    file = project.directory / "feedpulse.cfg"
    file.write_text(content, encoding="utf-8")
    assert_one_line(start(project, *RUN), NOT_SCHEDULED, f"feedpulse run: {file}", says)
    assert project.filled() == set()


def test_the_other_commands_say_it_too(project: Project) -> None:
    content, says = MISTAKES["a BOM"]
    (project.directory / "luigi.cfg").write_text(content, encoding="utf-8")
    for command in OTHERS:
        assert_one_line(start(project, "feedpulse", *command), 1, f"feedpulse {command[0]}: ", "luigi.cfg", says)
    ways = (("python", "-m", "pipeline", *RUN[1:]), ("feedpulse", "run", "--help"))
    for way in ways:
        assert_one_line(start(project, *way), NOT_SCHEDULED, "luigi.cfg", says)


@pytest.mark.parametrize("program", [RUN, ("luigi", "--module", "pipeline", *RUN[2:])], ids=["feedpulse", "luigi"])
def test_a_wrong_working_directory(project: Project, tmp_path: Path, program: tuple[str, ...]) -> None:
    assert_one_line(start(project, *program, cwd=tmp_path), NOT_SCHEDULED, f"{tmp_path} has no feedpulse.cfg")
    finished = start(project, *program, cwd=tmp_path, config="absent.cfg")
    assert finished.code == NOT_SCHEDULED
    assert f"{tmp_path}/absent.cfg: no such file" in finished.errors
    assert list(tmp_path.iterdir()) == []


def test_the_users_own_file_is_read_on_top_of_luigi_cfg(project: Project, tmp_path: Path) -> None:
    (project.directory / "feedpulse.cfg").write_text("[report]\nlanguage = ru\n[outbox]\npath = mine\n")
    for program in (("feedpulse", "run"), ("luigi", "--module", "pipeline")):
        finished = start(project, *program, "Morning", "--local-scheduler")
        assert finished.code == 0, finished.log
    assert "Просмотры" in "".join(path.read_text() for path in (project.directory / "mine").rglob("*.html"))
    assert not project.outbox.exists()


def test_a_file_of_ones_own_holds_from_anywhere(project: Project, tmp_path: Path) -> None:
    own = project.directory / "feedpulse.cfg"
    (project.directory / "luigi.cfg").rename(own)
    project.configure(outbox={"path": "messages"})
    (project.directory / "luigi.cfg").rename(own)
    finished = start(project, "feedpulse", "run", "Morning", "--local-scheduler", cwd=tmp_path, config=str(own))
    assert finished.code == 0, finished.log
    assert (project.directory / "messages" / "index.html").is_file()
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def running(project: Project) -> Iterator[subprocess.Popen[str]]:
    """A command that holds Luigi's lock: it waits for a scheduler that accepts its connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as scheduler, contextlib.ExitStack() as connections:
        project.configure(core={"scheduler_host": "127.0.0.1", "scheduler_port": str(scheduler.getsockname()[1])})
        process = project.start("feedpulse", "run", "Presses")
        try:
            for _ in range(2):  # one to see whether it answers, one for the first request
                connections.enter_context(scheduler.accept()[0])
            assert process.poll() is None
            process.send_signal(signal.SIGSTOP)
            yield process
        finally:
            process.kill()
            process.communicate()


def test_two_configurations_at_the_same_minute_do_not_block_each_other(new_project: MakeProject) -> None:
    projects = [new_project("embedded") for _ in range(2)]
    for project in projects:
        del project.sections["core"]["lock_pid_dir"]
    one, other = projects
    with running(one):
        same = one.run("feedpulse", "run", "Presses")
        assert (same.code, "already running" in same.log) == (10, True), same.log
        with running(other):
            pass  # it runs
