"""The check of the source's columns: how each is read, or why it cannot be, with the view that mends it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core import settings
from pipeline.core.dimensions import DAILY, DIMENSIONS, RAW_DIMENSIONS
from pipeline.core.errors import SourceError
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.core.settings.source_columns import RECIPIENT
from pipeline.warehouse.source import columns, fitting
from pipeline.warehouse.source.columns import TEXT, Reader, Reading
from pipeline.warehouse.source.table import RECIPIENT_SPELLINGS, Table

_INTEGER_WORDS = "an integer (Int8 to UInt64)"
_TEXT_WORDS = "String, FixedString or Enum"
_WORDS: Mapping[Reader, str] = {
    columns.read_id: f"{_INTEGER_WORDS}, String, FixedString or UUID",
    columns.read_number: _INTEGER_WORDS,
    columns.read_number_or_text: f"{_INTEGER_WORDS}, {_TEXT_WORDS}",
    columns.read_text: _TEXT_WORDS,
    columns.read_as_text: f"an integer, {_TEXT_WORDS}",
    columns.read_time: "DateTime or DateTime64",
}
"""What each reader reads, for people."""


class Problem(NamedTuple):
    """A column that days need and that cannot be read."""

    table: Table
    ours: str
    text: str
    view: str
    """SQL of the column in a view; '' if no view can mend it."""
    hint: str = ""
    """What else to know, or to do in place of the view."""
    is_converted: bool = False
    """Whether the view converts a type that cannot be read."""


@dataclass
class Columns:
    """How the columns of both tables are read."""

    readings: dict[tuple[str, str], Reading] = field(default_factory=dict)
    """By kind of events and our name of a column."""
    problems: list[Problem] = field(default_factory=list)
    left_out: dict[tuple[str, str], str] = field(default_factory=dict)
    """By kind of events and name of an optional dimension: why the table cannot be sliced by it."""


def require_tables(tables: Mapping[str, Table], section: settings.SourceSettings) -> None:
    """Refuse a source of which a table does not exist."""
    for kind, name in ((FEED, section.feed_table), (MESSAGES, section.message_table)):
        if kind not in tables:
            raise SourceError(
                f"source table {section.database}.{name} does not exist (or the user may not read it): "
                "set [source] database, feed_table and message_table."
            )


def examine(tables: Mapping[str, Table]) -> Columns:
    """Examine every column of both tables that is read."""
    found = Columns()
    for table in tables.values():
        for ours, reader in _needs(table.kind).items():
            _examine(found, table, ours, reader)
        _examine_optional(found, table)
    people = [(FEED, "user_id"), (MESSAGES, "user_id"), (MESSAGES, RECIPIENT)]
    _require_one_kind(found, tables, people, "the same person would be two")
    for dimension in (item for item in DAILY if item.may_be_text):
        both = [(kind, dimension.column) for kind in (FEED, MESSAGES)]
        _require_one_kind(found, tables, both, "the values of one user would not agree")
    return found


def refusal(tables: Mapping[str, Table], problems: Sequence[Problem]) -> SourceError:
    """Return the error of columns that cannot be read: the first one, and what mends all of them."""
    return SourceError("\n".join([problems[0].text, *remedy(tables, problems)]))


def remedy(tables: Mapping[str, Table], problems: Sequence[Problem]) -> Iterator[str]:
    """Say what mends the problems, a line each: a view of each table that has one."""
    action = tables[FEED].theirs("action")
    if action not in tables[FEED].types and action in tables[MESSAGES].types:
        yield "`action` is in the other table: exchange [source] feed_table and message_table."
        return
    for kind, table in tables.items():
        yield from (item.hint for item in problems if item.table.kind == kind and item.hint)
        changed = {table.theirs(item.ours): item.view for item in problems if item.table.kind == kind and item.view}
        if changed:
            yield fitting.instruction(table)
            yield fitting.view(table, changed)


def _needs(kind: str) -> dict[str, Reader]:
    """The columns that days need, with their readers."""
    needed: dict[str, Reader] = {"user_id": columns.read_id}
    needed |= {"action": columns.action_reader(settings.action_names())} if kind == FEED else {}
    needed |= {"time": columns.read_time, **{item.column: columns.dimension_reader(item) for item in DAILY}}
    return needed if kind == FEED else {**needed, RECIPIENT: columns.read_id}


def _examine(found: Columns, table: Table, ours: str, reader: Reader) -> None:
    actual = table.types.get(table.theirs(ours))
    reading = reader(actual, table.sql(ours)) if actual else None
    if reading:
        found.readings[table.kind, ours] = reading
    elif actual:
        text = f"source column {table.described(ours)}; it must be {_words(ours, reader)}."
        view, hint = fitting.converted(table, ours), fitting.hint(table, ours)
        found.problems.append(Problem(table, ours, text, view, hint, is_converted=True))
    else:
        found.problems.append(_missing(table, ours, reader))


def _missing(table: Table, ours: str, reader: Reader) -> Problem:
    name, view, hint, is_converted = table.theirs(ours), fitting.absent(table, ours), "", False
    if like := table.like(ours):
        is_converted = not reader(table.types[like], like)
        view = fitting.converted(table, ours, like) if is_converted else fitting.column(like)
        hint = f"{table.name} has a column {like}: set [source] columns = {table.kind}.{ours}={like}. Or:"
    if (table.kind, ours) in settings.source_columns():
        text = f"source table {table} has no column {name}, which [source] columns names for {ours}."
        return Problem(table, ours, text, "")
    if ours == RECIPIENT:
        name = f"{' or '.join(RECIPIENT_SPELLINGS)} (the recipient)"
    return Problem(table, ours, f"source table {table} has no column {name}.", view, hint, is_converted)


def _words(ours: str, reader: Reader) -> str:
    if ours != "action":
        return _WORDS[reader]
    return "String or Enum (or FixedString, or an integer whose values [source] view_action and like_action name)"


def _examine_optional(found: Columns, table: Table) -> None:
    """Examine the columns of dimensions that days do not need."""
    for dimension in (*DIMENSIONS, *RAW_DIMENSIONS):
        if dimension.daily:
            continue
        name, reader = table.theirs(dimension.column), columns.dimension_reader(dimension)
        actual = table.types.get(name)
        reading = reader(actual, table.sql(dimension.column)) if actual else None
        if reading:
            found.readings[table.kind, dimension.column] = reading
        else:
            is_odd = f"has a column {name} of type {actual}, not {_WORDS[reader]}"
            found.left_out[table.kind, dimension.name] = is_odd if actual else f"has no column {name}"


def _require_one_kind(
    found: Columns, tables: Mapping[str, Table], compared: Collection[tuple[str, str]], consequence: str
) -> None:
    """Find columns that are compared with each other and of different kinds: all of them become text."""
    readings = {key: reading for key in compared if (reading := found.readings.get(key))}
    is_odd = any(item.is_converted and (item.table.kind, item.ours) in compared for item in found.problems)
    if len({reading.kind for reading in readings.values()}) < 2 and not is_odd:
        return
    text = ""
    if not is_odd:
        first, *others = readings
        other = next(key for key in others if readings[key].kind != readings[first].kind)
        (kind, ours), (other_kind, other_ours) = first, other
        text = (
            f"source column {tables[kind].described(ours)}, and {tables[other_kind].described(other_ours)}: "
            f"{consequence}."
        )
    for (kind, ours), reading in readings.items():
        if reading.kind != TEXT:
            found.problems.append(Problem(tables[kind], ours, text, fitting.converted(tables[kind], ours)))
