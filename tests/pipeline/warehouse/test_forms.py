"""Existing tables of our names: which form they have, and that they are refused and stay as they are."""

from typing import Any

import pytest

from pipeline.core.errors import SettingsError, TerminalError
from pipeline.warehouse import forms, tables
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.statements import statement
from tests.pipeline.warehouse.opening import USERS, everything, on

METRICS = (
    "event_date Date, dimension String, dimension_value String, views UInt64, likes UInt64, messages_received UInt64, "
    "messages_sent UInt64, users_received UInt64, users_sent UInt64"
)
INCIDENTS = (
    "incident_id String, slot DateTime('UTC'), metric String, opened DateTime('UTC'), last_anomaly DateTime('UTC'), "
    "state String, good_slots UInt32, notified UInt8, outcome String, details String"
)
MARKERS = (
    "update_id String, target_table String, inserted DateTime('UTC'), done UInt8, feed_rows UInt64, "
    "message_rows UInt64, version UInt64"
)
BY_DAY = "PARTITION BY event_date ORDER BY (dimension, dimension_value)"
SAME_FORM = "it has the form of ours"

ODD = (
    ("user_attributes", f"({USERS}, os String, gender String, age String, plan String) ENGINE = MergeTree "
     "PARTITION BY event_date ORDER BY user_id", SAME_FORM),
    ("incidents", "(id UInt32, title String) ENGINE = MergeTree ORDER BY id",
     "its engine is MergeTree, not ReplacingMergeTree; its partition key is empty, not toYYYYMM(slot); "
     "its sorting key is id, not incident_id, slot; it has no column incident_id, slot, metric, "),
    ("daily_metrics", f"({METRICS}) ENGINE = MergeTree ORDER BY tuple()", "its partition key is empty, not event_date"),
    ("daily_metrics", f"({METRICS}) ENGINE = MergeTree PARTITION BY toYYYYMM(event_date) ORDER BY dimension",
     "its partition key is toYYYYMM(event_date), not event_date"),
    ("daily_metrics", f"({METRICS}, city String) ENGINE = MergeTree {BY_DAY}", SAME_FORM),
    ("daily_metrics", f"({METRICS}) ENGINE = MergeTree PARTITION BY event_date ORDER BY views", SAME_FORM),
    ("daily_metrics", f"({METRICS}) ENGINE = SummingMergeTree {BY_DAY}",
     "its engine is SummingMergeTree, not MergeTree"),
    ("daily_metrics", f"({METRICS.replace('views UInt64', 'views Float64')}) ENGINE = MergeTree {BY_DAY}",
     "its column views is Float64, not UInt64"),
    ("daily_metrics", f"({METRICS.replace('likes UInt64', 'likes UInt64 ALIAS views')}) ENGINE = MergeTree {BY_DAY}",
     "its column likes is UInt64 ALIAS, not UInt64"),
    ("daily_metrics", "AS SELECT event_date FROM {database}.anything", "its engine is View, not MergeTree"),
    ("slot_metrics", "ENGINE = Log AS SELECT event_date FROM {database}.anything",
     "its engine is MaterializedView, not ReplacingMergeTree"),
    ("user_day", f"({USERS}) ENGINE = Memory", "its engine is Memory, not MergeTree"),
    ("slice_day", f"({USERS}) ENGINE = Log", "its engine is Log, not MergeTree"),
    ("deliveries", f"({USERS}) ENGINE = Buffer({{database}}, anything, 1, 10, 100, 10, 100, 1000, 10000)",
     "its engine is Buffer"),
    ("daily_totals", f"({USERS}) ENGINE = Merge({{database}}, 'nothing')", "its engine is Merge"),
    ("incidents", f"({INCIDENTS}) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (slot, incident_id)",
     "its sorting key is slot, incident_id, not incident_id, slot"),
    ("incidents", f"({INCIDENTS}) ENGINE = ReplacingMergeTree(good_slots) PARTITION BY toYYYYMM(slot) "
     "ORDER BY (incident_id, slot)", "its engine is ReplacingMergeTree(good_slots), not ReplacingMergeTree"),
    ("table_updates", f"({MARKERS}) ENGINE = ReplacingMergeTree ORDER BY update_id",
     "its engine is ReplacingMergeTree, not ReplacingMergeTree(version)"),
    ("table_updates", f"({MARKERS}) ENGINE = ReplacingMergeTree(version) ORDER BY update_id", SAME_FORM),
    ("installation", "(owner String) ENGINE = MergeTree ORDER BY owner", "its engine is MergeTree, not "
     "ReplacingMergeTree(version); its sorting key is owner, not item; it has no column item, value, version"),
)  # fmt: skip


def create(warehouse: Engine, database: str, name: str, definition: str) -> None:
    warehouse.execute(f"CREATE TABLE IF NOT EXISTS {database}.anything ({USERS}) ENGINE = Memory")
    text = definition.format(database=database)
    kind = "TABLE"
    if "AS SELECT" in text:
        kind = "MATERIALIZED VIEW" if "ENGINE" in text else "VIEW"
    warehouse.execute(f"CREATE {kind} {database}.{name} {text}")


@pytest.mark.parametrize(("name", "definition", "difference"), ODD, ids=lambda text: str(text)[:40])
def test_a_table_that_is_not_ours_is_refused_and_stays(
    warehouse: Engine, database: str, name: str, definition: str, difference: str
) -> None:
    create(warehouse, database, name, definition)
    before = everything(warehouse, database)
    for opening in (tables.open_warehouse, lambda: tables.reading().__enter__()):
        with on(warehouse, database), pytest.raises(SettingsError) as refused:
            opening()
        text = str(refused.value)
        assert text.startswith(f"{database}.{name} exists, and this installation did not make it: {difference}"), text
        remedy = text.splitlines()[-1]
        assert ("another [etl] table" if name == "daily_metrics" else "[warehouse] prefix") in remedy
        assert ("feedpulse adopt" in remedy) == (difference == SAME_FORM)
        assert everything(warehouse, database) == before


