"""The view that makes a source table fit: a CREATE VIEW to paste, which keeps every column of the table."""

import re
from collections.abc import Callable, Mapping

from pipeline.core import clock
from pipeline.core.dimensions import DIMENSIONS, RAW_DIMENSIONS
from pipeline.core.metrics import FEED
from pipeline.core.settings.source_columns import COLUMNS
from pipeline.warehouse.engines.conversion import bare_type
from pipeline.warehouse.source.columns import INTEGER, quoted
from pipeline.warehouse.source.table import Table
from pipeline.warehouse.statements import Fragment, statement

ENDING = "_fitting"
"""Ends the name of each view; a source that has it is the same source."""
_BIRTH = r"(?i)(year_?of_?birth|birth_?year|birth_?(day|date)|date_?of_?birth|dob)"
_NUMBERS = {item.column for item in (*DIMENSIONS, *RAW_DIMENSIONS) if item.numeric and not item.may_be_text}
_PLAIN_NAMES = {"post_id", "reciever_id", *(name for names in COLUMNS.values() for name in names)}
_NOTHING = "CAST(NULL AS Nullable(Int32))"


def column(name: str) -> str:
    """Return a column of the table, as SQL of the view."""
    return f"e.{_written(name)}"


def view(table: Table, changed: Mapping[str, str]) -> str:
    """Return a view of a table.

    Parameters
    ----------
    table : Table
        The table.
    changed : mapping of str to str
        By column, the SQL that takes its place; columns that the table lacks are added.
    """
    names = dict.fromkeys([*table.types, *changed])
    selected = ", ".join(f"{changed.get(name, column(name))} AS {_written(name)}" for name in names)
    sql = statement("source_view", view=f"{table}{ENDING}", columns=Fragment(selected), table=str(table))
    return f"{sql};"


def instruction(table: Table) -> str:
    """Return what to do with the view of a table."""
    setting = "feed_table" if table.kind == FEED else "message_table"
    return f"Make a view of {table.name} that fits, and set [source] {setting} to it:"


def converted(table: Table, ours: str, name: str = "") -> str:
    """Return the value of a column whose type cannot be read, in a type that can; `name` is the table's name of it."""
    name = name or table.theirs(ours)
    own, kind = column(name), bare_type(table.types[name])
    if ours == "time":
        return _moment(own, kind)
    if ours == "age" and kind.startswith("Date"):
        return since(table, own, kind)
    if ours in _NUMBERS:
        return _integer(own)
    # 18.16 writes 7.00
    return f"replaceRegexpOne(toString({own}), '[.]0*$', '')" if kind.startswith("Decimal") else f"toString({own})"


def hint(table: Table, ours: str) -> str:
    """Return what to know of the value that `converted` gives; '' for nothing."""
    kind = bare_type(table.types[table.theirs(ours)])
    if ours != "time":
        return ""
    if kind.startswith("Date"):
        return f"The days of {table.name}.time have no time of day: slots and alerts see all their events at midnight."
    if "parseDateTime" in _moment("", kind):
        return f"The texts of {table.name}.time are read as UTC: put their zone into the view if it is another."
    return ""


def absent(table: Table, ours: str) -> str:
    """Return what stands for a column that a table lacks: users without a value are `unknown`."""
    if ours == "age" and (birth := next((name for name in table.types if re.fullmatch(_BIRTH, name)), "")):
        return since(table, column(birth), bare_type(table.types[birth]))
    return {"os": "''", "gender": _NOTHING, "age": _NOTHING}.get(ours, f"YOUR_{ours.upper()}")


def since(table: Table, birth: str, kind: str, otherwise: str = _NOTHING) -> str:
    """Return the age at the time of the event, of a day or a year of birth.

    Parameters
    ----------
    table : Table
        The table of the event.
    birth : str
        SQL of the day or year.
    kind : str
        Its type, without wrappers.
    otherwise : str
        SQL for a number that is no year.
    """
    time = table.theirs("time")
    moment = column(time)
    if time in table.types and not bare_type(table.types[time]).startswith("DateTime"):
        moment = _moment(moment, bare_type(table.types[time]))
    if not kind.startswith("Date"):
        year = birth if re.fullmatch(INTEGER, kind) else _integer(birth)
        return f"if({year} > 1900, toYear({moment}) - {year}, {otherwise})"
    day_of_year: Callable[[str], str] = "toMonth({0}) * 100 + toDayOfMonth({0})".format
    return f"toYear({moment}) - toYear({birth}) - ({day_of_year(moment)} < {day_of_year(birth)})"


def _integer(sql: str) -> str:
    return f"toInt32OrNull(extract(toString({sql}), '^ *(-?[0-9]+)'))"


def _moment(sql: str, bare: str) -> str:
    """SQL of a moment: of a day its midnight, of a number the seconds, milli- or microseconds since 1970."""
    if bare.startswith("Date"):
        return f"toDateTime({sql}, '{clock.zone().key}')"
    if bare in ("UInt32", "Int32"):
        return f"toDateTime({sql})"
    if re.fullmatch(INTEGER, bare):
        # 18.16 puts this also where another expression of the view has the column, so it must accept its own result.
        number = f"toInt64({sql})"
        units = ", ".join(
            f"{number} > {10**digits}, intDiv({number}, {10**more})" for digits, more in ((14, 6), (11, 3))
        )
        return f"toDateTime(multiIf({units}, {number}))"
    if re.fullmatch(r"Float(32|64)|Decimal\(.*\)", bare):
        return f"toDateTime(toInt64({sql}))"
    return f"parseDateTimeBestEffortOrNull(toString({sql}), 'UTC')"


def _written(name: str) -> str:
    return name if name in _PLAIN_NAMES else quoted(name)
