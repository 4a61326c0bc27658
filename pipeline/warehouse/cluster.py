"""A warehouse of several servers: every table of ours is whole on each server of ``[warehouse] cluster``.

A run works on one server. The others fetch what it writes, and the next run may use any of them. Without `cluster` the
same is true of tables that the user made Replicated himself. Servers differ for moments, so a run does what a plain
table does not need:

- `create_table` and `create_database` run on all servers; one that is away does its part when it is back;
- `catch_up` fetches the rows that another server has, before a marker or a claim is trusted: ClickHouse replicates
  each table by itself, so a marker may arrive before its rows;
- `require_one_server` refuses a balancer: a run works on one server;
- `without_deduplication` is the engine for inserts: a replicated table ignores a block that it had before, and a slot
  that is measured as X, Y and X again would stay Y.
"""

import logging
import re
import time
from collections.abc import Iterable, Mapping, Sequence

from pipeline.core import settings
from pipeline.core.errors import ACCESS_DENIED, SettingsError, TerminalError, TransientError
from pipeline.core.process import once
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.engines.base import SilentError
from pipeline.warehouse.statements import statement

LOGGER = logging.getLogger("luigi-interface")

CATCH_UP_SECONDS = 60
"""How long a run waits for the rows of one table that its server lacks."""

_AWAY_SECONDS, _KNOWN_AWAY_SECONDS = 20, 4
"""How long a statement for all servers waits for one that is away, and the next ones; even numbers: 18.16 halves them.

The driver writes a signed number as an unsigned one, and 18.16 reads an odd one as negative, which is for ever.
"""

_START_SECONDS, _START_POLL_SECONDS = 20.0, 0.1
"""How long a server may take to reach ZooKeeper after its start, and how often it is asked."""

_UNFINISHED = 159
_NO_CLUSTER = 170
_REPLICA_EXISTS = 253
_OTHER_COLUMNS = 122

_DEDUPLICATION: Mapping[str, int | str] = {
    "insert_deduplicate": 0,
    "deduplicate_insert": "disable",
    "deduplicate_insert_select": "disable",
}
"""The settings that make a replicated table keep every block; 18.16 has the first one only."""


def create_database(engine: Engine, database: str) -> None:
    """Create a database, on each server of the cluster if there is one."""
    sql = statement("create_database", database=database)
    _on_all(engine, sql + _on_cluster(), statement("existing_databases"), {"database": database})


def create_table(engine: Engine, table: str, name: str, added: Mapping[str, str]) -> None:
    """Create one of our tables where it is missing, on each server of the cluster if there is one.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    table : str
        The table as the code calls it.
    name : str
        ``database.table``.
    added : mapping of str to str
        Columns, with types, that are not in ``create_*.sql``.
    """
    sql = creation(table, name, added)
    database, bare = name.split(".")
    try:
        _on_all(engine, sql, statement("has_table"), {"database": database, "table": bare})
    except TerminalError as error:
        if remedy := _remedy(error):
            raise TerminalError(f"{error}\n{remedy}", error.code) from None
        raise


def create_view(engine: Engine, name: str, sql: str, *, exists: bool) -> None:
    """Create a view, on each server of the cluster if there is one; one that exists is dropped first.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    name : str
        ``database.view``.
    sql : str
        Its ``create_*.sql``, filled.
    exists : bool
        Whether there is an earlier one.
    """
    database, bare = name.split(".")
    if exists:
        engine.execute(statement("drop_view", view=name) + _on_cluster(), idempotent=True)
    sql = sql.replace(f" {name}\n", f" {name}{_on_cluster()}\n", 1)
    _on_all(engine, sql, statement("has_table"), {"database": database, "table": bare})


def creation(table: str, name: str, added: Mapping[str, str]) -> str:
    """Return the statement that creates one of our tables; the parameters are those of `create_table`."""
    sql = statement(f"create_{table}", table=name)
    # All columns at once: a server that was away creates its replica later, with the columns of this statement.
    columns = "".join(f",\n    {column} {kind}" for column, kind in added.items())
    sql = sql.replace("\n) ENGINE = ", f"{columns}\n) ENGINE = ", 1)
    if not (cluster := _on_cluster()):
        return sql
    sql = sql.replace(f" {name} (", f" {name}{cluster} (", 1)
    # Without {shard} in the path, which would split the rows; with it in the name, as replicas are numbered per shard.
    path = f"/clickhouse/feedpulse/{settings.WarehouseSettings().cluster}/{name.replace('.', '/')}"
    replica = f"'{path}', '{{shard}}-{{replica}}'"
    return re.sub(
        r"\) ENGINE = (\w*MergeTree)(?:\((\w+)\))?",
        lambda found: f") ENGINE = Replicated{found[1]}({', '.join(filter(None, (replica, found[2])))})",
        sql,
        count=1,
    )


def require_replicated(plain: Iterable[str]) -> None:
    """Refuse plain tables in a warehouse with a cluster: the setting would change nothing for them.

    Raises
    ------
    SettingsError
        Names the tables.
    """
    cluster = settings.WarehouseSettings().cluster
    if cluster and (names := sorted(plain)):
        raise SettingsError(
            f"[warehouse] cluster = {cluster}, but these tables are on one server only: {', '.join(names)}.\n"
            "Remove `cluster` to go on with them, or move them as docs/cluster.md says."
        )


