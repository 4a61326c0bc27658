"""Tables of others in a shared database, and two configurations on one warehouse, through Luigi's command."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.process.conftest import MakeProject
from tests.process.here import task_here
from tests.process.mistakes import NOT_SCHEDULED, assert_one_error, paragraphs
from tests.process.project import NOW, TODAY, YESTERDAY, Project

ROOTS = (
    ("Daily",),
    ("Morning",),
    ("Alerts",),
    ("Presses",),
    ("Weekly",),
    ("DailyMetrics", "--date", str(YESTERDAY)),
    ("FeedUserDay", "--date", str(TODAY - timedelta(days=40))),
    ("SlotHistory", "--date", str(TODAY)),
)
PLAN = (
    "event_date Date, user_id UInt64, os String, gender String, age String, plan String) "
    "ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id"
)
ROW = f"toDate('{YESTERDAY}'), 2, 'iOS', '1', '20', 'silver'"


@pytest.fixture
def shared(project: Project) -> Project:
    """A project whose database has a table of somebody else."""
    project.warehouse.execute(f"CREATE DATABASE {project.database}")
    project.warehouse.execute(f"CREATE TABLE {project.database}.user_attributes ({PLAN}")
    project.warehouse.execute(f"INSERT INTO {project.database}.user_attributes SELECT {ROW}")
    return project


def test_a_foreign_table_is_refused_once_before_anything_happens(shared: Project) -> None:
    before = shared.rows("user_attributes")
    assert len(before) == 1
    for root in ROOTS:
        finished = task_here(shared, *root)
        assert_one_error(
            finished, NOT_SCHEDULED, f"{shared.database}.user_attributes exists", "[warehouse] prefix", "adopt"
        )
        assert len([text for text in paragraphs(finished.errors) if "user_attributes" in text]) == 1
        assert (shared.tables(), shared.rows("user_attributes")) == ({"user_attributes"}, before)


def test_the_command_says_it_too(shared: Project) -> None:
    for command in (("run", "Daily", "--local-scheduler"), ("verify", "--from", str(YESTERDAY))):
        finished = shared.run("feedpulse", *command)
        assert finished.code == (NOT_SCHEDULED if command[0] == "run" else 1)
        assert f"{shared.database}.user_attributes exists, and this installation did not make it" in finished.errors
        assert "Traceback" not in finished.log
    assert shared.tables() == {"user_attributes"}


def test_a_prefix_lets_several_people_share_a_database(shared: Project) -> None:
    anna = shared.with_settings(warehouse={"prefix": "anna_"}, etl={"table": "anna_daily"})
    assert task_here(anna, "Daily").code == 0
    assert len(shared.rows("user_attributes")) == 1
    assert anna.rows("anna_daily")
    assert {name for name in anna.tables() if not name.startswith("anna_")} == {"user_attributes"}


def test_a_second_configuration_of_one_warehouse_is_refused(project: Project) -> None:
    assert task_here(project, "Daily").code == 0
    before = (project.tables(), project.rows("table_updates"), project.rows("installation"))
    for changed, says in (
        ({"etl": {"table": "mine"}}, "daily_metrics, and this configuration has mine"),
        ({"source": {"feed_table": "feed_2"}}, "feed_2"),
        ({"clock": {"timezone": "UTC"}}, "Europe/Moscow, and this configuration has UTC"),
    ):
        second = project.with_settings(**changed)
        if "source" in changed:
            name = f"{second.sections['source']['database']}.feed"
            second.warehouse.execute(f"CREATE TABLE IF NOT EXISTS {name}_2 AS {name}_actions")
        for root in ("Daily", "Alerts"):
            finished = task_here(second, root)
            assert_one_error(finished, NOT_SCHEDULED, "belong to another configuration", says, "adopt")
    project.write_configuration()
    assert (project.tables(), project.rows("table_updates"), project.rows("installation")) == before


def test_commands_that_read_make_no_directory_and_no_database(new_project: MakeProject, tmp_path: Path) -> None:
    project = new_project("embedded")
    project.configure(warehouse={"path": str(tmp_path / "none")})
    for command in (
        ("query", "SELECT 1"),
        ("verify", "--from", str(YESTERDAY)),
        ("replay", "--from", str(YESTERDAY)),
        ("adopt", "--yes"),
    ):
        finished = project.run("feedpulse", *command)
        assert finished.code == 1
        assert finished.errors == (
            f"feedpulse {command[0]}: nothing is loaded yet in {tmp_path / 'none'}: "
            "there is no such directory (path in luigi.cfg).\n"
        )
        assert not (tmp_path / "none").exists()


@pytest.mark.long
def test_a_report_is_sent_by_the_first_run_of_a_prefix_of_its_own(project: Project) -> None:
    """The second configuration does its own work: nothing of the first counts as done for it."""
    assert task_here(project, "Morning").code == 0
    second = project.with_settings(
        warehouse={"prefix": "ben_"},
        etl={"table": "bens"},
        outbox={"path": str(project.directory / "bens")},
        clock={"timezone": "UTC", "now": f"{NOW:%Y-%m-%dT%H:%M}"},
    )
    before = {table: project.rows(table) for table in project.tables()}
    assert task_here(second, "Morning").code == 0
    assert second.rows("bens")
    assert any(f"daily_report-{YESTERDAY}" in row for row in second.rows("ben_deliveries"))
    assert {table: project.rows(table) for table in before} == before
