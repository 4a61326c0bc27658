"""What a morning report tells beside the numbers of its day: incidents and the month so far."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.alerts.incidents import Incident, store
from pipeline.alerts.incidents.incident import Member, make_id, message_key
from pipeline.alerts.notify import day_incidents, report
from pipeline.core import clock
from pipeline.core.audience import month_metrics, report_metrics
from pipeline.core.errors import SettingsError
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.engines import EmbeddedEngine
from pipeline.warehouse.tables import DAILY_TOTALS, full_name, open_warehouse
from reporting.channels import create
from reporting.daily import MonthSoFar
from reporting.delivery import Channels
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place
from tests.servers.bot_api import CHAT, TOKEN

DAY = date(2026, 11, 11)
NOW = datetime(2026, 11, 12, 6)
"""09:00 in Moscow, on the next day."""


@pytest.fixture
def alerts_to(
    embedded_warehouse: EmbeddedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Channels]:
    """A chat and an outbox, beside a warehouse that is as new."""
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", TOKEN)
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(fresh_database(embedded_warehouse))
        warehouse = {"database": database, **place(embedded_warehouse)}
        stack.enter_context(configured(NOW, warehouse=warehouse, report={"metrics": "month_ctr,views,month_views"}))
        yield {"outbox": create("outbox", path=str(tmp_path)), "telegram": create("telegram", chats=CHAT)}


def happened(metric: str, opened: datetime, last: datetime, *, over: bool = True, worst: float = -0.5) -> Incident:
    """An incident that people were told of."""
    members = (
        Member(metric, "total", "all", opened, last, -1, worst=worst),
        Member(metric, "os", "iOS", opened, last, -1, worst=-0.9),
    )
    return Incident(make_id(metric, opened), opened, last, members, ended=over, notified=True)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A time in Moscow as naive UTC."""
    return datetime(2026, 11, day, hour, minute) - timedelta(hours=3)


def save(*incidents: Incident) -> None:
    for incident in incidents:
        store.save_incidents([incident], incident.last_anomaly)


def test_incidents_of_the_day_and_those_that_go_on_are_listed_with_links(alerts_to: Channels) -> None:
    of_day = happened("views", at(11, 12), at(11, 13))
    over_midnight = happened("likes", at(10, 23), at(11, 0, 15), worst=-0.7)
    tonight, going_on = (
        happened("ctr", at(12, 1), at(12, 2)),
        happened("messages_sent", at(12, 8), at(12, 8, 30), over=False),
    )
    save(of_day, over_midnight, tonight, going_on, happened("likes", at(10, 20), at(10, 23, 45)))
    save(replace(happened("views", at(11, 15), at(11, 16)), notified=False))
    save(replace(happened("views", at(11, 17), at(11, 18)), mark="false alarm"))
    save(replace(happened("views", at(11, 19), at(11, 20)), outcome="late data"))
    for channel, message_id in (("outbox", "x"), ("telegram", "77")):
        TableDeliveryLog().record_sent(message_key(of_day.incident_id), channel, CHAT, message_id)
    told = day_incidents.of_day(DAY, alerts_to)
    assert [
        (item.label, item.worst, f"{item.start:%d %H:%M}", item.end and f"{item.end:%d %H:%M}") for item in told
    ] == [
        ("Likes", -0.7, "10 23:00", "11 00:30"),
        ("Views", -0.5, "11 12:00", "11 13:15"),
        ("Messages sent", -0.5, "12 08:00", None),
    ]
    assert [item.link for item in told] == ["", "https://t.me/c/1234567890/77", ""]
    # An earlier report does not tell what goes on now.
    assert [item.label for item in day_incidents.of_day(DAY - timedelta(days=1), {})] == ["Likes", "Likes"]


def test_an_incident_of_slices_is_named_by_the_one_that_deviated_most(alerts_to: Channels) -> None:
    whole = happened("views", at(11, 12), at(11, 13))
    slices = replace(whole, members=(*whole.members[1:], replace(whole.members[1], value="Android", worst=-0.4)))
    save(slices)
    (told,) = day_incidents.of_day(DAY, alerts_to)
    assert (told.label, told.worst, told.others) == ("Views, os iOS", -0.9, 1)


def fill(metric: str, first: date, last: date, numerator: int, denominator: int) -> None:
    """Load days with the same counts each."""
    days = clock.days(first, last)
    count = len(days)
    rows: dict[str, list[Any]] = {
        "event_date": days,
        "metric": [metric] * count,
        "numerator": [numerator] * count,
        "denominator": [denominator] * count,
    }
    open_warehouse().insert(full_name(DAILY_TOTALS), rows)


@pytest.mark.parametrize(
    ("day", "last_before", "of_before"),
    [
        (DAY, date(2026, 10, 11), 11),
        (date(2026, 10, 31), date(2026, 9, 30), 30),
        (date(2026, 11, 1), date(2026, 10, 1), 1),
    ],
)
def test_the_month_so_far_is_summed(alerts_to: Channels, day: date, last_before: date, of_before: int) -> None:
    before = last_before.replace(day=1)
    fill("views", before - timedelta(days=5), before.replace(day=30), 100, 1)
    fill("views", day.replace(day=1), day, 110, 1)
    fill("ctr", before, last_before, 20, 100)
    fill("ctr", day.replace(day=1), day, 22, 110)
    month = report.figures(day, report_metrics(), alerts_to).month
    assert month == MonthSoFar(
        day.replace(day=1),
        day,
        before,
        last_before,
        [("CTR", "ratio", 0.2, 0.2), ("Views", "count", 110 * day.day, 100 * of_before)],
    )


def test_a_day_that_is_not_loaded_leaves_the_sum_open(alerts_to: Channels) -> None:
    fill("views", date(2026, 10, 1), date(2026, 10, 31), 100, 1)
    fill("views", date(2026, 11, 2), DAY, 110, 1)
    month = report.figures(DAY, report_metrics(), alerts_to).month
    assert month is not None
    assert month.metrics == [("CTR", "ratio", None, None), ("Views", "count", None, 1100)]


def test_sums_of_the_month_are_of_what_adds_up_over_days() -> None:
    with configured(report={"metrics": "views,month_users,month_likes"}):
        assert [metric.name for metric in report_metrics()] == ["views", "month_users"]
        assert [metric.name for metric in month_metrics()] == ["likes"]
    with configured(report={"metrics": "month_feed_users"}), pytest.raises(SettingsError, match="unknown metric"):
        report_metrics()
    with configured(report={"metrics": "month_views"}), pytest.raises(SettingsError, match="name a metric of the day"):
        report_metrics()
