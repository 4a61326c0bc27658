"""Columns of any type that can be read, under any name: days and slots are those of the plain tables."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.core import clock, process
from pipeline.etl.verification import verify
from pipeline.slots import measure
from pipeline.tasks.etl import invalidate, merges
from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine
from tests.pipeline.etl.retyped import ACTIONS, CITIES, COUNTRIES, SYSTEMS, TABLES, World, worlds
from tests.pipeline.etl.running import (
    Case,
    changed_rows,
    differences,
    insert_events,
    load,
    loaded,
    measured_slots,
    prepared,
)
from tests.pipeline.etl.stories import FRIDAY, STORY, at, seen, sent
from tests.pipeline.reference import Day, Events, measure_slots
from tests.pipeline.warehouse.source.test_events import declare

ZONE = "Europe/Moscow"
BEFORE = FRIDAY - timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 5, 21)
"""The beginning of Friday in Moscow, UTC."""

MOMENTS = st.builds(
    lambda hours, minutes: MIDNIGHT + timedelta(hours=hours, minutes=minutes), st.integers(-8, 23), st.integers(0, 59)
)
"""Of Friday, and of the day before, at which attributes and the top countries are looked up."""

ROW = {
    "user_id": st.integers(0, 9),
    "time": MOMENTS,
    "gender": st.integers(-1, 1),
    "age": st.sampled_from([-1, 0, 17, 30, 99]),
    "os": st.sampled_from(SYSTEMS),
    "country": st.sampled_from(COUNTRIES),
    "city": st.sampled_from(CITIES),
    "source": st.sampled_from(["ads", "organic", ""]),
    "exp_group": st.integers(0, 4),
}


def rows(**others: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Events of both days."""
    return st.lists(st.fixed_dictionaries({**ROW, **others}), min_size=20, max_size=40)


def cases() -> st.SearchStrategy[Case]:
    """A source with the values that every type can hold."""
    events = st.builds(Events, rows(action=st.sampled_from(ACTIONS)), rows(receiver_id=st.integers(0, 9)))
    return st.builds(lambda of: Case(events=of, days=(FRIDAY,), zone=ZONE, attribute_days=1), events)


