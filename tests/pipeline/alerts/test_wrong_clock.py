"""A clock that is ahead, goes back or stands still, and what the next run makes of it."""

from datetime import datetime, timedelta
from pathlib import Path

import luigi
import pytest

from pipeline.core import clock
from pipeline.core.errors import ClockError
from pipeline.demo.events import Columns
from pipeline.tasks import Alerts, CheckAlerts
from pipeline.warehouse import tables
from pipeline.warehouse.engines import Engine
from tests.pipeline.alerts.place import OUTAGE, SLOT, Site

RIGHT = OUTAGE - timedelta(minutes=55)  # 08:05
AHEAD = RIGHT + timedelta(hours=3)


@pytest.fixture(params=[pytest.param("embedded", marks=pytest.mark.long), "server"])
def warehouse(request: pytest.FixtureRequest) -> Engine:
    """The server; the other engine adds little here."""
    engine = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(engine, Engine)
    return engine


@pytest.fixture
def site(warehouse: Engine, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose clock counts as a real one; its events end at 08:05."""
    made = Site(warehouse, database, tmp_path, alerts={"catch_up_hours": "0"})
    made.load(change=lambda _, columns: before(columns, RIGHT))
    monkeypatch.setattr(clock, "is_simulated", lambda: False)
    monkeypatch.setattr(clock, "system_time", clock.now)
    monkeypatch.setattr(tables, "_require_same_time", lambda *_: None)
    return made


def before(columns: Columns, end: datetime) -> Columns:
    return {name: column[columns["time"] < clock.epoch(end)] for name, column in columns.items()}


def checked(site: Site) -> list[datetime]:
    """The slots of the marks of checks that are valid."""
    table = f"{site.database}.table_updates"
    marks = "done = 1 AND update_id LIKE 'check_alerts:%'"
    rows = site.warehouse.query(f"SELECT update_id FROM {table} FINAL WHERE {marks}")
    return sorted(datetime.strptime(item.split(":")[1], "%Y-%m-%dT%H%M") for (item,) in rows)


def run_ahead(site: Site) -> None:
    """Run at the right time, then with a clock that is ahead."""
    site.run(Alerts(), RIGHT - SLOT)
    site.alerts = {"catch_up_hours": "4"}
    site.run(Alerts(), AHEAD)


@pytest.mark.one_engine("embedded")
def test_a_run_ahead_is_taken_back_and_the_outage_that_follows_is_told(site: Site) -> None:
    run_ahead(site)
    wrong = "alert-2026-11-12T0800Z-messages_sent"
    assert set(site.messages()) == {wrong, f"{wrong}-no_data"}
    assert site.messages()[wrong].startswith("🔴 No data in feed_actions, message_actions since 10:45")
    assert max(checked(site)) == datetime(2026, 11, 12, 10, 45)

    site.arrive("feed_actions", RIGHT, OUTAGE + timedelta(hours=3))
    site.arrive("message_actions", RIGHT, OUTAGE)  # an outage of messages from 09:00 on
    site.run(Alerts(), RIGHT + SLOT)
    messages = site.messages()
    assert set(messages) == {wrong, f"{wrong}-no_data", f"{wrong}-withdrawn"}
    for key in (wrong, f"{wrong}-withdrawn"):
        assert messages[key].startswith("✅ Withdrawn: ")
        assert messages[key].splitlines()[1] == "the clock of feedpulse was wrong"
    assert max(checked(site)) == datetime(2026, 11, 12, 8)

    site.alert(RIGHT + 2 * SLOT, OUTAGE + timedelta(minutes=50))
    messages = site.messages()
    (new,) = {key for key in messages if "T0900Z" in key}
    assert new.startswith("alert-2026-11-12T0900Z-mess")
    assert messages[new].startswith("🔴 No data in message_actions since 12:00")
    assert messages[wrong].startswith("✅ Withdrawn")
    assert max(checked(site)) == datetime(2026, 11, 12, 9, 30)

    site.arrive("message_actions", OUTAGE + timedelta(minutes=50), OUTAGE + timedelta(hours=3))
    site.alert(OUTAGE + timedelta(minutes=65), OUTAGE + timedelta(hours=2))
    assert site.messages()[f"{new}-recovered"].partition("\n")[0].count("recovered after")


@pytest.mark.long
def test_the_history_of_the_next_day_is_measured_again(site: Site) -> None:
    run_ahead(site)
    site.arrive("feed_actions", RIGHT, OUTAGE + timedelta(hours=15))
    site.arrive("message_actions", RIGHT, OUTAGE + timedelta(hours=15))
    site.run(Alerts(), RIGHT + SLOT)  # and then nobody checks until the next day
    site.alerts = {"catch_up_hours": "0"}
    site.run(Alerts(), datetime(2026, 11, 12, 21, 20))
    zeros = site.warehouse.query(
        f"SELECT count() FROM {site.database}.slot_metrics FINAL WHERE dimension = 'total' AND metric = 'views' "
        "AND numerator = 0 AND slot >= toDateTime('2026-11-12 08:15:00', 'UTC') "
        "AND slot < toDateTime('2026-11-12 20:45:00', 'UTC')"
    )
    assert zeros == [(0,)]


def test_a_clock_that_goes_back_is_refused(site: Site) -> None:
    site.arrive("feed_actions", RIGHT, AHEAD)
    site.arrive("message_actions", RIGHT, AHEAD)
    site.alerts = {"catch_up_hours": "2"}
    site.run(Alerts(), AHEAD)
    marks = checked(site)
    with (
        site.at(RIGHT),
        pytest.raises(ClockError, match="went back: it says 2026-11-12 08:05 UTC.*until 2026-11-12 11:00"),
    ):
        Alerts().requires()
    assert checked(site) == marks
    assert site.messages() == {}
    site.run(Alerts(), AHEAD - 2 * SLOT)  # a small step is waited for
    assert checked(site) == marks
    site.run(Alerts(), AHEAD + SLOT)
    assert max(checked(site)) == max(marks) + SLOT


@pytest.mark.long
def test_a_simulated_clock_goes_where_it_wants(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    site.run(Alerts(), AHEAD)
    marks = checked(site)
    site.run(Alerts(), RIGHT - SLOT)
    assert checked(site)[-1] == max(marks)
    assert next(iter(site.messages().values())).startswith("🔴 No data in ")


def test_a_slot_that_is_checked_after_a_long_pause_alarms_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run(Alerts(), RIGHT - SLOT)
    with site.at(AHEAD):
        monkeypatch.setattr(clock, "system_time", lambda: clock.now() + timedelta(hours=5))  # it was suspended
        newest = CheckAlerts(slot=AHEAD.replace(minute=0) - SLOT)
        assert luigi.build([newest], local_scheduler=True, log_level="WARNING")
    assert site.messages() == {}


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_server_with_another_time_is_refused(
    server_warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    site = Site(server_warehouse, "test_wrong_clock", tmp_path)
    now = clock.system_time()
    monkeypatch.setattr(clock, "is_simulated", lambda: False)
    monkeypatch.setattr(clock, "system_time", lambda: now + timedelta(hours=hours))
    with site.at(now.replace(tzinfo=None) + timedelta(hours=hours)):
        with pytest.raises(ClockError, match="set the wrong one right"):
            tables.open_warehouse()
        assert server_warehouse.query("SELECT name FROM system.databases WHERE name = 'test_wrong_clock'") == []
