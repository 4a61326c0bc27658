"""Missed slots caught up at once: the same results as slot by slot, few statements, and kills at any of them."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from pipeline.alerts import stretch
from pipeline.alerts.incidents import State, store
from pipeline.core import clock
from pipeline.demo.scenario import LabelledIncident
from pipeline.tasks import Alerts
from pipeline.tasks.alerts import CheckAlerts
from pipeline.warehouse import tables
from pipeline.warehouse.engines import EmbeddedEngine
from tests.pipeline.alerts.place import SLOT, Site, site

DAY = datetime(2026, 11, 12)
STOPPED = DAY + timedelta(hours=6)
"""The newest run before the pause."""
AGAIN = DAY + timedelta(hours=11)
"""The run that catches up."""
MISSED = (AGAIN - STOPPED) // SLOT
TOLD = "messages_sent:2026-11-12T0500"
RESULTS = (
    tables.SLOT_METRICS,
    tables.SLOT_COUNTS,
    tables.SLOT_CHECKS,
    tables.INCIDENTS,
    tables.INCIDENT_ACTIONS,
    tables.DELIVERIES,
    tables.DELIVERY_STATE,
    tables.TABLE_UPDATES,
)


def incident(start: float, end: float, events: str, size: float, **slice_: str) -> LabelledIncident:
    """Make an incident between two hours of the day, UTC."""
    first, last = (DAY.replace(tzinfo=UTC) + timedelta(hours=hour) for hour in (start, end))
    return LabelledIncident("drop", first, last, events, size, **slice_)  # type: ignore[arg-type]


INCIDENTS = (
    incident(5, 6.25, "messages", -0.9),  # told before the pause; ends in it
    incident(7.5, 8.25, "views", -0.7),  # begins and ends in the pause
    incident(8.75, 9.5, "messages", -1.0, dimension="os", dimension_value="iOS"),
    incident(10.5, 11, "views", -1.0),  # told when the pause ends
)
LATE = DAY + timedelta(hours=3), DAY + timedelta(hours=3, minutes=45)
"""Rows of the feed of this hour come in the pause."""


@dataclass
class Paused:
    """A site whose cron was stopped for some hours, and what it had before it goes on."""

    site: Site

    def __post_init__(self) -> None:
        self._execute("CREATE DATABASE before")
        for table in RESULTS:
            self._execute(f"CREATE TABLE before.{table} AS {self.site.database}.{table}")
            self._execute(f"INSERT INTO before.{table} SELECT * FROM {self.site.database}.{table}")
        shutil.copytree(self.site.folder / "outbox", self.site.folder / "before")

    def restore(self) -> None:
        """Make everything as it was at the end of the pause."""
        for table in RESULTS:
            self._execute(f"TRUNCATE TABLE {self.site.database}.{table}")
            self._execute(f"INSERT INTO {self.site.database}.{table} SELECT * FROM before.{table}")
        shutil.rmtree(self.site.folder / "outbox")
        shutil.copytree(self.site.folder / "before", self.site.folder / "outbox")

    def state(self) -> dict[str, Any]:
        """Everything that the checks have written."""
        kept: dict[str, Any] = {"messages": self.site.messages()}
        for table in (tables.SLOT_METRICS, tables.SLOT_CHECKS, tables.INCIDENTS, tables.SLOT_COUNTS):
            rows = self._query(f"SELECT * FROM {self.site.database}.{table} FINAL ORDER BY tuple(*)")
            kept[table] = list(map(str, rows))  # so that NaN equals NaN
        sent = "message_key, channel, address, state, message_id"
        kept["deliveries"] = self._query(f"SELECT {sent} FROM {self.site.database}.deliveries FINAL ORDER BY {sent}")
        markers = f"SELECT update_id, done FROM {self.site.database}.table_updates FINAL ORDER BY update_id"
        kept["markers"] = self._query(markers)
        return kept

    def catch_up(self) -> None:
        """Run `Alerts` at the end of the pause."""
        self.site.run(Alerts(), AGAIN)

    def catch_up_killed(self, number: int) -> bool:
        """Run `Alerts` in a process that is killed before a statement; return whether it was."""
        process = os.fork()
        if process == 0:
            try:
                _kill_before(number)
                self.catch_up()
            finally:
                os._exit(0)
        _, status = os.waitpid(process, 0)
        return os.WIFSIGNALED(status)

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.site.warehouse.query(sql)

    def _execute(self, sql: str) -> None:
        self.site.warehouse.execute(sql)


def _kill_before(number: int) -> None:
    """Let this process be killed before a statement."""
    numbers, ask = count(1), EmbeddedEngine._ask

    def killing(engine: EmbeddedEngine, *request: Any) -> Iterator[bytes]:
        if next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from ask(engine, *request)

    EmbeddedEngine._ask = killing  # type: ignore[method-assign,assignment]


@pytest.fixture(scope="module")
def paused(embedded_warehouse: EmbeddedEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paused]:
    with site(embedded_warehouse, tmp_path_factory.mktemp("pause")) as place:
        place.alerts = {"slice_volume": "10", "catch_up_hours": "24"}

        def without_late(table: str, columns: dict[str, Any]) -> dict[str, Any]:
            first, end = map(clock.epoch, LATE)
            kept = (table != "feed_actions") | (columns["time"] < first) | (columns["time"] >= end)
            return {name: column[kept] for name, column in columns.items()}

        place.load(*INCIDENTS, change=without_late)
        place.run(Alerts(), LATE[0])
        for now in (LATE[1], STOPPED - 2 * SLOT, STOPPED - SLOT, STOPPED):
            place.run(Alerts(), now)
        place.arrive("feed_actions", *LATE)
        with place.at(STOPPED + timedelta(hours=1)):
            press = store.RecordedPress(1, "acknowledge", TOLD, "Anna", clock.utcnow())
            store.save_presses("outbox", [press])
        yield Paused(place)
        embedded_warehouse.execute("DROP DATABASE before")


@dataclass
class Whole:
    """A run that caught up without a kill: its statements, and the state that it left."""

    statements: list[str]
    stretches: list[int]
    """For each stretch of more than one slot, how many statements came before it was saved."""
    state: dict[str, Any]

    @property
    def writes(self) -> list[int]:
        """The numbers of the INSERTs that save the longest stretch."""
        first = self.stretches[-1]
        numbers = [number for number, sql in enumerate(self.statements, 1) if number > first and "INSERT" in sql]
        return numbers[: len(SAVED)]


SAVED = (tables.INCIDENTS, tables.SLOT_CHECKS, tables.TABLE_UPDATES)


@pytest.fixture(scope="module")
def whole(paused: Paused) -> Whole:
    noted: list[str] = []
    stretches: list[int] = []
    ask, check = EmbeddedEngine._ask, stretch.check

    def noting(engine: EmbeddedEngine, request: dict[str, str], *data: Any) -> Iterator[bytes]:
        noted.append(request["sql"])
        yield from ask(engine, request, *data)

    def checking(*arguments: Any) -> tuple[list[stretch.Checked], State]:
        checked, state = check(*arguments)
        if checked:
            stretches.append(len(noted))
        return checked, state

    paused.restore()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedEngine, "_ask", noting)
        patch.setattr(stretch, "check", checking)
        paused.catch_up()
    return Whole(noted, stretches, paused.state())


@pytest.mark.long
def test_caught_up_at_once_is_as_slot_by_slot(paused: Paused, whole: Whole) -> None:
    paused.restore()
    for i in range(MISSED):
        paused.site.run(CheckAlerts(slot=STOPPED + i * SLOT), AGAIN)  # in a process of its own
    alone = paused.state()
    for what, rows in alone.items():
        assert whole.state[what] == rows, what
    # The day has what it should: told before, told and ended in the pause, found in the pause, told after it.
    assert {found["incident_id"]: (found["outcome"], found["notified"]) for found in paused.site.incidents()} == {
        "views:2026-11-12T0300": ("late data", True),
        "messages_sent:2026-11-12T0500": ("recovered", True),
        "views:2026-11-12T0730": ("recovered", False),
        "messages_sent:2026-11-12T0845": ("recovered", False),
        "views:2026-11-12T1030": ("", True),
    }
    assert whole.stretches


@pytest.mark.parametrize("table", [*(pytest.param(table, marks=pytest.mark.long) for table in SAVED[:-1]), SAVED[-1]])
def test_a_kill_while_a_stretch_is_saved_loses_and_doubles_nothing(paused: Paused, whole: Whole, table: str) -> None:
    number = whole.writes[SAVED.index(table)]
    assert f".{table} " in whole.statements[number - 1]
    assert killed_and_repeated(paused, number) == whole.state


@pytest.mark.long
@pytest.mark.parametrize("rest", range(8))
def test_a_kill_at_any_statement_loses_and_doubles_nothing(paused: Paused, whole: Whole, rest: int) -> None:
    for number in range(1 + rest, len(whole.statements) + 1, 8):
        assert killed_and_repeated(paused, number) == whole.state, (number, whole.statements[number - 1])


def killed_and_repeated(paused: Paused, number: int) -> dict[str, Any]:
    """Return the state after a run that is killed before its statement of this number, and another run."""
    paused.restore()
    assert paused.catch_up_killed(number)
    paused.catch_up()
    return paused.state()
