"""Shared by the tests of what is ours: new processes on a database, and what a database holds."""

import contextlib
import re
from collections.abc import Iterator, Mapping

from pipeline.warehouse.engines import Engine
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place

USERS = "event_date Date, user_id UInt64"


@contextlib.contextmanager
def on(warehouse: Engine, database: str, /, **sections: Mapping[str, str]) -> Iterator[None]:
    """Be a new process with this configuration."""
    changed = sections.pop("warehouse", {})
    with configured(warehouse={**place(warehouse), "database": database, **changed}, **sections):
        yield


def everything(warehouse: Engine, database: str) -> dict[str, tuple[object, ...]]:
    """By table: how it was created, and its rows."""
    found: dict[str, tuple[object, ...]] = {}
    for (name,) in warehouse.query(f"SHOW TABLES FROM {database}"):
        if name.startswith("."):  # the rows of a materialized view
            found[name] = ()
            continue
        created = warehouse.query(f"SHOW CREATE TABLE {database}.{name}")
        is_plain = not re.search("ENGINE = (Merge|Buffer)[(]|VIEW", str(created))
        found[name] = (created, sorted(warehouse.query(f"SELECT * FROM {database}.{name}")) if is_plain else None)
    return found


def names(warehouse: Engine, database: str) -> set[str]:
    return {name for (name,) in warehouse.query(f"SHOW TABLES FROM {database}")}
