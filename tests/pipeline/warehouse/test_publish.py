"""A replaced partition holds the rows of one run only, also after concurrent runs and a kill of the engine."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import TerminalError
from pipeline.warehouse import publish
from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine
from pipeline.warehouse.publish import Staged
from pipeline.warehouse.tables import FEED_USER_DAY, SLICE_DAY, USER_ATTRIBUTES, open_warehouse
from tests.conftest import end_owner
from tests.patience import HANGS_SECONDS
from tests.pipeline.etl.running import prepared, scratch_tables
from tests.pipeline.etl.stories import STORY
from tests.servers.clickhouse import ClickHouseServer

DAY = "2026-11-06"
SLICED = (DAY, "os")
EMPTY = replace(STORY, table_engine="Log")


def users(staged: Staged, count: int) -> None:
    """Insert `count` users."""
    insert(staged, "event_date, user_id", f"toDate('{DAY}'), number", count)


def slices(staged: Staged, count: int) -> None:
    """Insert `count` values of os."""
    insert(staged, "event_date, dimension, dimension_value", f"toDate('{DAY}'), 'os', toString(number)", count)


def insert(staged: Staged, columns: str, values: str, count: int) -> None:
    """Insert `count` rows of these columns."""
    select = f"SELECT {values} FROM system.numbers LIMIT {count}"
    open_warehouse().execute(f"INSERT INTO {staged.table} ({columns}) {select}")
    assert staged.count() == (count, 0)


def publish_users(count: int, key: str = DAY) -> None:
    """Replace a day's users by `count` users."""
    with publish.partition(FEED_USER_DAY, key) as staged:
        users(staged, count)


def insert_and_stop(count: int) -> None:
    """Insert `count` users and fail."""
    with publish.partition(FEED_USER_DAY, DAY) as staged:
        users(staged, count)
        raise RuntimeError("stop")


def test_runs_that_replace_a_partition_at_once(warehouse: Engine) -> None:
    runs, rounds = 6, 25
    together = threading.Barrier(runs)

    def replace_users() -> None:
        with publish.partition(FEED_USER_DAY, DAY) as staged:
            users(staged, 100)
            together.wait(timeout=HANGS_SECONDS)

    with prepared(warehouse, EMPTY) as (_, database), ThreadPoolExecutor(runs) as pool:
        counts = []
        for _ in range(rounds):
            for done in [pool.submit(replace_users) for _ in range(runs)]:
                done.result()
            counts += warehouse.query(f"SELECT count() FROM {database}.{FEED_USER_DAY}")
        assert counts == [(100,)] * rounds


def test_a_partition_is_replaced_or_dropped_and_no_scratch_table_stays(warehouse: Engine) -> None:
    with prepared(warehouse, EMPTY) as (_, database):
        for count in (3, 0, 0, 2):
            publish_users(count)
            assert warehouse.query(f"SELECT count() FROM {database}.{FEED_USER_DAY}") == [(count,)]
            assert scratch_tables(warehouse, database) == []


def test_a_scratch_table_has_the_keys_and_settings_of_its_table(warehouse: Engine) -> None:
    """The server refuses REPLACE PARTITION between different keys, and newer ones between storage policies."""
    clause = "SELECT engine_full FROM system.tables WHERE database = %(database)s AND name = %(name)s"
    columns = "event_date Date, user_id UInt64, os String, gender String, age String"
    with prepared(warehouse, EMPTY) as (_, database):
        open_warehouse()
        warehouse.execute(f"DROP TABLE {database}.{USER_ATTRIBUTES}")
        warehouse.execute(
            f"CREATE TABLE {database}.{USER_ATTRIBUTES} ({columns}) ENGINE = MergeTree PARTITION BY event_date "
            "ORDER BY (user_id, os) SETTINGS index_granularity = 1024"
        )
        for table, key in ((USER_ATTRIBUTES, DAY), (SLICE_DAY, SLICED), (FEED_USER_DAY, DAY)):
            with publish.partition(table, key) as staged:
                names = (table, staged.table.partition(".")[2])
                kinds = [warehouse.query(clause, {"database": database, "name": name}) for name in names]
                insert(staged, "event_date", f"toDate('{DAY}')", 1)
                staged.is_empty = table == SLICE_DAY
            assert kinds[0] == kinds[1], kinds


def test_a_partition_stays_as_it_was_where_the_block_raises(warehouse: Engine) -> None:
    with prepared(warehouse, EMPTY) as (_, database):
        publish_users(3)
        for count in (5, 0):
            with pytest.raises(RuntimeError, match="stop"):
                insert_and_stop(count)
            assert warehouse.query(f"SELECT count() FROM {database}.{FEED_USER_DAY}") == [(3,)]
            assert scratch_tables(warehouse, database) == []


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
            publish_users(count)
            with publish.partition(SLICE_DAY, SLICED) as staged:
                slices(staged, count)
        for emptied in ("2026-11-07", DAY):
            publish_users(0, emptied)
        publish_users(7)
        kill()
        assert mortal.query(f"SELECT count() FROM {database}.{FEED_USER_DAY}") == [(7,)]
        assert mortal.query(f"SELECT count() FROM {database}.{SLICE_DAY}") == [(50,)]


def test_a_user_who_may_only_insert(warehouse: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """He publishes a partition once; the same rows again are no failure, and other rows are not written."""
    monkeypatch.setattr(publish, "_replaced", lambda *_: False)
    with prepared(warehouse, EMPTY) as (_, database):

        def publish_slices(count: int) -> None:
            with publish.partition(SLICE_DAY, SLICED) as staged:
                slices(staged, count)

        def published() -> list[tuple[int]]:
            return warehouse.query(f"SELECT count() FROM {database}.{SLICE_DAY}")

        publish_slices(0)
        assert published() == [(0,)]
        for _ in range(2):
            publish_slices(3)
            assert published() == [(3,)]
        for count in (2, 4, 0):
            with pytest.raises(TerminalError, match=rf"other rows of {DAY}, os .*\nGRANT ALTER DELETE ON {database}"):
                publish_slices(count)
            assert published() == [(3,)]
        for _ in range(2):
            publish_users(2)  # their attributes may be NULL
        with pytest.raises(TerminalError, match="other rows"):
            publish_users(3)
        assert scratch_tables(warehouse, database) == []


def test_two_who_may_only_insert_at_once(warehouse: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_replaced", lambda *_: False)
    runs = 4
    together = threading.Barrier(runs)

    def publish_together() -> None:
        with publish.partition(FEED_USER_DAY, DAY) as staged:
            users(staged, 100)
            together.wait(timeout=HANGS_SECONDS)

    with prepared(warehouse, EMPTY) as (_, database), ThreadPoolExecutor(runs) as pool:
        open_warehouse()
        for done in [pool.submit(publish_together) for _ in range(runs)]:
            done.result()
        assert warehouse.query(f"SELECT count() FROM {database}.{FEED_USER_DAY}") == [(100,)]
