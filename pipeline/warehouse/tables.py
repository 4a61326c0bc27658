"""The tables that feedpulse keeps in ``[warehouse] database``: their names, and that they exist."""

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
    TABLE_UPDATES,
)

STAGING = (FEED_USER_DAY, MESSAGE_USER_DAY, USER_ATTRIBUTES, USER_DAY, SLICE_DAY)
"""What a day's result is made of, kept for some days."""

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
"""The columns that statements fill, in the order of their SELECT."""


_RAW_ATTRIBUTES = {dimension.name: "Nullable(Int64)" if dimension.numeric else "String" for dimension in DAILY}
_ATTRIBUTES = dict.fromkeys(ATTRIBUTES, "String")
ADDED_COLUMNS: dict[str, dict[str, str]] = {
    FEED_USER_DAY: _RAW_ATTRIBUTES,
    MESSAGE_USER_DAY: _RAW_ATTRIBUTES,
    USER_ATTRIBUTES: _ATTRIBUTES,
    USER_DAY: _ATTRIBUTES,
    INCIDENTS: {"outcome": "String", "details": "String"},
}
"""Columns, with their types, that a table may lack because a dimension is new, or the table of an earlier version."""


def full_name(table: str) -> str:
    """``database.table`` of one of `TABLES`; `[etl] table` renames the result."""
    name = settings.EtlSettings().table if table == DAILY_METRICS else table
    return f"{settings.WarehouseSettings().database}.{name}"


def open_warehouse() -> Engine:
    """The warehouse, with every table of ours in it and none that a killed run left."""
    engine = connections.warehouse()
    place = (engine, settings.WarehouseSettings().database, settings.EtlSettings().table)
    if place not in _opened():
        _create_missing(*place)
        _opened().add(place)
    return engine


@once
def _opened() -> set[tuple[Engine, str, str]]:
    """Engine, database and result table of every warehouse that this process has opened."""
    return set()


def _create_missing(engine: Engine, database: str, result_table: str) -> None:
    if result_table != DAILY_METRICS and result_table in TABLES:
        raise SettingsError(
            f"[etl] table = {result_table}: feedpulse keeps another table of that name; choose a new one."
        )
    columns: dict[str, set[str]] = {}
    for table, column in engine.query(statement("existing_columns"), {"database": database}):
        columns.setdefault(table, set()).add(column)
    if not columns:
        _run(engine, statement("create_database", database=database))
    for table in TABLES:
        existing = columns.get(full_name(table).split(".")[1])
        if existing is None:
            _run(engine, statement(f"create_{table}", table=full_name(table)))
        for column, kind in ADDED_COLUMNS.get(table, {}).items():
            if existing is None or column not in existing:
                _add_column(engine, table, column, kind)
    for table in filter(scratch.is_abandoned, columns):
        _run(engine, statement("drop_staging", staging=f"{database}.{table}"))


def _run(engine: Engine, sql: str) -> None:
    engine.execute(sql, idempotent=True)


def _add_column(engine: Engine, table: str, column: str, kind: str) -> None:
    duplicate_column, illegal_column = 15, 44
    try:
        _run(engine, statement("add_column", table=full_name(table), column=column, kind=Fragment(kind)))
    except TerminalError as error:  # another process was faster: 18.16 has no IF NOT EXISTS here
        if error.code not in (duplicate_column, illegal_column):
            raise
