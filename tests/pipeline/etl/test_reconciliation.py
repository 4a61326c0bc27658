"""Days that do not add up are not published; `verify` lists published days that do not."""

from dataclasses import replace
from datetime import date

import pytest

from pipeline.__main__ import main
from pipeline.core import clock, process
from pipeline.core.errors import ReconciliationError, RowsArrivedError
from pipeline.slots import measure
from pipeline.tasks import Daily, DailyMetrics, Slice
from pipeline.warehouse.engines import Engine
from tests.pipeline.etl.arrivals import arrive, check, damage, on_sunday
from tests.pipeline.etl.running import load, loaded, prepared, run, scratch_tables
from tests.pipeline.etl.stories import FRIDAY, SATURDAY, STORY, SUNDAY, at, seen, sent, with_events

pytestmark = pytest.mark.one_engine("server")

DIMENSIONS = ("os", "gender", "age")


def slices(day: date) -> list[Slice]:
    """All tasks of a day except its publication."""
    return [Slice(date=day, dimension=name) for name in DIMENSIONS]


def test_rows_that_arrive_while_loading_are_loaded_by_the_next_run(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (source, database):
        run(*slices(FRIDAY))
        case = arrive(warehouse, source, STORY, [seen(9, at(FRIDAY))], [sent(9, 1, at(FRIDAY))] * 2)
        with pytest.raises(
            RowsArrivedError,
            match=r"2026-11-06: rows arrived while loading: feed_actions 3 -> 4 rows \(\+1\), "
            r"message_actions 3 -> 5 rows \(\+2\). .*daily_metrics is as it was",
        ):
            DailyMetrics(date=FRIDAY).run()
        assert loaded(warehouse, database, FRIDAY).slices == {}
        load(FRIDAY)
        check(warehouse, database, case, FRIDAY)


@pytest.mark.parametrize("column", ["views", "messages_received", "users_sent"])
def test_a_mismatch_is_named_and_leaves_the_table_as_it_was(warehouse: Engine, column: str) -> None:
    with prepared(warehouse, STORY) as (_, database):
        load(FRIDAY)
        before = loaded(warehouse, database, FRIDAY)
        raw = {"views": 2, "messages_received": 3, "users_sent": 2}[column]
        damage(warehouse, database, column)
        with pytest.raises(ReconciliationError) as refused:
            DailyMetrics(date=FRIDAY).run()
        assert not isinstance(refused.value, RowsArrivedError)
        text = str(refused.value)
        assert f"2026-11-06 does not reconcile: sum({column}) by os is {raw + 7}, " in text
        assert f": {raw} (difference +7). " in text
        assert loaded(warehouse, database, FRIDAY) == before
        assert scratch_tables(warehouse, database) == []
        assert not DailyMetrics(date=FRIDAY).complete()
        load(FRIDAY)
        check(warehouse, database, STORY, FRIDAY)


def test_a_column_that_changes_its_type(warehouse: Engine) -> None:
    with prepared(warehouse, replace(STORY, table_engine="MergeTree ORDER BY time")) as (source, database):
        load(FRIDAY)
        for table, column, kind in (
            ("feed_actions", "user_id", "UInt64"),
            ("message_actions", "receiver_id", "Int64"),
            ("feed_actions", "age", "Int32"),
            ("message_actions", "gender", "Nullable(Int8)"),
        ):
            warehouse.execute(f"ALTER TABLE {source}.{table} MODIFY COLUMN {column} {kind}")
        process.reset()
        load(SATURDAY)
        check(warehouse, database, STORY, FRIDAY, SATURDAY)


def test_user_zero_himself_and_twice(warehouse: Engine) -> None:
    case = with_events(
        [seen(0, at(FRIDAY)), seen(0, at(FRIDAY))],
        [sent(0, 0, at(FRIDAY)), sent(0, 0, at(FRIDAY)), sent(0, 5, at(FRIDAY)), sent(5, 5, at(FRIDAY))],
    )
    with prepared(warehouse, case) as (_, database):
        load(FRIDAY)
        check(warehouse, database, case, FRIDAY)
        actual = loaded(warehouse, database, FRIDAY)
        assert actual.users[0] == (2, 2, 0, 2, 3, 1, 2, "iOS", "1", "20")
        assert actual.totals["views"] == (2, 1)


def test_verify(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)) as (source, database):
        span = ["verify", "--from", str(FRIDAY), "--to", str(SUNDAY)]
        assert main(span) == 1
        assert capsys.readouterr().out.count("not loaded") == 3
        run(Daily())
        measure.fill(*clock.day_bounds(FRIDAY))
        assert main(span) == 0
        assert capsys.readouterr().out.splitlines() == [
            "day             feed rows       messages  result",
            "2026-11-06              3              3  ok",
            "2026-11-07              2              2  ok",
            "2026-11-08              2              2  ok",
            "3 days checked, 0 off",
        ]
        warehouse.execute(
            f"INSERT INTO {database}.daily_metrics (event_date, dimension, dimension_value, likes) "
            f"SELECT toDate('{SATURDAY}'), 'age', '31', 4"
        )
        warehouse.execute(
            f"INSERT INTO {database}.daily_totals SELECT toDate('{SUNDAY}'), 'feed_users', toUInt64(5), toUInt64(1)"
        )
        warehouse.execute(
            f"INSERT INTO {database}.slot_metrics (slot, metric, dimension, dimension_value, numerator, denominator) "
            f"SELECT toDateTime('{FRIDAY} 09:00:00', 'UTC'), 'views', 'total', 'all', 12, 1"
        )
        assert main(span) == 1
        friday, saturday, sunday = capsys.readouterr().out.splitlines()[1:4]
        assert friday.endswith("views in slot_metrics of the day is 12, in the source: 2 (difference +10)")
        assert saturday.endswith("sum(likes) by age is 4, likes in feed_actions: 0 (difference +4)")
        assert "  feed_users in daily_totals is 6, in the source: 1 (difference +5)" in sunday
        arrive(warehouse, source, STORY, [], [sent(1, 2, at(SUNDAY))])
        assert main(["verify", "--from", str(SUNDAY)]) == 1
        assert "changed since its load: message_actions 2 -> 3 rows (+1)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "2026-11-08", "--to", "2026-11-06"], "--from 2026-11-08 is after --to 2026-11-06"),
        (["--from", "2026-11-08", "--to", "2026-11-09"], "2026-11-09 is not over yet"),
    ],
)
def test_verify_refuses_days_that_make_no_sense(
    embedded_warehouse: Engine, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    with on_sunday(embedded_warehouse):
        assert main(["verify", *arguments]) == 1
        assert says in capsys.readouterr().err
