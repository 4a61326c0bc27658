"""The text of each mistake in luigi.cfg or on the command line. `test_bad_input` runs a few of them as processes."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from tests.process.conftest import MakeProject
from tests.process.here import task_here
from tests.process.mistakes import NOT_SCHEDULED, WRONG_COMMAND_LINE, assert_one_error
from tests.process.project import SOURCE_DATABASE, TODAY, Project


class Mistake(NamedTuple):
    """A section's wrong settings, the command that reads them, and words of the error text."""

    section: str
    settings: Mapping[str, str]
    task: str
    says: tuple[str, ...]


MISTAKES = [
    Mistake("source", {"feed_table": "nowhere"}, "Daily", (f"{SOURCE_DATABASE}.nowhere does not exist", "[source]")),
    Mistake("source", {"database": "no_such"}, "Alerts", ("no_such.feed_actions does not exist", "[source]")),
    Mistake("source", {"message_table": "feed_actions"}, "Daily", ("feed_actions", "no column receiver_id")),
    Mistake("source", {"engine": "postgres"}, "Daily", ("[source] engine = postgres", "embedded, server or http")),
    Mistake("warehouse", {"database": "te-st"}, "Daily", ("'te-st'", "letters, digits")),
    Mistake("warehouse", {"port": "http"}, "Daily", ("[warehouse] port", "'http'")),
    Mistake("etl", {"start": "1.11.2026"}, "Morning", ("[etl] start = 1.11.2026", "2026-11-01")),
    Mistake("etl", {"table": "user_day"}, "Daily", ("[etl] table = user_day", "choose a new one")),
    Mistake("clock", {"timezone": "Moscow"}, "Morning", ("[clock] timezone = Moscow", "Europe/Moscow")),
    Mistake("clock", {"timezone": "Moscow"}, "Alerts", ("[clock] timezone = Moscow", "Europe/Moscow")),
    Mistake("clock", {"now": "tomorrow"}, "Alerts", ("[clock] now = tomorrow", "2026-11-01T10:15")),
    Mistake("report", {"langage": "ru"}, "Morning", ("[report]", "langage", "channels, deadline, language")),
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


@pytest.fixture(scope="module")
def shared(new_project: MakeProject) -> Project:
    """One project for all mistakes: each is refused before anything is written."""
    return new_project("embedded")


@pytest.mark.parametrize(
    "mistake", MISTAKES, ids=lambda mistake: f"{mistake.task}-{mistake.section}-{next(iter(mistake.settings))}"
)
def test_a_wrong_setting(shared: Project, mistake: Mistake) -> None:
    finished = task_here(shared.with_settings(**{mistake.section: mistake.settings}), mistake.task)
    assert_one_error(finished, NOT_SCHEDULED, *mistake.says)
    assert shared.filled() == set()


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
def test_a_wrong_command_line(shared: Project, task: tuple[str, ...], code: int, says: tuple[str]) -> None:
    finished = task_here(shared, *task)
    assert_one_error(finished, code, *says)
    assert shared.filled() == set()


def test_no_token(new_project: MakeProject) -> None:
    for root, section in (("Morning", "report"), ("Alerts", "alerts")):
        project = new_project("embedded")
        project.configure(telegram={"chats": "-1001234567890"}, **{section: {"channels": "telegram"}})
        assert_one_error(task_here(project, root), NOT_SCHEDULED, "FEEDPULSE_TELEGRAM_TOKEN")
        assert project.filled() == set()
        assert not project.outbox.exists()


def test_a_user_who_may_only_read(new_project: MakeProject) -> None:
    project = new_project("server")
    project.configure(warehouse={"user": "reader"})
    assert_one_error(task_here(project, "Daily"), NOT_SCHEDULED, "readonly")
    assert project.filled() == set()


def test_a_source_column_of_a_wrong_type(project: Project) -> None:
    copy = f"{project.database}_source"
    project.warehouse.execute(f"CREATE DATABASE {copy}")
    for table in ("feed_actions", "message_actions"):
        project.warehouse.execute(f"CREATE TABLE {copy}.{table} AS {SOURCE_DATABASE}.{table}")
    project.warehouse.execute(f"ALTER TABLE {copy}.feed_actions MODIFY COLUMN age String")
    project.configure(source={"database": copy})
    assert_one_error(task_here(project, "Daily"), NOT_SCHEDULED, f"{copy}.feed_actions.age", "String", "integer")
    project.warehouse.execute(f"ALTER TABLE {copy}.feed_actions DROP COLUMN age")
    assert_one_error(task_here(project, "Alerts"), NOT_SCHEDULED, f"{copy}.feed_actions has no column age")
    assert project.filled() == set()
