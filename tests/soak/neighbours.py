"""A week of two people with one database: neither changes a row, a marker or a message of the other.

``python -m tests.soak.neighbours --days 7`` plays it on a server. Each one's tables and messages must equal those of a
run alone, in a database of one's own.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from subprocess import Popen

from pipeline.demo.load import create_tables, load
from pipeline.demo.scenario import LabelledIncident, Scenario
from pipeline.warehouse.engines import ServerEngine
from pipeline.warehouse.tables import (
    DAILY_METRICS,
    DELIVERIES,
    DELIVERY_STATE,
    INSTALLATION,
    RUNS,
    TABLE_UPDATES,
    TABLES,
)
from tests.process.project import Finished, Project, finish, make_project, moment
from tests.servers.clickhouse import ClickHouseServer

SHARED = "test"
FIRST_DAY = date(2026, 11, 2)
"""The Monday on which the simulated week begins."""
HISTORY_DAYS = 10

# Both start their runs at the same minute, as cron does. Partitions count as in use for a day of the machine's clock,
# which a simulated week does not last.
_PROGRAM = """
from pipeline.tasks import daily
daily.IN_USE_SECONDS = -60
from pipeline.commands.main import main
raise SystemExit(main())
"""

# Rows that no run of the neighbour may touch, whatever their names and dates.
_BYSTANDERS = {
    "boris_notes": "event_date Date, text String) ENGINE = MergeTree PARTITION BY event_date ORDER BY event_date",
    "user_day_backup": "event_date Date, user_id UInt64) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id",
}
_WRITTEN_AT = {TABLE_UPDATES: "inserted", DELIVERIES: "at", RUNS: "seconds"}
"""Columns with times of the machine."""


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody with feedpulse, and the settings that differ."""

    name: str
    prefix: str
    sections: Mapping[str, Mapping[str, str]]

    def table(self, name: str) -> str:
        """Return the name of one of `TABLES` in the database."""
        return self.sections["etl"].get("table", name) if name == DAILY_METRICS else f"{self.prefix}{name}"


ANNA = Person(
    "anna",
    "",
    {
        "etl": {"start": str(FIRST_DAY - timedelta(days=2)), "attribute_days": "2", "keep_staging_days": "3"},
        "warehouse": {"keep_days": "0"},
    },
)
BORIS = Person(
    "boris",
    "boris_",
    {
        "etl": {"table": "boris_result", "attribute_days": "4", "keep_staging_days": "1", "reload_days": "2"},
        "warehouse": {"prefix": "boris_", "keep_days": "43"},
        "alerts": {"metrics": "views,ctr,messages_sent", "minimum_slots": "2"},
        "report": {"language": "ru", "metrics": "views,likes"},
    },
)
PEOPLE = (ANNA, BORIS)