def test_every_foreign_table_is_named_at_once(warehouse: Engine, database: str) -> None:
    create(warehouse, database, "user_day", f"({USERS}) ENGINE = Log")
    create(warehouse, database, "daily_metrics", f"({METRICS}) ENGINE = MergeTree {BY_DAY}")
    with on(warehouse, database), pytest.raises(SettingsError) as refused:
        tables.open_warehouse()
    *lines, remedy = str(refused.value).splitlines()
    assert [line.split()[0] for line in lines] == [f"{database}.user_day", f"{database}.daily_metrics"]
    assert remedy == "Set [warehouse] prefix and another [etl] table."


def test_the_remedies_work(warehouse: Engine, database: str) -> None:
    create(warehouse, database, "user_day", f"({USERS}) ENGINE = Log")
    create(warehouse, database, "daily_metrics", f"({METRICS}) ENGINE = MergeTree {BY_DAY}")
    before = everything(warehouse, database)
    with on(warehouse, database, warehouse={"prefix": "anna_"}, etl={"table": "annas_metrics"}):
        tables.open_warehouse()
    after = everything(warehouse, database)
    assert {name: after[name] for name in before} == before
    ours = {f"anna_{table}" for table in tables.TABLES if table != tables.DAILY_METRICS} | {"annas_metrics"}
    assert set(after) == set(before) | ours


@pytest.mark.parametrize("table", tables.TABLES)
def test_a_table_that_we_make_has_the_form_that_we_expect(warehouse: Engine, database: str, table: str) -> None:
    added = tables.ADDED_COLUMNS.get(table, {})
    warehouse.execute(statement(f"create_{table}", table=f"{database}.{table}"))
    ((name, form),) = forms.read(warehouse, database, [table]).items()
    wanted = forms.expected(table, added)
    assert (name, form.engine, form.partition_key, form.sorting_key) == (
        table, wanted.engine, wanted.partition_key, wanted.sorting_key,
    )  # fmt: skip
    assert {**form.columns, **added} == wanted.columns
    assert not list(forms.differences(form, wanted, added))


@pytest.mark.parametrize(
    ("full", "family"),
    [
        ("MergeTree PARTITION BY a ORDER BY b SETTINGS index_granularity = 8192", "MergeTree"),
        ("ReplicatedMergeTree('/clickhouse/{shard}/t', '{replica}') PARTITION BY a", "MergeTree"),
        ("ReplicatedReplacingMergeTree('/a (b), c', 'r', version) ORDER BY x", "ReplacingMergeTree(version)"),
        ("SharedReplacingMergeTree('/x/{uuid}/{shard}', '{replica}', version)", "ReplacingMergeTree(version)"),
        ("SharedMergeTree('/x', '{replica}')", "MergeTree"),
        ("ReplicatedReplacingMergeTree('/x', 'r') ORDER BY version", "ReplacingMergeTree"),
        ("SummingMergeTree((a, b)) ORDER BY x", "SummingMergeTree((a, b))"),
        ("MergeTree(event_date, (a, b), 8192)", "MergeTree(event_date, (a, b), 8192)"),
        ("View", "View"),
    ],
)
def test_engines_of_one_family_are_equal(full: str, family: str) -> None:
    assert forms.family(full) == family


@pytest.mark.parametrize(
    ("full", "plain"),
    [
        ("MergeTree PARTITION BY a ORDER BY b", "MergeTree PARTITION BY a ORDER BY b"),
        (
            "ReplicatedMergeTree('/clickhouse/{shard}/t', '{replica}') PARTITION BY (a, b) ORDER BY tuple()",
            "MergeTree() PARTITION BY (a, b) ORDER BY tuple()",
        ),
        (
            "ReplicatedReplacingMergeTree('/a (b), c', 'it\\'s', version) ORDER BY x SETTINGS index_granularity = 8192",
            "ReplacingMergeTree(version) ORDER BY x SETTINGS index_granularity = 8192",
        ),
        (
            "SharedMergeTree('/clickhouse/{uuid}', '{replica}') PRIMARY KEY a ORDER BY (a, b)",
            "MergeTree() PRIMARY KEY a ORDER BY (a, b)",
        ),
        ("ReplicatedMergeTree ORDER BY x", "MergeTree ORDER BY x"),
        ("ReplicatedMergeTree('/p', 'r', d, (a, b), 8192)", "MergeTree(d, (a, b), 8192)"),
    ],
)
def test_a_scratch_table_is_never_replicated(full: str, plain: str) -> None:
    assert forms.unreplicated(full) == plain


@pytest.mark.parametrize("seen", ["without columns", "refused"])
def test_tables_that_come_and_go_meanwhile_are_read_again(
    warehouse: Engine, database: str, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    """Another process creates a table between the two SELECTs, or 18.16 lists tables while one is dropped."""
    warehouse.execute(statement("create_user_day", table=f"{database}.user_day"))
    query = Engine.query
    left = 2

    def early(self: Engine, *arguments: Any) -> list[tuple[Any, ...]]:
        nonlocal left
        left -= 1
        if left >= 0 and seen == "refused":
            raise TerminalError("Table user_day__x doesn't exist", 60)
        return [row for row in query(self, *arguments) if left < 0 or not row[5]]

    monkeypatch.setattr(Engine, "query", early)
    (form,) = forms.read(warehouse, database, ["user_day"]).values()
    assert len(form.columns) == 9
    assert left == -1
