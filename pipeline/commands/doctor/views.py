"""Views to copy, for a source whose values do not fit; `source.fitting` makes those for columns that do not."""

from collections.abc import Collection

from pipeline.core import settings
from pipeline.core.metrics import COUNTED, FEED
from pipeline.warehouse import connections
from pipeline.warehouse.source import fitting
from pipeline.warehouse.source.table import Table, read_tables


def with_actions(seen: Collection[str]) -> str:
    """Say how the feed's `action` gets the words that metrics count, made from those that were seen."""
    table = _table(FEED)
    own = fitting.column(table.theirs("action"))
    words = f"multiIf({own} = 'YOUR VIEW', 'view', {own} = 'YOUR LIKE', 'like', 'other')"
    lines = ["Set [source] view_action and like_action to the values that mean a view and a like."]
    if {value.strip().lower() for value in seen} & {*COUNTED}:
        words = f"lower(replaceRegexpAll(toString({own}), '^ +| +$', ''))"
        same = [next((value for value in seen if value.lower() == name), "") for name in COUNTED]
        if all(same):
            lines = ["Set [source] " + ", ".join(f"{n}_action = {v}" for n, v in zip(COUNTED, same, strict=True)) + "."]
    lines.append("Or make a view of the table, and set it as [source] feed_table:")
    return "\n".join([*lines, fitting.view(table, {table.theirs("action"): words})])


def with_shift(kind: str, seconds: int) -> str:
    """Return a view of a table whose times are that much earlier."""
    table = _table(kind)
    time = table.theirs("time")
    return fitting.view(table, {time: f"{fitting.column(time)} - {seconds}"})


def _table(kind: str) -> Table:
    return read_tables(connections.source(), settings.SourceSettings())[kind]
