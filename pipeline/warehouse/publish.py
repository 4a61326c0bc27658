"""How rows get into a table so that a reader never sees half of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pipeline.core.errors import TransientError
from pipeline.warehouse import scratch
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import full_name, open_warehouse

_REMOVAL_SECONDS = 60.0
_REMOVAL_POLL_SECONDS = 0.05


def replace_partition(table: str, partition: object, fill: Callable[[str], bool]) -> None:
    """Replace one partition of a table as a whole.

    The rows are gathered in a table of this run's own, so two processes may load the same partition at once.

    Parameters
    ----------
    table : str
        One of `pipeline.warehouse.tables.TABLES`.
    partition : str or tuple of str
        The partition's key, as ``'2026-11-01'`` or ``('2026-11-01', 'os')``.
    fill : callable
        Called with the ``database.table`` to write the rows to, returns whether there are any; if it raises, the
        partition stays as it was.

    Raises
    ------
    TransientError
        The engine still keeps the rows that were replaced, because somebody reads them: were it to restart, they would
        be back beside the new ones.
    """
    engine = open_warehouse()
    target = full_name(table)
    gathered = scratch.new_name(target)
    try:
        engine.execute(statement("create_staging", staging=gathered, table=target))
        if fill(gathered):
            sql = statement("replace_partition", table=target, staging=gathered)
        else:  # new engines refuse to replace a partition by nothing
            sql = statement("drop_partition", table=target)
        # Of two REPLACE PARTITION at once each would spare the rows of the other.
        engine.execute(sql, {"partition": partition}, idempotent=True, turn=f"feedpulse {target} {partition}")
        _await_removal(engine, target, partition)
    finally:
        engine.execute(statement("drop_staging", staging=gathered), idempotent=True)


class _Part(NamedTuple):
    """A row of sql/parts.sql."""

    partition: str
    first: int
    last: int
    level: int
    active: bool
    rows: int

    def covers(self, other: "_Part") -> bool:
        """Whether an engine that finds both on disk takes this one alone."""
        inside = self.partition == other.partition and self.first <= other.first and other.last <= self.last
        return inside and other.level < self.level


def _await_removal(engine: Engine, table: str, partition: object) -> None:
    """Wait until what was replaced cannot come back: see `_revivable`."""
    never = "1970-01-01"
    absent = (never,) * len(partition) if isinstance(partition, tuple) else never
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while _revivable(engine, table):
        if time.monotonic() > deadline:
            raise TransientError(f"{table}: somebody reads rows of {partition} that were replaced; run again later.")
        # Old servers delete at the next DROP PARTITION, of whatever; newer ones in the background.
        engine.execute(statement("drop_partition", table=table), {"partition": absent}, idempotent=True)
        time.sleep(_REMOVAL_POLL_SECONDS)


def _revivable(engine: Engine, table: str) -> bool:
    """Whether a restart would bring replaced rows back: parts that are still on disk, and that no other part covers.

    REPLACE PARTITION marks the old parts in memory only, and a server that starts takes every part that it finds for
    valid (ClickHouse issue 107605; the newest versions write an empty part that covers them).
    """
    database, name = table.split(".")
    parts = [_Part(*row) for row in engine.query(statement("parts"), {"database": database, "table": name})]
    replaced = [part for part in parts if part.rows and not part.active]
    return any(not any(other.covers(part) for other in parts) for part in replaced)


def insert_select(
    origin: Engine, select: str, params: Mapping[str, object], table: str, columns: Sequence[str]
) -> None:
    """Insert what a SELECT finds: inside the engine where origin and warehouse are one, else streamed in blocks.

    Parameters
    ----------
    origin : Warehouse
        The engine that runs the SELECT.
    select : str
        The statement; its columns are taken by position.
    params : mapping
        Values to bind into it.
    table : str
        ``database.table`` in the warehouse.
    columns : sequence of str
        The table's columns, in the order of the SELECT.
    """
    engine = open_warehouse()
    if origin == engine:
        _insert_inside(engine, select, params, table, columns)
        return
    for block in origin.stream(select, params):
        engine.insert(table, dict(zip(columns, block.values(), strict=True)))


def insert_whole(origin: Engine, select: str, params: Mapping[str, object], table: str, columns: Sequence[str]) -> None:
    """Insert what a SELECT finds as one block, for results that are small and must appear together.

    The parameters are those of `insert_select`.
    """
    engine = open_warehouse()
    if origin == engine:
        _insert_inside(engine, select, params, table, columns)
    elif rows := origin.query(select, params):
        engine.insert(table, dict(zip(columns, zip(*rows, strict=True), strict=True)))


def _insert_inside(
    engine: Engine, select: str, params: Mapping[str, object], table: str, columns: Sequence[str]
) -> None:
    sql = statement("insert_select", table=table, columns=Fragment(", ".join(columns)), select=Fragment(select))
    engine.execute(sql, params)
