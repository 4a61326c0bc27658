"""What runs see of each other, and the dead man's check that sees a dead machine."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.process.conftest import MakeProject
from tests.process.project import NOW, YESTERDAY, Project, moment
from tests.process.saying import said, supervised_here, titles

MINUTE = timedelta(minutes=1)


class Heartbeats(ThreadingHTTPServer):
    """Answers every request and records its path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.paths: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/secret-of-this-check"


class _Handler(BaseHTTPRequestHandler):
    server: Heartbeats

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def heartbeats() -> Iterator[Heartbeats]:
    with Heartbeats() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def project(new_project: MakeProject) -> Project:
    return new_project("embedded")


def test_a_report_and_checks_that_are_missing_are_said_once(project: Project) -> None:
    def run(root: str, minutes: int, *arguments: str) -> None:
        finished = supervised_here(project, root, *arguments, *moment(NOW + minutes * MINUTE))
        assert finished.code == 0, finished.log

    run("DailyReport", -60, "--date", str(YESTERDAY - timedelta(days=1)))
    run("Alerts", 15)
    run("Alerts", 30)
    assert titles(project) == ["the report of 11 Nov was not sent by 12:00"]
    run("Morning", 95)
    assert titles(project)[1:] == ["no slot was checked since 12 Nov 13:00"]
    run("Alerts", 105)
    assert titles(project)[2:] == ["slots are checked again", "the report of 11 Nov was sent"]


def test_nobody_who_uses_only_the_report_misses_checks(project: Project) -> None:
    finished = supervised_here(project, "Morning")
    assert finished.code == 0, finished.log
    assert titles(project) == []


def test_a_history_that_is_gone_is_said_once(project: Project) -> None:
    def run(minutes: int) -> None:
        finished = supervised_here(project, "Alerts", *moment(NOW + minutes * MINUTE))
        assert finished.code == 0, finished.log

    def empty(table: str) -> None:
        project.warehouse.execute(f"TRUNCATE TABLE {project.database}.{table}")

    run(-120)
    empty("slot_metrics")
    run(-105)
    run(-90)
    ((title, cause),) = said(project)
    names = "CTR; Active users, feed; Likes; Messages sent; Active users, messenger; Views"
    assert title == f"feedpulse: {names}: not checked, the history of yesterday is gone"
    assert "slot_metrics" in cause
    empty("table_updates")  # the history is measured again
    run(-75)
    assert titles(project)[1:] == ["every metric has a history again"]


def test_nobody_misses_a_history_that_never_was(project: Project) -> None:
    project.configure(alerts={"detector_params": '{"min_days": 20}', "history_days": "21"})
    for minutes in (0, 15):
        finished = supervised_here(project, "Alerts", *moment(NOW + minutes * MINUTE))
        assert finished.code == 0, finished.log
    (title,) = titles(project)
    assert title.startswith("learning, alerts from ")


def test_a_healthy_run_tells_the_dead_mans_check(project: Project, heartbeats: Heartbeats) -> None:
    project.environment["FEEDPULSE_HEARTBEAT_URL"] = heartbeats.url
    assert supervised_here(project, "Alerts").code == 0
    assert heartbeats.paths == ["/secret-of-this-check"]
    assert titles(project) == []  # the deadline is over, and nobody has ever asked for a report
    assert supervised_here(project, "Presses").code == 0
    assert len(heartbeats.paths) == 1
    broken = project.with_settings(alerts={"metric": "views"})
    assert supervised_here(broken, "Alerts").code == 35
    assert len(heartbeats.paths) == 1
