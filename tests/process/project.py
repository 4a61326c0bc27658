"""A directory with its own luigi.cfg, and the real commands, run in it as cron runs them."""

import os
import subprocess
import sys
import time
import uuid
from ast import literal_eval
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.demo.load import create_tables, load
from pipeline.demo.scenario import LabelledIncident, Scenario
from pipeline.warehouse.engines import EmbeddedEngine, Engine, HttpEngine, ServerEngine
from pipeline.warehouse.tables import (
    DAILY_METRICS,
    DAILY_TOTALS,
    DELIVERIES,
    INCIDENTS,
    INSTALLATION,
    SLOT_CHECKS,
    SLOT_METRICS,
    TABLE_UPDATES,
    TABLES,
)
from pipeline.warehouse.views import VIEWS
from tests.patience import HANGS_SECONDS
from tests.pipeline.configuration import shipped

SOURCE_DATABASE = "process_events"

TODAY = date(2026, 11, 12)
YESTERDAY = TODAY - timedelta(days=1)
DAYS = 10
LOADED_FROM = TODAY - timedelta(days=2)
NOON = datetime(2026, 11, 12, 12)  # naive UTC, like all times on the command line; the events end here
NOW = datetime(2026, 11, 12, 9, 30)
OUTAGE_START = datetime(2026, 11, 12, 9)
OUTAGE_END = datetime(2026, 11, 12, 10)

SCENARIO = Scenario(
    first_day=TODAY - timedelta(days=DAYS - 1),
    days=DAYS,
    users=400,
    views_per_day=8_000,
    messages_per_day=6_000,
    incidents=(
        LabelledIncident(
            "outage", OUTAGE_START.replace(tzinfo=UTC), OUTAGE_END.replace(tzinfo=UTC), "messages", size=-1.0
        ),
    ),
    until=NOON.replace(tzinfo=UTC),
)

# What loads and checks compute; the last three replace a row that is written again.
REPLACED_ROWS = (SLOT_METRICS, SLOT_CHECKS, INCIDENTS)
RESULTS = (DAILY_METRICS, DAILY_TOTALS, *REPLACED_ROWS)


def load_events(warehouse: Engine) -> None:
    """Create the source tables that all projects on this engine share."""
    create_tables(warehouse, SOURCE_DATABASE)
    load(warehouse, SOURCE_DATABASE, SCENARIO)


def make_project(directory: Path, warehouse: Engine) -> "Project":
    """Make a project with its own database for results."""
    if isinstance(warehouse, EmbeddedEngine):
        place = {"engine": "embedded", "path": warehouse.path}
    elif isinstance(warehouse, HttpEngine):
        place = {"engine": "http", "url": warehouse.url, "user": warehouse.user, "ca_certs": warehouse.ca_certs}
    else:
        assert isinstance(warehouse, ServerEngine)
        place = {"engine": "server", "host": warehouse.host, "port": str(warehouse.port)}
    sections = {
        "clock": {"timezone": "Europe/Moscow", "now": f"{NOW:%Y-%m-%dT%H:%M}"},
        "warehouse": {"database": f"process_{uuid.uuid4().hex[:12]}", **place},
        "source": {"database": SOURCE_DATABASE},
        "etl": {"start": str(LOADED_FROM), "attribute_days": "1"},
        "report": {"channels": "outbox"},
        "alerts": {
            "channels": "outbox",
            "detector_params": '{"min_days": 7}',
            "history_days": "8",
            "catch_up_hours": "1",
        },
        "outbox": {"path": str(directory / "outbox")},
        "delivery": {"lock_path": str(directory / "locks")},
        # Luigi identifies a running command by its words alone: the words of two projects must differ.
        "core": {"autoload_range": "true", "log_level": "INFO", "lock_pid_dir": str(directory / "pids")},
        "worker": shipped("worker"),
        "retcode": {
            "already_running": "10",
            "missing_data": "20",
            "not_run": "25",
            "task_failed": "30",
            "scheduling_error": "35",
            "unhandled_exception": "40",
        },
    }
    return Project(directory, warehouse, sections)


@dataclass(frozen=True)
class Finished:
    """The result of a finished command."""

    code: int
    output: str
    errors: str

    @property
    def log(self) -> str:
        """All its output."""
        return self.output + self.errors


