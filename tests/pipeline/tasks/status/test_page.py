"""The status page as runs write it."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents import store
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.alerts.incidents.store import RecordedPress
from pipeline.core import clock
from pipeline.demo.load import create_tables
from pipeline.tasks.etl import DailyMetrics
from pipeline.tasks.status import page
from pipeline.tasks.supervision.scheduling import Done
from pipeline.warehouse import markers, runs
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.runs import Run
from tests.pipeline.commands.doctor.place import connection
from tests.pipeline.configuration import configured

pytestmark = pytest.mark.one_engine("server")

NOW = datetime(2026, 11, 12, 9, 31)  # 12:31 in Moscow
NEWEST = datetime(2026, 11, 12, 9, 0)
LOADED = date(2026, 11, 11)
CHECK = Run("Alerts", NOW - timedelta(minutes=1), 2.5, "ok", "slot 12:00 checked")
OPENED = NEWEST - timedelta(hours=1)


@dataclass
class Site:
    """A warehouse in which all is well, and the directory of its page."""

    engine: Engine
    database: str
    folder: Path
    sections: dict[str, dict[str, str]]

    def write(self, run: Run = CHECK, *done: Done, away: bool = False, now: datetime = NOW) -> None:
        with configured(now, **self.sections):
            if not away:
                runs.record([run])
            page.write(run, done, is_away=away)

    def facts(self) -> Any:
        return json.loads((self.folder / page.FACTS).read_text())

    def html(self) -> str:
        return (self.folder / "index.html").read_text()

    def open_incident(self, **changes: Any) -> None:
        member = Member("views", "total", "all", OPENED, NEWEST, -1, 5, observed=50.0, expected=100.0, worst=-0.56)
        opened = f"views:{OPENED:%Y-%m-%dT%H%M}"
        incident = Incident(opened, OPENED, NEWEST, (member,), **{"notified": True, **changes})
        with configured(NOW, **self.sections):
            store.save_incidents([incident], NEWEST)
            press = RecordedPress(7, "acknowledge", opened, "Anna", NOW - timedelta(minutes=5))
            store.save_presses("telegram:1", [press])


@pytest.fixture
def site(warehouse: Engine, database: str, tmp_path: Path) -> Iterator[Site]:
    folder, events = tmp_path / "page", f"{database}_events"
    sections = {
        "clock": {"timezone": "Europe/Moscow"},
        "warehouse": {**connection(warehouse), "database": database},
        "source": {"database": events},
        "alerts": {"metrics": "views,ctr"},
        "delivery": {"lock_path": str(tmp_path / "locks")},
        "outbox": {"path": str(folder / "messages")},
        "status": {"path": str(folder)},
    }
    create_tables(warehouse, events)
    made = Site(warehouse, database, folder, sections)
    with configured(NOW, **sections):
        markers.complete(DailyMetrics(date=LOADED).output())
        good = CheckResult("views", "total", "all", "seasonal", 5.0, 5.0, 1.0, 9.0, 0.0, "ok", 0.0, 1.0)
        bad = CheckResult("views", "total", "all", "seasonal", 0.0, 5.0, 1.0, 9.0, -1.25, "anomaly", -1.25, 1.0)
        store.save_checks([good, bad], [NEWEST - clock.SLOT, NEWEST])
        counts: dict[str, list[Any]] = {
            "slot": [NEWEST - clock.SLOT, NEWEST],
            "metric": ["views"] * 2,
            "dimension": ["total"] * 2,
            "dimension_value": ["all"] * 2,
            "numerator": [5, 0],
            "denominator": [1, 1],
        }
        warehouse.insert(f"{database}.slot_metrics", counts)
    yield made
    warehouse.execute(f"DROP DATABASE {events}")


def checked(slot: datetime, **did: Any) -> Done:
    return Done("CheckAlerts", {"slot": f"{slot:%Y-%m-%dT%H%M}"}, did)


def test_without_the_setting_nothing_is_written(site: Site) -> None:
    site.sections["status"] = {}
    site.write()
    assert not site.folder.exists()


def test_a_run_writes_the_page_with_pictures(site: Site) -> None:
    site.write()
    files = {"index.html", "status.json", "views.svg", "ctr.svg", ".lock"}
    assert {path.name for path in site.folder.iterdir()} == files
    assert "<h1>All is well</h1>" in site.html()
    facts = site.facts()
    assert (facts["well"], facts["now"], facts["days"]["loaded"]) == (True, "2026-11-12T09:31:00Z", 1)
    assert facts["runs"]["Alerts"]["began"] == "2026-11-12T09:30:00Z"
    assert facts["slots"]["newest_checked"] == "2026-11-12T09:00:00Z"
    assert facts["messages"] == "messages/index.html"
    views, ctr = facts["weeks"]
    assert (views["metric"], views["low"], views["high"]) == ("views", 0.0, pytest.approx(9.54))
    assert views["days"] == ["2026-10-16", "2026-10-23", "2026-10-30", "2026-11-06"]
    assert (ctr["metric"], ctr["high"]) == ("ctr", None)
    # 12:00 in Moscow is the slot 48 of the last day, which is the seventh of the fourth row; its value is 0, below 1.
    column, bottom = 6 * 96 + 48 + 0.5, 3 * 114 + 100
    picture = (site.folder / "views.svg").read_text()
    assert f'class="o" d="M{column:g} {bottom - 100 / 9.54:.1f}V{bottom:.1f}"' in picture


def test_people_are_named_only_if_the_setting_says_so(site: Site) -> None:
    site.open_incident()
    for people, says in (("false", "taken</p>"), ("true", "taken by Anna</p>")):
        site.sections["status"]["people"] = people
        site.write()
        assert f'<p class="handled">{says}' in site.html()
        assert ("Anna" in (site.folder / page.FACTS).read_text()) == (people == "true")


def test_alerts_are_those_that_people_were_told_of(site: Site) -> None:
    site.open_incident(notified=False)
    site.write()
    assert site.facts()["history"] == []
    site.open_incident(ended=True, outcome="recovered")
    site.write()
    assert site.facts()["history"] == [
        {
            "key": "alert-2026-11-12T0800Z-views",
            "metrics": ["views"],
            "opened": "2026-11-12T08:00:00Z",
            "until": "2026-11-12T09:15:00Z",
            "worst": -0.56,
            "end": "recovered",
        }
    ]


def test_a_quiet_check_changes_its_own_lines_without_a_statement(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write()
    before = site.facts()
    quiet = Run("Alerts", NOW + timedelta(minutes=14), 2.0, "ok", "slot 12:15 checked")
    asked: list[str] = []
    monkeypatch.setattr(type(site.engine), "query", lambda _, sql, *rest: asked.append(sql))
    with configured(NOW + timedelta(minutes=15), **site.sections):
        page.write(quiet, [checked(NEWEST + clock.SLOT)], is_away=False)
    assert asked == []
    after = site.facts()
    assert (after["now"], after["slots"]["newest_checked"]) == ("2026-11-12T09:46:00Z", "2026-11-12T09:15:00Z")
    assert after["runs"]["Alerts"]["did"] == "slot 12:15 checked"
    for name in ("days", "history", "weeks", "gathered"):
        assert after[name] == before[name]
    assert "slot 12:15 checked" in site.html()


@pytest.mark.parametrize("what", ["message", "open", "other", "old"])
def test_a_run_that_may_have_changed_more_reads_everything(site: Site, what: str) -> None:
    if what == "open":
        site.open_incident()
    site.write()
    before = site.facts()["gathered"]
    if what == "old":
        old = {**site.facts(), "gathered": f"{datetime.now(UTC) - timedelta(hours=7):%Y-%m-%dT%H:%M:%S+00:00}"}
        (site.folder / page.FACTS).write_text(json.dumps(old))
    run = Run("Morning" if what == "other" else "Alerts", NOW, 1.0, "ok")
    site.write(run, checked(NEWEST, messages=int(what == "message")))
    assert site.facts()["gathered"] > before


def test_while_the_warehouse_is_away_the_page_says_so_and_keeps_the_rest(site: Site) -> None:
    site.write()
    failed = Run("Alerts", NOW, 3.0, "failed", "", "127.0.0.1:9000: no ClickHouse server answers. Start it.")
    site.write(failed, away=True)
    assert "Not well: 1 problem</h1>" in site.html()
    assert "<li>Alerts at 12:31: failed. 127.0.0.1:9000: no ClickHouse server answers. Start it.</li>" in site.html()
    facts = site.facts()
    assert facts["runs"]["Alerts"]["newest_ok"] == "2026-11-12T09:30:00Z"
    assert (facts["days"]["loaded"], len(facts["weeks"])) == (1, 2)
    site.write(failed, away=True)
    assert len(site.facts()["problems"]) == 1
    site.write()
    assert "<h1>All is well</h1>" in site.html()


def test_the_first_page_of_a_warehouse_that_is_away(site: Site) -> None:
    site.write(Run("Alerts", NOW, 3.0, "failed", "", "no server answers"), away=True)
    assert "<li>The state cannot be read: no server answers</li>" in site.html()


@pytest.mark.parametrize("content", ["", "[]", '{"now": 1}', "\x00"])
def test_facts_of_another_release_are_read_anew(site: Site, content: str) -> None:
    site.folder.mkdir()
    (site.folder / page.FACTS).write_text(content)
    site.write()
    assert site.facts()["well"]


def test_of_two_runs_at_once_the_one_that_read_later_stays(site: Site) -> None:
    site.write()
    newer = {**site.facts(), "gathered": datetime.now(UTC).isoformat()}
    late = threading.Event()
    read = page._gathered

    def slow() -> Any:
        found = read()
        (site.folder / page.FACTS).write_text(json.dumps({**newer, "gathered": datetime.now(UTC).isoformat()}))
        late.set()
        return found

    page._gathered = slow
    try:
        (site.folder / "index.html").write_text("of the other run")
        site.write(Run("Morning", NOW, 1.0, "ok"))
    finally:
        page._gathered = read
    assert late.is_set()
    assert site.html() == "of the other run"
    # After the clock of the machine was ahead, the page is written again.
    (site.folder / page.FACTS).write_text(json.dumps({**newer, "gathered": "2999-01-01T00:00:00+00:00"}))
    site.write(Run("Morning", NOW, 1.0, "ok"))
    assert "<h1>All is well</h1>" in site.html()


def test_the_page_is_old_an_hour_after_the_last_check(site: Site) -> None:
    del site.sections["clock"]
    real = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    for run, hours in ((Run("Morning", real, 1.0, "ok"), 26), (Run("Alerts", real, 1.0, "ok"), 1)):
        with configured(**site.sections):
            runs.record([run])
            page.write(run, [], is_away=False)
        length = datetime.fromisoformat(site.facts()["until"]).replace(tzinfo=None) - real
        assert timedelta(hours=hours) <= length < timedelta(hours=hours, minutes=30)


PROGRAM = """
import sys
from pathlib import Path
from luigi.configuration import get_config
from datetime import UTC, datetime
import pipeline.tasks
from pipeline.core import clock
from pipeline.tasks.status import page
from pipeline.warehouse.runs import Run
get_config().read_dict({"status": {"path": sys.argv[1]}})
clock.set_now(datetime(2026, 11, 12, 9, 46, tzinfo=UTC))
page.write(Run("Alerts", datetime(2026, 11, 12, 9, 45), 2.0, "ok", "slot 12:15 checked"), [], is_away=False)
heavy = ("pandas", "matplotlib", "statsmodels", "scipy", "telebot", "chdb", "reporting.plots", "reporting.alerts")
print("imported:", *(name for name in heavy if name in sys.modules))
"""


def test_a_quiet_check_imports_nothing_heavy_for_the_page(site: Site) -> None:
    site.write()
    command = [sys.executable, "-c", PROGRAM, str(site.folder)]
    done = subprocess.run(command, cwd=Path(__file__).parents[4], capture_output=True, text=True, check=True)
    assert done.stdout == "imported:\n"
    assert "slot 12:15 checked" in site.html()
