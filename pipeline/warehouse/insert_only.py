"""Publishing for a user without the right ALTER DELETE, who may add rows but not replace them."""

from pipeline.core.errors import ACCESS_DENIED, TerminalError
from pipeline.warehouse import rights
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import COLUMNS, full_name, rows_of


def publish(engine: Engine, table: str, scratch: str, key: tuple[str, ...]) -> None:
    """Insert the rows of a scratch table as a partition, in one statement, if the partition has none.

    A run that was killed after the insert has left the same rows: then nothing is to be done.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    table : str
        One of `pipeline.warehouse.tables.TABLES`.
    scratch : str
        ``database.table`` of the rows.
    key : tuple of str
        The partition's key.

    Raises
    ------
    TerminalError
        The partition has other rows.
    """
    target = full_name(table)
    condition, bound = rows_of(table, key)
    holes = {
        "table": target,
        "scratch": scratch,
        "columns": Fragment(", ".join(COLUMNS[table])),
        "condition": condition,
    }
    turn = f"feedpulse {target} {key}"  # of two runs the second one finds the rows of the first
    engine.execute(statement("insert_absent", **holes), bound, idempotent=True, turn=turn)
    ((differing,),) = engine.query(statement("differing_rows", **holes), bound)
    if differing:
        grant = rights.Grant((rights.DELETE,), target).to(engine.user)
        raise TerminalError(
            f"{engine.place}: {target} has other rows of {', '.join(key)} already, and this user may not replace them "
            f"(code {ACCESS_DENIED})\n{grant}",
            ACCESS_DENIED,
        )
