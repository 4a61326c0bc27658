"""Two and four processes load equal and different days at once; the result equals that of one process."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from pipeline.core import clock
from pipeline.warehouse.tables import DAILY_METRICS
from tests.process.conftest import MakeProject
from tests.process.luigid import Luigid
from tests.process.project import NOON, YESTERDAY, Finished, Project, finish, moment
from tests.soak.events import AFTER, BEFORE, FIRST_DAY, load_states, use
from tests.soak.rounds import Results, results

pytestmark = pytest.mark.one_engine("server")

ALREADY_RUNNING, NOT_RUN, TASK_FAILED = 10, 25, 30

Line = tuple[str, ...]


def day(number: int) -> date:
    """A day to load, counted from 0."""
    return FIRST_DAY + timedelta(days=number)


def span(first: date, last: date) -> Line:
    """Luigi's range task over some days."""
    stop = ("--stop", str(last + timedelta(days=1)))
    now = ("--days-back", "30", "--now", str(clock.epoch(NOON) + 1), *moment(NOON))  # cron needs no such arguments
    return ("RangeDaily", "--of", "DailyMetrics", "--start", str(first), *stop, *now)


# All days, in lines that overlap. (Luigi runs only the first of two equal lines.)
LINES: dict[str, list[Line]] = {
    "two": [span(day(0), day(1)), span(day(1), day(2))],
    "four": [
        ("Daily", "--workers", "1"),
        ("Daily", "--workers", "2"),
        span(day(0), day(2)),
        ("DailyMetrics", "--date", str(YESTERDAY)),
    ],
}
# Four processes cover every interaction of two.
EACH = pytest.mark.parametrize(
    "lines", [pytest.param(LINES["two"], id="two", marks=pytest.mark.long), pytest.param(LINES["four"], id="four")]
)


@pytest.fixture(scope="module")
def undisturbed(new_project: MakeProject) -> Results:
    """The results of one process."""
    project = with_states(new_project("embedded"))
    finished = project.task("Daily")
    assert finished.code == 0, finished.log
    return results(project)


@pytest.fixture
def late_project(project: Project) -> Project:
    """A project on each engine whose source has an earlier state."""
    return with_states(project)


def with_states(project: Project) -> Project:
    load_states(project.warehouse)
    use(project, AFTER)
    return project


def run_at_once(project: Project, lines: Sequence[Line], luigid: Luigid | None) -> list[Finished]:
    scheduler = luigid.arguments if luigid else ("--local-scheduler",)
    return [finish(process) for process in [project.start_task(*line, scheduler=scheduler) for line in lines]]


def assert_as_one(project: Project, undisturbed: Results) -> None:
    """Let one more run do any remaining work, and compare."""
    last = project.task("Daily")
    assert last.code == 0, last.log
    assert results(project) == undisturbed
    assert project.leftovers() == set()


@EACH
def test_loads_at_once(late_project: Project, undisturbed: Results, lines: list[Line]) -> None:
    for finished in run_at_once(late_project, lines, None):
        assert finished.code == 0, finished.log
    assert late_project.rows(DAILY_METRICS) == undisturbed[DAILY_METRICS]
    assert_as_one(late_project, undisturbed)


@EACH
def test_loads_at_once_under_luigid(
    late_project: Project, undisturbed: Results, luigid: Luigid, lines: list[Line]
) -> None:
    for finished in run_at_once(late_project, lines, luigid):
        # A process that leaves a task to another one reports it.
        assert finished.code in (0, ALREADY_RUNNING, NOT_RUN), finished.log
    assert late_project.rows(DAILY_METRICS) == undisturbed[DAILY_METRICS]
    assert_as_one(late_project, undisturbed)


@pytest.mark.parametrize("scheduler", ["local", pytest.param("luigid", marks=pytest.mark.long)])
def test_late_rows_are_loaded_by_four_at_once(
    late_project: Project, undisturbed: Results, luigid: Luigid, scheduler: str
) -> None:
    use(late_project, BEFORE)
    first = late_project.task("Daily")
    assert first.code == 0, first.log
    use(late_project, AFTER)
    lines = [("Daily", "--workers", str(workers)) for workers in (1, 2, 3, 4)]
    for finished in run_at_once(late_project, lines, luigid if scheduler == "luigid" else None):
        # A process may invalidate a load that another has just started. That load fails, and the next run repeats it.
        assert finished.code in (0, ALREADY_RUNNING, NOT_RUN, TASK_FAILED), finished.log
    assert_as_one(late_project, undisturbed)
