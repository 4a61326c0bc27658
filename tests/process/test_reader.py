"""Queries of a day that is reloaded, alternately with and without late rows.

Measured on both engines, 18.16 and 26.9, reading as fast as possible through 20 reloads:

- One table in one statement always shows the old day or the new one completely (849 and 453 readings), also if the
  statement reads the table twice: REPLACE PARTITION is atomic for it.
- Two statements: each is consistent, but the day may change between them (2 of 849 and 6 of 453).
- daily_metrics and daily_totals, even in one statement: each is consistent, but they are replaced one after the other,
  so one may be old and the other new (59 of 849 and 23 of 453). A reader who compares them must read again, or check
  that ``table_updates`` has the day: it has not while the day is loaded again.
"""

import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from pipeline.warehouse.tables import DAILY_METRICS, DAILY_TOTALS
from tests.patience import HANGS_SECONDS
from tests.process import reloading
from tests.process.conftest import MakeProject
from tests.process.project import Project, finish
from tests.soak.events import AFTER, BEFORE, LATE_DAYS, load_states

DAY = LATE_DAYS[0]
POLLS, CHANGES = 150, 4

Sums = tuple[tuple[str, int, int], ...]


@pytest.fixture(params=["embedded", "server"])
def project(request: pytest.FixtureRequest, new_project: MakeProject) -> Project:
    """A project on an engine with both states of the source."""
    made = new_project(request.param)
    load_states(made.warehouse)
    return made


def sums(project: Project) -> Sums:
    """The day's views and rows by dimension."""
    return tuple(
        project.warehouse.query(
            f"SELECT dimension, sum(views), count() FROM {project.database}.{DAILY_METRICS} "
            f"WHERE event_date = '{DAY}' GROUP BY dimension ORDER BY dimension"
        )
    )


def views_in_both(project: Project) -> dict[str, int]:
    """The day's views in daily_metrics and in daily_totals, in one statement."""
    rows = project.warehouse.query(
        f"SELECT 'metrics' AS place, sum(views) AS views FROM {project.database}.{DAILY_METRICS} "
        f"WHERE event_date = '{DAY}' AND dimension = 'os' "
        f"UNION ALL SELECT 'totals' AS place, sum(numerator) AS views FROM {project.database}.{DAILY_TOTALS} "
        f"WHERE event_date = '{DAY}' AND metric = 'views'"
    )
    return dict(rows)


def loaded(project: Project, source: str) -> Sums:
    """Load the day from a source and check that every dimension has all views."""
    project.read_events_of(source)
    finished = project.task("DailyMetrics", "--date", str(DAY))
    assert finished.code == 0, finished.log
    ((views,),) = project.warehouse.query(
        f"SELECT countIf(action = 'view') FROM {source}.feed_actions WHERE toDate(time, 'Europe/Moscow') = '{DAY}'"
    )
    totals = sums(project)
    assert [(dimension, number) for dimension, number, _ in totals] == [
        (name, views) for name in ("age", "gender", "os")
    ]
    return totals


@pytest.mark.long
def test_a_reader_sees_the_old_day_or_the_new_one(
    new_project: MakeProject, project: Project, record_property: Callable[[str, object], None]
) -> None:
    engine = "server" if project.sections["warehouse"]["engine"] == "server" else "embedded"
    states = {name: loaded(loading, name) for name, loading in ((BEFORE, project), (AFTER, new_project(engine)))}
    assert states[BEFORE] != states[AFTER]
    names = {state: name for name, state in states.items()}
    views = {state[0][1] for state in names}
    seen: list[str] = []
    together: Counter[bool] = Counter()
    loader = project.start("python", reloading.__file__, str(DAY), AFTER, BEFORE)
    deadline = time.monotonic() + HANGS_SECONDS
    try:
        while len(seen) < POLLS or sum(before != after for before, after in pairwise(seen)) < CHANGES:
            assert loader.poll() is None, finish(loader).log
            assert time.monotonic() < deadline, f"the day is reloaded too rarely: {Counter(seen)}"
            totals = sums(project)
            assert totals in names, totals
            seen.append(names[totals])
            both = views_in_both(project)
            assert set(both.values()) <= views, both
            together[both["metrics"] == both["totals"]] += 1
    finally:
        loader.kill()
        finish(loader)
    record_property("readings", dict(Counter(seen)))
    print(f"{engine}: {dict(Counter(seen))}, both tables of one day: {together[True]}, of two: {together[False]}")
