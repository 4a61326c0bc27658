"""Check of the tables in the warehouse: whether those of our names are ours, and the record's settings are the same."""

from collections.abc import Iterator

from pipeline.commands.doctor.connection import is_made
from pipeline.commands.doctor.report import note, ok
from pipeline.core import settings
from pipeline.warehouse import cluster, connections, tables
from pipeline.warehouse.statements import statement
from reporting.channels.base import Finding

_CONNECTIONS = 5
"""How many connections are made to find out whether a balancer is in front of several servers."""


def own_tables() -> Iterator[Finding]:
    """Refuse what a run would refuse, before it writes anything."""
    engine = connections.warehouse()
    if not is_made(engine):
        return
    if engine.is_server:
        for _ in range(_CONNECTIONS):
            engine.execute(statement("read_clock"), idempotent=True)  # each on a new connection
    tables.require_own_names(tables.installation())
    found = tables.inspect()
    cluster.require_one_server(engine, found.replicated)
    tables.require_ours(found)
    database = settings.WarehouseSettings().database
    if not found.existing:
        yield ok(f"tables: none of our names is taken in the database {database}; the first run makes them")
    elif found.missing:
        yield ok(f"tables: {len(found.existing)} tables in {database} are ours; the next run makes the others")
    else:
        yield ok(f"tables: all {len(found.existing)} tables in {database} are ours")
    section = settings.WarehouseSettings()
    if found.replicated:
        yield ok(f"tables: {len(found.replicated)} of them are replicated")
    elif engine.is_server and section.alt_hosts and not section.cluster:
        yield note(
            "tables: they are plain, so a run on one of alt_hosts finds none: it loads all days and sends again",
            "Set [warehouse] cluster, or remove alt_hosts: docs/cluster.md",
        )
