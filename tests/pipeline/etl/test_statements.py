"""The .sql files: each runs on both engines, and none repeats a known mistake."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.alerts import learning
from pipeline.alerts.daily import check_again, load_state
from pipeline.alerts.detection import monitors
from pipeline.alerts.incidents import current_rules, store
from pipeline.commands.main import main
from pipeline.core import clock
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.demo.load import create_tables
from pipeline.demo.load import load as load_demo
from pipeline.demo.scenario import LabelledIncident, Scenario, default_incidents
from pipeline.etl import ages
from pipeline.etl.verification import verify
from pipeline.slots import completeness
from pipeline.slots.series import Part
from pipeline.tasks import CheckAlerts, CheckDays, Daily, DailyReport, Presses, WeeklySummary, daily
from pipeline.warehouse import markers, runs, statements, tables
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.source import fitting, source
from pipeline.warehouse.source.table import Table
from pipeline.warehouse.statements import Fragment, statement
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import PLAIN_TYPES, Case, fresh_database, load, run
from tests.pipeline.reference import Events

FILES = sorted(path for folder in statements.SQL_DIRECTORIES for path in folder.glob("*.sql"))
SOURCE_COLUMNS = {*PLAIN_TYPES, "time", "post_id", "receiver_id", "reciever_id"}
ELSEWHERE = {
    "insert_absent",
    "differing_rows",
    "catch_up",
    "starting_replicas",
    "count_partition",
    "known_settings",
} | {"drop_view"}
"""Statements that tests of their own run: of a user who may only insert, of a cluster, and of a view that changes."""
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


def test_moments_are_parameters() -> None:
    """A retry after midnight must not load another day."""
    clock_read = re.compile(r"\b(today|yesterday|now|now64|current_\w+)\s*\(", re.I)
    # These compare our clock with the server's, or tell how old a claim is; none chooses a day or a slot.
    reading = [file.name for file in FILES if clock_read.search(file.read_text(encoding="utf-8"))]
    clocks = {"doctor_clock", "read_clock", "read_installation"}
    claims = {"read_delivery_state", "shown_versions", "write_delivery_state"}
    assert {name.removesuffix(".sql") for name in reading} == clocks | claims


def test_no_alias_hides_a_column_of_the_source() -> None:
    """On recent engines `reciever_id AS user_id` beside `uniqExact(user_id)` counts the alias."""
    aliases = {file.name: re.findall(r"\bAS\s+(\w+)", file.read_text(encoding="utf-8"), re.I) for file in FILES}
    assert {name: found for name, found in aliases.items() if SOURCE_COLUMNS.intersection(found)} == {}


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the statements that were read."""
    read = statements.template
    names: set[str] = set()

    def listen(name: str) -> str:
        names.add(name)
        return read(name)

    monkeypatch.setattr(statements, "template", listen)
    return names


def own(warehouse: Engine, database: str, options: Mapping[str, Mapping[str, str]]) -> None:
    """Adopt another result table in the warehouse of an earlier release, then open it with a prefix."""
    warehouse.execute(f"DROP TABLE {database}.installation")
    with configured(**{**options, "etl": {**options["etl"], "table": "renamed"}}):
        assert main(["adopt", "--yes"]) == 0
    with configured(**{**options, "warehouse": {**options["warehouse"], "prefix": "second_"}, "etl": {"table": "new"}}):
        tables.open_warehouse()


def read_a_view(warehouse: Engine, options: Mapping[str, Mapping[str, str]]) -> None:
    """Make a view of the feed as a refusal gives it, and read that: it may be one of a Distributed table."""
    origin = options["source"]["database"]
    with configured(**{**options, "source": {"database": origin, "feed_table": "feed_actions_fitting"}}):
        columns = {name: kind for name, kind, *_ in warehouse.query(f"DESCRIBE TABLE {origin}.feed_actions")}
        warehouse.execute(fitting.view(Table(FEED, origin, "feed_actions", columns, ""), {}))
        assert source().feed == f"{origin}.feed_actions_fitting"


