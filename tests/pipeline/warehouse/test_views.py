"""The views for a BI tool: what they show, and when they are made."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from pipeline.alerts.incidents import store
from pipeline.alerts.incidents.incident import Incident, Member, Misjudged
from pipeline.alerts.incidents.store import RecordedPress
from pipeline.core import clock
from pipeline.tasks import HistoryRetention
from pipeline.warehouse import statements, views
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.engines import Engine
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place, run

NOW = datetime(2026, 11, 12, 9, 30)
OPENED = datetime(2026, 11, 12, 8)
HOSTILE = '"silent_since"}{"worst_value": 9.0, "worst_expected": 1.0'


@pytest.fixture
def at_work(warehouse: Engine, database: str) -> Iterator[AbstractContextManager[None]]:
    with configured(NOW, warehouse={**place(warehouse), "database": database, "prefix": "anna_"}):
        yield configured()


def member(metric: str, value: float, expected: float, dimension: str = "total", slice_: str = "all") -> Member:
    bad = Member(metric, dimension, slice_, OPENED, OPENED, -1, 2, worst=-0.3, worst_at=OPENED)
    return replace(bad, worst_value=value, worst_expected=expected)


def incident(opened: datetime, *members: Member, **changes: Any) -> Incident:
    return Incident(
        f"{members[0].metric}:{opened:%Y-%m-%dT%H%M}", opened, opened, members, **{"notified": True, **changes}
    )


@pytest.mark.usefixtures("at_work")
def test_alert_history_is_a_row_for_each_incident(warehouse: Engine, database: str) -> None:
    views.make()
    slices = member("views", 0.0, 50.0, "os", HOSTILE), member("views", 90.0, 50.0, "country", "other")
    told = (Misjudged("likes", "total", "all", -0.9, 5.0, 50.0),)
    first = incident(OPENED, member("views", 40.0, 100.0), member("likes", 15.0, 10.0), *slices, misjudged=told)
    only_slices = incident(OPENED + clock.SLOT, *slices, notified=False)
    store.save_incidents([first], OPENED)
    ended = replace(first, ended=True, outcome="recovered", last_anomaly=OPENED + clock.SLOT)
    store.save_incidents([ended, only_slices], OPENED + 5 * clock.SLOT)
    withdrawn = incident(OPENED + 2 * clock.SLOT, member("ctr", 0.1, 0.2))
    store.withdraw([(OPENED, withdrawn)])
    presses = [
        RecordedPress(number, action, first.incident_id, person, NOW)
        for number, (action, person) in enumerate([("acknowledge", "Ben"), ("acknowledge", "Anna"), ("mute", "Cleo")])
    ]
    store.save_presses("telegram:1", presses)
    assert warehouse.query(f"SELECT * FROM {database}.anna_alert_history ORDER BY opened") == [
        (first.incident_id, "views", OPENED, OPENED + clock.SLOT, "ended", "recovered", 1, "Anna, Ben", -0.6),
        (only_slices.incident_id, "views", *[OPENED + clock.SLOT] * 2, "open", "", 0, "", -1.0),
    ]


@pytest.mark.usefixtures("at_work")
def test_deliveries_now_is_a_row_for_each_message_and_address(warehouse: Engine, database: str) -> None:
    views.make()
    log = TableDeliveryLog()
    log.record_pending("alert-1", "telegram", "-100")
    log.record_pending("alert-1", "telegram", "-200")
    log.record_sent("alert-1", "telegram", "-100", "5")
    rows = warehouse.query(f"SELECT * FROM {database}.anna_deliveries_now ORDER BY address")
    never = datetime(1970, 1, 1)
    assert [(key, address, sent, sent_as) for key, _, address, sent, _, _, sent_as in rows] == [
        ("alert-1", "-100", 1, "5"),
        ("alert-1", "-200", 0, ""),
    ]
    assert [(tried_at == never, sent_at == never) for *_, tried_at, sent_at, _ in rows] == [
        (False, False),
        (False, True),
    ]


def shown(warehouse: Engine, database: str) -> str:
    ((text,),) = warehouse.query(f"SHOW CREATE TABLE {database}.anna_deliveries_now")
    return str(text)


@pytest.mark.usefixtures("at_work")
def test_they_are_made_once_a_day_and_made_again_where_they_are_missing_or_have_changed(
    warehouse: Engine, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(HistoryRetention(date=date(2026, 11, 11)))
    assert "countIf" in shown(warehouse, database)
    template = statements.template

    def changed(name: str) -> str:
        return template(name).replace("AS sent_as", "AS called") if name == "create_deliveries_now" else template(name)

    monkeypatch.setattr(statements, "template", changed)
    views.make()
    assert "called" in shown(warehouse, database)
    warehouse.execute(f"DROP TABLE {database}.anna_deliveries_now")
    views.make()
    assert "called" in shown(warehouse, database)


@pytest.mark.usefixtures("at_work")
def test_what_exists_is_never_replaced(warehouse: Engine, database: str, caplog: pytest.LogCaptureFixture) -> None:
    HistoryRetention(date=date(2026, 11, 11)).complete()  # opens the warehouse
    warehouse.execute(f"CREATE TABLE {database}.anna_alert_history (x UInt8) ENGINE = Memory")
    with caplog.at_level(logging.WARNING):
        views.make()
    assert f"{database}.anna_alert_history is not made: something of that name exists" in caplog.text
    assert warehouse.query(f"SELECT * FROM {database}.anna_alert_history") == []
    assert warehouse.query(f"SELECT * FROM {database}.anna_deliveries_now") == []
