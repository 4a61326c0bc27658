"""The tables that feedpulse keeps in ``[warehouse] database``: their names and columns, and how they are created."""

import contextlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC

from pipeline.core import clock, settings
from pipeline.core.dimensions import DAILY
from pipeline.core.errors import ACCESS_DENIED, ClockError, SettingsError, TerminalError
from pipeline.core.process import once
from pipeline.warehouse import cluster, connections, ownership, scratch
from pipeline.warehouse.engines import Columns, Engine
from pipeline.warehouse.ownership import Inspection, Installation
from pipeline.warehouse.statements import Fragment, statement

LOGGER = logging.getLogger("luigi-interface")

FEED_USER_DAY = "feed_user_day"
MESSAGE_USER_DAY = "message_user_day"
USER_ATTRIBUTES = "user_attributes"
ACTIVE_USERS = "active_users"
USER_DAY = "user_day"
SLICE_DAY = "slice_day"
DAILY_METRICS = ownership.RESULT
DAILY_TOTALS = "daily_totals"
SLOT_METRICS = "slot_metrics"
SLOT_COUNTS = "slot_counts"
SLOT_CHECKS = "slot_checks"
DAY_CHECKS = "day_checks"
INCIDENTS = "incidents"
INCIDENT_ACTIONS = "incident_actions"
DELIVERIES = "deliveries"
DELIVERY_STATE = "delivery_state"
REPORTED = "reported"
RUNS = "runs"
TABLE_UPDATES = ownership.MARKERS
INSTALLATION = ownership.RECORD

TABLES = (
    INSTALLATION,
    FEED_USER_DAY,
    MESSAGE_USER_DAY,
    USER_ATTRIBUTES,
    USER_DAY,
    SLICE_DAY,
    DAILY_METRICS,
    DAILY_TOTALS,
    ACTIVE_USERS,
    SLOT_METRICS,
    SLOT_COUNTS,
    SLOT_CHECKS,
    DAY_CHECKS,
    INCIDENTS,
    INCIDENT_ACTIONS,
    DELIVERIES,
    DELIVERY_STATE,
    REPORTED,
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
    ACTIVE_USERS: ("event_date", "user_id"),
    SLICE_DAY: ("event_date", "dimension", "dimension_value", *VALUES),
    DAILY_METRICS: ("event_date", "dimension", "dimension_value", *VALUES),
    DAILY_TOTALS: ("event_date", "metric", "numerator", "denominator"),
    SLOT_METRICS: ("slot", "metric", "dimension", "dimension_value", "numerator", "denominator", "minute"),
}
"""The columns that a SELECT fills, in its order."""

_RAW_ATTRIBUTES = {dimension.name: "Nullable(Int64)" if dimension.numeric else "String" for dimension in DAILY} | {
    replace(dimension, numeric=False).stored: "String" for dimension in DAILY if dimension.may_be_text
}
_ATTRIBUTES = dict.fromkeys(ATTRIBUTES, "String")
ADDED_COLUMNS: dict[str, dict[str, str]] = {
    FEED_USER_DAY: _RAW_ATTRIBUTES,
    MESSAGE_USER_DAY: _RAW_ATTRIBUTES,
    USER_ATTRIBUTES: _ATTRIBUTES,
    USER_DAY: _ATTRIBUTES,
    SLOT_METRICS: {"minute": "UInt8"},
    SLOT_CHECKS: {
        "slot_score": "Float64",
        "weight": "Float64",
        "spoke": "String",
        "minute": "UInt8",
        "minutes": "UInt8",
        "inside": "Float64",
    },
    INCIDENTS: {"outcome": "String", "details": "String"},
    INCIDENT_ACTIONS: {"metric": "String", "until": "DateTime('UTC')", "why": "String"},
}
"""Columns, with types, that a table may lack: a dimension is new, or an earlier release created the table."""


def rows_of(table: str, key: Sequence[str]) -> tuple[Fragment, dict[str, object]]:
    """Return a condition for the rows of one partition of a table, and the values to bind."""
    bound: dict[str, object] = dict(zip(COLUMNS[table], key, strict=False))
    return Fragment(" AND ".join(f"{column} = %({column})s" for column in bound)), bound


def full_name(table: str) -> str:
    """Return ``database.table`` of one of `TABLES`: with `[warehouse] prefix`, and the result as `[etl] table`."""
    section = settings.WarehouseSettings()
    name = settings.EtlSettings().table if table == DAILY_METRICS else f"{section.prefix}{table}"
    return f"{section.database}.{name}"