def read_what_is_rarely_read(outage: datetime) -> None:
    """Read what a wrong clock, a press and a chat that refuses ask for."""
    ids = {incident.incident_id for slot, incident in store.load_states(outage) if slot == outage}
    assert ids
    assert store.known_incidents({*ids, "nobody's"}) == ids
    assert store.judged(["messenger_users", "ctr"], outage, outage + clock.SLOT)
    assert store.load_presses(["telegram:1"], [5])["telegram:1"] == {}
    assert TableDeliveryLog().tried_lately(f"alert-{outage:%Y-%m-%dT%H%MZ}-messenger_users")
    assert markers.done_after(datetime(2100, 1, 1)) == []
    assert not completeness.has_rows_after(outage)
    assert learning.lacking(outage - timedelta(days=30), monitors())
    ages.require_ages(clock.to_local(outage).date())
    checked = check_again(monitors(), load_state(), current_rules())
    assert checked.series.day == clock.to_local(outage).date() - timedelta(days=1)


def test_every_statement_runs(
    warehouse: Engine, used: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day, a report, an alert and the demo's tables together run every file."""
    monkeypatch.setattr(daily, "IN_USE_SECONDS", -60)
    day = NOW.date() - timedelta(days=1)
    start, end = (moment.replace(tzinfo=UTC) for moment in clock.day_bounds(day - timedelta(days=7)))
    # The demo's incidents, and a day whose change the report explains.
    incidents = (
        LabelledIncident("spike", start, end, "views", 0.5, "os", "iOS"),
        *default_incidents(NOW),
    )
    spike, outage = (incidents[at].start.replace(tzinfo=None) + 2 * clock.SLOT for at in (-3, -1))
    case = Case(events=Events([], []), days=(day,), attribute_days=1)
    scenario = Scenario(
        first_day=day - timedelta(days=7), days=9, users=300, views_per_day=20_000, messages_per_day=5_000, until=NOW,
        incidents=incidents,
    )  # fmt: skip
    with fresh_database(warehouse) as source_database, fresh_database(warehouse) as database:
        options = case.configuration(warehouse, source_database, database)
        options["outbox"] = {"path": str(tmp_path / "outbox")}
        options["etl"]["keep_staging_days"] = "1"
        options["delivery"] = {"lock_path": str(tmp_path / "locks")}
        options["report"] = {"metrics": "feed_users,views,likes,ctr,wau"}
        options["alerts"] = {"history_days": "2", "detector": "day_ago", "catch_up_hours": "0"}
        create_tables(warehouse, source_database)
        load_demo(warehouse, source_database, scenario)
        with configured(spike + clock.SLOT, **options):
            run(CheckAlerts(slot=spike))
        warehouse.execute(f"ALTER TABLE {database}.user_day DROP COLUMN os")  # as an earlier release made it
        with configured(outage + clock.SLOT, **options):
            load(day - timedelta(days=7))
            run(CheckAlerts(slot=outage), DailyReport(date=day))
            load(day - timedelta(days=30))  # an empty day
            warehouse.insert(f"{database}.runs", {"began": [datetime(2020, 1, 1), spike]})
            run(Daily())
            run(WeeklySummary(date=day), Presses(), CheckDays(date=day))
            assert verify(day, day)
            assert "" in runs.newest(spike - clock.SLOT)
            shown = statement(
                "demo_result", daily_metrics=f"{database}.daily_metrics", day=Fragment(f"toDate('{day}')")
            )
            assert {row[1] for row in warehouse.query(shown)} == {"os", "gender"}
            alerts = {key for (key,) in warehouse.query(statement("demo_alerts", deliveries=f"{database}.deliveries"))}
            assert f"alert-{outage:%Y-%m-%dT%H%MZ}-messenger_users" in alerts
            assert store.last_checked_slot() == outage
            checks = store.load_checks(spike, outage + clock.SLOT)
            assert "ok" in {result.verdict for result in checks[outage].values()}
            assert checks[outage][Part("messenger_users")].verdict == "anomaly"
            read_what_is_rarely_read(outage)
        with configured(NOW.replace(tzinfo=None) + timedelta(days=2), **options):
            silent = completeness.recount(clock.last_closed_slot()).silent_since
            # No later feed row was counted, and no message since the outage.
            assert silent == {FEED: outage + clock.SLOT, MESSAGES: incidents[-1].start.replace(tzinfo=None)}
        read_a_view(warehouse, options)
        own(warehouse, database, options)
        warehouse.execute(statement("drop_database", database=database))
    # Their own tests run those of the commands and of the status, test_publish those of a user who may only insert.
    left = sorted({path.stem for path in FILES if path.parents[1].name not in ("commands", "tasks")} - used - ELSEWHERE)
    assert left == [], " ".join(left)
