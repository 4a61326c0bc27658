"""Two people in one database: each has what he would have alone, and neither changes anything of the other."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.demo.load import create_tables, load
from pipeline.demo.scenario import LabelledIncident, Scenario
from pipeline.tasks import Alerts, Morning, Presses, Weekly
from pipeline.warehouse import tables
from pipeline.warehouse.engines import Engine, ServerEngine
from pipeline.warehouse.views import VIEWS
from tests.pipeline.alerts.place import Site
from tests.pipeline.etl.running import fresh_database, place

FIRST = date(2026, 11, 12)
HISTORY_DAYS = 8
# Times of the machine, and what names the database, the prefix or the folder.
VARYING = {
    tables.TABLE_UPDATES: ("target_table", "inserted"),
    tables.DELIVERIES: ("address", "at"),
    tables.DELIVERY_STATE: ("address", "item", "version", "at"),
    tables.RUNS: ("began", "seconds", "did", "error"),
    tables.INSTALLATION: ("value", "item", "version"),
}


@dataclass(frozen=True)
class Person:
    """Somebody with a source, a time zone and a prefix of his own."""

    name: str
    zone: str
    users: int
    events: str
    """The kind of event that is missing for an hour of each day."""

    def scenario(self, days: int) -> Scenario:
        """His events: the history, and so many days."""
        starts = [datetime(2026, 11, 12 + day, 9, tzinfo=UTC) for day in range(days)]
        return Scenario(
            first_day=FIRST - timedelta(days=HISTORY_DAYS),
            days=HISTORY_DAYS + days + 1,
            users=self.users,
            views_per_day=20 * self.users,
            messages_per_day=15 * self.users,
            incidents=tuple(
                LabelledIncident("outage", start, start + timedelta(hours=1), self.events, -1.0)  # type: ignore[arg-type]
                for start in starts[::3]
            ),
        )

    def site(self, warehouse: Engine, source: str, database: str, folder: Path, prefix: str = "") -> Site:
        """His configuration. Without a prefix he is alone in the database."""
        return Site(
            warehouse,
            database,
            folder,
            {"catch_up_hours": "1"},
            {
                "warehouse": {**place(warehouse), "database": database, "prefix": prefix},
                "source": {"database": source},
                "clock": {"timezone": self.zone},
                "etl": {
                    "start": str(FIRST - timedelta(days=2)),
                    "attribute_days": "2",
                    "table": f"{prefix}daily_metrics",
                },
            },
        )


ANNA = Person("anna", "Europe/Moscow", 400, "messages")
BEN = Person("ben", "America/New_York", 300, "views")


def digests(site: Site, prefix: str) -> dict[str, tuple[object, ...]]:
    """By table of a prefix: how it was created, the number of its rows and a digest of them."""
    found: dict[str, tuple[object, ...]] = {}
    for (name,) in site.warehouse.query(f"SHOW TABLES FROM {site.database}"):
        if name.startswith(prefix):
            table = f"{site.database}.{name}"
            rows = site.warehouse.query(f"SELECT count(), groupBitXor(cityHash64(*)) FROM {table}")
            found[name] = (site.warehouse.query(f"SHOW CREATE TABLE {table}"), rows)
    return found


def rows(site: Site, prefix: str) -> dict[str, list[str]]:
    """By table, the rows without the columns in `VARYING`."""
    found = {}
    for table in tables.TABLES:
        name = f"{site.database}.{prefix}{table}"
        columns = [column for column, *_ in site.warehouse.query(f"DESCRIBE TABLE {name}")]
        kept = ", ".join(column for column in columns if column not in VARYING.get(table, ())) or "1"
        found[table] = sorted(map(repr, site.warehouse.query(f"SELECT DISTINCT {kept} FROM {name}")))
    return found


@contextlib.contextmanager
def events(warehouse: Engine, person: Person, days: int) -> Iterator[str]:
    with fresh_database(warehouse) as source:
        create_tables(warehouse, source)
        load(warehouse, source, person.scenario(days))
        yield source


def act(site: Site, day: date, hour: int, *, is_last: bool) -> None:
    """Run what cron runs in an hour."""
    now = datetime(day.year, day.month, day.day, hour, 1)
    if hour == 6:
        site.run(Morning(), now)
    site.run(Alerts(), now)
    site.run(Presses(), now)
    if is_last:
        site.run(Weekly(), now)


@pytest.mark.long
def test_two_people_share_a_database(server_warehouse: ServerEngine, tmp_path: Path) -> None:
    """A morning; ``python -m tests.soak.neighbours`` plays a week."""
    warehouse, days, hours = server_warehouse, 1, (6, 10)
    with (
        events(warehouse, ANNA, days) as annas,
        events(warehouse, BEN, days) as bens,
        fresh_database(warehouse) as shared,
        fresh_database(warehouse) as annas_own,
        fresh_database(warehouse) as bens_own,
    ):
        anna, ben = (
            person.site(warehouse, source, shared, tmp_path / person.name, f"{person.name}_")
            for person, source in ((ANNA, annas), (BEN, bens))
        )
        alone = {
            person.name: person.site(warehouse, source, own, tmp_path / f"{person.name} alone")
            for person, source, own in ((ANNA, annas, annas_own), (BEN, bens, bens_own))
        }
        warehouse.execute(f"CREATE DATABASE {shared}")
        steps = [(FIRST + timedelta(days=day), hour) for day in range(days) for hour in hours]
        for day, hour in steps:
            for site, other, prefix in ((anna, ben, "ben_"), (ben, anna, "anna_")):
                before = digests(other, prefix), other.messages()
                act(site, day, hour, is_last=(day, hour) == steps[-1])
                assert (digests(other, prefix), other.messages()) == before
            for site in alone.values():
                act(site, day, hour, is_last=(day, hour) == steps[-1])

        for name, site in (("anna", anna), ("ben", ben)):
            assert rows(site, f"{name}_") == rows(alone[name], "")
            assert site.messages() == alone[name].messages()
            keys = list(site.messages())
            assert len([key for key in keys if key.startswith("daily_report")]) == days
            assert [key for key in keys if key.startswith("alert-")]
        names = {name for (name,) in warehouse.query(f"SHOW TABLES FROM {shared}")}
        assert names == {f"{name}_{table}" for name in ("anna", "ben") for table in (*tables.TABLES, *VIEWS)}