@once
def installation() -> Installation:
    """Return what the configuration writes, and where it reads from."""
    section, source = settings.WarehouseSettings(), settings.SourceSettings()
    tables = (source.feed_table, source.message_table)
    return Installation(
        section.database,
        section.prefix,
        settings.EtlSettings().table,
        ", ".join(f"{source.database}.{table}" for table in tables),
        clock.zone().key,
        TABLES,
    )


def open_warehouse() -> Engine:
    """Return the warehouse, ready for use.

    The first call of a process refuses tables that are not ours, creates the missing database, tables and columns, and
    drops the scratch tables of killed runs. Of replicated tables it waits for the rows of other servers. Later calls
    only return the engine, as do those inside of `reading`.

    Raises
    ------
    SettingsError
        A table of one of our names is not ours, or the warehouse belongs to another configuration: see `ownership`. Or
        the address leads to several servers.
    ClockError
        The clock of the server and that of this machine differ.
    TransientError
        The server lacks rows that another one of its cluster has.
    """
    engine = connections.warehouse()
    wanted = installation()
    if not _unchecked:
        if (engine, wanted) not in _opened():
            _opened()[engine, wanted] = _open(engine, wanted)
        cluster.require_one_server(engine, _opened()[engine, wanted])
    return engine


def _open(engine: Engine, wanted: Installation) -> Mapping[str, str]:
    """Do what `open_warehouse` describes; return the replicated tables, as `Inspection.replicated`."""
    require_own_names(wanted)
    found = inspect()
    _require_same_time(engine, found.seconds)
    cluster.require_one_server(engine, found.replicated)
    if found.replicated:
        # Markers first: each that is visible then has its rows after this.
        _catch_up(engine, sorted(found.replicated, key=lambda table: table != TABLE_UPDATES))
        found = inspect()
    require_ours(found)
    if found.early_results is not None:
        LOGGER.info("the tables of an earlier release in %s are recorded as ours", wanted.database)
    _create_database(engine, found)
    # Again: by HTTP only a statement that writes opens a new connection.
    cluster.require_one_server(engine, found.replicated)
    if settings.WarehouseSettings().cluster and INSTALLATION in found.missing:
        # Another server may have the record already; then this one must not make a new one.
        _create(engine, INSTALLATION)
        _catch_up(engine, [INSTALLATION])
        found = inspect()
        require_ours(found)
    ownership.record(engine, found)
    replicated = {**found.replicated, **_create_missing(engine, found)}
    _drop_abandoned(engine, found)
    return replicated


def insert(table: str, columns: Columns) -> None:
    """Insert rows into one of `TABLES`, also rows that a replicated table had before."""
    writer().insert(full_name(table), columns)


def writer(equal: Engine | None = None) -> Engine:
    """Return the warehouse, or an engine `equal` to it with its settings, for an INSERT into one of `TABLES`."""
    engine = equal or open_warehouse()
    return cluster.without_deduplication(engine) if _replicated() else engine


def catch_up(table: str) -> None:
    """Wait until rows of one of `TABLES` that another server has are visible; nothing to do for a plain table.

    Raises
    ------
    TransientError
        The server cannot get them.
    """
    engine = open_warehouse()
    if table in _replicated():
        _catch_up(engine, [table])


def _replicated() -> Mapping[str, str]:
    """The replicated tables of the open warehouse; none inside of `unchecked`."""
    return _opened().get((connections.warehouse(), installation()), {})


@contextlib.contextmanager
def reading(*needed: str) -> Iterator[None]:
    """Open the warehouse for a command that only reads: nothing is created, altered or dropped inside the context.

    Parameters
    ----------
    *needed : str
        Those of `TABLES` that the command cannot do without.

    Raises
    ------
    SettingsError
        Nothing is loaded yet, or what `open_warehouse` would refuse.
    """
    connections.require_existing(connections.warehouse())
    found = inspect()
    ownership.require_ours(found)
    if missing := [full_name(table) for table in needed if table in found.missing]:
        raise SettingsError(
            f"nothing is loaded yet in the database {found.installation.database}: there is no {', '.join(missing)}. "
            "`feedpulse run Daily` and `feedpulse run Alerts` make these tables."
        )
    added = {
        f"{table}.{column}"
        for table in found.existing.values()
        for column in ADDED_COLUMNS.get(table, {})
        if column not in found.form(table).columns
    }
    with unchecked({*found.missing, *added}):
        yield


@contextlib.contextmanager
def unchecked(missing: Collection[str] = ()) -> Iterator[None]:
    """Make `open_warehouse` return the engine of a warehouse as it is, without a check or a write.

    Parameters
    ----------
    missing : collection of str
        The tables, and the columns as ``table.column``, for which `is_missing` is true inside the context.
    """
    _unchecked.append(missing)
    try:
        yield
    finally:
        _unchecked.pop()


