"""Runs of the root tasks as cron starts them: once, again, two at once, and with the engine killed."""

import os
import signal
import time
from datetime import date

import pytest

from pipeline.core import clock
from pipeline.warehouse.engines import EmbeddedEngine
from pipeline.warehouse.tables import DAILY_METRICS, SLOT_CHECKS, TABLE_UPDATES
from tests.conftest import owners
from tests.process.conftest import MakeProject
from tests.process.luigid import Luigid
from tests.process.project import (
    LOADED_FROM,
    NOON,
    NOW,
    OUTAGE_START,
    SOURCE_DATABASE,
    YESTERDAY,
    Project,
    finish,
    moment,
)

REPORT = f"daily_report-{YESTERDAY}"
ALERT = f"alert-{OUTAGE_START:%Y-%m-%dT%H%MZ}-messenger_users"


@pytest.fixture(scope="session")
def undisturbed(new_project: MakeProject) -> Project:
    """The results of one run of each root task."""
    project = new_project("embedded")
    for root in ("Morning", "Alerts"):
        finished = project.task(root)
        assert finished.code == 0, finished.log
    return project


def test_the_load_counts_every_event_of_a_day(undisturbed: Project) -> None:
    columns = "toDate(time, 'Europe/Moscow') AS day"
    chosen = f"day BETWEEN '{LOADED_FROM}' AND '{YESTERDAY}' GROUP BY day"
    raw = undisturbed.warehouse.query(
        f"SELECT {columns}, countIf(action = 'view'), countIf(action = 'like') FROM {SOURCE_DATABASE}.feed_actions "
        f"WHERE {chosen} ORDER BY day"
    )
    sums = f"SELECT event_date, sum(views), sum(likes) FROM {undisturbed.database}.{DAILY_METRICS}"
    for dimension in ("os", "gender", "age"):
        loaded = undisturbed.warehouse.query(
            f"{sums} WHERE dimension = '{dimension}' GROUP BY event_date ORDER BY event_date"
        )
        assert loaded == raw
    assert [day for day, *_ in raw] == [LOADED_FROM, YESTERDAY]
    assert undisturbed.sent() == [ALERT, REPORT]


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.long), "4"])
@pytest.mark.parametrize(
    "engine",
    ["server", *(pytest.param(name, marks=pytest.mark.long) for name in ("embedded", "http", "https", "facade"))],
)
def test_a_second_run_does_nothing(new_project: MakeProject, undisturbed: Project, engine: str, workers: str) -> None:
    project = new_project(engine)
    for root in ("Morning", "Alerts"):
        first = project.task(root, "--workers", workers)
        assert first.code == 0, first.log
    assert project.results() == undisturbed.results()
    done = project.rows(TABLE_UPDATES), project.rows("deliveries")
    messages = {path: path.stat().st_mtime_ns for path in project.outbox.iterdir()}
    for root in ("Morning", "Alerts"):
        second = project.task(root, "--workers", workers)
        assert second.code == 0, second.log
        assert "Did not run any tasks" in second.log
    assert (project.rows(TABLE_UPDATES), project.rows("deliveries")) == done
    assert {path: path.stat().st_mtime_ns for path in project.outbox.iterdir()} == messages
    assert project.leftovers() == set()


@pytest.mark.one_engine("embedded")
def test_two_of_each_at_once_are_as_one(project: Project, undisturbed: Project) -> None:
    # The command lines differ: Luigi runs only the first of two equal ones.
    lines = [(root, "--workers", workers) for root in ("Morning", "Alerts") for workers in ("1", "2")]
    processes = [project.start_task(*line) for line in lines]
    for finished in [finish(process) for process in processes]:
        assert finished.code == 0, finished.log
    assert_as_one_run(project, undisturbed)


@pytest.mark.parametrize("engine", ["embedded", pytest.param("server", marks=pytest.mark.long)])
def test_two_of_each_at_once_under_luigid_are_as_one(project: Project, undisturbed: Project, luigid: Luigid) -> None:
    lines = [(root, "--workers", workers) for root in ("Morning", "Alerts") for workers in ("1", "2")]
    processes = [project.start_task(*line, scheduler=luigid.arguments) for line in lines]
    finished = [finish(process) for process in processes]
    for pair in (finished[:2], finished[2:]):
        # They share the tasks. A process that leaves a task to the other reports already_running or not_run.
        assert {run.code for run in pair} <= {0, 10, 25}, pair
    assert_as_one_run(project, undisturbed)


def test_the_same_cron_line_twice_runs_once(project: Project) -> None:
    finished = [finish(process) for process in [project.start_task("Morning"), project.start_task("Morning")]]
    # Luigi's lock reports already_running. If both check it at the same time, neither sees the other and ours decides.
    assert sorted(run.code for run in finished) in ([0, 10], [0, 0]), finished
    assert project.sent() == [REPORT]
    assert project.leftovers() == set()


def assert_as_one_run(project: Project, undisturbed: Project) -> None:
    assert project.results() == undisturbed.results()
    assert project.sent() == undisturbed.sent()
    assert project.leftovers() == set()


def test_the_engine_killed_in_the_middle(new_project: MakeProject, undisturbed: Project) -> None:
    project = new_project("embedded")
    warehouse = project.warehouse
    assert isinstance(warehouse, EmbeddedEngine)
    codes = []
    for least in (2, 6, 12):  # number of markers when it is killed
        process = project.start_task("Morning")
        while len(project.rows(TABLE_UPDATES)) < least and process.poll() is None:
            time.sleep(0.01)
        for owner in owners(warehouse):
            os.kill(owner, signal.SIGKILL)
        codes.append(finish(process).code)
    assert set(codes) <= {0, 30, 35}
    for root in ("Morning", "Alerts"):
        last = project.task(root)
        assert last.code == 0, last.log
    assert_as_one_run(project, undisturbed)


@pytest.mark.one_engine("embedded")
def test_luigis_range_tasks(project: Project) -> None:
    now = ("--now", str(clock.epoch(NOON) + 1))  # Luigi's own clock, a second past noon; cron needs no such argument
    days = ("RangeDaily", "--of", "DailyMetrics", "--start", str(LOADED_FROM), "--days-forward=-1", *now)
    since = f"{NOW:%Y-%m-%dT%H%M}"
    slots = ("RangeByMinutes", "--of", "CheckAlerts", "--start", since, "--minutes-interval", "15")
    at_noon = moment(NOON)
    for line in (days, (*slots, "--minutes-forward=-15", *now)):
        finished = project.task(*line, *at_noon)
        assert finished.code == 0, finished.log
        again = project.task(*line, *at_noon)
        assert again.code == 0, again.log
        assert "Did not run any tasks" in again.log
    assert loaded_days(project) == [LOADED_FROM, YESTERDAY]
    checked = project.warehouse.query(f"SELECT DISTINCT slot FROM {project.database}.{SLOT_CHECKS} ORDER BY slot")
    slot, expected = NOW, []
    while slot < NOON:
        expected.append(slot)
        slot += clock.SLOT
    assert [slot for (slot,) in checked if slot >= NOW] == expected


def loaded_days(project: Project) -> list[date]:
    rows = project.warehouse.query(f"SELECT DISTINCT event_date FROM {project.database}.{DAILY_METRICS}")
    return sorted(day for (day,) in rows)
