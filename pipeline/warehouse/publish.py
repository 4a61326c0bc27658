"""Atomic publishing: a reader sees the old rows of a partition or the new ones, never a mix."""

import contextlib
import logging
import random
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from pipeline.core.errors import ACCESS_DENIED, TerminalError, TransientError, WarehouseError
from pipeline.core.process import once
from pipeline.warehouse import forms, insert_only, scratch
from pipeline.warehouse.engines import Engine, Params
from pipeline.warehouse.forms import Form
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import COLUMNS, SLICE_DAY, catch_up, full_name, open_warehouse, rows_of, writer

LOGGER = logging.getLogger("luigi-interface")

_REMOVAL_SECONDS = 60.0
_REMOVAL_POLL_SECONDS = 0.05
_PUBLISH_ATTEMPTS = 20
_PUBLISH_PAUSES_SECONDS = (0.1, 1.0)
_NEVER = "1970-01-01"
"""A day that no table has."""

Key: TypeAlias = str | tuple[str, ...]
"""The key of a partition: ``'2026-11-01'`` or ``('2026-11-01', 'os')``."""


class Select(NamedTuple):
    """A SELECT that has not run yet."""

    engine: Engine
    """The engine to run it on."""
    sql: str
    """The statement. Its columns are matched by position."""
    params: Params
    """The values to bind."""
    columns: Sequence[str] = ()
    """The columns that it fills; empty for those of `tables.COLUMNS`."""


class Staged:
    """Rows in a scratch table, about to become a partition.

    Parameters
    ----------
    table : str
        ``database.table`` of the scratch table.
    columns : sequence of str
        The columns that a SELECT fills, in its order.

    Attributes
    ----------
    is_empty : bool
        Whether there are no rows; the partition is then dropped. Set by `count` or by the caller.
    """

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        self.table = table
        self.columns = columns
        self.is_empty = False

    def insert(self, select: Select) -> None:
        """Insert the result of a SELECT."""
        insert_select(select, self.table, select.columns or self.columns)

    def count(self, summed: str = "") -> tuple[int, int]:
        """Count the rows, and sum up a column (0 without one)."""
        if summed:
            sql = statement("count_rows_and_sum", table=self.table, column=summed)
        else:
            sql = statement("count_rows", table=self.table)
        ((rows, *sums),) = open_warehouse().query(sql)
        self.is_empty = not rows
        return rows, sum(sums)


@contextlib.contextmanager
def partition(table: str, key: Key) -> Iterator[Staged]:
    """Replace one partition of a table, as a whole, with the rows that the block inserts.

    Every run has its own scratch table, so two processes may load the same partition at the same time. If the block
    raises, the partition stays as it was.

    Parameters
    ----------
    table : str
        One of `pipeline.warehouse.tables.TABLES`.
    key : str or tuple of str
        The partition's key.

    Yields
    ------
    Staged
        The scratch table to insert into.

    Raises
    ------
    TransientError
        A query still reads the replaced rows, so the engine keeps them. A restart would bring them back beside the new
        ones.
    TerminalError
        The user may not replace rows (ALTER DELETE), and the partition has other rows: see `insert_only`.
    """
    engine = open_warehouse()
    target = full_name(table)
    staged = Staged(scratch.new_name(target), COLUMNS[table])
    try:
        form = _form(engine, target)
        create = statement("create_scratch", scratch=staged.table, table=target, storage=Fragment(form.storage))
        engine.execute(create)
        yield staged
        if staged.is_empty:  # new engines refuse REPLACE PARTITION from an empty table
            sql = statement("drop_partition", table=target)
        else:
            sql = statement("replace_partition", table=target, scratch=staged.table)
        if not _replaced(engine, target, key, sql):
            insert_only.publish(engine, table, staged.table, (key,) if isinstance(key, str) else key)
        elif form.replication:
            _repeat_until_alone(table, key, staged, sql)
        else:
            _await_removal(engine, target, key)
    except WarehouseError:
        open_warehouse()  # says so if the table is missing because a balancer chose another server
        raise
    finally:
        engine.execute(statement("drop_scratch", scratch=staged.table), idempotent=True)


def insert_select(select: Select, table: str, columns: Sequence[str]) -> None:
    """Insert the result of a SELECT: inside the warehouse if the SELECT runs there, otherwise streamed in blocks.

    Parameters
    ----------
    select : Select
        The rows to insert.
    table : str
        ``database.table`` in the warehouse.
    columns : sequence of str
        The table's columns, in the order of the SELECT.
    """
    engine = open_warehouse()
    if select.engine == engine:
        _insert_inside(select, table, columns)
        return
    engine.insert_blocks(table, columns, select.engine.stream(select.sql, select.params))


