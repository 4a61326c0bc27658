from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from pipeline.core.errors import SourceError, TerminalError
from pipeline.demo.events import Columns, generate
from pipeline.demo.load import INCIDENTS_TABLE, LoadedCounts, create_tables, load
from pipeline.demo.scenario import Scenario, default_incidents
from pipeline.warehouse.engines import Engine

NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
SCENARIO = Scenario(
    first_day=date(2026, 2, 28), days=4, users=300, views_per_day=3_000, messages_per_day=300, until=NOW,
    incidents=default_incidents(NOW),
)  # fmt: skip


def table(name: str) -> Columns:
    """One table of the scenario as it was generated."""
    days = [getattr(day, name) for day in generate(SCENARIO)]
    return {column: np.concatenate([day[column] for day in days]) for column in days[0]}


def check_table(warehouse: Engine, name: str, columns: Columns) -> None:
    """Compare the rows in the engine with the generated ones, column by column."""
    assert warehouse.query(f"SELECT count() FROM {name}") == [(columns["time"].size,)]
    for column, values in columns.items():
        expression = f"toUnixTimestamp({column})" if column == "time" else column
        actual = warehouse.query(f"SELECT {expression}, count() FROM {name} GROUP BY {column}")
        assert dict(actual) == Counter(values.tolist()), column
    # Values must stay together in their rows.
    attributes = [column for column in columns if columns[column].dtype != object]
    together = " + ".join(f"toUInt64({column}) * {weight}" for weight, column in enumerate(attributes, start=1))
    expected = sum(columns[column].astype(np.uint64) * np.uint64(weight) for weight, column in enumerate(attributes, 1))
    actual = warehouse.query(f"SELECT os, {together} AS mixed, count() FROM {name} GROUP BY os, mixed")
    rows = zip(columns["os"].tolist(), np.asarray(expected).tolist(), strict=True)
    assert {(os, mixed): rows for os, mixed, rows in actual} == Counter(rows)


@pytest.mark.parametrize("recipient", ["receiver_id", "reciever_id"])
def test_engine_holds_what_was_generated(warehouse: Engine, database: str, recipient: str) -> None:
    create_tables(warehouse, database, "feed", "messages", recipient)
    seen: list[tuple[int, int]] = []
    counts = load(
        warehouse, database, SCENARIO, lambda done, days: seen.append((done, days)),
        feed_table="feed", message_table="messages", recipient=recipient,
    )  # fmt: skip
    feed, messages = table("feed_actions"), table("message_actions")
    assert counts == LoadedCounts(feed["time"].size, messages["time"].size)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    messages[recipient] = messages.pop("receiver_id")
    check_table(warehouse, f"{database}.feed", feed)
    check_table(warehouse, f"{database}.messages", messages)


def test_tables_have_the_types_of_the_source(warehouse: Engine, database: str) -> None:
    create_tables(warehouse, database)
    create_tables(warehouse, database)  # a second call changes nothing
    actual: dict[str, dict[str, str]] = {}
    columns = "SELECT table, name, type FROM system.columns WHERE database = %(database)s"
    for name, column, kind in warehouse.query(columns, {"database": database}):
        actual.setdefault(name, {})[column] = kind
    attributes = {
        "time": "DateTime", "gender": "Int8", "age": "Int16", "country": "String", "city": "String", "os": "String",
        "source": "String", "exp_group": "Int8", "user_id": "UInt32",
    }  # fmt: skip
    assert actual.pop(INCIDENTS_TABLE).keys() > {"kind", "metric", "size"}
    assert actual == {
        "feed_actions": attributes | {"post_id": "UInt32", "action": "String"},
        "message_actions": attributes | {"receiver_id": "UInt32"},
    }


def test_truth_has_a_row_for_each_metric_that_moves(warehouse: Engine, database: str) -> None:
    create_tables(warehouse, database)
    load(warehouse, database, SCENARIO)
    noon = NOW.replace(tzinfo=None)
    actual = warehouse.query(f"SELECT * FROM {database}.{INCIDENTS_TABLE} WHERE kind IN ('drop', 'outage')")
    drop = (noon - timedelta(hours=5.5), noon - timedelta(hours=4))
    outage = (noon - timedelta(hours=2.5), noon - timedelta(hours=1.25))
    assert sorted(actual) == [
        ("drop", *drop, "ctr", "os", "iOS", -0.5),
        ("drop", *drop, "likes", "os", "iOS", -0.5),
        ("outage", *outage, "messages_sent", "total", "all", -1.0),
        ("outage", *outage, "messenger_users", "total", "all", -1.0),
    ]
    # The rows of the truth select the affected events.
    start, end = warehouse.query(
        f"SELECT start_time, end_time FROM {database}.{INCIDENTS_TABLE} WHERE kind = 'outage'"
    )[0]
    within = (
        f"FROM {database}.message_actions WHERE time >= toDateTime(%(a)s, 'UTC') AND time < toDateTime(%(b)s, 'UTC')"
    )
    hour = timedelta(hours=1)
    assert warehouse.query(f"SELECT count() {within}", {"a": start, "b": end}) == [(0,)]
    assert warehouse.query(f"SELECT count() > 0 {within}", {"a": start - hour, "b": start}) == [(1,)]
    assert warehouse.query(f"SELECT count() > 0 {within}", {"a": end, "b": end + hour}) == [(1,)]


def test_tables_with_rows_are_left_alone(warehouse: Engine, database: str) -> None:
    create_tables(warehouse, database)
    quiet = replace(SCENARIO, incidents=())
    load(warehouse, database, quiet)
    before = warehouse.query(f"SELECT count() FROM {database}.feed_actions")
    with pytest.raises(SourceError, match=f"{database}.feed_actions has rows"):
        load(warehouse, database, quiet)
    assert warehouse.query(f"SELECT count() FROM {database}.feed_actions") == before


def test_days_without_events_load(warehouse: Engine, database: str) -> None:
    create_tables(warehouse, database)
    silent = Scenario(first_day=date(2026, 3, 1), days=2, users=20, views_per_day=0, messages_per_day=0)
    assert load(warehouse, database, silent) == LoadedCounts(0, 0)


def test_missing_tables_are_named(warehouse: Engine, database: str) -> None:
    with pytest.raises(TerminalError, match="feed_actions"):
        load(warehouse, database, SCENARIO)
