"""Shared by the tests of the ETL: a configuration, a source made of events, the real tasks."""

import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import luigi

from pipeline.tasks import DailyMetrics
from pipeline.warehouse import tables
from pipeline.warehouse.engines import EmbeddedEngine, Engine, HttpEngine, ServerEngine
from tests.pipeline.configuration import configured, shipped
from tests.pipeline.reference import SUB_SLOTS, Day, Event, Events, Slots, load_day

Configuration = Mapping[str, Mapping[str, str]]

PLAIN_TYPES = {
    "user_id": "UInt32",
    "action": "String",
    "gender": "Int8",
    "age": "Int16",
    "country": "String",
    "city": "String",
    "os": "String",
    "source": "String",
    "exp_group": "Int8",
}
USUAL = {"gender": 1, "age": 20, "country": "Russia", "city": "Moscow", "os": "iOS", "source": "ads", "exp_group": 0}
LATER = timedelta(days=60)


def place(warehouse: Engine) -> dict[str, str]:
    """Return the settings of a warehouse."""
    if isinstance(warehouse, EmbeddedEngine):
        return {"engine": "embedded", "path": warehouse.path}
    if isinstance(warehouse, HttpEngine):
        return {"engine": "http", "url": warehouse.url, "user": warehouse.user, "ca_certs": warehouse.ca_certs}
    assert isinstance(warehouse, ServerEngine)
    return {"engine": "server", "host": warehouse.host, "port": str(warehouse.port), "user": warehouse.user}


@contextlib.contextmanager
def fresh_database(warehouse: Engine) -> Iterator[str]:
    """Yield the name of a database that does not exist yet; it is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    try:
        yield name
    finally:
        warehouse.execute(f"DROP DATABASE IF EXISTS {name}", idempotent=True)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A source, and its days to load."""

    events: Events
    days: tuple[date, ...]
    """In the order of loading."""
    zone: str = "Europe/Moscow"
    attribute_days: int = 2
    recipient: str = "receiver_id"
    nullable: bool = False
    """Whether all columns except the time are Nullable."""
    time_type: str = "DateTime"
    table_engine: str = "Memory"

    @property
    def now(self) -> datetime:
        """A time when all the days are over."""
        return datetime.combine(max(self.days), datetime.min.time()) + LATER

    def expected(self, day: date) -> Day:
        """The expected rows of a day."""
        return load_day(self.events, day, ZoneInfo(self.zone), self.attribute_days)

    def configuration(self, warehouse: Engine, source_database: str, result_database: str) -> dict[str, dict[str, str]]:
        """The settings to load it with."""
        return {
            "clock": {"timezone": self.zone},
            "worker": shipped("worker"),
            "warehouse": {**place(warehouse), "database": result_database},
            "source": {"database": source_database},
            "etl": {"attribute_days": str(self.attribute_days)},
        }


def create_source(warehouse: Engine, database: str, case: Case) -> None:
    """Create the source database of a case, with its events."""
    warehouse.execute(f"CREATE DATABASE IF NOT EXISTS {database}")
    for table in ("feed_actions", "message_actions"):
        types = PLAIN_TYPES | ({} if table == "feed_actions" else {case.recipient: "UInt32"})
        if table == "message_actions":
            del types["action"]
        columns = [f"{name} {f'Nullable({kind})' if case.nullable else kind}" for name, kind in types.items()]
        columns.append(f"time {case.time_type}")
        warehouse.execute(f"CREATE TABLE {database}.{table} ({', '.join(columns)}) ENGINE = {case.table_engine}")
    insert_events(warehouse, database, case)


def insert_events(warehouse: Engine, database: str, case: Case) -> None:
    """Add a case's events to its source."""
    shared = ["user_id", "time", *USUAL]
    feed, messages = case.events.feed, case.events.messages
    warehouse.insert(f"{database}.feed_actions", {name: _column(feed, name) for name in [*shared, "action"]})
    columns = {name: _column(messages, name) for name in shared} | {case.recipient: _column(messages, "receiver_id")}
    warehouse.insert(f"{database}.message_actions", columns)


def _column(events: Sequence[Event], name: str) -> list[Any]:
    return [event[name] for event in events]


