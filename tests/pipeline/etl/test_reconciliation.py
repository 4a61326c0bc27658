"""Days that do not add up are not published; rows that come late are loaded by the next run."""

import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from pipeline import clock, slots, staging, targets
from pipeline.__main__ import main
from pipeline.errors import ReconciliationError, RowsArrivedError
from pipeline.tables import STAGING, USER_DAY, full_name
from pipeline.targets import Marker, State, take_back
from pipeline.tasks import Daily, DailyMetrics, Slice, StagingRetention, UserAttributes, daily
from pipeline.tasks.etl import LoadTask, UserDay, forget, later_merges, load_chain
from pipeline.warehouse import Warehouse
from tests.pipeline.configuration import forget_everything
from tests.pipeline.etl.running import (
    Case,
    build,
    differences,
    insert_events,
    load,
    loaded,
    prepared,
    run,
    staging_tables,
)
from tests.pipeline.etl.stories import FRIDAY, SATURDAY, STORY, SUNDAY, at, seen, sent, with_events
from tests.pipeline.reference import Event, Events

DIMENSIONS = ("os", "gender", "age")


def slices(day: date) -> list[Slice]:
    """Everything of a day but its publication."""
    return [Slice(date=day, dimension=name) for name in DIMENSIONS]


def arrive(
    warehouse: Warehouse, source: str, case: Case, feed: Sequence[Event] = (), messages: Sequence[Event] = ()
) -> Case:
    """Late rows land in the source; returns the case with them."""
    insert_events(warehouse, source, replace(case, events=Events(feed, messages)))
    return replace(case, events=Events([*case.events.feed, *feed], [*case.events.messages, *messages]))


def check(warehouse: Warehouse, database: str, case: Case, *days: date) -> None:
    for day in days:
        assert differences(loaded(warehouse, database, day), case.expected(day)) == {}, day
    assert staging_tables(warehouse, database) == []


@contextmanager
def on_sunday(warehouse: Warehouse, case: Case = STORY, **etl: str) -> Iterator[tuple[str, str]]:
    """A case on the Monday after its days."""
    with prepared(warehouse, case, etl=etl) as databases:
        clock.set_now(datetime.fromisoformat(f"{SUNDAY}T22:00:00Z"))  # Monday in Moscow
        yield databases


def test_rows_that_arrive_while_loading_are_loaded_by_the_next_run(warehouse: Warehouse) -> None:
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
def test_a_mismatch_is_named_and_leaves_the_table_as_it_was(warehouse: Warehouse, column: str) -> None:
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
        assert staging_tables(warehouse, database) == []
        assert not DailyMetrics(date=FRIDAY).complete()
        load(FRIDAY)
        check(warehouse, database, STORY, FRIDAY)


def damage(warehouse: Warehouse, database: str, column: str) -> None:
    """Add 7 to a column of the staged slices by os, as nothing that we run does."""
    warehouse.execute(
        f"INSERT INTO {database}.slice_day (event_date, dimension, dimension_value, {column}) "
        "SELECT toDate('2026-11-06'), 'os', 'iOS', 7"
    )


def test_late_rows_are_loaded_again_and_said(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)) as (source, database):
        run(Daily())
        check(warehouse, database, STORY, *STORY.days)
        # Of user 6 nothing was known on Sunday; his own row of Saturday comes late.
        case = arrive(warehouse, source, STORY, [seen(6, at(SATURDAY), os="Android")])
        forget_everything()
        with caplog.at_level(logging.WARNING):
            run(Daily())
        assert "2026-11-07 changed since its load: feed_actions 2 -> 3 rows (+1); it is loaded again" in caplog.text
        check(warehouse, database, case, *STORY.days)
        assert loaded(warehouse, database, SUNDAY).users[6][-3] == "Android"


def test_an_unchanged_day_is_left_alone(warehouse: Warehouse) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)) as (_, database):
        run(Daily())
        versions = f"SELECT update_id, version FROM {database}.table_updates FINAL ORDER BY update_id"
        before = warehouse.query(versions)
        forget_everything()
        run(Daily())
        assert warehouse.query(versions) == before


def test_older_days_are_left_alone(warehouse: Warehouse) -> None:
    with on_sunday(warehouse, start=str(FRIDAY), reload_days="2") as (source, database):
        run(Daily())
        arrive(warehouse, source, STORY, [seen(9, at(FRIDAY))])
        forget_everything()
        run(Daily())
        check(warehouse, database, STORY, *STORY.days)


def test_a_reload_that_was_cut_off_goes_on_without_a_start(warehouse: Warehouse) -> None:
    with on_sunday(warehouse) as (source, database):
        load(SATURDAY, SUNDAY)
        case = arrive(warehouse, source, STORY, [], [sent(8, 9, at(SATURDAY))])
        forget_everything()
        daily.reload_changed(SUNDAY)  # and killed here
        assert not DailyMetrics(date=SATURDAY).complete()
        forget_everything()
        run(Daily())
        check(warehouse, database, case, SATURDAY, SUNDAY)


