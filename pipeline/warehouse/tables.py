"""The tables that feedpulse keeps in ``[warehouse] database``: their names and columns, and how they are created."""

from collections.abc import Iterable, Mapping

from pipeline.core import settings
from pipeline.core.dimensions import DAILY
from pipeline.core.errors import SettingsError, TerminalError
from pipeline.core.process import once
from pipeline.warehouse import connections, scratch
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.statements import Fragment, statement

FEED_USER_DAY = "feed_user_day"
MESSAGE_USER_DAY = "message_user_day"
USER_ATTRIBUTES = "user_attributes"
USER_DAY = "user_day"
SLICE_DAY = "slice_day"
DAILY_METRICS = "daily_metrics"
DAILY_TOTALS = "daily_totals"
SLOT_METRICS = "slot_metrics"
SLOT_COUNTS = "slot_counts"
SLOT_CHECKS = "slot_checks"
INCIDENTS = "incidents"
INCIDENT_ACTIONS = "incident_actions"
DELIVERIES = "deliveries"
RUNS = "runs"
TABLE_UPDATES = "table_updates"

TABLES = (
    FEED_USER_DAY,
    MESSAGE_USER_DAY,
    USER_ATTRIBUTES,
    USER_DAY,
    SLICE_DAY,
    DAILY_METRICS,
    DAILY_TOTALS,
    SLOT_METRICS,
    SLOT_COUNTS,
    SLOT_CHECKS,
    INCIDENTS,
    INCIDENT_ACTIONS,
    DELIVERIES,
    RUNS,
    TABLE_UPDATES,
)

STAGING = (FEED_USER_DAY, MESSAGE_USER_DAY, USER_ATTRIBUTES, USER_DAY, SLICE_DAY)
"""The intermediate tables of a day, kept for ``[etl] keep_staging_days``."""

VALUES = ("views", "likes", "messages_received", "messages_sent", "users_received", "users_sent")
ATTRIBUTES = tuple(dimension.name for dimension in DAILY)

COLUMNS: dict[str, tuple[str, ...]] = {
    FEED_USER_DAY: ("event_date", "user_id", "feed_events", "views", "likes", *ATTRIBUTES),
    MESSAGE_USER_DAY: ("event_date", "user_id", *VALUES[2:], *ATTRIBUTES),
    USER_ATTRIBUTES: ("event_date", "user_id", *ATTRIBUTES),
    USER_DAY: ("event_date", "user_id", "feed_events", *VALUES, *ATTRIBUTES),
    SLICE_DAY: ("event_date", "dimension", "dimension_value", *VALUES),
    DAILY_METRICS: ("event_date", "dimension", "dimension_value", *VALUES),
    DAILY_TOTALS: ("event_date", "metric", "numerator", "denominator"),
    SLOT_METRICS: ("slot", "metric", "dimension", "dimension_value", "numerator", "denominator"),
}
"""The columns that a SELECT fills, in its order."""

_RAW_ATTRIBUTES = {dimension.name: "Nullable(Int64)" if dimension.numeric else "String" for dimension in DAILY}
_ATTRIBUTES = dict.fromkeys(ATTRIBUTES, "String")
ADDED_COLUMNS: dict[str, dict[str, str]] = {
    FEED_USER_DAY: _RAW_ATTRIBUTES,
    MESSAGE_USER_DAY: _RAW_ATTRIBUTES,
    USER_ATTRIBUTES: _ATTRIBUTES,
    USER_DAY: _ATTRIBUTES,
    INCIDENTS: {"outcome": "String", "details": "String"},
}
"""Columns, with types, that a table may lack: a dimension is new, or an earlier release created the table."""


def full_name(table: str) -> str:
    """Return ``database.table`` of one of `TABLES`; `[etl] table` renames the result."""
    name = settings.EtlSettings().table if table == DAILY_METRICS else table
    return f"{settings.WarehouseSettings().database}.{name}"


def open_warehouse() -> Engine:
    """Return the warehouse, ready for use.

    The first call of a process creates the missing database, tables and columns, and drops the scratch tables of killed
    runs; later calls only return the engine.
    """
    engine = connections.warehouse()
    database, result_table = settings.WarehouseSettings().database, settings.EtlSettings().table
    place = (engine, database, result_table)
    if place not in _opened():
        if result_table != DAILY_METRICS and result_table in TABLES:
            raise SettingsError(
                f"[etl] table = {result_table}: feedpulse has another table of that name; choose a new one."
            )
        columns = _existing_columns(engine, database)
        _create_missing(engine, database, columns)
        _drop_abandoned(engine, database, columns)
        _opened().add(place)
    return engine


@once
def _opened() -> set[tuple[Engine, str, str]]:
    """Engine, database and result table of every warehouse that this process has opened."""
    return set()


def _existing_columns(engine: Engine, database: str) -> dict[str, set[str]]:
    """The columns of every table in the database, ours or not."""
    columns: dict[str, set[str]] = {}
    for table, column in engine.query(statement("existing_columns"), {"database": database}):
        columns.setdefault(table, set()).add(column)
    return columns


def _create_missing(engine: Engine, database: str, columns: Mapping[str, set[str]]) -> None:
    """Create the database if it has no tables, and the tables and columns that are missing."""
    if not columns:
        _run(engine, statement("create_database", database=database))
    for table in TABLES:
        existing = columns.get(full_name(table).split(".")[1])
        if existing is None:
            _run(engine, statement(f"create_{table}", table=full_name(table)))
        for column, kind in ADDED_COLUMNS.get(table, {}).items():
            if existing is None or column not in existing:
                _add_column(engine, table, column, kind)


def _add_column(engine: Engine, table: str, column: str, kind: str) -> None:
    duplicate_column, illegal_column = 15, 44
    try:
        _run(engine, statement("add_column", table=full_name(table), column=column, kind=Fragment(kind)))
    except TerminalError as error:  # another process added it first; 18.16 has no ADD COLUMN IF NOT EXISTS
        if error.code not in (duplicate_column, illegal_column):
            raise


def _drop_abandoned(engine: Engine, database: str, names: Iterable[str]) -> None:
    """Drop the scratch tables of runs that have ended."""
    for table in filter(scratch.is_abandoned, names):
        _run(engine, statement("drop_scratch", scratch=f"{database}.{table}"))


def _run(engine: Engine, sql: str) -> None:
    engine.execute(sql, idempotent=True)
