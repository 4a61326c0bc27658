"""The check of the source: accepted types, and the error text for everything else."""

import logging
from collections.abc import Iterable
from dataclasses import replace

import pytest

from pipeline.core import clock
from pipeline.core.dimensions import DIMENSIONS, RAW_DIMENSIONS
from pipeline.core.errors import SourceError
from pipeline.slots import measure
from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine
from pipeline.warehouse.source import source
from tests.pipeline.etl.running import differences, load, loaded, prepared
from tests.pipeline.etl.stories import FRIDAY, STORY

CASE = replace(STORY, attribute_days=0)

ADDITIVE = ("views", "likes", "messages_sent")
ON_BOTH = {
    "narrow": {
        "user_id": "UInt16",
        "gender": "UInt8",
        "age": "Int8",
        "action": "Enum8('view' = 1, 'like' = 2, 'share' = 3)",
        "time": "DateTime('Asia/Kolkata')",
    },
    "wide": {"user_id": "Int64", "gender": "Int64", "age": "UInt64", "time": "Nullable(DateTime)"},
    "nullable": {
        "user_id": "Nullable(UInt64)",
        "gender": "Nullable(UInt8)",
        "age": "Nullable(UInt64)",
        **dict.fromkeys(("os", "country", "source"), "Nullable(String)"),
        "action": "Nullable(Enum16('view' = 1, 'like' = 2, 'share' = 300))",
        "time": "Nullable(DateTime('Europe/Berlin'))",
    },
}
ON_NEW_ENGINES = {
    **ON_BOTH,
    "low cardinality": {
        **dict.fromkeys(("os", "country", "source", "action"), "LowCardinality(String)"),
        "time": "DateTime64(3)",
    },
    "low cardinality nullable": {
        **dict.fromkeys(("os", "country", "source", "action"), "LowCardinality(Nullable(String))"),
        "time": "DateTime64(6, 'Asia/Kolkata')",
    },
}


def in_both_tables(kinds: Iterable[str]) -> list[tuple[str, str]]:
    """Pair different types for the feed and for messages, so that each table has each type once."""
    names = list(kinds)
    return list(zip(names, [*names[1:], names[0]], strict=True))


def declare(warehouse: Engine, database: str, table: str, types: dict[str, str]) -> None:
    """Declare columns of a source table again, and keep its events."""
    columns = warehouse.query(f"DESCRIBE TABLE {database}.{table}")
    declared = ", ".join(f"{name} {types.get(name, kind)}" for name, kind, *_ in columns)
    names = ", ".join(name for name, *_ in columns)
    warehouse.execute(f"RENAME TABLE {database}.{table} TO {database}.former")
    warehouse.execute(f"CREATE TABLE {database}.{table} ({declared}) ENGINE = Memory")
    warehouse.execute(f"INSERT INTO {database}.{table} ({names}) SELECT {names} FROM {database}.former")
    warehouse.execute(f"DROP TABLE {database}.former")


def check_loads(warehouse: Engine, feed: dict[str, str], messages: dict[str, str]) -> None:
    """Load a day of a source whose columns have these types."""
    with prepared(warehouse, CASE) as (source_database, database):
        declare(warehouse, source_database, "feed_actions", feed)
        declare(warehouse, source_database, "message_actions", messages)
        load(FRIDAY)
        actual = loaded(warehouse, database, FRIDAY)
        assert differences(actual, CASE.expected(FRIDAY)) == {}
        measure.fill(*clock.day_bounds(FRIDAY))
        totals = f"SELECT metric, sum(numerator) FROM {database}.slot_metrics WHERE dimension = 'total' GROUP BY metric"
        measured = dict(warehouse.query(totals))
        assert {name: measured[name] for name in ADDITIVE} == {name: actual.totals[name][0] for name in ADDITIVE}


@pytest.mark.parametrize(("feed", "messages"), in_both_tables(ON_BOTH))
def test_types_are_accepted_and_loaded(server_warehouse: ServerEngine, feed: str, messages: str) -> None:
    check_loads(server_warehouse, ON_BOTH[feed], ON_BOTH[messages])


@pytest.mark.parametrize(("feed", "messages"), in_both_tables(ON_NEW_ENGINES))
def test_types_of_new_engines_are_accepted_and_loaded(
    embedded_warehouse: EmbeddedEngine, feed: str, messages: str
) -> None:
    check_loads(embedded_warehouse, ON_NEW_ENGINES[feed], ON_NEW_ENGINES[messages])


@pytest.mark.parametrize("recipient", ["receiver_id", "reciever_id"])
def test_both_spellings_of_the_recipient_are_found(warehouse: Engine, recipient: str) -> None:
    with prepared(warehouse, replace(CASE, recipient=recipient)) as (database, _):
        actual = source()
    messages = f"{database}.message_actions"
    assert (actual.feed, actual.messages, actual.recipient) == (f"{database}.feed_actions", messages, recipient)
    assert actual.engine == warehouse
    assert (actual.table("feed"), actual.table("messages")) == (actual.feed, actual.messages)


def test_tables_have_the_names_of_their_settings(warehouse: Engine) -> None:
    names = {"feed_table": "feed", "message_table": "letters"}
    with prepared(warehouse, CASE, source=names) as (database, _):
        warehouse.execute(f"RENAME TABLE {database}.feed_actions TO {database}.feed")
        warehouse.execute(f"RENAME TABLE {database}.message_actions TO {database}.letters")
        actual = source()
        assert (actual.feed, actual.messages, actual.recipient) == (
            f"{database}.feed",
            f"{database}.letters",
            "receiver_id",
        )


