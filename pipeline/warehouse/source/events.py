"""The source: the two tables of raw events, checked once per process before anything reads them."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.core import settings
from pipeline.core.dimensions import DAILY, Dimension
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.core.process import once
from pipeline.core.settings.source_columns import RECIPIENT
from pipeline.warehouse import connections
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.engines.conversion import bare_type
from pipeline.warehouse.source import check, guard
from pipeline.warehouse.source.columns import NARROW, TEXT, Reading
from pipeline.warehouse.source.table import Table, read_tables
from pipeline.warehouse.statements import Fragment

LOGGER = logging.getLogger(__name__)

LEAST_TIME = datetime(2000, 1, 1)
AHEAD = timedelta(minutes=10)
"""Rows with a time before `LEAST_TIME`, or further ahead of the clock than this, have a wrong time."""


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
    daily: tuple[Dimension, ...]
    """The dimensions of days, each as the number or text that its columns hold."""
    columns: Mapping[tuple[str, str], str]
    """SQL of each column that is not read by our name alone, by kind of events and our name."""

    def table(self, kind: str) -> str:
        """Return ``database.table`` of one kind of events, "feed" or "messages"."""
        return self.feed if kind == FEED else self.messages

    def having(self, kind: str, dimensions: Sequence[Dimension]) -> list[Dimension]:
        """Return those of the dimensions that one kind of events has."""
        return [dimension for dimension in dimensions if (kind, dimension.name) not in self.absent]

    def column(self, kind: str, ours: str) -> Fragment:
        """Return the SQL that reads a column in the table of one kind of events."""
        return Fragment(self.columns.get((kind, ours), ours))

    def over(self, kind: str, sql: str) -> Fragment:
        """Write SQL over our columns, such as that of a metric, as SQL over the table of one kind of events."""
        own = {ours: text for (owner, ours), text in self.columns.items() if owner == kind}
        return Fragment(_TOKEN.sub(lambda token: own.get(token[0], token[0]), sql) if own else sql)


_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|`[^`]*`|%\(\w+\)s|(?<![\w.])[A-Za-z_]\w*(?!\w*\s*\()")
"""Texts, quoted names, bound values, and what may be the name of a column: no function, no part of a longer name."""


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
    section = settings.SourceSettings()
    tables = read_tables(engine, section)
    check.require_tables(tables, section)
    found = check.examine(tables)
    if found.problems:
        raise check.refusal(tables, found.problems)
    engine = guard.whole(engine, tables.values())
    left_out = []
    for kind, table in tables.items():
        problems = {name: problem for (owner, name), problem in found.left_out.items() if owner == kind}
        for dimension, problem in problems.items():
            LOGGER.warning("source table %s %s: no slices by %s", table, problem, dimension)
        if problems:
            left_out.append(f"without slices by {', '.join(problems)} of {table.name}")
    feed, messages = tables[FEED], tables[MESSAGES]
    return Source(
        engine,
        str(feed),
        str(messages),
        messages.theirs(RECIPIENT),
        _pair(messages, found.readings),
        frozenset(found.left_out),
        tuple(left_out),
        tuple(_as_held(dimension, found.readings) for dimension in DAILY),
        {key: reading.sql for key, reading in found.readings.items() if reading.sql != key[1]},
    )


def _as_held(dimension: Dimension, readings: Mapping[tuple[str, str], Reading]) -> Dimension:
    """Return a dimension as what its columns hold: a gender may be text."""
    is_text = dimension.may_be_text and readings[FEED, dimension.column].kind == TEXT
    return replace(dimension, numeric=False) if is_text else dimension


def _pair(table: Table, readings: Mapping[tuple[str, str], Reading]) -> Pair:
    columns = ("user_id", RECIPIENT)
    sender, recipient = (f"toUInt64(ifNull({readings[MESSAGES, name].sql}, 0))" for name in columns)
    if all(re.fullmatch(NARROW, bare_type(table.types[table.theirs(name)])) for name in columns):
        packed = f"bitOr(bitShiftLeft({sender}, 32), {recipient})"
        return Pair(Fragment(packed), Fragment("bitShiftRight(pair, 32)"), Fragment(f"bitAnd(pair, {2**32 - 1})"))
    return Pair(Fragment(f"({sender}, {recipient})"), Fragment("pair.1"), Fragment("pair.2"))
