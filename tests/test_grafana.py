"""docs/grafana.json: each query runs on a real server with its macros filled in, and names columns that exist."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents import store
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.warehouse import runs, views
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.runs import Run
from pipeline.warehouse.tables import DAILY_TOTALS, full_name, open_warehouse
from tests.documents import ROOT
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place

DASHBOARD = json.loads((ROOT / "docs" / "grafana.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 12, 9, 30)
SLOT = datetime(2026, 11, 12, 9)
# What Grafana and its ClickHouse data source put in place of variables and macros.
FILLED = {
    r"\$\{prefix\}": "anna_",
    r"\$\{metric\}": "views",
    r"\$__timeFilter\((\w+)\)": r"\1 >= toDateTime(1794376800, 'UTC') AND \1 <= toDateTime(1794549600, 'UTC')",
    r"\$__fromTime": "toDateTime(1794376800, 'UTC')",
    r"\$__toTime": "toDateTime(1794549600, 'UTC')",
}


def queries() -> dict[str, str]:
    """The queries of panels, annotations and variables by name."""
    found = {panel["title"]: target["rawSql"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
    found |= {item["name"]: item["target"]["rawSql"] for item in DASHBOARD["annotations"]["list"]}
    return found | {item["name"]: item["query"] for item in DASHBOARD["templating"]["list"] if item["type"] == "query"}


@pytest.fixture
def filled(warehouse: Engine, database: str) -> Iterator[str]:
    """A database with a row for each query."""
    with configured(NOW, warehouse={**place(warehouse), "database": database, "prefix": "anna_"}):
        good = CheckResult("views", "total", "all", "seasonal", 40.0, 100.0, 80.0, 120.0, -3.0, "anomaly", -3.0, 1.0)
        store.save_checks([good], SLOT)
        member = Member("views", "total", "all", SLOT, SLOT, -1, 1, worst_at=SLOT, worst_value=40, worst_expected=100)
        store.save_incidents([Incident("views:2026-11-12T0900", SLOT, SLOT, (member,), notified=True)], SLOT)
        runs.record([Run("Alerts", SLOT, 2.0, "ok", "slot 12:00 checked")])
        TableDeliveryLog().record_pending("alert-1", "telegram", "-100")
        totals: dict[str, list[Any]] = {
            "event_date": [SLOT.date()],
            "metric": ["views"],
            "numerator": [500],
            "denominator": [1],
        }
        open_warehouse().insert(full_name(DAILY_TOTALS), totals)
        views.make()
        yield database


def answer(engine: Engine, database: str, sql: str) -> dict[str, Any]:
    """Run a query as Grafana does; the only row by column."""
    for macro, text in {r"\$\{database\}": database, **FILLED}.items():
        sql = re.sub(macro, text, sql)
    assert "$" not in sql
    columns = [name for name, *_ in engine.query(f"DESCRIBE TABLE ({sql})")]
    (row,) = engine.query(sql)
    return dict(zip(columns, row, strict=True))


def test_every_query_runs_and_finds_its_row(warehouse: Engine, filled: str) -> None:
    found = {name: answer(warehouse, filled, sql) for name, sql in queries().items()}
    assert len(found) == 8
    assert found["metric"] == {"metric": "views"}
    measured = found["${metric}: measured and expected"]
    assert measured == {"time": SLOT, "value": 40.0, "expected": 100.0, "lower": 80.0, "upper": 120.0}
    assert found["Incidents"] == {
        "time": SLOT,
        "timeEnd": datetime(2026, 11, 12, 9, 15),
        "text": "views -60 %, open",
        "tags": "views",
    }
    assert found["Open incidents"] == {"metric": "views", "opened": SLOT, "worst": -0.6, "taken_by": ""}
    assert found["Messages that were not sent"]["message_key"] == "alert-1"
    assert found["Alerts"]["state"] == "open"
    assert found["Last runs"]["did"] == "slot 12:00 checked"
    assert found["Days of ${metric}"]["day_value"] == 500


def test_what_is_drawn_in_its_own_way_is_a_column(warehouse: Engine, filled: str) -> None:
    for panel in DASHBOARD["panels"]:
        named = {item["matcher"]["options"] for item in panel.get("fieldConfig", {}).get("overrides", [])}
        named |= {
            entry["value"]
            for item in panel.get("fieldConfig", {}).get("overrides", [])
            for entry in item["properties"]
            if entry["id"] == "custom.fillBelowTo"
        }
        assert named <= set(answer(warehouse, filled, panel["targets"][0]["rawSql"])), panel["title"]


def test_every_query_uses_the_chosen_data_source_and_database() -> None:
    text = json.dumps(DASHBOARD)
    assert set(re.findall(r'"uid": "([^"]*)"', text)) == {"${datasource}", "feedpulse"}
    for name, sql in queries().items():
        for table in re.findall(r"\bFROM (\S+)", sql):
            assert table.startswith("${database}.${prefix}"), name