def refusal(warehouse: Engine, *changes: str, **settings: str) -> tuple[str, str]:
    """Run statements on a source, with {0} for its database; return the error text of the check and the database."""
    with prepared(warehouse, CASE, source=settings) as (database, _):
        for change in changes:
            warehouse.execute(change.format(database))
        with pytest.raises(SourceError) as refused:
            source()
    text, _, remedy = str(refused.value).partition("\n")
    assert text.count(". ") == 0
    assert not remedy or "Make a view of " in remedy or remedy.startswith("`action` is in the other table")
    assert text.endswith(".")
    return text, database


def test_missing_database_is_named(warehouse: Engine) -> None:
    text, _ = refusal(warehouse, database="simulator_20991231")
    assert "table simulator_20991231.feed_actions does not exist" in text
    assert "[source] database" in text


@pytest.mark.parametrize("table", ["feed_actions", "message_actions"])
def test_missing_table_is_named(warehouse: Engine, table: str) -> None:
    text, database = refusal(warehouse, f"DROP TABLE {{0}}.{table}")
    assert f"table {database}.{table} does not exist" in text


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("feed_actions", column) for column in ("user_id", "action", "time", "os", "gender", "age")),
        *(("message_actions", column) for column in ("user_id", "time", "os", "gender", "age")),
    ],
)
def test_missing_column_is_named(embedded_warehouse: EmbeddedEngine, table: str, column: str) -> None:
    changes = [
        f"CREATE TABLE {{0}}.other ENGINE = Memory AS SELECT * EXCEPT {column} FROM {{0}}.{table}",
        f"DROP TABLE {{0}}.{table}",
        f"RENAME TABLE {{0}}.other TO {{0}}.{table}",
    ]
    text, database = refusal(embedded_warehouse, *changes)
    assert text == f"source table {database}.{table} has no column {column}."


def test_an_optional_column_is_no_reason_to_refuse(warehouse: Engine, caplog: pytest.LogCaptureFixture) -> None:
    shared = "user_id, time, os, gender, age"
    views = {
        "feed_actions": f"{shared}, action, source, [toNullable(1)] AS country, ['a'] AS city, 'b' AS exp_group",
        "message_actions": f"{shared}, receiver_id, country",
    }
    with prepared(warehouse, CASE) as (database, published):
        for table, columns in views.items():
            warehouse.execute(f"RENAME TABLE {database}.{table} TO {database}.former_{table}")
            warehouse.execute(f"CREATE VIEW {database}.{table} AS SELECT {columns} FROM {database}.former_{table}")
        found, again = source(), source()
        load(FRIDAY)
        assert differences(loaded(warehouse, published, FRIDAY), CASE.expected(FRIDAY)) == {}
    assert found is again
    feed = [dimension.name for dimension in found.having("feed", (*DIMENSIONS, *RAW_DIMENSIONS))]
    messages = [dimension.name for dimension in found.having("messages", (*DIMENSIONS, *RAW_DIMENSIONS))]
    assert feed == ["os", "gender", "age", "source"]
    assert messages == ["os", "gender", "age", "country"]
    assert found.left_out == (
        "without slices by country, city, exp_group of feed_actions",
        "without slices by source, city, exp_group of message_actions",
    )
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == [
        f"source table {database}.feed_actions has a column country of type Array(Nullable(UInt8)), not an integer, "
        "String, FixedString or Enum: no slices by country",
        f"source table {database}.feed_actions has a column city of type Array(String), not an integer, String, "
        "FixedString or Enum: no slices by city",
        f"source table {database}.feed_actions has a column exp_group of type String, not an integer (Int8 to UInt64): "
        "no slices by exp_group",
        *(
            f"source table {database}.message_actions has no column {name}: no slices by {name}"
            for name in ("source", "city", "exp_group")
        ),
    ]


def test_missing_recipient_is_named_in_both_spellings(warehouse: Engine) -> None:
    changes = ["DROP TABLE {0}.message_actions", "RENAME TABLE {0}.feed_actions TO {0}.message_actions"]
    changes.append("CREATE TABLE {0}.feed_actions AS {0}.message_actions")
    text, database = refusal(warehouse, *changes)
    assert f"{database}.message_actions has no column receiver_id or reciever_id" in text


@pytest.mark.parametrize(
    ("column", "kind", "wanted"),
    [
        ("user_id", "Float64", "an integer"),
        ("gender", "Float32", "an integer"),
        ("age", "Nullable(String)", "an integer"),
        ("os", "UInt8", "String"),
        ("action", "UInt8", "String or Enum"),
        ("time", "Date", "DateTime"),
        ("time", "String", "DateTime"),
        ("time", "UInt32", "DateTime"),
    ],
)
def test_wrong_type_is_named(warehouse: Engine, column: str, kind: str, wanted: str) -> None:
    with prepared(warehouse, CASE) as (database, _):
        columns = warehouse.query(f"DESCRIBE TABLE {database}.feed_actions")
        declared = ", ".join(f"{name} {kind if name == column else usual}" for name, usual, *_ in columns)
        warehouse.execute(f"DROP TABLE {database}.feed_actions")
        warehouse.execute(f"CREATE TABLE {database}.feed_actions ({declared}) ENGINE = Memory")
        with pytest.raises(SourceError) as refused:
            source()
    assert str(refused.value).startswith(f"source column {database}.feed_actions.{column} has type {kind}; it must be ")
    assert wanted in str(refused.value)


def test_wrong_type_of_the_recipient_is_named(warehouse: Engine) -> None:
    with prepared(warehouse, CASE) as (database, _):
        declare(warehouse, database, "message_actions", {"receiver_id": "Float64"})
        with pytest.raises(SourceError, match=f"{database}.message_actions.receiver_id has type Float64"):
            source()
