"""A set-up for the doctor: a few events of this hour, a configuration file, and the command in this process."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.main import main
from pipeline.core import process
from pipeline.demo.load import create_tables
from pipeline.warehouse.engines import EmbeddedEngine, Engine, HttpEngine, ServerEngine
from tests.pipeline.configuration import configured

Sections = dict[str, dict[str, str]]
PERSON = {"os": "iOS", "gender": 1, "age": 20, "source": "ads", "country": "Russia", "city": "Moscow", "exp_group": 1}


def now() -> datetime:
    """This second, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def insert(engine: Engine, table: str, rows: int = 5, **columns: Any) -> None:
    """Insert events of this hour; `columns` replaces values."""
    values: dict[str, Any] = {"user_id": 7, "time": now() - timedelta(minutes=3), **PERSON, **columns}
    engine.insert(table, {name: [value] * rows for name, value in values.items()})


def fill(engine: Engine, database: str) -> None:
    """Make the source's tables with events of this hour."""
    create_tables(engine, database)
    for action in ("view", "like"):
        insert(engine, f"{database}.feed_actions", action=action)
        insert(engine, f"{database}.feed_actions", rows=1, action=action, time=now() - timedelta(days=20))
    insert(engine, f"{database}.message_actions", receiver_id=8)


@dataclass
class Place:
    """A working directory with feedpulse.cfg."""

    directory: Path
    engine: Engine
    database: str
    """The database of the events; results go to `results`, which does not exist."""
    capsys: pytest.CaptureFixture[str]
    sections: Sections = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sections = {
            "warehouse": {**connection(self.engine), "database": self.results, "connect_timeout_seconds": "1"},
            "source": {"database": self.database},
            "etl": {"start": "2026-11-01"},
            "alerts": {"channels": "outbox"},
            "core": {"local_scheduler": "true", "lock_pid_dir": str(self.directory / "pids")},
        }

    @property
    def results(self) -> str:
        """The database of the results."""
        return f"{self.database}_results"

    @property
    def source(self) -> dict[str, str]:
        """The section of a source with its own connection, to change."""
        self.sections["source"] |= connection(self.engine)
        return self.sections["source"]

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run the doctor; return its exit code and what it prints."""
        lines: list[str] = []
        for name, settings in self.sections.items():
            lines += [f"[{name}]", *(f"{key} = {value}" for key, value in settings.items())]
        (self.directory / "feedpulse.cfg").write_text("\n".join(lines) + "\n")
        before = {name: value for name, value in os.environ.items() if name.startswith("FEEDPULSE_")}
        for name in before:
            del os.environ[name]
        os.environ.update(self.environment)
        self.capsys.readouterr()
        try:
            with configured():
                code = main(["doctor", *arguments])
        finally:
            for name in self.environment:
                del os.environ[name]
            os.environ.update(before)
            process.reset()
        out, err = self.capsys.readouterr()
        assert err == ""
        # A long path or link is a line of its own.
        long = [line for line in out.splitlines() if len(line) > 120 and len(line.split()) > 1]
        assert long == [], long
        for secret in filter(None, self.environment.values()):
            assert secret not in out
        return code, out

    def wrong(self, *arguments: str) -> str:
        """Run the doctor, which must find something wrong; return that with its remedy, as one line."""
        code, out = self.run(*arguments)
        assert code == 1, out
        assert out.count("\nWRONG") == 1, out
        found = out.partition("\nWRONG")[2].partition("\n\nCorrect this")[0]
        return " ".join(found.split())

    def notes(self, *arguments: str) -> list[str]:
        """Run the doctor, which must find nothing wrong; return its notes, each as one line."""
        code, out = self.run(*arguments)
        assert code == 0, out
        found: list[str] = []
        for line in out.partition("\n\nAll is well")[0].splitlines():
            if line.startswith(" "):
                found[-1] += f" {line.strip()}"
            else:
                found.append(line)
        return [line[6:] for line in found if line.startswith("note")]

    def tables(self) -> set[tuple[str, str]]:
        """Every table of the source and the results, with its database."""
        sql = "SELECT DISTINCT database, table FROM system.columns WHERE database LIKE %(database)s"
        return {(str(owner), str(name)) for owner, name in self.engine.query(sql, {"database": f"{self.database}%"})}


def connection(engine: Engine) -> dict[str, str]:
    """The settings of a connection to an engine."""
    if isinstance(engine, EmbeddedEngine):
        return {"engine": "embedded", "path": engine.path}
    if isinstance(engine, HttpEngine):
        return {"engine": "http", "url": engine.url, "user": engine.user, "ca_certs": engine.ca_certs}
    assert isinstance(engine, ServerEngine)
    return {"engine": "server", "host": engine.host, "port": str(engine.port)}
