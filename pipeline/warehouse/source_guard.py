"""The guard of a source that is spread over servers: its answers must be whole, and the same each time."""

import re
from collections.abc import Iterable

from pipeline.core.errors import SourceError, TerminalError
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.source_table import Table
from pipeline.warehouse.statements import statement

_LOCAL = r".*MergeTree|Memory|Log|TinyLog|StripeLog"
"""Table engines that keep their rows on the server itself; any other may read a Distributed table."""


def require_whole(engine: Engine, tables: Iterable[Table]) -> None:
    """Refuse a source that leaves out rows of servers that are down, and read the same replica each time.

    Nothing is asked where both tables keep their rows on the server itself, nor where the user may not see settings.

    Raises
    ------
    SourceError
        The user's profile sets ``skip_unavailable_shards``.
    """
    spread = [table for table in tables if table.engine and not re.fullmatch(_LOCAL, table.engine)]
    if not spread:
        return
    values = _settings(engine)
    if values.get("skip_unavailable_shards", "0") != "0":
        table = spread[0]
        kind = table.engine if table.engine == "Distributed" else f"{table.engine}, which may read a Distributed table"
        raise SourceError(
            f"{engine.place}: the profile of this user sets skip_unavailable_shards = 1, and {table} is {kind}: while "
            "a shard is down, its rows would be missing from days and reports without an error.\n"
            "Set skip_unavailable_shards = 0 in the profile of the user of [source]."
        )
    if values.get("load_balancing") in ("random", "round_robin") and values.get("readonly") != "1":
        _read_in_order(engine)


def _settings(engine: Engine) -> dict[str, str]:
    try:
        return dict(engine.query(statement("source_settings")))
    except TerminalError:  # the user may not read system.settings
        return {}


def _read_in_order(engine: Engine) -> None:
    """Read from the first replica that answers: of replicas that lag, a random one would give other rows each time."""
    if engine.send_setting("load_balancing", "in_order"):
        try:
            engine.query(statement("source_settings"))
        except TerminalError:  # a constraint of the profile forbids it
            engine.send_setting("load_balancing", None)