@dataclass
class World:
    """A database of results, a source of its own, and the people who use both."""

    engine: ServerEngine
    database: str
    projects: dict[Person, Project]
    codes: list[int] = field(default_factory=list)

    @property
    def source(self) -> str:
        """The database of its events."""
        return f"{self.database}_events"

    def start(self, now: datetime, task: str) -> list[Popen[str]]:
        """Start a task of everybody at the same time."""
        command = ("python", "-c", _PROGRAM, "run", task, "--local-scheduler", *moment(now))
        return [project.start(*command) for project in self.projects.values()]

    def finish(self, running: Sequence[Popen[str]]) -> None:
        """Wait for the ends of tasks."""
        for ended in map(finish, running):
            self.codes.append(ended.code)
            if ended.code:
                print(_end_of(ended), file=sys.stderr)

    def receive_late_rows(self, day: date) -> None:
        """Double the rows that some users have on a day."""
        for table in ("feed_actions", "message_actions"):
            some = f"user_id % 7 = 0 AND toDate(time, 'Europe/Moscow') = toDate('{day}')"
            name = f"{self.source}.{table}"
            self.engine.execute(f"INSERT INTO {name} SELECT * FROM {name} WHERE {some}")

    def age(self) -> None:
        """Add rows of January 2025 to everybody's runs, as of an old installation."""
        for person in self.projects:
            table = f"{self.database}.{person.table(RUNS)}"
            self.engine.insert(table, {"began": [datetime(2025, 1, 1)], "root": ["Alerts"], "did": [person.name]})

    def rows(self, person: Person) -> dict[str, list[str]]:
        """Return the rows of a person's tables as text, without the machine's times and paths and the database."""
        found = {}
        for table in TABLES:
            if table in (INSTALLATION, DELIVERY_STATE):  # they have random names
                continue
            sql = "SELECT name FROM system.columns WHERE database = %(database)s AND table = %(table)s"
            columns = self.engine.query(sql, {"database": self.database, "table": person.table(table)})
            kept = ", ".join(name for (name,) in columns if name != _WRITTEN_AT.get(table))
            name = f"{self.database}.{person.table(table)}"
            ((engine,),) = self.engine.query(
                "SELECT engine FROM system.tables WHERE database = %(database)s AND name = %(table)s",
                {"database": self.database, "table": person.table(table)},
            )
            final = "FINAL" if engine.startswith("Replacing") else ""
            rows = self.engine.query(f"SELECT {kept} FROM {name} {final}")
            home = str(self.projects[person].directory)
            found[table] = sorted(repr(row).replace(home, "").replace(f"{self.database}.", "") for row in rows)
        return found

    def messages(self, person: Person) -> dict[str, bytes]:
        """Return the texts and pictures of a person's outbox; names have no times of the machine."""
        found: dict[str, bytes] = {}
        for path in sorted(self.projects[person].outbox.iterdir()):
            if path.suffix in (".txt", ".png"):
                name = re.sub(r"\d{13}", f"{len(found)}", path.name)
                found[name] = path.read_bytes()
        return found

    def tables(self) -> set[str]:
        """Return the names of all tables in the database."""
        sql = "SELECT name FROM system.tables WHERE database = %(database)s"
        return {name for (name,) in self.engine.query(sql, {"database": self.database})}


@dataclass(frozen=True)
class Report:
    """The result of a week."""

    runs: int
    counts: dict[str, int]
    """Rows and messages that were compared, by name."""
    differences: list[str]


