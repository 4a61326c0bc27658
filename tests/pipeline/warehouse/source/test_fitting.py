"""The views that a refusal gives: pasted as they stand, they make the table fit, and a day is loaded over them."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.core import process
from pipeline.core.errors import SourceError
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.source import source
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import differences, load, loaded, prepared
from tests.pipeline.etl.stories import FRIDAY, STORY
from tests.pipeline.reference import Day

CASE = replace(STORY, attribute_days=0)
VIEW = re.compile(r"set \[source\] (\w+) to it:\n(CREATE VIEW (\w+)\.(\w+) AS .*;)")
WRITTEN = "toString(toTimeZone(time, 'UTC'))"
BORN = "toDate(concat(toString(toYear(time) - age), '-11-06'))"
"""The first day of this age: the events are of 6 November."""

# By table, its columns (type, SQL of the plain columns); what the refusal says first.
Columns = dict[str, tuple[str, str]]
ODD: dict[str, tuple[str, Columns, Columns]] = {
    "ids that are numbers of another kind": (
        "feed_actions.user_id has type Decimal(18, 2); it must be an integer (Int8 to UInt64), String",
        {"user_id": ("Decimal(18, 2)", "toDecimal64(user_id, 2)")},
        {"user_id": ("Float64", "user_id"), "receiver_id": ("UInt64", "receiver_id")},
    ),
    "ids of two kinds, a year of birth": (
        "feed_actions has no column age.",
        {"age": ("", ""), "birth_year": ("UInt16", "toYear(time) - age")},
        {
            "user_id": ("String", "toString(user_id)"),
            "receiver_id": ("FixedString(9)", "toFixedString(toString(receiver_id), 9)"),
            "age": ("", ""),
            "birth_year": ("Nullable(Int32)", "toYear(time) - age"),
        },
    ),
    "a recipient and a gender of another kind": (
        "feed_actions.user_id has type UInt32, and {0}.message_actions.receiver_id has type Nullable(String): the same",
        {},
        {"receiver_id": ("Nullable(String)", "toString(receiver_id)"), "gender": ("String", "toString(gender)")},
    ),
    "ages and times that are text": (
        "feed_actions.time has type String; it must be DateTime",
        {"age": ("String", "toString(age)"), "time": ("String", WRITTEN)},
        {"age": ("Nullable(String)", "toString(age)"), "time": ("Nullable(String)", WRITTEN)},
    ),
    "seconds and milliseconds, a day of birth": (
        "feed_actions.time has type UInt32; it must be DateTime",
        {"time": ("UInt32", "toUInt32(time)"), "age": ("", ""), "birthday": ("Date", BORN)},
        {"time": ("Int64", "toInt64(toUInt32(time)) * 1000"), "age": ("Date", BORN)},
    ),
    "microseconds and text, a year of birth": (
        "feed_actions.time has type UInt64; it must be DateTime",
        {
            "time": ("UInt64", "toUInt64(toUInt32(time)) * 1000000"),
            "age": ("", ""),
            "birth_year": ("String", "toString(toYear(time) - age)"),
        },
        {"time": ("String", WRITTEN), "age": ("", ""), "yearOfBirth": ("Int16", "toYear(time) - age")},
    ),
    "values of another kind": (
        "feed_actions.action has type UInt8; it must be String or Enum",
        {"action": ("UInt8", "toUInt8(action = 'like')"), "gender": ("Float32", "gender")},
        {"gender": ("Float64", "gender")},
    ),
    "columns that are missing": (
        "feed_actions has no column os.",
        {"os": ("", ""), "gender": ("", ""), "age": ("", "")},
        {"os": ("", ""), "gender": ("", ""), "age": ("", "")},
    ),
}
"""A column without a type is missing."""
EXTRA = "`user-id` UInt8, `from` String, n Nested(a UInt8), `a \\`b` UInt8, twice UInt16 ALIAS exp_group * 2"


def remake(warehouse: Engine, database: str, table: str, changed: Columns, order: str = "") -> None:
    """Make a table anew with the same events, other columns, and columns of odd names and kinds."""
    plain = {name: (kind, name) for name, kind, *_ in warehouse.query(f"DESCRIBE TABLE {database}.{table}")}
    columns = {name: made for name, made in {**plain, **changed}.items() if made[0]}
    warehouse.execute(f"RENAME TABLE {database}.{table} TO {database}.plain_{table}")
    declared = ", ".join(f"{name} {kind}" for name, (kind, _) in columns.items())
    warehouse.execute(f"CREATE TABLE {database}.{table} ({declared}, {EXTRA}) ENGINE = MergeTree ORDER BY tuple()")
    values = ", ".join(sql for _, sql in columns.values())
    warehouse.execute(
        f"INSERT INTO {database}.{table} ({', '.join(columns)}) SELECT {values} FROM {database}.plain_{table}"
    )


def paste(warehouse: Engine, found: str, edit: Callable[[str], str] = lambda view: view) -> dict[str, str]:
    """Make the views of a refusal; return the settings that name them."""
    views = VIEW.findall(found)
    for _, view, *_ in views:
        warehouse.execute(edit(view))
    return {setting: name for setting, _, _, name in views}


def edited(view: str) -> str:
    """Put the words that the view leaves to people."""
    return view.replace("toString(e.action) AS action", "if(e.action = 1, 'like', 'view') AS action")


@pytest.mark.parametrize("name", ODD)
def test_a_view_to_paste_makes_the_table_fit(warehouse: Engine, name: str) -> None:
    says, feed, messages = ODD[name]
    with prepared(warehouse, CASE) as (origin, database):
        expected = CASE.expected(FRIDAY)
        remake(warehouse, origin, "feed_actions", feed)
        remake(warehouse, origin, "message_actions", messages)
        with pytest.raises(SourceError) as refused:
            source()
        first, _, remedy = str(refused.value).partition("\n")
        assert says.format(origin) in first
        views = paste(warehouse, remedy, edited)
        for setting, view in views.items():
            table = f"{setting.removesuffix('_table')}_actions"
            kept = {column for column, *_ in warehouse.query(f"DESCRIBE TABLE {origin}.{table}")}
            assert kept <= {column for column, *_ in warehouse.query(f"DESCRIBE TABLE {origin}.{view}")}
        options = CASE.configuration(warehouse, origin, database)
        with configured(CASE.now, **{**options, "source": {**options["source"], **views}}):
            process.reset()
            load(FRIDAY)
            actual = loaded(warehouse, database, FRIDAY)
    unknown = {"os", "gender", "age"} & {column for column, (kind, _) in {**feed, **messages}.items() if not kind}
    unknown -= {"age"} if "birth" in name else set()
    wanted = {key: values for key, values in expected.slices.items() if key[0] not in unknown}
    found = {key: values for key, values in actual.slices.items() if key[0] not in unknown}
    assert differences(Day({}, found, actual.totals), Day({}, wanted, expected.totals)) == {}
    assert Counter(row[:7] for row in actual.users.values()) == Counter(row[:7] for row in expected.users.values())


def test_a_column_of_nearly_our_name_is_named(warehouse: Engine) -> None:
    """The settings that it says, and the view, make the table fit."""
    with prepared(warehouse, CASE) as (origin, database):
        remake(warehouse, origin, "message_actions", {"user_id": ("", ""), "UserId": ("UInt32", "user_id")})
        with pytest.raises(SourceError) as refused:
            source()
        first, hint, *_ = str(refused.value).split("\n")
        assert first == f"source table {origin}.message_actions has no column user_id."
        assert hint == "message_actions has a column UserId: set [source] columns = messages.user_id=UserId. Or:"
        options = CASE.configuration(warehouse, origin, database)
        views = paste(warehouse, str(refused.value))
        for own in ({"columns": "messages.user_id=UserId"}, views):
            with configured(CASE.now, **{**options, "source": {**options["source"], **own}}):
                assert source().recipient == "receiver_id"


def test_days_and_texts_in_the_place_of_times_are_explained(warehouse: Engine) -> None:
    with prepared(warehouse, CASE) as (origin, database):
        remake(warehouse, origin, "feed_actions", {"time": ("Date", "toDate(time, 'Europe/Moscow')")})
        remake(warehouse, origin, "message_actions", {"time": ("String", WRITTEN)})
        with pytest.raises(SourceError) as refused:
            source()
        text = str(refused.value)
        assert "\nThe days of feed_actions.time have no time of day: slots and alerts see all their events at m" in text
        assert "\nThe texts of message_actions.time are read as UTC: put their zone into the view" in text
        options = CASE.configuration(warehouse, origin, database)
        with configured(CASE.now, **{**options, "source": {**options["source"], **paste(warehouse, text)}}):
            load(FRIDAY)
            assert differences(loaded(warehouse, database, FRIDAY), CASE.expected(FRIDAY)) == {}