@contextlib.contextmanager
def prepared(
    warehouse: Engine, case: Case, *, origin: Engine | None = None, **overrides: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Create and configure a case's source and an empty result; yield the names of both databases.

    The source is in `origin`, by default in the warehouse. `overrides` are settings by section.
    """
    with fresh_database(origin or warehouse) as source_database, fresh_database(warehouse) as result_database:
        create_source(origin or warehouse, source_database, case)
        options = case.configuration(warehouse, source_database, result_database)
        if origin is not None:
            options["source"] |= place(origin)
        for section, values in overrides.items():
            options[section] = {**options.get(section, {}), **values}
        with configured(case.now, **options):
            yield source_database, result_database


def run(*wanted: luigi.Task) -> None:
    """Run tasks as Luigi does, in this process."""
    assert build(*wanted), "a task failed: see the log"


def build(*wanted: luigi.Task) -> bool:
    """Run tasks as Luigi does, in this process; return whether all succeeded."""
    outcome = luigi.build(list(wanted), local_scheduler=True, log_level="WARNING", detailed_summary=True)
    return bool(outcome.scheduling_succeeded)


def load(*days: date) -> None:
    """Load days, one after the other."""
    for day in days:
        run(DailyMetrics(date=day))


def loaded(warehouse: Engine, database: str, day: date, table: str = "daily_metrics") -> Day:
    """Return the tables' rows of a day; duplicates are kept visible."""

    def rows(name: str) -> list[tuple[Any, ...]]:
        columns = ", ".join(tables.COLUMNS[name][1:])
        from_table = f"{database}.{table if name == tables.DAILY_METRICS else name}"
        return warehouse.query(f"SELECT {columns} FROM {from_table} WHERE event_date = %(day)s", {"day": day})

    users, slices, totals = (rows(name) for name in (tables.USER_DAY, tables.DAILY_METRICS, tables.DAILY_TOTALS))
    actual = Day(
        users={row[0]: row[1:] for row in users},
        slices={(row[0], row[1]): row[2:] for row in slices},
        totals={row[0]: row[1:] for row in totals},
    )
    assert (len(actual.users), len(actual.slices), len(actual.totals)) == (len(users), len(slices), len(totals))
    return actual


def differences(actual: Day, expected: Day) -> dict[str, dict[Any, tuple[Any, Any]]]:
    """By table, the differing rows as (actual, expected); None is no row."""
    both = {name: (getattr(actual, name), getattr(expected, name)) for name in Day.__dataclass_fields__}
    differing = {name: changed_rows(rows, wanted) for name, (rows, wanted) in both.items()}
    return {name: rows for name, rows in differing.items() if rows}


def changed_rows(actual: Mapping[Any, Any], expected: Mapping[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    """By key, the differing rows as (actual, expected); None is no row."""
    keys = [*actual, *(key for key in expected if key not in actual)]
    return {key: (actual.get(key), expected.get(key)) for key in keys if actual.get(key) != expected.get(key)}


def measured_slots(warehouse: Engine, database: str) -> Slots:
    """Every row of ``slot_metrics``, including slots that were not requested."""
    columns = ", ".join(tables.COLUMNS[tables.SLOT_METRICS])
    rows = warehouse.query(f"SELECT {columns} FROM {database}.{tables.SLOT_METRICS} FINAL")
    slots: Slots = {}
    for slot, metric, dimension, value, *numbers in rows:
        if dimension not in SUB_SLOTS:
            assert numbers.pop() == 0  # only a sub-slot begins at a minute
        slots[slot, metric, dimension, value] = tuple(numbers)
    return slots


def scratch_tables(warehouse: Engine, database: str) -> list[str]:
    """Scratch tables that runs left behind."""
    names = warehouse.query("SELECT name FROM system.tables WHERE database = %(database)s", {"database": database})
    return [name for (name,) in names if "__" in name]


def write_configuration(path: Path, options: Configuration) -> None:
    """Write a luigi.cfg for a new process."""
    sections = (
        "\n".join([f"[{section}]", *(f"{name} = {value}" for name, value in values.items())])
        for section, values in options.items()
    )
    path.write_text("\n".join(sections) + "\n", encoding="utf-8")
