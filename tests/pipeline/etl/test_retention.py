"""The rows that a run drops and keeps, and its log about loaded days."""

import logging
import os
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pipeline.core import process
from pipeline.core.errors import TerminalError
from pipeline.tasks import Daily, StagingRetention, UserAttributes, daily
from pipeline.tasks.etl import invalidate, load_chain
from pipeline.warehouse import scratch
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.tables import STAGING, full_name
from tests.pipeline.etl.arrivals import check, damage, on_sunday
from tests.pipeline.etl.running import load, prepared, run, scratch_tables
from tests.pipeline.etl.stories import FRIDAY, SATURDAY, STORY, SUNDAY

pytestmark = pytest.mark.one_engine("embedded")


def test_retention_drops_what_nothing_needs(warehouse: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily, "IN_USE_SECONDS", -60)
    with on_sunday(warehouse, start=str(FRIDAY), attribute_days="1", keep_staging_days="1", reload_days="1") as (
        _,
        database,
    ):
        run(Daily())
        StagingRetention(date=SUNDAY).run()  # in a back-fill it first runs before the last day is loaded
        days = {
            table: {day for (day,) in warehouse.query(f"SELECT DISTINCT event_date FROM {database}.{table}")}
            for table in (*STAGING, "daily_metrics")
        }
        attributes = days.pop("user_attributes")
        assert days.pop("daily_metrics") == {FRIDAY, SATURDAY, SUNDAY}
        assert list(days.values()) == [{SUNDAY}] * 4
        assert attributes == {SATURDAY}  # for Sunday; Monday's load creates Sunday's
        assert not UserAttributes(date=FRIDAY).complete()
        assert Daily().complete()
        # Dropped rows are computed again when they are needed.
        damage(warehouse, database, "views")
        invalidate(load_chain(FRIDAY))
        load(FRIDAY)
        check(warehouse, database, replace(STORY, attribute_days=1), FRIDAY)


def test_retention_spares_a_back_fill_at_work(warehouse: Engine) -> None:
    with on_sunday(warehouse, start=str(FRIDAY), keep_staging_days="1") as (_, database):
        run(Daily())
        assert warehouse.query(f"SELECT uniqExact(event_date) FROM {database}.user_day") == [(3,)]


def test_a_user_without_a_right_to_system_parts_loads_all_days(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    query = type(warehouse).query

    def refuse(engine: Engine, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        if "system.parts" in sql:
            raise TerminalError("Not enough privileges", 497)
        return query(engine, sql, *arguments)

    monkeypatch.setattr(type(warehouse), "query", refuse)
    with on_sunday(warehouse, start=str(FRIDAY)) as (_, database):
        run(Daily())
        check(warehouse, database, STORY, *STORY.days)
        damage(warehouse, database, "views")
        invalidate(load_chain(FRIDAY))
        load(FRIDAY)
        check(warehouse, database, STORY, *STORY.days)
    assert "per-user tables keep old days: this user may not read system.parts; grant SELECT on it" in caplog.text


def test_the_next_run_drops_what_a_killed_one_left(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (_, database):
        load(FRIDAY)
        mine = scratch.new_name(full_name("user_day"))
        dead = mine.replace(f"_{os.getpid()}_", "_99999999_")
        foreign = re.sub("__[0-9a-f]{8}_", "__00000000_", mine)
        old = foreign.replace(foreign.split("_")[-2], "1700000000")
        for name in (mine, dead, foreign, old):
            warehouse.execute(f"CREATE TABLE {name} AS {database}.user_day")
        process.reset()
        load(SATURDAY)
        assert {f"{database}.{name}" for name in scratch_tables(warehouse, database)} == {mine, foreign}


def test_a_back_fill_says_how_far_it_is(warehouse: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)), caplog.at_level(logging.INFO, logger="pipeline"):
        run(Daily())
        assert [line for line in caplog.messages if "is loaded:" in line][-1].endswith(
            "3 of 3 days since [etl] start are"
        )


def test_retention_is_a_task_of_the_day(embedded_warehouse: Engine) -> None:
    with on_sunday(embedded_warehouse):
        run(Daily())
        assert StagingRetention(date=SUNDAY).complete()
        assert not StagingRetention(date=SUNDAY - timedelta(days=1)).complete()
