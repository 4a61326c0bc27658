"""How SQL over our columns becomes SQL over those of the source."""

import re
from pathlib import Path

import pytest

from pipeline.core import dimensions, metrics
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.core.settings.source_columns import TAKEN
from pipeline.slots import expressions
from pipeline.warehouse.engines import EmbeddedEngine
from pipeline.warehouse.source import Pair, Source, columns
from pipeline.warehouse.statements import SQL_DIRECTORIES, Fragment

NAMES = {"view": "view", "like": "like"}
PAIR = Pair(Fragment(""), Fragment(""), Fragment(""))


def over(**own: str) -> Source:
    """Return a source whose feed has these expressions."""
    held = {(FEED, ours): sql for ours, sql in own.items()}
    return Source(EmbeddedEngine("/nowhere"), "db.f", "db.m", "receiver_id", PAIR, frozenset(), (), (), held)


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        ("countIf(ifNull(action = 'view', 0))", "countIf(ifNull(`what` = 'view', 0))"),
        ("('action', action, 'it\\'s action')", "('action', `what`, 'it\\'s action')"),
        ("action(action) + my_action + action_2 + x.action", "action(`what`) + my_action + action_2 + x.action"),
        ("`action` = %(action)s AND action IN (1)", "`action` = %(action)s AND `what` IN (1)"),
        ("user_id", "user_id"),
    ],
)
def test_names_of_columns_are_replaced_and_nothing_else(sql: str, written: str) -> None:
    events = over(action="`what`")
    assert events.over(FEED, sql) == written
    assert events.over(MESSAGES, sql) == sql
    assert (events.column(FEED, "action"), events.column(MESSAGES, "action")) == ("`what`", "action")


def test_no_column_that_is_mapped_can_have_the_name_of_a_result() -> None:
    """Where a statement calls a result `slot`, a column `slot` of the source would mean the result."""
    reads = re.compile(r"\{(source|feed|messages|table)\}")
    places = {"etl", "slots", "alerts", "tasks", "commands"}
    texts = [
        path.read_text(encoding="utf-8") for folder in SQL_DIRECTORIES if folder.parent.name in places
        for path in Path(folder).glob("*.sql")
    ]  # fmt: skip
    over_source = [text for text in texts if reads.search(text) and re.search(r"\{(\w+_)?time\}|\{chosen\}", text)]
    assert len(over_source) == 13
    results = {name for text in over_source for name in re.findall(r"\bAS (\w+)", text)}
    results |= {f"greatest_{dimension.name}" for dimension in dimensions.DAILY}
    results |= set(re.findall(r"\bAS (\w+)", expressions.slices(over(), FEED)))
    assert results <= TAKEN | {"total"}


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        ("String", "c"),
        ("LowCardinality(Nullable(String))", "c"),
        ("Enum8('view' = 1, 'like' = 2)", "c"),
        ("Nullable(Enum16('like' = 300, 'view' = -1))", "c"),
        ("Enum8('view' = 1)", "toString(c)"),
        ("Enum8('pre\\'view' = 1, 'like' = 2)", "toString(c)"),
        ("FixedString(4)", "toStringCutToZero(c)"),
        (
            "Nullable(Enum8('view' = 1, 'a\\', \\'b = 100%' = -2))",
            "transform(ifNull(toInt32(c), -100000), [1, -2], ['view', 'a\\', \\'b = 100%%'], '')",
        ),
    ],
)
def test_an_action_is_compared_as_text(kind: str, sql: str) -> None:
    reading = columns.action_reader(NAMES)(kind, "c")
    assert reading is not None
    assert reading.sql == sql


@pytest.mark.parametrize("kind", ["UInt8", "Bool", "Date", "Array(String)", "Float64", "Nullable(UUID)", "UInt128"])
def test_an_action_that_cannot_be_text(kind: str) -> None:
    assert columns.action_reader(NAMES)(kind, "c") is None


def test_other_names_of_actions() -> None:
    read = columns.action_reader({"view": "it's 100%", "like": "2"})
    reading = read("UInt8", "c")
    assert reading is not None
    text = "toString(c)"
    assert reading.sql == (
        f"multiIf({text} = 'it\\'s 100%%', 'view', {text} = '2', 'like', {text} IN ('view', 'like'), '', {text})"
    )


@pytest.mark.parametrize("kind", ["UInt128", "Int256", "Decimal(18, 0)", "Float64", "Enum8('a' = 1)", "Date", "IPv4"])
def test_ids_that_cannot_be_read(kind: str) -> None:
    assert columns.read_id(kind, "c") is None


def test_metrics_count_the_actions_that_settings_name() -> None:
    assert [
        f"action = '{name}'" in sql for name, sql in zip(metrics.COUNTED, (metrics.VIEWS, metrics.LIKES), strict=True)
    ] == [True, True]
