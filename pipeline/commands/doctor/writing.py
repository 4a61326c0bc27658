"""``--write``: tries with scratch tables what runs do in the warehouse, and drops them."""

from collections.abc import Callable, Iterator
from datetime import date

from pipeline.commands.doctor.connection import has_database
from pipeline.commands.doctor.report import of_error, ok, wrong
from pipeline.core import settings
from pipeline.core.errors import TerminalError, WarehouseError
from pipeline.warehouse import connections, scratch
from pipeline.warehouse.engines import Engine, Params
from pipeline.warehouse.rights import Grant
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import DAILY_TOTALS, full_name
from reporting.channels.base import Finding

_DENIED = 497
_DAY = date(2000, 1, 1)


def scratch_tables() -> Iterator[Finding]:
    """Make two scratch tables, insert, replace and drop a partition, add a column, and drop the tables."""
    engine, database = connections.warehouse(), settings.WarehouseSettings().database
    made = "" if has_database(engine, database) else f", and made the database {database}"
    try:
        if made:
            _step(engine, "CREATE DATABASE", statement("create_database", database=database))
        _try(engine, scratch.new_name(full_name(DAILY_TOTALS)), scratch.new_name(full_name(DAILY_TOTALS)))
    except _Refused as refused:
        yield refused.finding
        return
    yield ok(f"write: made, filled, altered and dropped scratch tables in {database}{made}")


class _Refused(Exception):
    """A step that the engine refused."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def _try(engine: Engine, table: str, staged: str) -> None:
    row: dict[str, list[object]] = {"event_date": [_DAY], "metric": ["doctor"], "numerator": [1], "denominator": [1]}
    column = {"column": "doctor", "kind": Fragment("String")}
    made: list[str] = []
    try:
        for name in (table, staged):
            _step(engine, "CREATE TABLE", statement(f"create_{DAILY_TOTALS}", table=name))
            made.append(name)
            _step(engine, "ALTER ADD COLUMN", statement("add_column", table=name, **column))
        _attempt(engine, "INSERT", lambda: engine.insert(staged, row))
        _attempt(engine, "SELECT", lambda: engine.query(statement("count_rows", table=staged)))
        bound = {"partition": str(_DAY)}
        _step(engine, "ALTER DELETE", statement("replace_partition", table=table, scratch=staged), bound)
        _step(engine, "ALTER DELETE", statement("drop_partition", table=table), bound)
    finally:
        for name in made:
            _step(engine, "DROP TABLE", statement("drop_scratch", scratch=name))


def _step(engine: Engine, right: str, sql: str, params: Params | None = None) -> None:
    _attempt(engine, right, lambda: engine.execute(sql, params, idempotent=True))


def _attempt(engine: Engine, right: str, action: Callable[[], object]) -> None:
    try:
        action()
    except WarehouseError as error:
        database = settings.WarehouseSettings().database
        finding = of_error(error)
        if isinstance(error, TerminalError) and error.code == _DENIED:
            finding = wrong(f"write: {finding.text}", Grant((right,), f"{database}.*").to(engine.user))
        raise _Refused(finding) from None
