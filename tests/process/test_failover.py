"""Two independent servers behind one setting: a task that is done on a server has its rows there."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.warehouse.engines import ServerEngine
from pipeline.warehouse.tables import TABLE_UPDATES
from tests.process.conftest import MakeProject
from tests.process.project import Project, finish, load_events, make_project
from tests.servers.clickhouse import ClickHouseServer


@pytest.fixture
def first(tmp_path: Path) -> Iterator[ClickHouseServer]:
    """A server with the same events as the session's, which the test kills."""
    with ClickHouseServer(tmp_path / "first") as server:
        load_events(ServerEngine(host=server.host, port=server.port))
        yield server


@pytest.mark.long
@pytest.mark.parametrize("markers", [2, 9])
def test_a_failover_leaves_nothing_done_whose_rows_are_elsewhere(
    new_project: MakeProject, first: ClickHouseServer, tmp_path: Path, markers: int
) -> None:
    undisturbed = new_project("server")
    assert undisturbed.task("Daily").code == 0
    second = new_project("server")
    project = make_project(tmp_path / "project", ServerEngine(host=first.host, port=first.port))
    second_warehouse = second.warehouse
    assert isinstance(second_warehouse, ServerEngine)
    project.configure(
        warehouse={
            "database": second.database,
            "alt_hosts": f"{second_warehouse.host}:{second_warehouse.port}",
        }
    )
    process = project.start_task("Daily", "--workers", "2")
    while len(project.rows(TABLE_UPDATES)) < markers and process.poll() is None:
        time.sleep(0.01)
    first.kill()
    broken = finish(process)
    assert broken.code != 0, broken.log
    assert "the next run tries `alt_hosts`" in broken.log
    assert second.rows(TABLE_UPDATES) == []  # the run that began on the first server wrote nothing to the second
    again = project.task("Daily", "--workers", "2")
    assert again.code == 0, again.log
    assert_whole(second, undisturbed)
    # After a return to the first server, its unfinished load continues.
    first.start()
    last = project.task("Daily", "--workers", "2")
    assert last.code == 0, last.log
    assert_whole(project, undisturbed)


def assert_whole(project: Project, undisturbed: Project) -> None:
    """The day's rows are those of an undisturbed run, and a killed run leaves nothing behind."""
    for table in ("daily_metrics", "daily_totals"):
        assert project.rows(table) == undisturbed.rows(table)
    assert project.leftovers() == set()