@dataclass
class Project:
    """A user's directory. Its results go into its own database of an engine that the session shares.

    Parameters
    ----------
    directory : Path
        The working directory of every command; made if missing.
    warehouse : Warehouse
        The engine that `sections` describe, for reading results.
    sections : dict
        luigi.cfg.
    environment : dict
        Environment variables in addition to those of the test run. LUIGI_CONFIG_PATH names luigi.cfg; '' unsets it.
    """

    directory: Path
    warehouse: Engine
    sections: dict[str, dict[str, str]]
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.write_configuration()

    @property
    def database(self) -> str:
        """The database of the results."""
        return self.sections["warehouse"]["database"]

    @property
    def outbox(self) -> Path:
        """The directory of the channel "outbox"."""
        return self.directory / "outbox"

    def configure(self, **sections: Mapping[str, str]) -> None:
        """Change settings, ``configure(etl={"start": ""})``; ``__`` stands for the dot in a section's name."""
        for name, settings in sections.items():
            self.sections.setdefault(name.replace("__", "."), {}).update(settings)
        self.write_configuration()

    def read_events_of(self, database: str) -> None:
        """Change the source, as ``feedpulse adopt`` does."""
        self.configure(source={"database": database})
        if INSTALLATION in self.tables():
            recorded = f"{database}.feed_actions, {database}.message_actions"
            self.warehouse.insert(
                f"{self.database}.{INSTALLATION}",
                {"item": ["source"], "value": [recorded], "version": [time.time_ns()]},
            )

    def with_settings(self, **sections: Mapping[str, str]) -> "Project":
        """Return this project with other settings; results go into the same database and outbox."""
        mine = {name: dict(settings) for name, settings in self.sections.items()}
        other = Project(self.directory, self.warehouse, mine, self.environment)
        other.configure(**sections)
        return other

    def write_configuration(self) -> None:
        """Write luigi.cfg."""
        lines: list[str] = []
        for name, settings in self.sections.items():
            lines += [f"[{name}]", *(f"{key} = {value}" for key, value in settings.items())]
        (self.directory / "luigi.cfg").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """Start a program of the virtual environment; `options` are those of `subprocess.Popen`."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FEEDPULSE_")}
        environment |= {"LUIGI_CONFIG_PATH": str(self.directory / "luigi.cfg"), **self.environment}
        if not environment["LUIGI_CONFIG_PATH"]:
            del environment["LUIGI_CONFIG_PATH"]
        program = Path(sys.executable).with_name(command[0])
        return subprocess.Popen(
            [str(program), *command[1:]],
            env=environment,
            stdin=subprocess.DEVNULL,
            text=True,
            **{"cwd": self.directory, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *command: str) -> Finished:
        """Run a program of the virtual environment to its end."""
        return finish(self.start(*command))

    def start_task(
        self, *arguments: str, scheduler: tuple[str, ...] = ("--local-scheduler",), **options: Any
    ) -> subprocess.Popen[str]:
        """Start ``luigi --module pipeline ARGUMENTS``."""
        return self.start("luigi", "--module", "pipeline", *arguments, *scheduler, **options)

    def task(self, *arguments: str, scheduler: tuple[str, ...] = ("--local-scheduler",)) -> Finished:
        """Run ``luigi --module pipeline ARGUMENTS`` to its end."""
        return finish(self.start_task(*arguments, scheduler=scheduler))

    def rows(self, table: str, columns: str = "*") -> list[str]:
        """The rows of a result table, as text, sorted; empty if the table does not exist."""
        if table not in self.tables():
            return []
        final = "FINAL" if table in (*REPLACED_ROWS, DELIVERIES, TABLE_UPDATES) else ""
        return sorted(map(repr, self.warehouse.query(f"SELECT {columns} FROM {self.database}.{table} {final}")))

    def tables(self) -> set[str]:
        """The tables of the project's database."""
        # Not system.tables: ClickHouse 18.16 refuses to list them while one of them is dropped.
        sql = "SELECT DISTINCT table FROM system.columns WHERE database = %(database)s"
        return {name for (name,) in self.warehouse.query(sql, {"database": self.database})}

    def results(self) -> dict[str, list[str]]:
        """The rows of the tables in `RESULTS`; the same events must always give the same rows."""
        return {table: self.rows(table) for table in RESULTS}

    def sent(self) -> list[str]:
        """The keys of the sent messages, one per address."""
        rows = self.rows(DELIVERIES, "message_key, state, address, channel")
        return [key for key, state, *_ in map(literal_eval, rows) if state == "sent"]

    def filled(self) -> set[str]:
        """The tables that have rows."""
        return {table for table in self.tables() if self.rows(table)}

    def leftovers(self) -> set[str]:
        """Tables that no run may leave behind."""
        return self.tables() - {*TABLES, *VIEWS}


def finish(process: subprocess.Popen[str]) -> Finished:
    """Wait for a command's end."""
    try:
        output, errors = process.communicate(timeout=HANGS_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Finished(process.returncode, output, errors)


def moment(time: datetime) -> tuple[str, str]:
    """The arguments that set a command's clock to a time (naive UTC)."""
    return "--clock-now", f"{time:%Y-%m-%dT%H:%M}"