def test_a_load_that_is_taken_back_while_it_runs_is_not_done(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_sunday(warehouse):
        load(SATURDAY)
        for task in (UserDay(date=SATURDAY), UserDay(date=SUNDAY)):  # done before, and never
            run(*task.requires())
            with monkeypatch.context() as meanwhile:
                meanwhile.setattr(LoadTask, "tell", lambda self, status: forget([self]))
                task.run()
            assert not task.complete()
            task.run()
            assert task.complete()


def test_a_load_whose_inputs_are_taken_back_before_it_begins_is_refused(warehouse: Warehouse) -> None:
    with on_sunday(warehouse):
        run(UserDay(date=SATURDAY))
        task = Slice(date=SATURDAY, dimension="os")
        assert task.requires().complete()  # so Luigi lets it run
        forget([UserDay(date=SATURDAY), task])
        with pytest.raises(RowsArrivedError, match="2026-11-07: what it is made of is to be loaded again"):
            task.run()
        assert not task.complete()


def test_a_merge_that_began_unseen_is_out_of_date_too(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_sunday(warehouse):
        load(FRIDAY)
        later = list(later_merges(FRIDAY))  # before any of them began
        run(UserDay(date=SATURDAY))
        task = Slice(date=SATURDAY, dimension="os")
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(LoadTask, "tell", lambda self, status: forget(later))
            task.run()
        assert not task.complete()


def test_days_that_nobody_asked_for_are_not_loaded(warehouse: Warehouse) -> None:
    with on_sunday(warehouse) as (source, database):
        load(FRIDAY)
        case = arrive(warehouse, source, STORY, [seen(1, at(FRIDAY))])
        for _ in range(2):  # the second sees what the first took back
            forget_everything()
            run(Daily())
        check(warehouse, database, case, FRIDAY)
        assert not DailyMetrics(date=SATURDAY).complete()


@pytest.mark.parametrize("published", [False, True])
def test_rows_that_come_between_two_runs_reach_the_days_merged_before(warehouse: Warehouse, published: bool) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)) as (source, database):
        load(FRIDAY)
        if not published:
            forget([DailyMetrics(date=FRIDAY)])
        # Killed in the middle: of user 6, to whom somebody wrote on Sunday, nothing is known yet.
        load(SATURDAY)
        run(UserDay(date=SUNDAY))
        case = arrive(warehouse, source, STORY, [seen(6, at(FRIDAY), os="Android")])
        for _ in range(2):
            forget_everything()
            build(Daily())
        check(warehouse, database, case, *STORY.days)
        assert loaded(warehouse, database, SUNDAY).users[6][-3] == "Android"


def test_retention_drops_what_nothing_needs(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily, "IN_USE_SECONDS", -60)
    with on_sunday(warehouse, start=str(FRIDAY), attribute_days="1", keep_staging_days="1", reload_days="1") as (
        _,
        database,
    ):
        run(Daily())
        StagingRetention(date=SUNDAY).run()  # in a back-fill the first one comes before the last day
        days = {
            table: {day for (day,) in warehouse.query(f"SELECT DISTINCT event_date FROM {database}.{table}")}
            for table in (*STAGING, "daily_metrics")
        }
        attributes = days.pop("user_attributes")
        assert days.pop("daily_metrics") == {FRIDAY, SATURDAY, SUNDAY}
        assert list(days.values()) == [{SUNDAY}] * 4
        assert attributes == {SATURDAY}  # for Sunday; and Sunday's are made when Monday asks for them
        assert not UserAttributes(date=FRIDAY).complete()
        assert Daily().complete()
        # What is gone is made again where it is needed.
        damage(warehouse, database, "views")
        forget(load_chain(FRIDAY))
        load(FRIDAY)
        check(warehouse, database, replace(STORY, attribute_days=1), FRIDAY)


def test_retention_spares_a_back_fill_at_work(warehouse: Warehouse) -> None:
    with on_sunday(warehouse, start=str(FRIDAY), keep_staging_days="1") as (_, database):
        run(Daily())
        assert warehouse.query(f"SELECT uniqExact(event_date) FROM {database}.user_day") == [(3,)]


def test_the_next_run_drops_what_a_killed_one_left(warehouse: Warehouse) -> None:
    with prepared(warehouse, STORY) as (_, database):
        load(FRIDAY)
        mine = staging.new_name(full_name("user_day"))
        dead = mine.replace(f"_{os.getpid()}_", "_99999999_")
        foreign = mine.replace(f"__{staging._machine()}", "__00000000")
        old = foreign.replace(foreign.split("_")[-2], "1700000000")
        for name in (mine, dead, foreign, old):
            warehouse.execute(f"CREATE TABLE {name} AS {database}.user_day")
        forget_everything()
        load(SATURDAY)
        assert {f"{database}.{name}" for name in staging_tables(warehouse, database)} == {mine, foreign}


