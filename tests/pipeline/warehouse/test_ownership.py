"""What is not ours is refused before anything is written; what is ours goes on."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import process
from pipeline.core.errors import SettingsError, TerminalError
from pipeline.tasks import DailyMetrics
from pipeline.tasks.etl import invalidate, load_chain
from pipeline.warehouse import ownership, scratch, tables
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.statements import statement
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import differences, fresh_database, load, loaded, prepared
from tests.pipeline.etl.stories import FRIDAY, SATURDAY, STORY
from tests.pipeline.warehouse.opening import USERS, everything, names, on


@pytest.fixture
def missing(warehouse: Engine) -> Iterator[str]:
    """The name of a database that does not exist."""
    with fresh_database(warehouse) as name:
        yield name


@pytest.mark.parametrize("survived", [0, 1, 2, 3, 6, 20])
def test_a_run_that_is_killed_leaves_a_warehouse_that_the_next_one_continues(
    warehouse: Engine, missing: str, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """The first statements create the database and the record's table, write the record, create the first table."""
    left = survived

    def counted(method: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object, **keywords: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            method(*arguments, **keywords)

        return call

    with monkeypatch.context() as patch, on(warehouse, missing):
        patch.setattr(Engine, "execute", counted(Engine.execute))
        patch.setattr(Engine, "insert", counted(Engine.insert))
        with pytest.raises(KeyboardInterrupt):
            tables.open_warehouse()
    with on(warehouse, missing):
        tables.open_warehouse()
    assert names(warehouse, missing) == set(tables.TABLES)


def test_processes_that_start_at_the_same_moment_share_a_new_warehouse(warehouse: Engine, missing: str) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        try:
            found = tables.inspect()
            ownership.require_ours(found)
            tables.open_warehouse()
        except BaseException as error:
            failures.append(error)

    with on(warehouse, missing):
        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    with on(warehouse, missing):
        assert not tables.inspect().foreign
        assert not tables.inspect().missing


def test_a_table_of_ours_that_somebody_replaced_is_refused(warehouse: Engine, missing: str) -> None:
    with on(warehouse, missing):
        tables.open_warehouse()
    warehouse.execute(f"DROP TABLE {missing}.daily_totals")
    warehouse.execute(f"CREATE VIEW {missing}.daily_totals AS SELECT 1 AS one")
    with on(warehouse, missing), pytest.raises(SettingsError) as refused:
        tables.open_warehouse()
    assert str(refused.value) == (
        f"{missing}.daily_totals has changed since feedpulse made it: its engine is View, not MergeTree.\n"
        "Rename it, so that feedpulse makes a new one. Or set [warehouse] prefix."
    )


def test_a_table_that_was_dropped_is_made_again(warehouse: Engine, missing: str) -> None:
    with on(warehouse, missing):
        tables.open_warehouse()
    warehouse.execute(f"DROP TABLE {missing}.daily_totals")
    with on(warehouse, missing):
        tables.open_warehouse()
    assert "daily_totals" in names(warehouse, missing)


def test_a_new_table_of_a_later_release_is_not_taken_over(
    warehouse: Engine, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = tuple(table for table in tables.TABLES if table != tables.DELIVERIES)
    with monkeypatch.context() as patch:
        patch.setattr(tables, "TABLES", earlier)
        with on(warehouse, missing):
            tables.open_warehouse()
    warehouse.execute(statement("create_deliveries", table=f"{missing}.deliveries"))
    with on(warehouse, missing), pytest.raises(SettingsError, match=r"deliveries exists, and this installation did"):
        tables.open_warehouse()
    warehouse.execute(f"DROP TABLE {missing}.deliveries")
    with on(warehouse, missing):
        tables.open_warehouse()
        assert tables.inspect().recorded["table:deliveries"] == ownership.OURS


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"etl": {"table": "other"}}, "their result table is daily_metrics, and this configuration has other"),
        (
            {"source": {"database": "second"}},
            "their source is default.feed_actions, default.message_actions, and this configuration has "
            "second.feed_actions, second.message_actions",
        ),
        ({"source": {"message_table": "mails"}}, "this configuration has default.feed_actions, default.mails"),
        ({"clock": {"timezone": "UTC"}}, "their time zone is Europe/Moscow, and this configuration has UTC"),
    ],
)
def test_another_configuration_is_refused(
    warehouse: Engine, missing: str, sections: dict[str, dict[str, str]], says: str
) -> None:
    with on(warehouse, missing):
        tables.open_warehouse()
    before = everything(warehouse, missing)
    for opening in (tables.open_warehouse, lambda: tables.reading().__enter__()):
        with on(warehouse, missing, **sections), pytest.raises(SettingsError) as refused:
            opening()
        text = str(refused.value)
        assert says in text
        assert text.startswith(f"The tables without prefix in the database {missing} belong to another configuration")
        assert "[warehouse] prefix" in text
        assert "`feedpulse adopt`" in text
        assert everything(warehouse, missing) == before
    with on(warehouse, missing):
        tables.open_warehouse()


