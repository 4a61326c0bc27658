"""What a user gets who makes a mistake: a line or two that name the thing and the remedy, and nothing half-written."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.warehouse import EmbeddedWarehouse
from tests.conftest import owners
from tests.process.conftest import MakeProject
from tests.process.project import SOURCE_DATABASE, TODAY, Finished, Project
from tests.servers.clickhouse import ClickHouseServer

TASK_FAILED, NOT_SCHEDULED, WRONG_COMMAND_LINE = 30, 35, 40


class Mistake(NamedTuple):
    """A section's wrong settings, the command that meets them, and words that the answer must have."""

    section: str
    settings: Mapping[str, str]
    task: str
    says: tuple[str, ...]


MISTAKES = [
    Mistake("source", {"feed_table": "nowhere"}, "Daily", (f"{SOURCE_DATABASE}.nowhere does not exist", "[source]")),
    Mistake("source", {"database": "no_such"}, "Alerts", ("no_such.feed_actions does not exist", "[source]")),
    Mistake("source", {"message_table": "feed_actions"}, "Daily", ("feed_actions", "no column receiver_id")),
    Mistake("source", {"engine": "postgres"}, "Daily", ("[source] engine = postgres", "embedded or server")),
    Mistake("warehouse", {"database": "te-st"}, "Daily", ("'te-st'", "letters, digits")),
    Mistake("warehouse", {"port": "http"}, "Daily", ("[warehouse] port", "'http'")),
    Mistake("etl", {"start": "1.11.2026"}, "Morning", ("[etl] start = 1.11.2026", "2026-11-01")),
    Mistake("etl", {"table": "user_day"}, "Daily", ("[etl] table = user_day", "choose a new one")),
    Mistake("clock", {"timezone": "Moscow"}, "Morning", ("[clock] timezone = Moscow", "Europe/Moscow")),
    Mistake("clock", {"timezone": "Moscow"}, "Alerts", ("[clock] timezone = Moscow", "Europe/Moscow")),
    Mistake("clock", {"now": "tomorrow"}, "Alerts", ("[clock] now = tomorrow", "2026-11-01T10:15")),
    Mistake("report", {"langage": "ru"}, "Morning", ("[report]", "langage", "channels, language, metrics")),
    Mistake("report", {"language": "de"}, "Morning", ("'de'", "en, ru")),
    Mistake("report", {"language": "de"}, "Alerts", ("'de'", "en, ru")),
    Mistake("report", {"metrics": "views,sessions"}, "Morning", ("[report] metrics", "sessions", "feed_users")),
    Mistake("report", {"channels": "smtp"}, "Morning", ("'smtp'", "outbox, telegram")),
    Mistake("report", {"channels": "telegram"}, "Morning", ("no chat", "`chats` in [telegram]")),
    Mistake("outbox", {"dir": "x"}, "Morning", ("[outbox]", "'dir'", "path")),
    Mistake("alerts", {"metrics": "views,sessions"}, "Alerts", ("[alerts] metrics", "sessions", "feed_users")),
    Mistake("alerts", {"channels": "smtp"}, "Alerts", ("'smtp'", "outbox, telegram")),
    Mistake("alerts", {"detector": "prophet"}, "Alerts", ("'prophet'", "day_ago", "seasonal")),
    Mistake("alerts", {"detectors": "iqr"}, "Alerts", ("[alerts]", "detectors", "history_days")),
    Mistake("alerts", {"detector_params": '{"sensitivty": 3}'}, "Alerts", ("'sensitivty'", "sensitivity")),
    Mistake("alerts", {"detector_params": '{"sensitivity": "wide"}'}, "Alerts", ("sensitivity", "'wide'")),
    Mistake("alerts", {"detector_params": "{sensitivity: 3}"}, "Alerts", ("[alerts] detector_params", "not JSON")),
    Mistake("alerts", {"links": "https://bi.example"}, "Alerts", ("[alerts] links", "not JSON")),
    Mistake("alerts", {"links": '["https://bi.example/{slot}"]'}, "Alerts", ("{slot}", "{start} and {end}")),
    Mistake("alerts", {"history_days": "0"}, "Alerts", ("[alerts] history_days = 0", "1 or more")),
    Mistake("metric__views", {"direction": "sideways"}, "Alerts", ("[metric.views] direction", "both, up or down")),
    Mistake("metric__views", {"links": "{}"}, "Alerts", ("[metric.views] links", "list")),
    Mistake("metric__sessions", {"detector": "iqr"}, "Alerts", ("[metric.sessions]", "feed_users")),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: f"{one.task}-{one.section}-{next(iter(one.settings))}")
def test_a_wrong_setting(new_project: MakeProject, mistake: Mistake) -> None:
    project = new_project("embedded")
    project.configure(**{mistake.section: mistake.settings})
    finished = project.task(mistake.task)
    assert_told(finished, NOT_SCHEDULED, *mistake.says)
    assert project.filled() == set()


