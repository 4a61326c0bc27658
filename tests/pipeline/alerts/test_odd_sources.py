"""Unusual sources: hostile values, gaps, silence from the beginning, tables that began yesterday."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.core import clock
from pipeline.demo.events import Columns
from pipeline.slots import measure
from pipeline.tasks import Alerts, CheckAlerts
from pipeline.warehouse.engines import EmbeddedEngine
from tests.pipeline.alerts.place import BACK, OUTAGE, SLOT, Site, incident, site

HOSTILE = "<b>iOS</b> & <script>" + "\N{PILE OF POO}x" * 5_000
YESTERDAY = OUTAGE - timedelta(days=1)


@pytest.fixture
def place(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[Site]:
    with site(embedded_warehouse, tmp_path) as made:
        yield made


def verdicts(place: Site) -> dict[str, str]:
    """Return the newest verdict of each metric's total."""
    newest = "ORDER BY metric, slot DESC LIMIT 1 BY metric"
    table = f"{place.database}.slot_checks FINAL"
    rows = place.warehouse.query(f"SELECT metric, verdict FROM {table} WHERE dimension = 'total' {newest}")
    return {str(metric): str(verdict) for metric, verdict in rows}


def after(columns: Columns, moment: datetime) -> Columns:
    """Return the rows since a time."""
    return {name: column[columns["time"] >= clock.epoch(moment)] for name, column in columns.items()}


@pytest.mark.long
def test_a_slice_named_by_html_and_ten_kilobytes_is_named_in_a_caption(place: Site) -> None:
    def change(_: str, columns: Columns) -> Columns:
        return columns | {"os": np.array([HOSTILE if os == "iOS" else os for os in columns["os"]], dtype=object)}

    place.load(incident("messages", dimension="os", dimension_value="iOS"), change=change)
    place.alerts = {"slice_volume": "10"}
    place.alert(OUTAGE, OUTAGE + 2 * SLOT)
    (text,) = place.messages().values()
    assert re.search(r"os <b>iOS</b> & <script>.* explains \d+%", text)
    assert len(text.encode("utf-16-le")) / 2 <= 1024
    page = (place.folder / "outbox" / "index.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_a_metric_that_is_always_zero_is_no_anomaly(place: Site) -> None:
    def change(name: str, columns: Columns) -> Columns:
        if name == "feed_actions":
            columns = columns | {"action": np.full_like(columns["action"], "view")}
        return columns

    place.load(change=change)
    place.alerts = {"metrics": "views,likes,ctr", "slice_volume": "1"}
    place.run(Alerts(), OUTAGE)
    assert verdicts(place) == {"views": "ok", "likes": "ok", "ctr": "ok"}
    assert place.messages() == {}


def test_a_table_that_began_yesterday_is_not_checked_yet(place: Site) -> None:
    place.load(change=lambda name, rows: after(rows, YESTERDAY) if name == "message_actions" else rows)
    place.run(Alerts(), OUTAGE)
    assert verdicts(place) == {"views": "ok", "messages_sent": "no history", "messenger_users": "no history"}
    assert place.messages() == {}


def with_rows_at(*times: int) -> Callable[[str, Columns], Columns]:
    """Return a change that moves the first rows of the last day to other times (Unix seconds)."""

    def change(_: str, columns: Columns) -> Columns:
        if columns["time"].max(initial=0) < clock.epoch(OUTAGE):
            return columns
        moved = columns["time"].copy()
        moved[: len(times)] = times
        return columns | {"time": moved}

    return change


@pytest.mark.parametrize("time", [0, 1, 366 * 86_400, 2**31], ids=["1970", "a second later", "1971", "2038"])
def test_a_row_with_an_impossible_time_hides_no_outage(place: Site, time: int) -> None:
    place.load(incident(), change=with_rows_at(time))
    place.run(Alerts(), OUTAGE)
    assert set(verdicts(place).values()) == {"ok"}
    place.alert(OUTAGE + SLOT, OUTAGE + 2 * SLOT)
    assert len(place.messages()) == 1


def test_slots_between_a_test_row_and_the_first_event_are_unknown_and_not_zero(place: Site) -> None:
    begun, tried = YESTERDAY, YESTERDAY - timedelta(days=5)

    def change(name: str, columns: Columns) -> Columns:
        return with_rows_at(clock.epoch(tried))(name, after(columns, begun))

    place.load(change=change)
    with place.at(OUTAGE):
        first = measure.first_slots([OUTAGE.date() - timedelta(days=back) for back in range(8, -1, -1)])
    assert first == {"feed": begun + SLOT, "messages": begun + SLOT}
    place.run(Alerts(), OUTAGE)
    assert set(verdicts(place).values()) == {"no history"}
    (earliest,) = place.warehouse.query(f"SELECT min(slot) FROM {place.database}.slot_metrics")
    assert earliest == (begun + SLOT,)


def test_a_dimension_with_an_id_in_each_row_is_said_and_slows_no_alert(
    place: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(measure, "MOST_VALUES", 20)

    def change(_: str, columns: Columns) -> Columns:
        ids = np.array([f"id {number}" for number in range(len(columns["os"]))], dtype=object)
        return columns | {"source": ids, "city": ids}

    place.load(incident(), change=change)
    place.alert(OUTAGE, OUTAGE + 2 * SLOT)
    assert len(place.messages()) == 1
    assert "source has 20 values or more: slots keep the most frequent" in caplog.text
    most = "SELECT max(n) FROM (SELECT count() AS n FROM {}.slot_metrics GROUP BY slot, metric, dimension)"
    assert place.warehouse.query(most.format(place.database)) == [(20,)]


def test_a_hole_in_history_neither_alarms_nor_hides_an_outage(place: Site) -> None:
    hole = [clock.epoch(YESTERDAY - timedelta(hours=hours)) for hours in (24, -4)]

    def change(_: str, columns: Columns) -> Columns:
        kept = (columns["time"] < hole[0]) | (columns["time"] >= hole[1])
        return {name: column[kept] for name, column in columns.items()}

    place.load(incident(), change=change)
    place.run(Alerts(), OUTAGE)
    assert set(verdicts(place).values()) == {"ok"}
    place.alert(OUTAGE + SLOT, OUTAGE + 2 * SLOT)
    assert len(place.messages()) == 1


@pytest.mark.parametrize(
    ("past", "verdict"), [(OUTAGE, "anomaly"), (datetime(2019, 1, 1), "no history")], ids=["outage", "before any event"]
)
def test_an_old_slot_is_recorded_without_a_notice(place: Site, past: datetime, verdict: str) -> None:
    place.load(incident())
    place.run(CheckAlerts(slot=past), BACK + timedelta(hours=3))
    assert verdicts(place)["messages_sent"] == verdict
    assert place.messages() == {}
    rows = place.warehouse.query(f"SELECT DISTINCT slot FROM {place.database}.slot_checks")
    assert rows == [(past,)]


def test_catching_up_measures_missed_slots_with_one_statement_per_day(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.load(incident())
    place.run(Alerts(), OUTAGE - 20 * SLOT)
    measured: list[datetime] = []
    fill = measure.fill

    def counted(start: datetime, end: datetime) -> None:
        measured.append(start)
        fill(start, end)

    monkeypatch.setattr(measure, "fill", counted)
    place.alerts = {"catch_up_hours": "24"}
    place.run(Alerts(), OUTAGE)
    assert measured == [OUTAGE - 20 * SLOT]
    rows = place.warehouse.query(
        f"SELECT count() FROM {place.database}.slot_checks FINAL WHERE metric = 'views' AND dimension = 'total'"
    )
    assert rows == [(21,)]