def require_one_server(engine: Engine, replicated: Mapping[str, str]) -> None:
    """Refuse a balancer: a scratch table, and a row that was just written, are on one server only.

    Parameters
    ----------
    engine : Engine
        The warehouse. Only servers that have answered this process are known.
    replicated : mapping of str to str
        The replicated tables, as `ownership.Inspection.replicated`. Tables of ClickHouse Cloud are on every server.

    Raises
    ------
    SettingsError
        Names the servers.
    """
    if len(engine.servers) > 1 and "Shared" not in replicated.values():
        raise SettingsError(
            f"{engine.place} leads to several servers ({', '.join(sorted(engine.servers))}): a balancer is in front of "
            "them, and each connection may find other rows.\n"
            "Name the servers: one in [warehouse] host, the others in alt_hosts (by HTTP one of them in url)."
        )


def catch_up(engine: Engine, tables: Iterable[str]) -> None:
    """Wait until a server has the rows that others had when this was called.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    tables : iterable of str
        ``database.table`` of replicated tables. Markers come before the rows that they promise.

    Raises
    ------
    TransientError
        The server cannot get them: one that is down has the only copy, replication is slow, or ZooKeeper is away.
    """
    tables = list(tables)
    _await_start(engine, tables)
    impatient = engine.within(CATCH_UP_SECONDS)
    for table in tables:
        try:
            impatient.execute(statement("catch_up", table=table))
        except SilentError:
            raise TransientError(_behind(engine, table, f"waited {CATCH_UP_SECONDS} s")) from None
        except TerminalError as error:
            if error.code != _UNFINISHED:
                raise
            raise TransientError(_behind(engine, table, "the server has stopped waiting")) from None
    for table in _starting(engine, tables):
        raise TransientError(_behind(engine, table, "the server has no session with ZooKeeper"))


def _await_start(engine: Engine, tables: Sequence[str]) -> None:
    """Wait until a server that has just started knows what it lacks: before, `catch_up.sql` ends at once."""
    deadline = time.monotonic() + _START_SECONDS
    while _starting(engine, tables) and time.monotonic() < deadline:
        time.sleep(_START_POLL_SECONDS)


def _starting(engine: Engine, tables: Sequence[str]) -> list[str]:
    """Those of the replicas that have no session with ZooKeeper; none if the user may not read system.replicas."""
    if not tables:
        return []
    try:
        return [table for (table,) in engine.query(statement("starting_replicas"), {"tables": tuple(tables)})]
    except TerminalError as error:
        if error.code != ACCESS_DENIED:
            raise
        return []


def without_deduplication(engine: Engine) -> Engine:
    """Return the engine with settings that make a replicated table keep a block that equals an earlier one."""
    return engine.with_settings(**_deduplication(engine))


@once
def _deduplication(engine: Engine) -> Mapping[str, int | str]:
    """Those of `_DEDUPLICATION` that the server has."""
    known = engine.query(statement("known_settings"), {"names": tuple(_DEDUPLICATION)})
    return {name: _DEDUPLICATION[name] for (name,) in known}


def _behind(engine: Engine, table: str, reason: str) -> str:
    return (
        f"{engine.place}: {table} lacks rows that another server of the cluster has ({reason}).\n"
        "Start the server that is down, or see system.replication_queue. Until then nothing is loaded, checked or sent."
    )


def _on_cluster() -> str:
    cluster = settings.WarehouseSettings().cluster
    return f" ON CLUSTER '{cluster}'" if cluster else ""


def _on_all(engine: Engine, sql: str, exists: str, params: Mapping[str, str]) -> None:
    """Run a CREATE; on a cluster it is enough that our own server has done it."""
    if not _on_cluster():
        engine.execute(sql, idempotent=True)
        return
    seconds = _KNOWN_AWAY_SECONDS if engine in _incomplete() else _AWAY_SECONDS
    try:
        engine.with_settings(distributed_ddl_task_timeout=seconds).execute(sql, idempotent=True)
    except TerminalError as error:
        if error.code != _UNFINISHED or not engine.query(exists, params):
            raise
        if engine not in _incomplete():
            LOGGER.warning("%s: a server of the cluster is away; it gets its tables when it is back", engine.place)
        _incomplete().add(engine)


@once
def _incomplete() -> set[Engine]:
    """The warehouses with a server that was away."""
    return set()


def _remedy(error: TerminalError) -> str:
    text = str(error)
    if "No macro" in text:
        return "Set the macros shard and replica in the configuration of each server of the cluster."
    if error.code == _NO_CLUSTER:
        return "[warehouse] cluster must be a name of system.clusters on this server."
    if error.code == _REPLICA_EXISTS or f"Code: {_REPLICA_EXISTS}" in text:
        return (
            "The macros shard and replica must differ on each server. After DROP TABLE newer servers keep the replica "
            "for some minutes: wait, or drop with SYNC."
        )
    if error.code == _OTHER_COLUMNS or f"Code: {_OTHER_COLUMNS}" in text:
        return "Another server has the table with other columns: create it here as SHOW CREATE TABLE says there."
    return ""
