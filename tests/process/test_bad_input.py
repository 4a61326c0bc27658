"""A user's mistake gives one or two lines that name its cause and the remedy, and leaves nothing half-written.

Real processes, one per kind of mistake. `test_bad_settings` checks the text of every mistake.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.warehouse.engines import EmbeddedEngine
from tests.conftest import owners
from tests.process.conftest import MakeProject
from tests.process.here import task_here
from tests.process.mistakes import NOT_SCHEDULED, TASK_FAILED, WRONG_COMMAND_LINE, assert_one_error, below_a_file
from tests.process.project import SOURCE_DATABASE, Finished, Project
from tests.servers.clickhouse import ClickHouseServer


@pytest.mark.parametrize(
    ("task", "section", "settings", "says"),
    [
        ("Daily", "source", {"feed_table": "nowhere"}, (f"{SOURCE_DATABASE}.nowhere does not exist", "[source]")),
        ("Morning", "report", {"langage": "ru"}, ("[report]", "langage", "channels, deadline, language, metrics")),
        ("Alerts", "alerts", {"detector": "prophet"}, ("'prophet'", "day_ago", "seasonal")),
        ("Alerts", "clock", {"now": "tomorrow"}, ("[clock] now = tomorrow", "2026-11-01T10:15")),
    ],
)
def test_a_wrong_setting(
    new_project: MakeProject, task: str, section: str, settings: dict[str, str], says: tuple[str, ...]
) -> None:
    project = new_project("embedded")
    project.configure(**{section: settings})
    assert_one_error(project.task(task), NOT_SCHEDULED, *says)
    assert project.filled() == set()


def test_a_wrong_command_line(new_project: MakeProject) -> None:
    project = new_project("embedded")
    not_over = project.task("DailyReport", "--date", "2027-01-01")
    assert_one_error(not_over, NOT_SCHEDULED, "2027-01-01 is not over", "2026-11-11")
    no_day = project.task("DailyMetrics", "--date", "yesterday")
    assert_one_error(no_day, WRONG_COMMAND_LINE, "'yesterday'", "%Y-%m-%d")
    assert project.filled() == set()


def test_nothing_answers_at_the_address(new_project: MakeProject) -> None:
    project = new_project("server")
    project.configure(warehouse={"port": "1"})
    assert_one_error(project.task("Morning"), NOT_SCHEDULED, "127.0.0.1:1", "no ClickHouse server answers", "`port`")


def test_a_wrong_password(new_project: MakeProject, clickhouse_server: ClickHouseServer) -> None:
    project = new_project("server")
    project.configure(warehouse={"user": "secret"})
    project.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = "wrong-and-private"
    finished = project.task("Morning")
    assert_one_error(finished, NOT_SCHEDULED, "secret", "password")
    assert "wrong-and-private" not in finished.log
    assert project.filled() == set()

    project.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = clickhouse_server.PASSWORD
    right = project.task("Daily")
    assert right.code == 0, right.log
    assert clickhouse_server.PASSWORD not in right.log


def test_an_unwritable_warehouse(new_project: MakeProject, tmp_path: Path) -> None:
    project = new_project("embedded")
    project.configure(warehouse={"path": str(below_a_file(tmp_path))})
    assert_one_error(project.task("Daily"), NOT_SCHEDULED, str(below_a_file(tmp_path)), "[warehouse] path")
    assert owners(EmbeddedEngine(str(below_a_file(tmp_path)))) == []


@pytest.mark.parametrize(
    ("section", "key", "task"), [("outbox", "path", Project.task), ("delivery", "lock_path", task_here)]
)
def test_an_unwritable_place_for_messages(
    new_project: MakeProject, tmp_path: Path, section: str, key: str, task: Callable[[Project, str], Finished]
) -> None:
    project = new_project("embedded")
    project.configure(**{section: {key: str(below_a_file(tmp_path))}})
    for root, marker in (("Morning", "daily_report"), ("Alerts", "T0900")):
        assert_one_error(task(project, root), TASK_FAILED, str(below_a_file(tmp_path)), f"[{section}]", key)
        # The day is loaded and the earlier slots are checked completely. The message is pending, not recorded as sent.
        assert project.sent() == []
        assert not any(marker in row and "slot_metrics" not in row for row in project.rows("table_updates"))