def of_people(users: dict[int, tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    """The rows of users without their ids, which are hashes if those of the source are text."""
    return Counter(users.values())


def check(warehouse: Engine, case: Case, world: World, origin: Engine | None = None, wrapper: str = "") -> None:
    """Load and measure a day of retyped tables, and compare it with plain Python over the events."""
    with prepared(warehouse, case, origin=origin, source={"columns": world.setting}) as (events, database):
        world.declare(origin or warehouse, events)
        if wrapper:
            wrap(warehouse, events, wrapper)
        load(FRIDAY)
        actual, expected = loaded(warehouse, database, FRIDAY), case.expected(FRIDAY)
        assert differences(Day({}, actual.slices, actual.totals), Day({}, expected.slices, expected.totals)) == {}
        assert of_people(actual.users) == of_people(expected.users)
        start, end = clock.day_bounds(FRIDAY)
        measure.fill(start, end)
        wanted = measure_slots(case.events, FRIDAY, start, end, ZoneInfo(ZONE))
        assert changed_rows(measured_slots(warehouse, database), wanted) == {}
        assert verify(FRIDAY, FRIDAY)


def tried(examples: int) -> settings:
    """So many examples, each a whole day, without shrinking."""
    return settings(
        max_examples=examples,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@tried(3)
@given(data=st.data())
def test_days_and_slots_do_not_depend_on_types(warehouse: Engine, data: st.DataObject) -> None:
    check(warehouse, data.draw(cases()), data.draw(worlds(isinstance(warehouse, EmbeddedEngine))))


WRAPPERS = {
    "view": "CREATE VIEW {0}.{1} AS SELECT * FROM {0}.raw_{1}",
    "merge": "CREATE TABLE {0}.{1} AS {0}.raw_{1} ENGINE = Merge({0}, '^raw_{1}$')",
    "distributed": "CREATE TABLE {0}.{1} AS {0}.raw_{1} ENGINE = Distributed(halves, '', half_{1})",
}


def wrap(engine: Engine, database: str, wrapper: str) -> None:
    """Put a table of another engine in the place of each table of the source; that of a cluster has two shards."""
    for table in TABLES.values():
        engine.execute(f"RENAME TABLE {database}.{table} TO {database}.raw_{table}")
        for half in (1, 2) if wrapper == "distributed" else ():
            name = f"half_{half}.half_{table}"
            engine.execute(f"CREATE DATABASE IF NOT EXISTS half_{half}")
            engine.execute(f"DROP TABLE IF EXISTS {name}", idempotent=True)
            engine.execute(f"CREATE TABLE {name} AS {database}.raw_{table} ENGINE = MergeTree ORDER BY tuple()")
            rows = f"SELECT * FROM {database}.raw_{table} WHERE rowNumberInAllBlocks() % 2 = {half - 1}"
            engine.execute(f"INSERT INTO {name} {rows}")
        engine.execute(WRAPPERS[wrapper].format(database, table))


@pytest.mark.parametrize(
    "wrapper",
    ["merge", pytest.param("view", marks=pytest.mark.long), pytest.param("distributed", marks=pytest.mark.long)],
)
@tried(2)
@given(data=st.data())
def test_tables_of_other_engines_have_any_types(
    server_warehouse: ServerEngine, wrapper: str, data: st.DataObject
) -> None:
    check(server_warehouse, data.draw(cases()), data.draw(worlds(False)), wrapper=wrapper)


@pytest.mark.parametrize("wrapper", ["merge", "view"])
@pytest.mark.long
@tried(3)
@given(data=st.data())
def test_tables_of_other_engines_have_any_new_types(
    embedded_warehouse: EmbeddedEngine, wrapper: str, data: st.DataObject
) -> None:
    check(embedded_warehouse, data.draw(cases()), data.draw(worlds(True)), wrapper=wrapper)


@pytest.mark.parametrize("protocol", ["server", "http"])
@tried(2)
@given(data=st.data())
def test_a_laptop_reads_any_types_of_a_server(
    request: pytest.FixtureRequest, embedded_warehouse: EmbeddedEngine, protocol: str, data: st.DataObject
) -> None:
    origin = request.getfixturevalue(f"{protocol}_warehouse")
    check(embedded_warehouse, data.draw(cases()), data.draw(worlds(False, genders="text")), origin)


def test_negative_ids_are_people_of_their_own(warehouse: Engine) -> None:
    ids = [-1, -2, 0, 2**63 - 1, -(2**63)]
    feed = [seen(user, at(FRIDAY)) for user in ids]
    messages = [sent(user, to, at(FRIDAY)) for user in ids for to in (ids[0], ids[-1])]
    plain = Case(events=Events([], []), days=(FRIDAY,), attribute_days=0)
    with prepared(warehouse, plain) as (origin, database):
        for table, names in (("feed_actions", ["user_id"]), ("message_actions", ["user_id", "receiver_id"])):
            declare(warehouse, origin, table, dict.fromkeys(names, "Int64"))
        insert_events(warehouse, origin, Case(events=Events(feed, messages), days=(FRIDAY,)))
        load(FRIDAY)
        users = loaded(warehouse, database, FRIDAY).users
        assert users.keys() == {user % 2**64 for user in ids}
        assert [row[1:7] for user in ids for row in [users[user % 2**64]]] == [
            (1, 0, 5 if user in (-1, -(2**63)) else 0, 2, 5 if user in (-1, -(2**63)) else 0, 2) for user in ids
        ]
        assert verify(FRIDAY, FRIDAY)


def test_a_gender_that_is_text_is_shown_as_it_is(warehouse: Engine) -> None:
    """Of user 2 the day has a message without a gender; user 3 only received one."""
    genders = [(1, FRIDAY, "female"), (2, FRIDAY, ""), (2, BEFORE, "male"), (3, BEFORE, "f"), (3, BEFORE, "other")]
    with prepared(warehouse, Case(events=Events([], []), days=(FRIDAY,), attribute_days=1)) as (origin, database):
        for table in ("feed_actions", "message_actions"):
            declare(warehouse, origin, table, {"gender": "String"})
        seen_then = [seen(user, at(day), gender=gender) for user, day, gender in genders if day == BEFORE or user == 1]
        sent_then = [sent(2, 3, at(FRIDAY), gender="")]
        insert_events(warehouse, origin, Case(events=Events(seen_then, sent_then), days=(FRIDAY,)))
        load(FRIDAY)
        slices = loaded(warehouse, database, FRIDAY).slices
        assert {value: row for (name, value), row in slices.items() if name == "gender"} == {
            "female": (1, 0, 0, 0, 0, 0),
            "male": (0, 0, 0, 1, 0, 1),
            "other": (0, 0, 1, 0, 1, 0),
        }


def test_a_gender_that_becomes_text_is_kept_in_days_that_are_merged_again(warehouse: Engine) -> None:
    case = replace(STORY, attribute_days=0)
    with prepared(warehouse, case) as (origin, database):
        load(FRIDAY)
        for table in ("feed_actions", "message_actions"):
            declare(warehouse, origin, table, {"gender": "String"})
        process.reset()
        invalidate(merges(FRIDAY))
        load(FRIDAY)
        assert differences(loaded(warehouse, database, FRIDAY), case.expected(FRIDAY)) == {}


@pytest.mark.long
@tried(100)
@given(data=st.data())
def test_days_and_slots_never_depend_on_types(warehouse: Engine, data: st.DataObject) -> None:
    check(warehouse, data.draw(cases()), data.draw(worlds(isinstance(warehouse, EmbeddedEngine))))
