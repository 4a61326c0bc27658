"""Views to copy, for a source whose columns or values do not fit."""

import re
from collections.abc import Collection, Mapping

from pipeline.core import settings
from pipeline.core.dimensions import DAILY
from pipeline.core.metrics import FEED
from pipeline.warehouse import connections
from pipeline.warehouse import source as sources
from pipeline.warehouse.engines.conversion import bare_type
from pipeline.warehouse.statements import Fragment, statement

COUNTED = ("view", "like")
"""The actions that metrics count."""

_CASTS = {
    sources.INTEGER: "toInt64OrZero(toString(e.{name}))",
    sources.TEXT: "toString(e.{name})",
    sources.ACTION: "toString(e.{name})",
}
_ABSENT = {"os": "''", "gender": "CAST(NULL AS Nullable(Int32))", "age": "CAST(NULL AS Nullable(Int32))"}
"""What stands for a column that is missing: users without a value are `unknown`."""


def columns_of(table: str) -> dict[str, str]:
    """Return the columns of a table of the source, with their types."""
    database = settings.SourceSettings().database
    rows = connections.source().query(statement("source_columns"), {"database": database, "tables": (table,)})
    return {name: kind for _, name, kind in rows}


def with_types(table: str, kind: str) -> str:
    """Return a view of a table with the columns and types that are needed; '' if it has them."""
    columns = columns_of(table)
    changed = {}
    for name, pattern in _needed(kind, columns).items():
        if name not in columns:
            changed[name] = _ABSENT.get(name, f"YOUR_{name.upper()}")
        elif not re.fullmatch(pattern, bare_type(columns[name])):
            changed[name] = _CASTS.get(pattern) or _time(columns[name])
    return _view(table, columns, changed) if changed else ""


def with_actions(table: str, seen: Collection[str]) -> str:
    """Return a view of a table whose `action` has the words that metrics count, made from those that were seen."""
    words = "multiIf(e.action = 'YOUR VIEW', 'view', e.action = 'YOUR LIKE', 'like', 'other')"
    if {value.strip().lower() for value in seen} & {*COUNTED}:
        words = "lower(replaceRegexpAll(toString(e.action), '^ +| +$', ''))"
    return _view(table, columns_of(table), {"action": words})


def with_shift(table: str, seconds: int) -> str:
    """Return a view of a table whose times are that much earlier."""
    return _view(table, columns_of(table), {"time": f"e.time - {seconds}"})


def _needed(kind: str, columns: Mapping[str, str]) -> dict[str, str]:
    needed = {"user_id": sources.INTEGER, "time": sources.TIME}
    if kind == FEED:
        needed["action"] = sources.ACTION
    else:
        spelt = [name for name in sources.RECIPIENT_SPELLINGS if name in columns]
        needed[spelt[0] if spelt else sources.RECIPIENT_SPELLINGS[0]] = sources.INTEGER
    dimensions = {item.column: sources.INTEGER if item.numeric else sources.TEXT for item in DAILY}
    return {**needed, **dimensions}


def _time(kind: str) -> str:
    is_text = "String" in kind
    return "parseDateTimeBestEffort(toString(e.{name}))" if is_text else "toDateTime(e.{name})"


def _view(table: str, columns: Mapping[str, str], changed: Mapping[str, str]) -> str:
    database = settings.SourceSettings().database
    shown = {
        name: changed.get(name, "e.{name}") for name in (*columns, *(name for name in changed if name not in columns))
    }
    selected = ", ".join(f"{expression.replace('{name}', name)} AS {name}" for name, expression in shown.items())
    sql = statement(
        "doctor_view", view=f"{database}.{table}_fitting", columns=Fragment(selected), table=f"{database}.{table}"
    )
    return f"{sql};"
