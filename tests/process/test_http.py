"""Commands and cut connections by HTTP."""

from pathlib import Path

import pytest

from tests.process.conftest import MakeProject
from tests.process.project import LOADED_FROM
from tests.soak.http import world_in

pytestmark = pytest.mark.long


def test_commands_by_http_print_what_they_print_by_the_native_protocol(new_project: MakeProject) -> None:
    commands = {
        "run": ("run", "Daily", "--local-scheduler"),
        "verify": ("verify", "--from", str(LOADED_FROM)),
        "query": ("query", "SELECT * FROM {database}.daily_metrics ORDER BY 1, 2, 3", "--format", "CSVWithNames"),
    }
    printed = {}
    for engine in ("http", "server"):
        project = new_project(engine)
        for name, command in commands.items():
            finished = project.run("feedpulse", *(word.format(database=project.database) for word in command))
            assert finished.code == 0, (engine, name, finished.log)
            printed[engine, name] = finished.output
    assert printed["http", "query"] == printed["server", "query"]
    assert printed["http", "query"].count("\n") > 50
    assert printed["http", "verify"] == printed["server", "verify"]


@pytest.mark.parametrize("workers", [1, 2])
def test_cut_connections_change_no_row_and_send_nothing_twice(tmp_path: Path, workers: int) -> None:
    with world_in(tmp_path) as world:
        report = world.play(3, workers=workers, share=0.1)
    assert report.cuts >= 5
    assert not report.failed, report
