"""Check of the tables in the warehouse: whether those of our names are ours, and the record's settings are the same."""

from collections.abc import Iterator

from pipeline.commands.doctor.connection import is_made
from pipeline.commands.doctor.report import ok
from pipeline.core import settings
from pipeline.warehouse import connections, ownership, tables
from reporting.channels.base import Finding


def own_tables() -> Iterator[Finding]:
    """Refuse what a run would refuse, before it writes anything."""
    if not is_made(connections.warehouse()):
        return
    tables.require_own_names(tables.installation())
    found = tables.inspect()
    ownership.require_ours(found)
    database = settings.WarehouseSettings().database
    if not found.existing:
        yield ok(f"tables: none of our names is taken in the database {database}; the first run makes them")
    elif found.missing:
        yield ok(f"tables: {len(found.existing)} tables in {database} are ours; the next run makes the others")
    else:
        yield ok(f"tables: all {len(found.existing)} tables in {database} are ours")
