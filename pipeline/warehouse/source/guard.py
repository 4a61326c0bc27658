"""The guard of a source that is spread over servers: its answers must be whole, and the same each time."""

import re
from collections.abc import Iterable
from typing import Any

from pipeline.core.errors import SourceError, TerminalError
from pipeline.warehouse.engines import Engine, ServerEngine
from pipeline.warehouse.source.table import Table
from pipeline.warehouse.statements import statement

_LOCAL = r".*MergeTree|Memory|Log|TinyLog|StripeLog"
"""Table engines that keep their rows on the server itself; any other may read a Distributed table."""


def whole(engine: Engine, tables: Iterable[Table]) -> Engine:
    """Return the engine that reads the source: where tables are spread over servers, the same replica each time.

    Of replicas that lag, a random one would give other rows each time. Nothing is asked where both tables keep their
    rows on the server itself.

    Raises
    ------
    SourceError
        The user's profile leaves out the rows of servers that are down.
    """
    spread = [table for table in tables if table.engine and not re.fullmatch(_LOCAL, table.engine)]
    if not spread:
        return engine
    found = _settings(engine)
    if _value(found, "skip_unavailable_shards") not in ("", "0"):
        table = spread[0]
        kind = table.engine if table.engine == "Distributed" else f"{table.engine}, which may read a Distributed table"
        raise SourceError(
            f"{engine.place}: the profile of this user sets skip_unavailable_shards = 1, and {table} is {kind}: while "
            "a shard is down, its rows would be missing from days and reports without an error.\n"
            "Set skip_unavailable_shards = 0 in the profile of the user of [source]."
        )
    is_fixed = _value(found, "readonly") == "1" or found.get("load_balancing", {}).get("readonly")
    # No setting is sent over HTTP: there, who may only read may not send any.
    if (
        _value(found, "load_balancing") in ("random", "round_robin")
        and not is_fixed
        and isinstance(engine, ServerEngine)
    ):
        return engine.with_settings(load_balancing="in_order")
    return engine


def _settings(engine: Engine) -> dict[str, dict[str, Any]]:
    """Return the columns of each setting; nothing if the user may not read system.settings."""
    try:
        blocks = list(engine.stream(statement("source_settings")))
    except TerminalError:
        return {}
    rows = (dict(zip(block, row, strict=True)) for block in blocks for row in zip(*block.values(), strict=True))
    return {row["name"]: row for row in rows}


def _value(found: dict[str, dict[str, Any]], name: str) -> str:
    return str(found.get(name, {}).get("value", ""))
