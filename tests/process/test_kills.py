"""Kills of runs: a few rounds of `tests.soak`, and a server that is unreachable for a while.

``python -m tests.soak --kills 200`` plays as many rounds as wanted.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from pipeline.warehouse.tables import DAILY_METRICS, DAILY_TOTALS, TABLE_UPDATES
from tests.patience import HANGS_SECONDS
from tests.soak import __main__ as soak
from tests.soak.attempts import LUIGI, WORKER, Attempt, Kill
from tests.soak.engines import ENGINES
from tests.soak.rounds import ARRIVING, LOADING, RELOADING, Plan, Report, World, results, worlds

OWNER, SERVER = "owner", "server"
TASK_FAILED, NOT_SCHEDULED, UNCAUGHT = 30, 35, 40  # the last: Luigi's final check of completeness raises

ROUNDS = [
    ("embedded", LOADING, LUIGI, 0.6),
    ("embedded", ARRIVING, WORKER, 0.4),
    ("embedded", LOADING, OWNER, 0.5),
    ("server", ARRIVING, LUIGI, 0.8),
    ("server", RELOADING, SERVER, 0.5),
]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, World]]:
    """Both engines, each with the results of an undisturbed run."""
    with worlds(tmp_path_factory.mktemp("kills"), "embedded", "server") as made:
        yield made


@pytest.mark.long
@pytest.mark.parametrize(("engine", "story", "victim", "moment"), ROUNDS, ids=lambda value: str(value))
def test_a_killed_run_goes_on(ready: dict[str, World], engine: str, story: str, victim: str, moment: float) -> None:
    planned = Plan(0, engine, story, workers=2, kills=(Kill(victim, moment, outage_seconds=0.5, seed=1),))
    for halved in range(4):  # a run faster than the measured one may end before the kill
        kill = replace(planned.kills[0], moment=moment / 2**halved)
        report = ready[engine].play(replace(planned, kills=(kill,)))
        assert report.differences == []
        assert report.staging_left == set()
        if report.kills:
            return
    pytest.fail("every run ended before it was killed")


@pytest.mark.long
def test_a_server_that_is_away_for_the_rest_of_a_run(ready: dict[str, World]) -> None:
    world = ready["server"]
    project = world.new_project()
    process = project.start_task("Daily", "--workers", "2", stderr=subprocess.STDOUT)
    while len(project.rows(TABLE_UPDATES)) < 9 and process.poll() is None:  # of 25
        time.sleep(0.01)
    assert world.engine.kill()
    try:
        log, _ = process.communicate(timeout=HANGS_SECONDS)
    finally:
        process.kill()
        world.engine.revive()
    assert process.returncode in (TASK_FAILED, NOT_SCHEDULED, UNCAUGHT), log
    assert "no ClickHouse server answers" in log
    assert "Traceback" not in log
    after_outage = results(project)
    for table in (DAILY_METRICS, DAILY_TOTALS):
        whole = by_day(world.reference[table])
        assert all(rows == whole[day] for day, rows in by_day(after_outage[table]).items())
    assert set(after_outage[TABLE_UPDATES]) < set(world.reference[TABLE_UPDATES])
    again = project.task("Daily", "--workers", "2")
    assert again.code == 0, again.log
    assert results(project) == world.reference
    assert project.leftovers() == set()


def test_a_soak_ends_after_so_many_kills(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Ready:
        def play(self, _: Plan) -> Report:
            return Report([Attempt(0, 1.0, hit=True, in_task=False, log="")])

    monkeypatch.setattr(soak, "worlds", lambda *_: nullcontext(dict.fromkeys(ENGINES, Ready())))
    assert len(list(islice(soak.play(tmp_path, 1, 3, None), 10))) == 3  # also without a terminal for the progress line


def by_day(rows: list[str]) -> dict[str, list[str]]:
    """Group rows by their first column, the date."""
    days: dict[str, list[str]] = {}
    for row in rows:
        days.setdefault(row.partition(")")[0], []).append(row)
    return days