def test_what_is_adopted_holds_after_a_fast_clock_was_corrected(
    warehouse: Engine, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on(warehouse, missing), monkeypatch.context() as patch:
        patch.setattr("pipeline.warehouse.ownership.time.time_ns", lambda: 2**62)
        tables.open_warehouse()
    with on(warehouse, missing, clock={"timezone": "UTC"}):
        ownership.record(warehouse, tables.inspect())
        tables.open_warehouse()


def test_a_source_that_moves_is_the_same_source(warehouse: Engine, missing: str) -> None:
    with on(warehouse, missing):
        tables.open_warehouse()
    elsewhere = {"engine": "server", "host": "elsewhere.example", "port": "9440", "secure": "true", "alt_hosts": "a:1"}
    with on(warehouse, missing, source=elsewhere):
        tables.open_warehouse()


def test_one_result_table_has_one_writer(warehouse: Engine, missing: str) -> None:
    with on(warehouse, missing, warehouse={"prefix": "anna_"}):
        tables.open_warehouse()
    with on(warehouse, missing, warehouse={"prefix": "ben_"}), pytest.raises(SettingsError, match="daily_metrics"):
        tables.open_warehouse()
    with on(warehouse, missing, warehouse={"prefix": "ben_"}, etl={"table": "bens"}):
        tables.open_warehouse()
    assert not [name for name in names(warehouse, missing) if name in tables.TABLES and name != "daily_metrics"]


@pytest.mark.parametrize(("code", "goes_on"), [(497, True), (241, False)])
def test_a_record_of_others_that_may_not_be_read_is_left_out(
    warehouse: Engine, missing: str, monkeypatch: pytest.MonkeyPatch, code: int, goes_on: bool
) -> None:
    with on(warehouse, missing, warehouse={"prefix": "anna_"}, etl={"table": "annas"}):
        tables.open_warehouse()
    query = type(warehouse).query

    def denied(engine: Engine, sql: str, *arguments: Any, **options: Any) -> Any:
        if f"{missing}.anna_installation" in sql:
            raise TerminalError("ben: Not enough privileges", code)
        return query(engine, sql, *arguments, **options)

    monkeypatch.setattr(type(warehouse), "query", denied)
    with on(warehouse, missing, warehouse={"prefix": "ben_"}, etl={"table": "bens"}):
        if goes_on:
            tables.open_warehouse()
        else:
            with pytest.raises(TerminalError):
                tables.open_warehouse()


def test_of_two_that_start_at_the_same_moment_one_gets_the_result_table(
    warehouse: Engine, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked before either has recorded anything."""
    with on(warehouse, missing, warehouse={"prefix": "anna_"}):
        anna = tables.inspect()
    with on(warehouse, missing, warehouse={"prefix": "ben_"}):
        ben = tables.inspect()
    warehouse.execute(f"CREATE DATABASE {missing}")
    look, looks = ownership.require_unclaimed, 0

    def look_again(*arguments: Any) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:  # anna looks; then ben records, sees nobody, and goes on
            monkeypatch.setattr(ownership, "require_unclaimed", look)
            look(*arguments)
            ownership.record(warehouse, ben)
        else:
            look(*arguments)

    monkeypatch.setattr(ownership, "require_unclaimed", look_again)
    for _ in range(2):
        with pytest.raises(SettingsError) as refused:
            ownership.record(warehouse, anna)
        assert str(refused.value) == (
            f"{missing}.daily_metrics belongs to another installation, that of {missing}.ben_installation: "
            "set another [etl] table."
        )
    with on(warehouse, missing, warehouse={"prefix": "ben_"}):
        tables.open_warehouse()
    with on(warehouse, missing, warehouse={"prefix": "anna_"}), pytest.raises(SettingsError):
        tables.open_warehouse()


@pytest.mark.parametrize("name", ["anna_user_day", "anna_daily_metrics"])
def test_the_result_cannot_have_the_name_of_another_table_of_ours(warehouse: Engine, missing: str, name: str) -> None:
    with on(warehouse, missing, warehouse={"prefix": "anna_"}, etl={"table": name}):
        if name == "anna_daily_metrics":
            tables.open_warehouse()
        else:
            with pytest.raises(SettingsError, match=r"\[etl\] table = anna_user_day: feedpulse has another table"):
                tables.open_warehouse()


def test_scratch_tables_of_others_stay(warehouse: Engine, missing: str) -> None:
    with on(warehouse, missing, warehouse={"prefix": "anna_"}):
        tables.open_warehouse()
        table = f"{missing}.anna_user_day"
        dead = re.sub("_[0-9]+_(?=[0-9]+_[0-9]+_[0-9a-f]{8}$)", "_99999999_", scratch.new_name(table))
        warehouse.execute(f"CREATE TABLE {dead} AS {table}")
        others = (dead.replace("anna_", ""), dead.replace("anna_", "ben_"), dead.replace("user_day", "my_user_day"))
        for name in others:
            warehouse.execute(f"CREATE TABLE {name} AS {table}")
        process.reset()
        tables.open_warehouse()
    left = {f"{missing}.{name}" for name in names(warehouse, missing) if "__" in name}
    assert left == set(others)


def test_a_scratch_table_in_a_warehouse_that_is_new_stays(warehouse: Engine, database: str) -> None:
    name = f"{database}.user_day__deadbeef_1_1_1700000000_deadbeef"
    warehouse.execute(f"CREATE TABLE {name} ({USERS}) ENGINE = Memory")
    for _ in range(2):
        with on(warehouse, database):
            tables.open_warehouse()
        assert name.partition(".")[2] in names(warehouse, database)


def test_reading_makes_nothing(warehouse: Engine, missing: str) -> None:
    for _ in range(2):
        with on(warehouse, missing), pytest.raises(SettingsError) as refused, tables.reading(tables.DAILY_METRICS):
            pass
        assert str(refused.value).startswith(
            f"nothing is loaded yet in the database {missing}: there is no {missing}.daily_metrics."
        )
        with on(warehouse, missing), tables.reading():
            assert not DailyMetrics(date=FRIDAY).complete()
    assert not warehouse.query("SELECT name FROM system.databases WHERE name = %(name)s", {"name": missing})


def test_a_database_that_exists_is_not_created_again(
    warehouse: Engine, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CREATE DATABASE needs a right of its own, even where the database exists."""
    sent: list[str] = []
    execute = Engine.execute

    def noted(self: Engine, sql: str, *arguments: object, **keywords: object) -> None:
        sent.append(sql)
        execute(self, sql, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "execute", noted)
    with on(warehouse, database):
        tables.open_warehouse()
    assert sent
    assert not [sql for sql in sent if "DATABASE" in sql]
    sent.clear()
    asked: list[str] = []
    query = Engine.query

    def noted_query(self: Engine, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return query(self, sql, *arguments)

    monkeypatch.setattr(Engine, "query", noted_query)
    with on(warehouse, database):
        tables.open_warehouse()
    assert not sent
    assert len(asked) == 2, asked  # a quiet check runs every 15 minutes


def test_a_scratch_table_of_another_machine_of_the_same_name_stays(
    embedded_warehouse: Engine, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines may both be called localhost, with processes of the same numbers."""
    with on(embedded_warehouse, missing):
        tables.open_warehouse()
    read = Path.read_text
    with monkeypatch.context() as patch:
        patch.setattr(
            Path, "read_text", lambda path, **keywords: "another" if path.name == "boot_id" else read(path, **keywords)
        )
        process.reset()
        theirs = re.sub("_[0-9]+(?=_[0-9]+_[0-9]+_[0-9a-f]{8}$)", "_99999999", scratch.new_name(f"{missing}.user_day"))
    embedded_warehouse.execute(f"CREATE TABLE {theirs} AS {missing}.user_day")
    with on(embedded_warehouse, missing):
        tables.open_warehouse()
    assert theirs.partition(".")[2] in names(embedded_warehouse, missing)


def test_loads_go_on_beside_columns_that_users_added(warehouse: Engine) -> None:
    added = ("note String", "team String DEFAULT 'x'", "twice UInt64 MATERIALIZED views * 2")
    with prepared(warehouse, STORY) as (_, database):
        load(FRIDAY)
        for column in added:
            for table in ("daily_metrics", "user_day"):
                warehouse.execute(f"ALTER TABLE {database}.{table} ADD COLUMN {column}")
        process.reset()
        invalidate(load_chain(FRIDAY))
        load(FRIDAY, SATURDAY)
        for day in (FRIDAY, SATURDAY):
            assert differences(loaded(warehouse, database, day), STORY.expected(day)) == {}
        columns = {name for name, *_ in warehouse.query(f"DESCRIBE TABLE {database}.daily_metrics")}
        assert {column.split()[0] for column in added} < columns
        assert warehouse.query(f"SELECT DISTINCT team, twice = 2 * views FROM {database}.daily_metrics") == [("x", 1)]


def become_early(warehouse: Engine, database: str) -> None:
    """Leave what the release before the record left."""
    for table in (tables.INSTALLATION, tables.RUNS):
        warehouse.execute(f"DROP TABLE {database}.{table}")
    process.reset()


def test_a_warehouse_of_an_earlier_release_goes_on(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (_, database):
        load(FRIDAY)
        before = everything(warehouse, database)
        become_early(warehouse, database)
        with tables.reading(tables.DAILY_METRICS):  # `verify` before the first run of the new release
            assert DailyMetrics(date=FRIDAY).complete()
        assert tables.INSTALLATION not in names(warehouse, database)
        assert DailyMetrics(date=FRIDAY).complete()
        after = everything(warehouse, database)
        assert {name: rows for name, rows in after.items() if name != tables.INSTALLATION} == {
            name: rows for name, rows in before.items() if name != tables.INSTALLATION
        }
        recorded = tables.inspect().recorded
        assert {item for item in recorded if item.startswith("table:")} == {f"table:{name}" for name in tables.TABLES}
        load(SATURDAY)
        assert differences(loaded(warehouse, database, SATURDAY), STORY.expected(SATURDAY)) == {}


def test_the_result_of_an_earlier_release_cannot_be_renamed(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (source, database):
        load(FRIDAY)
        become_early(warehouse, database)
        options = STORY.configuration(warehouse, source, database)
        with (
            configured(STORY.now, **{**options, "etl": {"table": "mine"}}),
            pytest.raises(SettingsError, match="their result table is daily_metrics, and this configuration has mine"),
        ):
            tables.open_warehouse()
        assert "mine" not in names(warehouse, database)


def test_an_earlier_release_does_not_prove_a_table_of_another_form(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (_, database):
        load(FRIDAY)
        become_early(warehouse, database)
        warehouse.execute(f"DROP TABLE {database}.slot_checks")
        warehouse.execute(f"CREATE TABLE {database}.slot_checks ({USERS}) ENGINE = Log")
        with pytest.raises(SettingsError, match=r"slot_checks exists, and .* did not make it: its engine is Log"):
            tables.open_warehouse()
        assert tables.INSTALLATION not in names(warehouse, database)
