"""Loads of a day: repeated, in another order, over an earlier load, of an empty day, from another engine."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta

import luigi
import pytest
from luigi.tools.range import RangeDaily

from pipeline.core import clock
from pipeline.core.errors import ClockError, SettingsError
from pipeline.tasks import Daily, DailyMetrics, FeedUserDay, UserDay
from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine
from tests.pipeline.etl.running import (
    Case,
    build,
    create_source,
    differences,
    load,
    loaded,
    prepared,
    run,
    scratch_tables,
)
from tests.pipeline.etl.stories import FRIDAY, SATURDAY, STORY, SUNDAY, at, seen, sent, with_events
from tests.pipeline.reference import Event, Events
from tests.servers.clickhouse import ClickHouseServer


def check(warehouse: Engine, database: str, case: Case, *days: date) -> None:
    """Compare the loaded days with the reference, and check that runs left nothing behind."""
    for day in days:
        assert differences(loaded(warehouse, database, day), case.expected(day)) == {}, day
    assert scratch_tables(warehouse, database) == []


def forget(warehouse: Engine, database: str) -> None:
    """Drop every marker."""
    columns = ("update_id", "target_table", "inserted", "feed_rows", "message_rows")
    rows = warehouse.query(f"SELECT {', '.join(columns)} FROM {database}.table_updates FINAL WHERE done = 1")
    dropped = dict(zip(columns, zip(*rows, strict=True), strict=True))
    warehouse.insert(
        f"{database}.table_updates", {**dropped, "done": [0] * len(rows), "version": [time.time_ns()] * len(rows)}
    )


def test_reference_tells_the_story() -> None:
    """Compares the reference with numbers counted by hand."""
    friday, sunday = STORY.expected(FRIDAY), STORY.expected(SUNDAY)
    assert friday.users == {
        1: (3, 2, 1, 1, 1, 1, 1, "iOS", "1", "20"),
        4: (0, 0, 0, 0, 2, 0, 1, "Android", "1", "44"),
        5: (0, 0, 0, 2, 0, 1, 0, "unknown", "unknown", "unknown"),
    }
    assert friday.slices["os", "iOS"] == (2, 1, 1, 1, 1, 1)
    assert friday.slices["age", "unknown"] == (0, 0, 2, 0, 1, 0)
    assert friday.totals == {
        "feed_users": (1, 1), "messenger_users": (2, 1), "views": (2, 1), "likes": (1, 1), "ctr": (1, 2),
        "messages_sent": (3, 1),
    }  # fmt: skip
    # User 4's last own row is two days old; user 6 has no attributes.
    assert sunday.users[4][-3:] == ("Android", "1", "44")
    assert sunday.users[6] == (0, 0, 0, 1, 0, 1, 0, "unknown", "unknown", "unknown")
    assert STORY.expected(SATURDAY).users[2] == (2, 1, 0, 0, 1, 0, 1, "iOS", "1", "32")


def test_loading_again_changes_nothing(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (_, database):
        load(FRIDAY, SATURDAY)
        check(warehouse, database, STORY, FRIDAY, SATURDAY)
        load(FRIDAY, SATURDAY)
        check(warehouse, database, STORY, FRIDAY, SATURDAY)
        forget(warehouse, database)
        assert not DailyMetrics(date=FRIDAY).complete()
        load(FRIDAY, SATURDAY)
        check(warehouse, database, STORY, FRIDAY, SATURDAY)


def test_order_of_days_does_not_matter(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (_, database):
        load(SUNDAY, FRIDAY, SATURDAY)
        check(warehouse, database, STORY, *STORY.days)


@pytest.mark.parametrize(
    ("feed", "messages"),
    [([], []), ([], STORY.events.messages), (STORY.events.feed, [])],
    ids=["both", "feed", "messages"],
)
def test_empty_day_loads_as_empty(warehouse: Engine, feed: Sequence[Event], messages: Sequence[Event]) -> None:
    case = with_events(feed, messages)
    with prepared(warehouse, case) as (_, database):
        load(SATURDAY)
        check(warehouse, database, case, SATURDAY)
        assert DailyMetrics(date=SATURDAY).complete()


def test_day_that_changed_is_replaced_whole(warehouse: Engine) -> None:
    before = replace(STORY, attribute_days=0)
    later = replace(before, events=Events([seen(9, at(FRIDAY), "like", os="Windows", age=-3)], []))
    emptied = replace(before, events=Events([], []))
    with prepared(warehouse, before) as (source_database, database):
        load(FRIDAY, SATURDAY)
        for case in (later, emptied, before):
            for table in ("feed_actions", "message_actions"):
                warehouse.execute(f"DROP TABLE {source_database}.{table}")
            create_source(warehouse, source_database, case)
            forget(warehouse, database)
            load(FRIDAY)
            check(warehouse, database, case, FRIDAY)
            check(warehouse, database, before, SATURDAY)  # another day's partition stays as it was


def test_threads_that_load_the_same_partition_agree(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (_, database):
        load(FRIDAY)
        loads = [FeedUserDay(date=FRIDAY), UserDay(date=FRIDAY), DailyMetrics(date=FRIDAY)] * 4
        with ThreadPoolExecutor(len(loads)) as pool:
            for done in [pool.submit(task.run) for task in loads]:
                done.result()
        check(warehouse, database, STORY, FRIDAY)


def test_attributes_are_searched_for_the_configured_number_of_days(warehouse: Engine) -> None:
    case = with_events([seen(7, at(FRIDAY), os="Android", gender=0, age=70)], [sent(8, 7, at(SUNDAY))])
    for attribute_days, os in ((2, "Android"), (1, "unknown")):
        with prepared(warehouse, replace(case, attribute_days=attribute_days)) as (_, database):
            load(SUNDAY)
            assert loaded(warehouse, database, SUNDAY).users[7][-3] == os


def test_text_that_is_not_utf8_is_cut_where_it_ceases_to_be(warehouse: Engine) -> None:
    broken = {1: b"\xff\xfeos", 2: b"abc\xffdef", 3: "я".encode() * 63 + b"\xd1", 4: "😀".encode() * 65}
    case = with_events([seen(user, at(FRIDAY), os=os) for user, os in broken.items()], [])
    with prepared(warehouse, case) as (_, database):
        load(FRIDAY)
        users = loaded(warehouse, database, FRIDAY).users
    assert [users[user][-3] for user in broken] == ["unknown", "abc", "я" * 63, "😀" * 64]


def test_result_has_the_name_of_its_setting(warehouse: Engine) -> None:
    with prepared(warehouse, STORY, etl={"table": "app_by_day"}) as (_, database):
        load(FRIDAY)
        actual = loaded(warehouse, database, FRIDAY, table="app_by_day")
        names = {name for (name,) in warehouse.query(f"SHOW TABLES FROM {database}")}
    assert differences(actual, STORY.expected(FRIDAY)) == {}
    assert "daily_metrics" not in names


def test_result_cannot_take_the_name_of_another_table(warehouse: Engine) -> None:
    with prepared(warehouse, STORY, etl={"table": "user_day"}), pytest.raises(SettingsError, match="user_day"):
        DailyMetrics(date=FRIDAY).complete()


def test_day_that_is_not_over_is_refused(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (_, database):
        clock.set_now(datetime.fromisoformat(f"{SATURDAY}T20:59:59Z"))  # a second before midnight in Moscow
        with pytest.raises(ClockError, match=f"{SATURDAY} is not over yet in Europe/Moscow"):
            DailyMetrics(date=SATURDAY).complete()
        assert not build(DailyMetrics(date=SATURDAY))
        clock.set_now(datetime.fromisoformat(f"{SATURDAY}T21:00:00Z"))
        load(SATURDAY)
        check(warehouse, database, STORY, SATURDAY)


def test_daily_loads_yesterday_and_every_missing_day(warehouse: Engine) -> None:
    with prepared(warehouse, STORY, etl={"start": str(FRIDAY)}) as (_, database):
        clock.set_now(datetime.fromisoformat(f"{SUNDAY}T22:00:00Z"))  # Monday in Moscow
        load(SATURDAY)
        run(Daily())
        check(warehouse, database, STORY, FRIDAY, SATURDAY, SUNDAY)
        assert Daily().complete()


def test_range_of_days_asks_for_those_missing_only(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (_, database):
        load(SATURDAY)
        days = RangeDaily(
            of=DailyMetrics, start=FRIDAY, stop=SUNDAY + timedelta(days=1), days_back=10**5, param_name="date"
        )
        assert {task.date for task in luigi.task.flatten(days.requires())} == {FRIDAY, SUNDAY}
        run(days)
        check(warehouse, database, STORY, *STORY.days)
        assert set(DailyMetrics.bulk_complete(iter([FRIDAY, SUNDAY, date(2026, 11, 1)]))) == {FRIDAY, SUNDAY}


@pytest.fixture(params=["server to embedded", "embedded to server"])
def engines(
    request: pytest.FixtureRequest, server_warehouse: ServerEngine, embedded_warehouse: EmbeddedEngine
) -> tuple[Engine, Engine]:
    """The engine of the events and the engine of the results."""
    if request.param == "server to embedded":
        return server_warehouse, embedded_warehouse
    return embedded_warehouse, server_warehouse


@pytest.mark.parametrize("nullable", [False, True])
def test_events_stream_from_another_engine(engines: tuple[Engine, Engine], nullable: bool) -> None:
    case = replace(STORY, nullable=nullable)
    origin, warehouse = engines
    with prepared(warehouse, case, origin=origin) as (_, database):
        load(*case.days)
        check(warehouse, database, case, *case.days)
        assert (database,) not in origin.query("SHOW DATABASES")


@pytest.mark.parametrize("protocol", ["server", "http"])
def test_source_that_may_only_be_read_is_enough(
    request: pytest.FixtureRequest, embedded_warehouse: EmbeddedEngine, protocol: str
) -> None:
    reader = {"user": "reader"}
    origin = request.getfixturevalue(f"{protocol}_warehouse")
    with prepared(embedded_warehouse, STORY, origin=origin, source=reader) as (_, database):
        load(FRIDAY)
        check(embedded_warehouse, database, STORY, FRIDAY)


def test_more_users_than_a_block_stream_whole(engines: tuple[Engine, Engine]) -> None:
    users = 75_000
    origin, warehouse = engines
    with prepared(warehouse, with_events([], []), origin=origin) as (source_database, database):
        origin.execute(
            f"INSERT INTO {source_database}.feed_actions (user_id, action, time, os) "
            "SELECT number, 'view', toDateTime(%(noon)s, 'UTC'), toString(number %% 3) "
            f"FROM (SELECT number FROM system.numbers LIMIT {users})",
            {"noon": at(FRIDAY)},
        )
        load(FRIDAY)
        views = {name: values[0] for name, values in loaded(warehouse, database, FRIDAY).slices.items()}
    assert [views["os", os] for os in "012"] == [users // 3] * 3


def test_zone_and_profile_of_the_server_do_not_matter(tmp_path_factory: pytest.TempPathFactory) -> None:
    nulls = "<join_use_nulls>1</join_use_nulls>"
    with ClickHouseServer(tmp_path_factory.mktemp("odd") / "server", timezone="Asia/Tokyo", habits=nulls) as server:
        warehouse = ServerEngine(host=server.host, port=server.port)
        with prepared(warehouse, STORY) as (_, database):
            load(*STORY.days)
            check(warehouse, database, STORY, *STORY.days)
