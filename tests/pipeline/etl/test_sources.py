"""Sources other than plain tables: views on either engine, and tables distributed over shards."""

from contextlib import ExitStack
from dataclasses import replace

import pytest

from pipeline.core import clock
from pipeline.slots import measure
from pipeline.warehouse.engines import Engine, ServerEngine
from tests.pipeline.etl.running import create_source, differences, load, loaded, prepared
from tests.pipeline.etl.stories import STORY, SUNDAY
from tests.pipeline.reference import Events

TABLES = ("feed_actions", "message_actions")


def check_everything(warehouse: Engine, database: str) -> None:
    """Load the story's days, and measure a day's slots."""
    load(*STORY.days)
    for day in STORY.days:
        assert differences(loaded(warehouse, database, day), STORY.expected(day)) == {}, day
    measure.fill(*clock.day_bounds(SUNDAY))
    views = f"SELECT sum(numerator) FROM {database}.slot_metrics FINAL WHERE metric = 'views' AND dimension = 'country'"
    assert warehouse.query(views) == [(1,)]


def test_views(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (source, database):
        for table in TABLES:
            warehouse.execute(f"RENAME TABLE {source}.{table} TO {source}.raw_{table}")
            warehouse.execute(f"CREATE VIEW {source}.{table} AS SELECT * FROM {source}.raw_{table}")
        check_everything(warehouse, database)


@pytest.mark.parametrize("nullable", [False, True])
def test_distributed_tables(server_warehouse: ServerEngine, nullable: bool) -> None:
    case = replace(STORY, nullable=nullable)
    with ExitStack() as dropped, prepared(server_warehouse, case) as (source, database):
        for shard in (0, 1):
            name = f"half_{shard + 1}"
            dropped.callback(server_warehouse.execute, f"DROP DATABASE IF EXISTS {name}", idempotent=True)
            part = Events(case.events.feed[shard::2], case.events.messages[shard::2])
            create_source(server_warehouse, name, replace(case, events=part))
        for table in TABLES:
            server_warehouse.execute(f"DROP TABLE {source}.{table}")
            server_warehouse.execute(
                f"CREATE TABLE {source}.{table} AS half_1.{table} ENGINE = Distributed(halves, '', {table})"
            )
        check_everything(server_warehouse, database)
