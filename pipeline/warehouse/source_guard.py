"""The guard of a source that is spread over servers: its answers must be whole, and the same each time."""

import re
from collections.abc import Iterable

from pipeline.core.errors import SourceError, TerminalError
from pipeline.warehouse.engines import Engine, ServerEngine
from pipeline.warehouse.source_table import Table
from pipeline.warehouse.statements import statement

_LOCAL = r".*MergeTree|Memory|Log|TinyLog|StripeLog"
"""Table engines that keep their rows on the server itself; any other may read a Distributed table."""


def whole(engine: Engine, tables: Iterable[Table]) -> Engine:
    """Return the engine that reads the source: where tables are spread over servers, the same replica each time.

    Nothing is asked where both tables keep their rows on the server itself, nor where the user may not see settings.

    Raises
    ------
    SourceError
        The user's profile leaves out the rows of servers that are down.
    """
    spread = [table for table in tables if table.engine and not re.fullmatch(_LOCAL, table.engine)]
    if not spread:
        return engine
    values = _settings(engine)
    if values.get("skip_unavailable_shards", "0") != "0":
        table = spread[0]
        kind = table.engine if table.engine == "Distributed" else f"{table.engine}, which may read a Distributed table"
        raise SourceError(
            f"{engine.place}: the profile of this user sets skip_unavailable_shards = 1, and {table} is {kind}: while "
            "a shard is down, its rows would be missing from days and reports without an error.\n"
            "Set skip_unavailable_shards = 0 in the profile of the user of [source]."
        )
    is_random = values.get("load_balancing") in ("random", "round_robin")
    # No setting is sent over HTTP: who may only read may not send any there, and is refused.
    if is_random and values.get("readonly") != "1" and isinstance(engine, ServerEngine):
        return _in_order(engine)
    return engine


def _settings(engine: Engine) -> dict[str, str]:
    try:
        return dict(engine.query(statement("source_settings")))
    except TerminalError:  # the user may not read system.settings
        return {}


def _in_order(engine: ServerEngine) -> ServerEngine:
    """Return the engine that reads the first replica that answers: a random one that lags would give other rows."""
    chosen = engine.with_settings(load_balancing="in_order")
    try:
        chosen.query(statement("source_settings"))
    except TerminalError:  # a constraint of the profile forbids it
        return engine
    return chosen
