"""luigid that is absent, or dies in the middle of a run: the run goes on without it, and says so once."""

import time
from collections.abc import Sequence

import pytest

from pipeline.warehouse.tables import RUNS, TABLE_UPDATES
from tests.process.conftest import MakeProject
from tests.process.luigid import Luigid
from tests.process.project import OUTAGE_START, finish, moment
from tests.process.saying import COMMANDS, assert_readable, outcomes, run, titles
from tests.servers.ports import free_ports

QUIET = moment(OUTAGE_START)


@pytest.mark.parametrize("command", COMMANDS)
def test_alerts_go_on_without_luigid(new_project: MakeProject, luigid: Luigid, command: Sequence[str]) -> None:
    project = new_project("embedded")
    (nobody,) = free_ports(1)
    for workers in ("1", "2"):
        started = time.monotonic()
        finished = run(
            project, command, "Alerts", *QUIET, "--workers", workers, "--scheduler-url", f"http://127.0.0.1:{nobody}"
        )
        assert finished.code == 0, finished.log
        assert time.monotonic() - started < 60  # Luigi alone tries for a minute
        assert_readable(finished, 2)
        assert f"luigid does not answer at 127.0.0.1:{nobody}" in finished.log
    assert titles(project) == ["luigid does not answer; runs go on without it"]
    assert outcomes(project) == [("Alerts", "ok")] * 2
    assert all("luigid does not answer" in row for row in project.rows(RUNS, "error"))

    finished = run(project, command, "Alerts", *QUIET, *luigid.arguments)
    assert finished.code == 0, finished.log
    assert titles(project)[1:] == ["luigid answers again"]


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.long)])
def test_a_run_goes_on_when_luigid_dies(new_project: MakeProject, luigid: Luigid, workers: str) -> None:
    project = new_project("server")
    project.sections["core"].pop("log_level")
    project.write_configuration()
    process = project.start("feedpulse", "run", "Daily", "--workers", workers, *luigid.arguments)
    while not project.rows(TABLE_UPDATES) and process.poll() is None:
        time.sleep(0.01)
    luigid.kill()
    finished = finish(process)
    assert finished.code == 0, finished.log
    assert_readable(finished, 4)
    assert finished.log.count("luigid does not answer") == 1
    assert titles(project) == ["luigid does not answer; runs go on without it"]
    assert outcomes(project) == [("Daily", "ok")]
