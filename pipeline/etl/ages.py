"""Refuses a source whose `age` holds years of birth: every user would be in the oldest slice."""

from datetime import date, datetime

from pipeline.core import clock, settings
from pipeline.core.errors import SourceError
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.warehouse.source import fitting, source
from pipeline.warehouse.source.table import read_tables
from pipeline.warehouse.statements import statement

AGE = "age"
LEAST_YEAR, MOST_YEAR = 1900, 2100


def require_ages(day: date) -> None:
    """Refuse a source in which most ages of a day of the zone are years of birth, before the day is loaded.

    Raises
    ------
    SourceError
        Names the column, and gives the view that mends it.
    """
    if error := refusal(*clock.day_bounds(day)):
        raise error


def refusal(start: datetime, end: datetime) -> SourceError | None:
    """Return why a source is refused whose ages in some rows of a span of time, naive UTC, are years of birth."""
    kinds = [kind for kind in (FEED, MESSAGES) if _are_years(kind, start, end)]
    if not kinds:
        return None
    tables = read_tables(source().engine, settings.SourceSettings())
    name = f"{tables[kinds[0]]}.{tables[kinds[0]].theirs(AGE)}"
    lines = [f"source column {name} holds years of birth, not ages."]
    for table in (tables[kind] for kind in kinds):
        own = f"toInt32({fitting.column(table.theirs(AGE))})"
        age = fitting.since(table, own, "Int32", otherwise=own)
        lines += [fitting.instruction(table), fitting.view(table, {table.theirs(AGE): age})]
    return SourceError("\n".join(lines))


def _are_years(kind: str, start: datetime, end: datetime) -> bool:
    events = source()
    sql = statement(
        "source_ages", source=events.table(kind), age=events.column(kind, AGE), time=events.column(kind, "time")
    )
    bound = {"start": str(start), "end": str(end), "least": LEAST_YEAR, "most": MOST_YEAR}
    ((known, years),) = events.engine.query(sql, bound)
    return bool(2 * years > known)