def insert_whole(select: Select, table: str, columns: Sequence[str]) -> None:
    """Insert the result of a SELECT as one block, for small results that must appear together.

    The parameters are those of `insert_select`.
    """
    engine = writer()
    if select.engine == engine:
        _insert_inside(select._replace(engine=writer(select.engine)), table, columns)
    elif rows := select.engine.query(select.sql, select.params):
        engine.insert(table, dict(zip(columns, zip(*rows, strict=True), strict=True)))


def _insert_inside(select: Select, table: str, columns: Sequence[str]) -> None:
    sql = statement("insert_select", table=table, columns=Fragment(", ".join(columns)), select=Fragment(select.sql))
    select.engine.execute(sql, select.params)


def may_drop(table: str) -> bool:
    """Whether this user may drop partitions of one of `TABLES`: asked by dropping one that does not exist."""
    target = full_name(table)
    key: Key = _NEVER if table != SLICE_DAY else (_NEVER, _NEVER)
    return _replaced(open_warehouse(), target, key, statement("drop_partition", table=target))


def _replaced(engine: Engine, target: str, key: Key, sql: str) -> bool:
    """Replace or drop a partition; return False if this user may not."""
    try:
        # Two REPLACE PARTITION at the same time would keep the rows of both.
        engine.execute(sql, {"partition": key}, idempotent=True, turn=f"feedpulse {target} {key}")
    except TerminalError as error:
        if error.code != ACCESS_DENIED:
            raise
        return False
    return True


def _repeat_until_alone(table: str, key: Key, staged: Staged, sql: str) -> None:
    """Publish again, by `sql`, until a replicated table has the staged rows only.

    `turn` does not reach other servers: of two REPLACE PARTITION through two of them both sets of rows may stay. The
    later of the two sees both sets once it has caught up.
    """
    engine, target = open_warehouse(), full_name(table)
    condition, bound = rows_of(table, (key,) if isinstance(key, str) else key)
    wanted, _ = staged.count()
    for _ in range(_PUBLISH_ATTEMPTS):
        catch_up(table)
        ((rows,),) = engine.query(statement("count_partition", table=target, condition=condition), bound)
        if rows == wanted:
            return
        LOGGER.info("%s: %s has %s rows instead of %s: publishing again", target, key, rows, wanted)
        time.sleep(random.uniform(*_PUBLISH_PAUSES_SECONDS))  # noqa: S311  not a secret
        _replaced(engine, target, key, sql)
    raise TransientError(f"{target}: other runs publish {key} through other servers; run again later.")


@once
def _form(engine: Engine, table: str) -> Form:
    """Return the form of a table, read once per process."""
    database, name = table.split(".")
    return forms.read(engine, database, [name])[name]


def _await_removal(engine: Engine, table: str, key: Key) -> None:
    """Wait until the replaced rows cannot come back: see `_revivable`."""
    absent = _NEVER if isinstance(key, str) else (_NEVER,) * len(key)
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while (revivable := _revivable(engine, table)) is not False:
        is_unknown = revivable is None
        if time.monotonic() > deadline:
            raise TransientError(f"{table}: a query still reads replaced rows of {key}; run again later.")
        # Old servers delete replaced parts at the next DROP PARTITION of any partition; newer ones in the background.
        engine.execute(statement("drop_partition", table=table), {"partition": absent}, idempotent=True)
        if is_unknown:
            return
        time.sleep(_REMOVAL_POLL_SECONDS)


class _Part(NamedTuple):
    """A row of sql/parts.sql."""

    partition: str
    first: int
    last: int
    level: int
    active: bool
    rows: int

    def covers(self, other: "_Part") -> bool:
        """Whether an engine that finds both parts on disk uses only this one."""
        inside = self.partition == other.partition and self.first <= other.first and other.last <= self.last
        return inside and other.level < self.level


def _revivable(engine: Engine, table: str) -> bool | None:
    """Whether a restart would bring replaced rows back: their parts are on disk and no other part covers them.

    REPLACE PARTITION marks the old parts as outdated in memory only. A starting server considers every part on disk
    valid (ClickHouse issue 107605). The newest versions write an empty part that covers the old ones. None means that
    the user may not read system.parts.
    """
    database, name = table.split(".")
    try:
        parts = [_Part(*row) for row in engine.query(statement("parts"), {"database": database, "table": name})]
    except TerminalError as error:
        if error.code != ACCESS_DENIED:
            raise
        return None
    replaced = [part for part in parts if part.rows and not part.active]
    return any(not any(other.covers(part) for other in parts) for part in replaced)
