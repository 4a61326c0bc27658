"""Old months of the tables that grow: what is dropped, and what stays."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta

import luigi
import pytest

from pipeline.alerts.backtest import proposals, week
from pipeline.alerts.incidents import store
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.core import clock, process, settings
from pipeline.core.errors import SettingsError, TerminalError
from pipeline.core.settings.checking import SUMMARY_DAYS
from pipeline.tasks import Alerts, CheckAlerts, Daily, HistoryRetention, StagingRetention
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.retention import MOMENTS
from pipeline.warehouse.tables import DELIVERIES, DELIVERY_STATE, REPORTED, full_name, open_warehouse
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place, prepared, run
from tests.pipeline.etl.stories import STORY, SUNDAY

TODAY = date(2026, 11, 10)
YESTERDAY = TODAY - timedelta(days=1)
NOW = datetime(2026, 11, 10, 9)
KEPT = {"keep_days": "40"}  # 40 days before 9 November: 30 September is needed, and so is its whole month
EDGES = (
    datetime(2025, 1, 1),
    datetime(2026, 7, 31, 23, 45),
    datetime(2026, 8, 15),
    datetime(2026, 8, 31, 23, 45),
    datetime(2026, 9, 1),
    datetime(2026, 9, 30),
    datetime(2026, 11, 10, 8, 45),
)
SEPTEMBER = datetime(2026, 9, 1)
OWN_KEYS = {DELIVERIES: ("message_key",), DELIVERY_STATE: ("message_key",), REPORTED: ("metric",)}
"""Columns without which rows of one month would be one row."""


def at_work(engine: Engine, database: str, now: datetime = NOW, **warehouse: str) -> AbstractContextManager[None]:
    """Configure a warehouse."""
    return configured(
        now,
        warehouse={**place(engine), "database": database, **KEPT, **warehouse},
        alerts={"history_days": "2"},
    )


@pytest.fixture
def database(warehouse: Engine) -> Iterator[str]:
    """A database whose tables have rows of several months."""
    with fresh_database(warehouse) as name, at_work(warehouse, name):
        for table, column in MOMENTS.items():
            own_keys = {key: [str(at) for at in EDGES] for key in OWN_KEYS.get(table, ())}
            open_warehouse().insert(full_name(table), {column: list(EDGES), **own_keys})
        yield name


def left(engine: Engine, database: str) -> Mapping[str, list[datetime]]:
    """The moments that the tables have."""
    return {
        table: [at for (at,) in engine.query(f"SELECT {column} FROM {database}.{table} ORDER BY {column}")]
        for table, column in MOMENTS.items()
    }


def test_months_that_are_too_old_are_dropped(warehouse: Engine, database: str) -> None:
    with at_work(warehouse, database):
        run(HistoryRetention(date=YESTERDAY))
        assert left(warehouse, database) == dict.fromkeys(MOMENTS, [at for at in EDGES if at >= SEPTEMBER])
        HistoryRetention(date=YESTERDAY).run()
        assert left(warehouse, database) == dict.fromkeys(MOMENTS, [at for at in EDGES if at >= SEPTEMBER])


def test_a_run_that_was_cut_off_goes_on(warehouse: Engine, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    execute, calls = type(warehouse).execute, iter(range(100))

    def cut_off(*arguments: object, **options: object) -> None:
        if next(calls) == 5:
            raise KeyboardInterrupt
        execute(*arguments, **options)  # type: ignore[arg-type]

    with at_work(warehouse, database):
        open_warehouse()
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(type(warehouse), "execute", cut_off)
            with pytest.raises(KeyboardInterrupt):
                HistoryRetention(date=YESTERDAY).run()
        assert not HistoryRetention(date=YESTERDAY).complete()
        run(HistoryRetention(date=YESTERDAY))
        assert left(warehouse, database) == dict.fromkeys(MOMENTS, [at for at in EDGES if at >= SEPTEMBER])


def test_a_right_that_is_missing_fails_no_run(
    warehouse: Engine, database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise TerminalError("Not enough privileges: ALTER DELETE", 497)

    with at_work(warehouse, database):
        open_warehouse()
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr("pipeline.warehouse.retention.drop_months", denied)
            run(HistoryRetention(date=YESTERDAY))
        assert "old months are not dropped: Not enough privileges: ALTER DELETE" in caplog.text
        luigi.task_register.Register.clear_instance_cache()
        assert not HistoryRetention(date=YESTERDAY).complete()  # the next run that asks for it tries again
        run(HistoryRetention(date=YESTERDAY))
        assert left(warehouse, database) == dict.fromkeys(MOMENTS, [at for at in EDGES if at >= SEPTEMBER])


def test_an_open_incident_keeps_what_it_needs(warehouse: Engine, database: str) -> None:
    # Silent since the first slot of August: the last slot with rows is in July.
    august = datetime(2026, 8, 1)
    member = Member("views", "total", "all", august, NOW, -1)
    incident = Incident("views:2026-08-01T0000", august + clock.SLOT, NOW, (member,), silent_since=august)
    with at_work(warehouse, database):
        store.save_incidents([incident], NOW - clock.SLOT)
        HistoryRetention(date=YESTERDAY).run()
        assert left(warehouse, database)["deliveries"] == [at for at in EDGES if at >= datetime(2026, 7, 1)]


def test_an_incident_that_ended_keeps_nothing(warehouse: Engine, database: str) -> None:
    august = datetime(2026, 8, 1)
    member = Member("views", "total", "all", august, NOW, -1)
    incident = Incident("views:2026-08-01T0000", august, NOW, (member,), ended=True, outcome="recovered")
    with at_work(warehouse, database):
        store.save_incidents([incident], NOW - clock.SLOT)
        HistoryRetention(date=YESTERDAY).run()
        assert left(warehouse, database)["deliveries"] == [at for at in EDGES if at >= SEPTEMBER]


def test_a_clock_that_is_years_ahead_keeps_the_days_before_the_newest_row(warehouse: Engine, database: str) -> None:
    with at_work(warehouse, database, NOW + timedelta(days=1000), keep_days="41"):
        HistoryRetention(date=YESTERDAY + timedelta(days=1000)).run()
        assert left(warehouse, database) == dict.fromkeys(MOMENTS, [at for at in EDGES if at >= SEPTEMBER])


def test_0_days_keep_all(warehouse: Engine, database: str) -> None:
    with at_work(warehouse, database, keep_days="0"):
        run(HistoryRetention(date=YESTERDAY))
        assert left(warehouse, database) == dict.fromkeys(MOMENTS, list(EDGES))


def test_the_default_is_more_than_a_year(warehouse: Engine, database: str) -> None:
    with configured(NOW, warehouse={**place(warehouse), "database": database}):
        run(HistoryRetention(date=YESTERDAY))
        assert left(warehouse, database) == dict.fromkeys(MOMENTS, list(EDGES[1:]))


@pytest.mark.parametrize(
    ("kept", "others", "least"),
    [
        ("62", {}, "63 or more because of [alerts] history_days"),
        ("-1", {}, "63 or more because of [alerts] history_days"),
        ("75", {"alerts": {"catch_up_hours": "1200"}}, "79 or more because of [alerts] history_days"),
        ("90", {"etl": {"reload_days": "90"}}, "91 or more because of [etl] reload_days"),
    ],
)
def test_days_that_something_reads_cannot_be_dropped(kept: str, others: dict[str, dict[str, str]], least: str) -> None:
    with (
        configured(NOW, warehouse={"keep_days": kept}, **others),
        pytest.raises(SettingsError, match=rf"keep_days = {kept}: must be {least}".replace("[", r"\[")),
    ):
        settings.check()
    with configured(NOW, warehouse={"keep_days": least.split()[0]}, **others):
        settings.check()


@pytest.mark.parametrize(
    ("others", "kept"),
    [
        ({"alerts": {"history_days": "366"}}, 401),
        ({"etl": {"reload_days": "400"}}, 401),
        ({"alerts": {"history_days": "28"}}, 400),
        ({"alerts": {"history_days": "366"}, "warehouse": {"keep_days": "0"}}, 0),
    ],
)
def test_days_that_nobody_set_grow_with_what_is_read(others: dict[str, dict[str, str]], kept: int) -> None:
    with configured(NOW, **others):
        settings.check()
        assert settings.days_kept() == kept


def test_the_weekly_summary_has_the_days_that_it_replays() -> None:
    assert proposals.REPLAYED_DAYS + week.DAYS <= SUMMARY_DAYS


def test_daily_drops_old_months(embedded_warehouse: Engine) -> None:
    with prepared(embedded_warehouse, STORY):
        clock.set_now(datetime.fromisoformat(f"{SUNDAY}T22:00:00Z"))
        run(Daily())
        assert HistoryRetention(date=SUNDAY).complete()
        assert HistoryRetention(date=SUNDAY) in StagingRetention(date=SUNDAY).requires()


def test_alerts_alone_drop_old_months_once_a_day(embedded_warehouse: Engine) -> None:
    alerts = {"history_days": "2", "detector": "day_ago", "metrics": "views", "catch_up_hours": "0"}

    def needed() -> list[luigi.Task]:
        process.reset()
        return Alerts().requires()

    with prepared(embedded_warehouse, STORY, alerts=alerts):
        clock.set_now(datetime.fromisoformat(f"{SUNDAY}T21:16:00Z"))  # Monday, 00:16 in Moscow
        check = CheckAlerts(slot=datetime(2026, 11, 8, 21))
        assert needed() == [check, HistoryRetention(date=SUNDAY)]
        run(Alerts())
        assert HistoryRetention(date=SUNDAY).complete()
        assert needed() == [check]