@pytest.mark.parametrize(
    ("task", "code", "says"),
    [
        (("DailyReport", "--date", "2027-01-01"), NOT_SCHEDULED, ("2027-01-01 is not over", "2026-11-11")),
        (("DailyMetrics", "--date", str(TODAY)), NOT_SCHEDULED, (f"{TODAY} is not over", "2026-11-11")),
        (("CheckAlerts", "--slot", "2026-11-12T0930"), NOT_SCHEDULED, ("2026-11-12T0930", "2026-11-12T0915")),
        (("DailyMetrics", "--date", "yesterday"), WRONG_COMMAND_LINE, ("'yesterday'", "%Y-%m-%d")),
        (("CheckAlerts", "--slot", "now"), WRONG_COMMAND_LINE, ("'now'",)),
        (("Slice", "--date", "2026-11-11", "--dimension", "city"), WRONG_COMMAND_LINE, ("city", "gender")),
        (("DailyMetrics",), WRONG_COMMAND_LINE, ("'date'",)),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) and "--date" in value else None,
)
def test_a_wrong_command_line(new_project: MakeProject, task: tuple[str, ...], code: int, says: tuple[str]) -> None:
    project = new_project("embedded")
    finished = project.task(*task)
    assert_told(finished, code, *says)
    assert project.filled() == set()


def test_no_token(new_project: MakeProject) -> None:
    for root, section in (("Morning", "report"), ("Alerts", "alerts")):
        project = new_project("embedded")
        project.configure(telegram={"chats": "-1001234567890"}, **{section: {"channels": "telegram"}})
        assert_told(project.task(root), NOT_SCHEDULED, "FEEDPULSE_TELEGRAM_TOKEN")
        assert project.filled() == set()
        assert not project.outbox.exists()


def test_nothing_answers_at_the_address(new_project: MakeProject) -> None:
    project = new_project("server")
    project.configure(warehouse={"port": "1"})
    assert_told(project.task("Morning"), NOT_SCHEDULED, "127.0.0.1:1", "no ClickHouse server answers", "`port`")


def test_a_wrong_password(new_project: MakeProject, clickhouse_server: ClickHouseServer) -> None:
    project = new_project("server")
    project.configure(warehouse={"user": "secret"})
    project.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = "wrong-and-private"
    finished = project.task("Morning")
    assert_told(finished, NOT_SCHEDULED, "secret", "password")
    assert "wrong-and-private" not in finished.log
    assert project.filled() == set()

    project.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = clickhouse_server.PASSWORD
    right = project.task("Daily")
    assert right.code == 0, right.log
    assert clickhouse_server.PASSWORD not in right.log


def test_a_user_who_may_only_read(new_project: MakeProject) -> None:
    project = new_project("server")
    project.configure(warehouse={"user": "reader"})
    assert_told(project.task("Daily"), NOT_SCHEDULED, "readonly")
    assert project.filled() == set()


def test_a_source_column_of_a_wrong_type(project: Project) -> None:
    copy = f"{project.database}_source"
    project.warehouse.execute(f"CREATE DATABASE {copy}")
    for table in ("feed_actions", "message_actions"):
        project.warehouse.execute(f"CREATE TABLE {copy}.{table} AS {SOURCE_DATABASE}.{table}")
    project.warehouse.execute(f"ALTER TABLE {copy}.feed_actions MODIFY COLUMN age String")
    project.configure(source={"database": copy})
    assert_told(project.task("Daily"), NOT_SCHEDULED, f"{copy}.feed_actions.age", "String", "integer")
    project.warehouse.execute(f"ALTER TABLE {copy}.feed_actions DROP COLUMN age")
    assert_told(project.task("Alerts"), NOT_SCHEDULED, f"{copy}.feed_actions has no column age")
    assert project.filled() == set()


def test_an_unwritable_warehouse(new_project: MakeProject, tmp_path: Path) -> None:
    project = new_project("embedded")
    project.configure(warehouse={"path": str(below_a_file(tmp_path))})
    assert_told(project.task("Daily"), NOT_SCHEDULED, str(below_a_file(tmp_path)), "[warehouse] path")
    assert owners(EmbeddedWarehouse(str(below_a_file(tmp_path)))) == []


@pytest.mark.parametrize(
    ("section", "key", "says"), [("outbox", "path", "[outbox]"), ("delivery", "lock_path", "[delivery]")]
)
def test_an_unwritable_place_for_messages(
    new_project: MakeProject, tmp_path: Path, section: str, key: str, says: str
) -> None:
    project = new_project("embedded")
    project.configure(**{section: {key: str(below_a_file(tmp_path))}})
    for root, marker in (("Morning", "daily_report"), ("Alerts", "T0900")):
        assert_told(project.task(root), TASK_FAILED, str(below_a_file(tmp_path)), f"[{section}]", key)
        # The day is loaded and the slots before are checked, whole; the message is owed and nothing says it was sent.
        assert project.sent() == []
        assert not any(marker in row and "slot_metrics" not in row for row in project.rows("table_updates"))


def below_a_file(directory: Path) -> Path:
    """A path that nobody can make, not even root."""
    (directory / "file").touch()
    return directory / "file" / "below"


def assert_told(finished: Finished, code: int, *words: str) -> None:
    """Check that a command failed with one paragraph that has the words, once, and no traceback."""
    assert finished.code == code, finished.log
    assert "Traceback" not in finished.log, finished.log
    told = [paragraph for paragraph in paragraphs(finished.errors) if all(word in paragraph for word in words)]
    assert len(told) == 1, finished.log
    assert len(told[0].splitlines()) <= 3, told  # Luigi's line about the task, then one or two of ours


def paragraphs(log: str) -> list[str]:
    """Split a log into its records: those of Luigi begin with a level."""
    found: list[str] = []
    for line in log.splitlines():
        if line.startswith(("DEBUG:", "INFO:", "WARNING:", "ERROR:")) or not found:
            found.append(line)
        else:
            found[-1] += f"\n{line}"
    return found