def test_a_column_that_changes_its_type(warehouse: Warehouse) -> None:
    with prepared(warehouse, replace(STORY, table_engine="MergeTree ORDER BY time")) as (source, database):
        load(FRIDAY)
        for table, column, kind in (
            ("feed_actions", "user_id", "UInt64"),
            ("message_actions", "receiver_id", "Int64"),
            ("feed_actions", "age", "Int32"),
            ("message_actions", "gender", "Nullable(Int8)"),
        ):
            warehouse.execute(f"ALTER TABLE {source}.{table} MODIFY COLUMN {column} {kind}")
        forget_everything()
        load(SATURDAY)
        check(warehouse, database, STORY, FRIDAY, SATURDAY)


def test_user_zero_himself_and_twice(warehouse: Warehouse) -> None:
    case = with_events(
        [seen(0, at(FRIDAY)), seen(0, at(FRIDAY))],
        [sent(0, 0, at(FRIDAY)), sent(0, 0, at(FRIDAY)), sent(0, 5, at(FRIDAY)), sent(5, 5, at(FRIDAY))],
    )
    with prepared(warehouse, case) as (_, database):
        load(FRIDAY)
        check(warehouse, database, case, FRIDAY)
        found = loaded(warehouse, database, FRIDAY)
        assert found.users[0] == (2, 2, 0, 2, 3, 1, 2, "iOS", "1", "20")
        assert found.totals["views"] == (2, 1)


def test_a_day_loaded_too_early_by_a_wrong_clock_is_mended(warehouse: Warehouse) -> None:
    with prepared(warehouse, STORY) as (source, database):
        clock.set_now(datetime.fromisoformat(f"{SATURDAY}T22:00:00Z"))  # a day ahead: Saturday seems to be over
        load(SATURDAY)
        case = arrive(warehouse, source, STORY, [seen(7, at(SATURDAY, 23))])
        clock.set_now(datetime.fromisoformat(f"{SATURDAY}T22:30:00Z"))
        forget_everything()
        run(Daily())
        check(warehouse, database, case, SATURDAY)


def test_a_day_loaded_before_it_began_is_mended_when_it_is_over(warehouse: Warehouse) -> None:
    days = {day: [event for event in STORY.events.feed if event["time"] < at(day, 24)] for day in STORY.days}
    early = with_events(days[FRIDAY], [])
    with on_sunday(warehouse, early, start=str(FRIDAY)) as (source, database):
        run(Daily())
        assert loaded(warehouse, database, SUNDAY).slices == {}
        clock.set_now(datetime.fromisoformat(f"{FRIDAY}T22:00:00Z"))  # right again: Saturday in Moscow
        forget_everything()
        run(Daily())
        case = arrive(warehouse, source, early, [event for event in days[SUNDAY] if event not in days[FRIDAY]])
        for over in (SATURDAY, SUNDAY):
            clock.set_now(datetime.fromisoformat(f"{over}T22:00:00Z"))
            forget_everything()
            run(Daily())
        check(warehouse, database, case, *STORY.days)


def test_a_day_marked_while_the_machines_clock_was_ahead_is_loaded_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_sunday(warehouse) as (source, database):
        with monkeypatch.context() as ahead:
            tomorrow = time.time_ns() + 86_400 * 10**9
            ahead.setattr(time, "time_ns", lambda: tomorrow)
            load(SUNDAY)
        case = arrive(warehouse, source, STORY, [seen(7, at(SUNDAY))])
        forget_everything()
        run(Daily())
        check(warehouse, database, case, SUNDAY)


def version(marker: Marker) -> int:
    """What a load that begins now begins with."""
    known = targets.states([marker.update_id])
    return known[marker.update_id].version if known else 0


def test_no_load_is_done_that_began_while_it_was_taken_back(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with prepared(warehouse, STORY):
        marker = Marker("user_day:2026-11-08:v1", USER_DAY)
        marker.write()
        began: list[int] = []
        read = targets.states

        def read_while_loads_are_at_work(update_ids: Iterable[str]) -> dict[str, State]:
            known = read(update_ids)
            monkeypatch.undo()
            marker.write(began=version(marker))
            began.append(version(marker))
            return known

        monkeypatch.setattr(targets, "states", read_while_loads_are_at_work)
        take_back([marker.update_id])
        marker.write(began=began[0])
        assert not marker.exists()
        marker.write(began=version(marker))
        assert marker.exists()


def test_verify(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)) as (source, database):
        span = ["verify", "--from", str(FRIDAY), "--to", str(SUNDAY)]
        assert main(span) == 1
        assert capsys.readouterr().out.count("not loaded") == 3
        run(Daily())
        slots.fill(*clock.day_bounds(FRIDAY))
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
    embedded_warehouse: Warehouse, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    with on_sunday(embedded_warehouse):
        assert main(["verify", *arguments]) == 1
        assert says in capsys.readouterr().err


def test_a_back_fill_says_how_far_it_is(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)), caplog.at_level(logging.INFO, logger="luigi-interface"):
        run(Daily())
        assert [line for line in caplog.messages if "is loaded:" in line][-1].endswith(
            "3 of 3 days since [etl] start are"
        )


def test_retention_is_a_task_of_the_day(embedded_warehouse: Warehouse) -> None:
    with on_sunday(embedded_warehouse):
        run(Daily())
        assert StagingRetention(date=SUNDAY).complete()
        assert not StagingRetention(date=SUNDAY - timedelta(days=1)).complete()
