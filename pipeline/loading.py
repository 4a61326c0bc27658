"""How rows get into a table so that a reader never sees half of them."""

from collections.abc import Callable, Mapping, Sequence

from pipeline import staging
from pipeline.tables import full_name, warehouse
from pipeline.warehouse import Fragment, Warehouse, statement


def replace_partition(table: str, partition: object, fill: Callable[[str], None]) -> int:
    """Replace one partition of a table as a whole.

    The rows are gathered in a table of this run's own, so two processes may load the same partition at once.

    Parameters
    ----------
    table : str
        One of `pipeline.tables.TABLES`.
    partition : str or tuple of str
        The partition's key, as ``'2026-11-01'`` or ``('2026-11-01', 'os')``.
    fill : callable
        Called with the ``database.table`` to write the rows to; if it raises, the partition stays as it was.

    Returns
    -------
    int
        Rows that the partition has now.
    """
    engine = warehouse()
    target = full_name(table)
    gathered = staging.new_name(target)
    try:
        engine.execute(statement("create_staging", staging=gathered, table=target))
        fill(gathered)
        ((rows,),) = engine.query(statement("count_rows", table=gathered))
        if rows:
            sql = statement("replace_partition", table=target, staging=gathered)
        else:  # new engines refuse to replace a partition by nothing
            sql = statement("drop_partition", table=target)
        engine.execute(sql, {"partition": partition}, idempotent=True)
    finally:
        engine.execute(statement("drop_staging", staging=gathered), idempotent=True)
    return int(rows)


def insert_select(
    origin: Warehouse, select: str, params: Mapping[str, object], table: str, columns: Sequence[str]
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
    engine = warehouse()
    if origin == engine:
        _insert_inside(engine, select, params, table, columns)
        return
    for block in origin.stream(select, params):
        engine.insert(table, dict(zip(columns, block.values(), strict=True)))


def insert_whole(
    origin: Warehouse, select: str, params: Mapping[str, object], table: str, columns: Sequence[str]
) -> None:
    """Insert what a SELECT finds as one block, for results that are small and must appear together.

    The parameters are those of `insert_select`.
    """
    engine = warehouse()
    if origin == engine:
        _insert_inside(engine, select, params, table, columns)
    elif rows := origin.query(select, params):
        engine.insert(table, dict(zip(columns, zip(*rows, strict=True), strict=True)))


def _insert_inside(
    engine: Warehouse, select: str, params: Mapping[str, object], table: str, columns: Sequence[str]
) -> None:
    sql = statement("insert_select", table=table, columns=Fragment(", ".join(columns)), select=Fragment(select))
    engine.execute(sql, params)
