"""A source of generated events, and the tasks on it, run slot by slot as by cron."""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import luigi
from luigi.task_register import Register

from pipeline.core import clock, process
from pipeline.demo.events import Columns, generate
from pipeline.demo.load import create_tables
from pipeline.demo.scenario import LabelledIncident, Scenario
from pipeline.tasks import Alerts
from pipeline.warehouse.engines import Engine
from tests.pipeline.configuration import configured, shipped
from tests.pipeline.etl.running import place

TODAY = date(2026, 11, 12)
DAYS = 9
SLOT = clock.SLOT
OUTAGE = datetime(2026, 11, 12, 9)
BACK = datetime(2026, 11, 12, 10)
SCENARIO = Scenario(
    first_day=TODAY - timedelta(days=DAYS - 1), days=DAYS, users=400, views_per_day=8_000, messages_per_day=6_000
)


def incident(events: str = "messages", size: float = -1.0, **slice_: str) -> LabelledIncident:
    """Make an incident from 09:00 to 10:00 UTC."""
    start, end = OUTAGE.replace(tzinfo=UTC), BACK.replace(tzinfo=UTC)
    return LabelledIncident("outage", start, end, events, size, **slice_)  # type: ignore[arg-type]


@dataclass
class Site:
    """A site: source, results and outbox of one test.

    Parameters
    ----------
    warehouse : Warehouse
        Source and results.
    database : str
        Database of both.
    folder : Path
        Directory of the outbox and the locks.
    alerts : mapping
        Settings of [alerts] in addition to the usual ones.
    sections : mapping
        Other sections.
    """

    warehouse: Engine
    database: str
    folder: Path
    alerts: Mapping[str, str] = field(default_factory=dict)
    sections: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def load(
        self, *incidents: LabelledIncident, change: Callable[[str, Columns], Columns] = lambda _, columns: columns
    ) -> None:
        """Fill the source, with incidents; `change` gets each table's name and its rows of a day."""
        create_tables(self.warehouse, self.database)
        for day in generate(_with(incidents)):
            self._insert("feed_actions", change("feed_actions", day.feed_actions))
            self._insert("message_actions", change("message_actions", day.message_actions))

    def arrive(self, table: str, start: datetime, end: datetime, *incidents: LabelledIncident) -> None:
        """Insert the rows of an interval that an outage withheld, less what other incidents withhold."""
        (day,) = generate(_with(incidents), [DAYS - 1])
        columns = day.message_actions if table == "message_actions" else day.feed_actions
        within = (columns["time"] >= clock.epoch(start)) & (columns["time"] < clock.epoch(end))
        self._insert(table, {name: column[within] for name, column in columns.items()})

    @contextlib.contextmanager
    def at(self, now: datetime) -> Iterator[None]:
        """Act as a new process at a time (naive UTC)."""
        sections = {
            "clock": {"timezone": "Europe/Moscow"},
            "warehouse": {"database": self.database, **place(self.warehouse)},
            "source": {"database": self.database},
            "alerts": {
                "detector": "seasonal",
                "detector_params": '{"min_days": 7}',
                "metrics": "messages_sent,messenger_users,views",
                "history_days": "8",
                "catch_up_hours": "0",
                **self.alerts,
            },
            "outbox": {"path": str(self.folder / "outbox")},
            "delivery": {"lock_path": str(self.folder / "locks")},
            "worker": shipped("worker"),
            **self.sections,
        }
        with configured(now, **{name.replace(".", "__"): options for name, options in sections.items()}):
            process.reset()
            Register.clear_instance_cache()
            yield

    def run(self, root: luigi.Task, now: datetime) -> None:
        """Run a root task at a time, as in a new process."""
        with self.at(now):
            done = luigi.build([root], local_scheduler=True, log_level="WARNING", detailed_summary=True)
            assert done.status.name in ("SUCCESS", "SUCCESS_WITH_RETRY"), done.summary_text

    def alert(self, first: datetime, last: datetime) -> None:
        """Run `Alerts` as cron does, from one time to another."""
        now = first
        while now <= last:
            self.run(Alerts(), now)
            now += SLOT

    def messages(self) -> dict[str, str]:
        """Return the current texts of the outbox by message."""
        files = sorted((self.folder / "outbox").glob("*.txt"), key=lambda path: path.stem)
        return {path.stem: path.read_text(encoding="utf-8") for path in files}

    def incidents(self) -> list[dict[str, Any]]:
        """The newest state of each incident."""
        newest = "ORDER BY incident_id, slot DESC LIMIT 1 BY incident_id"
        rows = self.warehouse.query(f"SELECT details FROM {self.database}.incidents FINAL {newest}")
        return [json.loads(details) for (details,) in rows]

    def _insert(self, table: str, columns: Columns) -> None:
        moments = columns | {"time": columns["time"].astype("datetime64[s]")}
        self.warehouse.insert(f"{self.database}.{table}", moments)


def _with(incidents: tuple[LabelledIncident, ...]) -> Scenario:
    return Scenario(
        first_day=SCENARIO.first_day,
        days=SCENARIO.days,
        users=SCENARIO.users,
        views_per_day=SCENARIO.views_per_day,
        messages_per_day=SCENARIO.messages_per_day,
        incidents=incidents,
    )


@contextlib.contextmanager
def site(warehouse: Engine, folder: Path) -> Iterator[Site]:
    """Create a site; its database is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    try:
        yield Site(warehouse, name, folder)
    finally:
        warehouse.execute(f"DROP DATABASE IF EXISTS {name}", idempotent=True)
