"""The source: the two tables of raw events, checked once per process before anything reads them."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.core import settings
from pipeline.core.dimensions import DAILY, DIMENSIONS, RAW_DIMENSIONS, Dimension
from pipeline.core.errors import SourceError
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.core.process import once
from pipeline.warehouse import connections
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.engines.conversion import bare_type
from pipeline.warehouse.statements import Fragment, statement

LOGGER = logging.getLogger(__name__)

LEAST_TIME = datetime(2000, 1, 1)
AHEAD = timedelta(minutes=10)
"""Rows with a time before `LEAST_TIME`, or further ahead of the clock than this, have a wrong time."""

RECIPIENT_SPELLINGS = ("receiver_id", "reciever_id")  # both occur: the source corrected its misspelling in 2023

# A type may be wrapped in Nullable and LowCardinality.
INTEGER = r"U?Int(8|16|32|64)"
NARROW = r"UInt(8|16|32)"
TEXT = r"String"
ACTION = r"(String|Enum(8|16)\(.*\))"
TIME = r"DateTime(64)?(\(.*\))?"


@dataclass(frozen=True)
class Pair:
    """SQL for a message's (sender, recipient) as one value.

    Narrow ids are packed into one integer: counting distinct pairs is then several times cheaper.
    """

    sql: Fragment
    """The pair, computed from a message's columns."""
    sender: Fragment
    """The sender, as UInt64, extracted from a column ``pair``."""
    recipient: Fragment
    """The recipient, as UInt64, extracted from a column ``pair``."""


@dataclass(frozen=True)
class Source:
    """The checked source tables."""

    engine: Engine
    """The engine that holds them."""
    feed: str
    """``database.table`` of views and likes."""
    messages: str
    """``database.table`` of messages."""
    recipient: str
    """The column of a message's recipient."""
    pair: Pair
    """The (sender, recipient) of a message."""
    absent: frozenset[tuple[str, str]]
    """Kind of events and name of each optional dimension whose column is missing or has an odd type."""
    left_out: tuple[str, ...]
    """The same as "without slices by city of feed_actions", for people."""

    def table(self, kind: str) -> str:
        """Return ``database.table`` of one kind of events, "feed" or "messages"."""
        return self.feed if kind == FEED else self.messages

    def having(self, kind: str, dimensions: Sequence[Dimension]) -> list[Dimension]:
        """Return those of the dimensions that one kind of events has."""
        return [dimension for dimension in dimensions if (kind, dimension.name) not in self.absent]


def table_name(kind: str) -> str:
    """Return the name, without its database, of the source table of `FEED` or `MESSAGES` events."""
    section = settings.SourceSettings()
    return section.feed_table if kind == FEED else section.message_table


def source() -> Source:
    """Return the checked source tables of ``[source]``.

    The check warns of optional dimensions, those that days do not need, which a table lacks.

    Raises
    ------
    SourceError
        A table or column is missing, or a column has a type that the ETL cannot read; the message names it.
    """
    section = settings.SourceSettings()
    return _checked(connections.source(), section.database, section.feed_table, section.message_table)


@once
def _checked(engine: Engine, database: str, feed_table: str, message_table: str) -> Source:
    rows = engine.query(statement("source_columns"), {"database": database, "tables": (feed_table, message_table)})
    columns = {table: {name: kind for owner, name, kind in rows if owner == table} for table, *_ in rows}
    daily = {dimension.column: _pattern(dimension) for dimension in DAILY}
    _check_table(database, feed_table, columns, {"user_id": INTEGER, "action": ACTION, "time": TIME} | daily)
    _check_table(database, message_table, columns, {"user_id": INTEGER, "time": TIME} | daily)
    spellings = [name for name in RECIPIENT_SPELLINGS if name in columns[message_table]]
    if not spellings:
        raise SourceError(
            f"source table {database}.{message_table} has no column {' or '.join(RECIPIENT_SPELLINGS)} (the recipient)."
        )
    recipient = spellings[0]
    _check_table(database, message_table, columns, {recipient: INTEGER})
    pair = _pair(recipient, [columns[message_table][name] for name in ("user_id", recipient)])
    absent, left_out = set(), []
    for kind, table in ((FEED, feed_table), (MESSAGES, message_table)):
        problems = _optional_problems(columns[table])
        for dimension, problem in problems.items():
            LOGGER.warning("source table %s.%s %s: no slices by %s", database, table, problem, dimension)
            absent.add((kind, dimension))
        if problems:
            left_out.append(f"without slices by {', '.join(problems)} of {table}")
    feed, messages = f"{database}.{feed_table}", f"{database}.{message_table}"
    return Source(engine, feed, messages, recipient, pair, frozenset(absent), tuple(left_out))


def _optional_problems(columns: Mapping[str, str]) -> dict[str, str]:
    """Return, by dimension that days do not need, why a table with these columns cannot be sliced by it."""
    problems = {}
    for dimension in (*DIMENSIONS, *RAW_DIMENSIONS):
        actual, pattern = columns.get(dimension.column), _pattern(dimension)
        if dimension.daily or (actual and re.fullmatch(pattern, bare_type(actual))):
            continue
        is_odd = f"has a column {dimension.column} of type {actual}, not {_READABLE[pattern]}"
        problems[dimension.name] = is_odd if actual else f"has no column {dimension.column}"
    return problems


def _pattern(dimension: Dimension) -> str:
    return INTEGER if dimension.numeric else TEXT


def _check_table(database: str, table: str, columns: dict[str, dict[str, str]], wanted: dict[str, str]) -> None:
    if table not in columns:
        raise SourceError(
            f"source table {database}.{table} does not exist (or the user may not read it): "
            "set [source] database, feed_table and message_table."
        )
    for name, pattern in wanted.items():
        actual = columns[table].get(name)
        if actual is None:
            raise SourceError(f"source table {database}.{table} has no column {name}.")
        if not re.fullmatch(pattern, bare_type(actual)):
            raise SourceError(
                f"source column {database}.{table}.{name} has type {actual}; it must be {_READABLE[pattern]}."
            )


def _pair(recipient_column: str, types: list[str]) -> Pair:
    sender, recipient = (f"toUInt64(ifNull({name}, 0))" for name in ("user_id", recipient_column))
    if all(re.fullmatch(NARROW, bare_type(kind)) for kind in types):
        packed = f"bitOr(bitShiftLeft({sender}, 32), {recipient})"
        return Pair(Fragment(packed), Fragment("bitShiftRight(pair, 32)"), Fragment(f"bitAnd(pair, {2**32 - 1})"))
    return Pair(Fragment(f"({sender}, {recipient})"), Fragment("pair.1"), Fragment("pair.2"))


_READABLE = {
    INTEGER: "an integer (Int8 to UInt64)",
    TEXT: "String",
    ACTION: "String or Enum",
    TIME: "DateTime",
}
