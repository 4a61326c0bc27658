"""The view that makes a source table fit: a CREATE VIEW to paste, which keeps every column of the table."""

import re
from collections.abc import Callable, Iterable, Mapping

from pipeline.core import clock, settings
from pipeline.core.dimensions import DIMENSIONS, RAW_DIMENSIONS
from pipeline.core.metrics import FEED
from pipeline.core.settings.source_columns import COLUMNS
from pipeline.warehouse.columns import INTEGER, quoted
from pipeline.warehouse.engines.conversion import bare_type
from pipeline.warehouse.statements import Fragment, statement

_BIRTH = r"(?i)(year_?of_?birth|birth_?year|birth_?(day|date)|date_?of_?birth|dob)"
_NUMBERS = {item.column for item in (*DIMENSIONS, *RAW_DIMENSIONS) if item.numeric and not item.may_be_text}
_PLAIN_NAMES = {"post_id", "reciever_id", *(name for names in COLUMNS.values() for name in names)}
_NOTHING = "CAST(NULL AS Nullable(Int32))"


def column(name: str) -> str:
    """Return a column of the table, as SQL of the view."""
    return f"e.{_written(name)}"


def view(table: str, columns: Iterable[str], changed: Mapping[str, str]) -> str:
    """Return a view of a table.

    Parameters
    ----------
    table : str
        The table, without its database.
    columns : iterable of str
        Its columns.
    changed : mapping of str to str
        By column, the SQL that takes its place; columns that the table lacks are added.
    """
    database = settings.SourceSettings().database
    names = dict.fromkeys([*columns, *changed])
    selected = ", ".join(f"{changed.get(name, column(name))} AS {_written(name)}" for name in names)
    sql = statement(
        "source_view", view=f"{database}.{table}_fitting", columns=Fragment(selected), table=f"{database}.{table}"
    )
    return f"{sql};"


def instruction(kind: str, table: str) -> str:
    """Return what to do with the view of one kind of events."""
    setting = "feed_table" if kind == FEED else "message_table"
    return f"Make a view of {table} that fits, and set [source] {setting} to it:"


def converted(ours: str, name: str, types: Mapping[str, str]) -> str:
    """Return the value of a column whose type cannot be read, in a type that can.

    Parameters
    ----------
    ours : str
        Our name of the column.
    name : str
        The table's name of it.
    types : mapping of str to str
        The types of the table's columns.
    """
    own = column(name)
    if ours == "time":
        return _moment(own, bare_type(types[name]))
    if ours not in _NUMBERS:
        text = f"toString({own})"
        # 18.16 writes 7.00
        return f"replaceRegexpOne({text}, '[.]0*$', '')" if bare_type(types[name]).startswith("Decimal") else text
    if ours == "age" and bare_type(types[name]).startswith("Date"):
        return since(own, types[name], types)
    return _integer(own)


def absent(ours: str, types: Mapping[str, str]) -> str:
    """Return what stands for a column that a table lacks: users without a value are `unknown`."""
    if ours == "age" and (birth := next((name for name in types if re.fullmatch(_BIRTH, name)), "")):
        return since(column(birth), types[birth], types)
    return {"os": "''", "gender": _NOTHING, "age": _NOTHING}.get(ours, f"YOUR_{ours.upper()}")


def since(birth: str, kind: str, types: Mapping[str, str], otherwise: str = _NOTHING) -> str:
    """Return the age at the time of the event, of a day or a year of birth.

    Parameters
    ----------
    birth : str
        SQL of the day or year.
    kind : str
        Its type.
    types : mapping of str to str
        The types of the table's columns.
    otherwise : str
        SQL for a number that is no year.
    """
    name = settings.source_columns().get((FEED, "time"), "time")
    name = name if name in types else "time"
    moment = column(name)
    if name in types and not bare_type(types[name]).startswith("DateTime"):
        moment = _moment(moment, bare_type(types[name]))
    if not bare_type(kind).startswith("Date"):
        year = birth if re.fullmatch(INTEGER, bare_type(kind)) else _integer(birth)
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
