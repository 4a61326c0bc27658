"""What somebody reads who looks at a day while it is loaded again, now with late rows and now without.

Measured on both engines, 18.16 and 26.9, reading as fast as possible through 20 reloads:

- ONE table in ONE statement: the old day or the new one, whole, always (849 and 453 readings), also where the statement
  reads the table twice. REPLACE PARTITION is atomic for it.
- TWO statements: each is whole, but the day may change in between (2 of 849, and 6 of 453).
- daily_metrics beside daily_totals, even in one statement: each is whole, but they are replaced one after the other, so
  one may be of the old day and one of the new (59 of 849, and 23 of 453). Who compares them reads again, or asks
  ``table_updates`` whether the day is done: it is not while it is loaded again.
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
    """The day by dimension: views, and rows."""
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
    """The day at rest, loaded from a source: every dimension has all the views there are."""
    project.configure(source={"database": source})
    finished = project.task("DailyMetrics", "--date", str(DAY))
    assert finished.code == 0, finished.log
    ((views,),) = project.warehouse.query(
        f"SELECT countIf(action = 'view') FROM {source}.feed_actions WHERE toDate(time, 'Europe/Moscow') = '{DAY}'"
    )
    found = sums(project)
    assert [(dimension, number) for dimension, number, _ in found] == [
        (name, views) for name in ("age", "gender", "os")
    ]
    return found


@pytest.mark.long
def test_a_reader_sees_the_old_day_or_the_new_one(
    new_project: MakeProject, project: Project, record_property: Callable[[str, object], None]
) -> None:
    engine = "server" if project.sections["warehouse"]["engine"] == "server" else "embedded"
    states = {name: loaded(one, name) for name, one in ((BEFORE, project), (AFTER, new_project(engine)))}
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
            assert time.monotonic() < deadline, f"the day hardly changes: {Counter(seen)}"
            found = sums(project)
            assert found in names, found
            seen.append(names[found])
            both = views_in_both(project)
            assert set(both.values()) <= views, both
            together[both["metrics"] == both["totals"]] += 1
    finally:
        loader.kill()
        finish(loader)
    record_property("readings", dict(Counter(seen)))
    print(f"{engine}: {dict(Counter(seen))}, both tables of one day: {together[True]}, of two: {together[False]}")