def main() -> int:
    """Play the week; return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.neighbours", description=__doc__)
    parser.add_argument("--days", type=int, default=7)
    days = parser.parse_args().days
    with tempfile.TemporaryDirectory(prefix="neighbours-") as directory:
        report = play(Path(directory), days)
    for name, count in report.counts.items():
        print(f"{name:<28} {count:>8}")
    print(f"{days} days, {report.runs} runs, {len(report.differences)} differences")
    print("\n".join(report.differences))
    return int(bool(report.differences))


def play(directory: Path, days: int) -> Report:
    """Play days of both people together, and of each alone, and compare."""
    with ClickHouseServer(directory / "server") as server:
        engine = ServerEngine(host=server.host, port=server.port)
        together = _world(engine, directory, SHARED, PEOPLE, days)
        alone = {person: _world(engine, directory, f"alone_{person.name}", [person], days) for person in PEOPLE}
        for table, columns in _BYSTANDERS.items():
            engine.execute(f"CREATE TABLE {SHARED}.{table} ({columns}")
            engine.insert(f"{SHARED}.{table}", {"event_date": [date(2025, 1, 1), FIRST_DAY]})
        worlds = [together, *alone.values()]
        for now, task in _steps(days):
            if task == "Daily":
                for world in worlds:
                    world.receive_late_rows(now.date() - timedelta(days=2))
            running = [world.start(now, task) for world in worlds]
            for world, started in zip(worlds, running, strict=True):
                world.finish(started)
                if now.date() == FIRST_DAY and task == "Daily":
                    world.age()
        differences = [*_differences(together, alone), *(_retention(together) if days > 1 else ())]
        return Report(sum(len(world.codes) for world in worlds), _counts(together), differences)


def _steps(days: int) -> Iterator[tuple[datetime, str]]:
    """The runs of a week, as naive UTC and a task."""
    for day in (FIRST_DAY + timedelta(days=i) for i in range(days)):
        yield datetime.combine(day, time(2, 30)), "Daily"
        yield datetime.combine(day, time(6, 0)), "Morning"
        for at in (time(9, 20), time(9, 50), time(10, 50), time(11, 50)):
            yield datetime.combine(day, at), "Alerts"
        if day.weekday() == 0:
            yield datetime.combine(day, time(12, 0)), "Weekly"


def _world(engine: ServerEngine, directory: Path, database: str, people: Sequence[Person], days: int) -> World:
    """Make a world with the events of all days; on every other day no message is sent from 09:00 to 10:00 UTC."""
    outages = [datetime.combine(FIRST_DAY + timedelta(days=i), time(9), UTC) for i in range(0, days, 2)]
    scenario = Scenario(
        first_day=FIRST_DAY - timedelta(days=HISTORY_DAYS),
        days=HISTORY_DAYS + days,
        users=300,
        views_per_day=6_000,
        messages_per_day=5_000,
        incidents=tuple(LabelledIncident("outage", at, at + timedelta(hours=1), "messages", -1.0) for at in outages),
    )
    engine.execute(f"CREATE DATABASE IF NOT EXISTS {database}")
    world = World(engine, database, {})
    create_tables(engine, world.source)
    load(engine, world.source, scenario)
    for person in people:
        project = make_project(directory / database / person.name, engine)
        project.sections["warehouse"]["database"] = database
        project.sections["source"]["database"] = world.source
        project.sections["etl"] = {}
        project.configure(**person.sections)
        world.projects[person] = project
    return world


def _counts(world: World) -> dict[str, int]:
    counts: dict[str, int] = {}
    for person in world.projects:
        counts |= {f"{world.database}.{person.table(table)}": len(rows) for table, rows in world.rows(person).items()}
        counts[f"files of {person.name}'s outbox"] = len(world.messages(person))
    return counts


def _differences(together: World, alone: Mapping[Person, World]) -> Iterator[str]:
    """Say what one's neighbour has changed."""
    for world in (together, *alone.values()):
        if any(world.codes):
            yield f"{world.database}: exit codes {sorted(set(world.codes))}"
    for person, world in alone.items():
        for table, rows in together.rows(person).items():
            wanted = world.rows(person)[table]
            if rows != wanted:
                missing, extra = sorted(set(wanted) - set(rows)), sorted(set(rows) - set(wanted))
                yield f"{person.name}, {table}: missing {missing[:2]}, too many {extra[:2]}"
        if (messages := together.messages(person)) != (expected := world.messages(person)):
            changed = [name for name in {*messages, *expected} if messages.get(name) != expected.get(name)]
            yield f"{person.name}, messages: {sorted(changed)}"
    ours = {person.table(table) for person in together.projects for table in TABLES}
    if surplus := together.tables() ^ (ours | set(_BYSTANDERS)):
        yield f"tables missing or too many: {sorted(surplus)}"
    for table in _BYSTANDERS:
        if (found := together.engine.query(f"SELECT count() FROM {SHARED}.{table}")) != [(2,)]:
            yield f"{table} has {found} rows"


def _retention(world: World) -> Iterator[str]:
    """Say whose rows of 2025 do not follow one's own settings."""
    for person, wanted in ((ANNA, 1), (BORIS, 0)):
        rows = sum("2025" in row for row in world.rows(person)[RUNS])
        if rows != wanted:
            yield f"{person.name} has {rows} rows of 2025 in {RUNS}, not {wanted}"


def _end_of(ended: Finished) -> str:
    return f"exit code {ended.code}:\n{ended.log[-2000:]}"


if __name__ == "__main__":
    sys.exit(main())
