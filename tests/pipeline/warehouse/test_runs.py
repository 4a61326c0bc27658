"""The table of runs, on both engines."""

from datetime import datetime, timedelta

from pipeline.warehouse import runs
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.runs import LastRun, Run
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place

NOON = datetime(2026, 11, 12, 12)


def run(root: str, minutes: int, outcome: str = runs.OK) -> Run:
    """A run that began some minutes after noon."""
    return Run(root, NOON + timedelta(minutes=minutes), 6.2, outcome, "slot 12:00 checked", "'no' \\ answer")


def test_the_newest_run_of_each_root_is_found_with_its_newest_good_one(warehouse: Engine) -> None:
    with (
        fresh_database(warehouse) as database,
        configured(warehouse={**place(warehouse), "database": database}),
    ):
        assert runs.newest(NOON) == {}
        runs.record([run("Alerts", 0), run("Alerts", 15), run("Daily", -60), run("Morning", -5, runs.FAILED)])
        runs.record([run("Alerts", 30, runs.REFUSED), run("Daily", 2, runs.FAILED)])
        assert runs.newest(NOON) == {
            "Alerts": LastRun(run("Alerts", 30, runs.REFUSED), NOON + timedelta(minutes=15)),
            "Daily": LastRun(run("Daily", 2, runs.FAILED), None),
        }
