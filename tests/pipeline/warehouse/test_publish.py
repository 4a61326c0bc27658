"""A partition that was replaced holds the rows of one run only: after runs at once, and after a kill of the engine."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine
from pipeline.warehouse.publish import replace_partition
from pipeline.warehouse.tables import FEED_USER_DAY, SLICE_DAY, open_warehouse
from tests.conftest import end_owner
from tests.patience import HANGS_SECONDS
from tests.pipeline.etl.running import prepared
from tests.pipeline.etl.stories import STORY
from tests.servers.clickhouse import ClickHouseServer

DAY = "2026-11-06"
SLICED = (DAY, "os")
EMPTY = replace(STORY, table_engine="Log")

Fill = Callable[[str], bool]


def users(count: int) -> Fill:
    """Fill with so many users."""
    return filled("event_date, user_id", f"toDate('{DAY}'), number", count)


def slices(count: int) -> Fill:
    """Fill with so many values of os."""
    return filled("event_date, dimension, dimension_value", f"toDate('{DAY}'), 'os', toString(number)", count)


def filled(columns: str, values: str, count: int) -> Fill:
    """Fill with so many rows of these columns."""

    def fill(staging: str) -> bool:
        select = f"SELECT {values} FROM system.numbers LIMIT {count}"
        open_warehouse().execute(f"INSERT INTO {staging} ({columns}) {select}")
        return count > 0

    return fill


def test_runs_that_replace_a_partition_at_once(warehouse: Engine) -> None:
    runs, rounds = 6, 25
    together = threading.Barrier(runs)

    def fill(staging: str) -> bool:
        found = users(100)(staging)
        together.wait(timeout=HANGS_SECONDS)
        return found

    with prepared(warehouse, EMPTY) as (_, database), ThreadPoolExecutor(runs) as pool:
        found = []
        for _ in range(rounds):
            for done in [pool.submit(replace_partition, FEED_USER_DAY, DAY, fill) for _ in range(runs)]:
                done.result()
            found += warehouse.query(f"SELECT count() FROM {database}.{FEED_USER_DAY}")
        assert found == [(100,)] * rounds


@pytest.mark.parametrize("engine", ["embedded", "server"])
def test_what_was_replaced_does_not_come_back(engine: str, tmp_path: Path) -> None:
    if engine == "server":
        with ClickHouseServer(tmp_path / "server") as server:
            check_after_a_kill(ServerEngine(host=server.host, port=server.port), server.restart)
    else:
        embedded = EmbeddedEngine(str(tmp_path / "warehouse"))
        check_after_a_kill(embedded, lambda: end_owner(embedded))
        end_owner(embedded)


def check_after_a_kill(mortal: Engine, kill: Callable[[], None]) -> None:
    with prepared(mortal, EMPTY) as (_, database):
        for count in (100, 50):
            replace_partition(FEED_USER_DAY, DAY, users(count))
            replace_partition(SLICE_DAY, SLICED, slices(count))
        for emptied in ("2026-11-07", DAY):
            replace_partition(FEED_USER_DAY, emptied, users(0))
        replace_partition(FEED_USER_DAY, DAY, users(7))
        kill()
        assert mortal.query(f"SELECT count() FROM {database}.{FEED_USER_DAY}") == [(7,)]
        assert mortal.query(f"SELECT count() FROM {database}.{SLICE_DAY}") == [(50,)]