def is_missing(table: str) -> bool:
    """Whether one of `TABLES`, or a ``table.column``, does not exist; only inside of `reading` can one be missing."""
    return bool(_unchecked) and table in _unchecked[-1]


_unchecked: list[Collection[str]] = []
"""Not empty inside of `unchecked`. Not `once`: a replay of another configuration resets what the process remembers."""


def inspect() -> Inspection:
    """Compare the warehouse with what the configuration writes. Writes nothing and refuses nothing."""
    return ownership.inspect(connections.warehouse(), installation(), ADDED_COLUMNS)


@once
def _opened() -> dict[tuple[Engine, Installation], Mapping[str, str]]:
    """Every warehouse that this process has opened, with what its configuration writes; its replicated tables."""
    return {}


@once
def installation_id() -> str:
    """Return the random id of this installation; '' for a reading command in the warehouse of an earlier release."""
    if is_missing(INSTALLATION):
        return ""
    rows = open_warehouse().query(statement("recorded_item", installation=full_name(INSTALLATION)), {"item": "id"})
    return str(rows[0][0]) if rows else ""


def _require_same_time(engine: Engine, seconds: int) -> None:
    """Refuse a server whose clock differs from ours: for a clock that is ahead, slots to come look silent."""
    ours, theirs = clock.system_time(), clock.from_epoch(seconds).replace(tzinfo=UTC)
    if not clock.is_simulated() and engine.is_server and abs(ours - theirs) > clock.SKEW:
        raise ClockError(
            f"the clock of this machine says {ours:%Y-%m-%d %H:%M} UTC, that of {engine.place} {theirs:%Y-%m-%d %H:%M} "
            "UTC: set the wrong one right (NTP). Until then nothing is loaded, checked or sent."
        )


def require_ours(found: Inspection) -> None:
    """Refuse tables that are not ours, and plain ones in a warehouse with a cluster.

    Raises
    ------
    SettingsError
        Names the tables.
    """
    ownership.require_ours(found)
    cluster.require_replicated(full_name(table) for table in found.existing.values() if table not in found.replicated)


def require_own_names(wanted: Installation) -> None:
    """Refuse an `[etl] table` that is the name of another table of ours."""
    if len(wanted.names) != len(TABLES):
        raise SettingsError(
            f"[etl] table = {wanted.result_table}: feedpulse has another table of that name; choose a new one."
        )


def _create_database(engine: Engine, found: Inspection) -> None:
    """Create the database where it is missing: a user of an existing one may lack the right to create databases."""
    database = found.installation.database
    exists = found.forms or engine.query(statement("existing_databases"), {"database": database})
    if exists and not (settings.WarehouseSettings().cluster and found.missing):
        return
    try:
        cluster.create_database(engine, database)
    except TerminalError as error:
        if not exists or error.code != ACCESS_DENIED:  # the other servers may have it, too
            raise


def _create_missing(engine: Engine, found: Inspection) -> dict[str, str]:
    """Create the tables and columns that are missing; return the new tables that are replicated, with "Replicated"."""
    for table in found.missing:
        _create(engine, table)
    for table in found.existing.values():
        for column, kind in ADDED_COLUMNS.get(table, {}).items():
            if column not in found.form(table).columns:
                _add_column(engine, table, column, kind)
    if not settings.WarehouseSettings().cluster:
        return {}
    _catch_up(engine, found.missing)  # they may be new on this server only
    return dict.fromkeys(found.missing, "Replicated")


def _create(engine: Engine, table: str) -> None:
    cluster.create_table(engine, table, full_name(table), ADDED_COLUMNS.get(table, {}))


def _catch_up(engine: Engine, tables: Iterable[str]) -> None:
    cluster.catch_up(engine, map(full_name, tables))


def _add_column(engine: Engine, table: str, column: str, kind: str) -> None:
    duplicate_column, illegal_column, later_elsewhere = 15, 44, 341
    try:
        _run(engine, statement("add_column", table=full_name(table), column=column, kind=Fragment(kind)))
    except TerminalError as error:
        # Another process added it first (18.16 has no ADD COLUMN IF NOT EXISTS), or another server is away.
        if error.code not in (duplicate_column, illegal_column, later_elsewhere):
            raise


def _drop_abandoned(engine: Engine, found: Inspection) -> None:
    """Drop the scratch tables of our own runs that have ended."""
    if found.missing == list(TABLES):
        return  # no run of ours was here
    for name, form in found.forms.items():
        if scratch.is_abandoned(name, found.installation.names) and "MergeTree" in form.engine:
            _run(engine, statement("drop_scratch", scratch=f"{found.installation.database}.{name}"))


def _run(engine: Engine, sql: str) -> None:
    engine.execute(sql, idempotent=True)
