"""`feedpulse status`: what is well, what is not, and the names of its JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents import store
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.alerts.incidents.store import RecordedPress
from pipeline.commands.main import main
from pipeline.core import clock
from pipeline.demo.load import create_tables
from pipeline.tasks.etl import DailyMetrics
from pipeline.tasks.status import health
from pipeline.warehouse import markers, runs, statements
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.runs import Run
from pipeline.warehouse.tables import open_warehouse
from tests.pipeline.commands.doctor.place import connection
from tests.pipeline.configuration import configured

pytestmark = pytest.mark.one_engine("server")

NOW = datetime(2026, 11, 12, 9, 31)  # 12:31 in Moscow: the report of yesterday is due since 12:00
METRICS = ("feed_users", "messenger_users", "views", "likes", "ctr", "messages_sent")
NEWEST = datetime(2026, 11, 12, 9, 0)
DAYS = [date(2026, 11, day) for day in range(8, 12)]


class Place:
    """A working directory with feedpulse.cfg, and a warehouse of its own."""

    def __init__(self, directory: Path, engine: Engine, database: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.engine, self.database, self.capsys = engine, database, capsys
        self.directory, self.events = directory, f"{database}_events"
        self.sections = {
            "clock": {"now": f"{NOW:%Y-%m-%dT%H:%M}"},
            "warehouse": {**connection(engine), "database": database},
            "etl": {"start": str(DAYS[0])},
            "alerts": {"channels": "outbox"},
            "delivery": {"lock_path": str(directory / "locks")},
        }

    @contextmanager
    def inside(self) -> Iterator[None]:
        with configured(**self.sections):
            yield

    def run(self, *arguments: str) -> tuple[int, str]:
        lines: list[str] = []
        for name, settings in self.sections.items():
            lines += [f"[{name}]", *(f"{key} = {value}" for key, value in settings.items())]
        (self.directory / "feedpulse.cfg").write_text("\n".join(lines) + "\n")
        self.capsys.readouterr()
        with configured():
            code = main(["status", *arguments])
        out, err = self.capsys.readouterr()
        assert err == ""
        return code, out

    def json(self) -> dict[str, Any]:
        code, out = self.run("--json")
        found: dict[str, Any] = json.loads(out)
        assert (code == 0) == found["well"] == (found["problems"] == [])
        return found

    def problems(self) -> list[str]:
        problems: list[str] = self.json()["problems"]
        return problems


@pytest.fixture
def place(
    warehouse: Engine,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    return Place(tmp_path, warehouse, database, capsys)


@pytest.fixture
def healthy(place: Place) -> Iterator[Place]:
    """Everything is loaded and checked."""
    place.sections["source"] = {"database": place.events}
    create_tables(place.engine, place.events)
    with place.inside():
        for day in DAYS:
            markers.complete(DailyMetrics(date=day).output())
        good = CheckResult("views", "total", "all", "seasonal", 5.0, 5.0, 1.0, 9.0, 0.0, "ok", 0.0, 1.0)
        store.save_checks([good], NEWEST)
        runs.record(
            [
                Run("Daily", NOW - timedelta(hours=4), 61.5, "ok", "4 days are loaded"),
                Run("Alerts", NOW - timedelta(minutes=1), 6.25, "ok", "slot 12:00 checked"),
            ]
        )
    yield place
    place.engine.execute(f"DROP DATABASE {place.events}")


def incident(**changes: Any) -> Incident:
    opened = NEWEST - timedelta(hours=1)
    member = Member("views", "total", "all", opened, NEWEST, -1, 5, observed=50.0, expected=100.0, worst=-0.56)
    return Incident(f"views:{opened:%Y-%m-%dT%H%M}", opened, NEWEST, (member,), **{"notified": True, **changes})


def test_all_is_well(healthy: Place) -> None:
    found = healthy.json()
    assert {load["delay_seconds"] for load in found.pop("loads").values()} == {None}
    assert [(lack["known_days"], lack["checked_from"]) for lack in found.pop("learning")] == [(0, "2026-11-26")] * 6
    assert found == {
        "well": True,
        "problems": [],
        "now": "2026-11-12T09:31:00Z",
        "wrong_times": {},
        "no_actions": None,
        "days": {"first": "2026-11-08", "last": "2026-11-11", "loaded": 4, "missing": []},
        "runs": {
            "Alerts": {
                "began": "2026-11-12T09:30:00Z",
                "age_seconds": 60,
                "seconds": 6.25,
                "outcome": "ok",
                "did": "slot 12:00 checked",
                "error": "",
                "newest_ok": "2026-11-12T09:30:00Z",
            },
            "Daily": {
                "began": "2026-11-12T05:31:00Z",
                "age_seconds": 14400,
                "seconds": 61.5,
                "outcome": "ok",
                "did": "4 days are loaded",
                "error": "",
                "newest_ok": "2026-11-12T05:31:00Z",
            },
        },
        "slots": {"newest_checked": "2026-11-12T09:00:00Z", "age_seconds": 960, "lag_seconds": {}},
        "incidents": [],
        "mutes": [],
        "unsent": [],
        "channels": {"report": ["outbox"], "alerts": ["outbox"]},
    }
    code, out = healthy.run()
    assert (code, out.splitlines()) == (
        0,
        [
            "all is well at 2026-11-12 12:31 (Europe/Moscow)",
            "days      4 loaded, of those from 2026-11-08 to 2026-11-11; missing: none",
            "run       Alerts: ok, 1 min ago, 6.2 s; slot 12:00 checked",
            "run       Daily: ok, 4 h 0 min ago, 61.5 s; 4 days are loaded",
            "slots     checked up to that of 12:00, 16 min ago",
            f"learning  {', '.join(METRICS)}: 0 of 14 days, alerts from 2026-11-26",
            "incident  none is open",
            "channels  report: outbox; alerts: outbox",
        ],
    )


def test_a_warehouse_with_nothing_in_it(place: Place) -> None:
    (problem,) = place.problems()
    assert f"nothing is loaded yet in the database {place.database}" in problem
    code, out = place.run()
    assert (code, out.startswith("NOT WELL at 2026-11-12 12:31")) == (1, True)
    sql = "SELECT count() FROM system.columns WHERE database = %(database)s"
    assert place.engine.query(sql, {"database": place.database}) == [(0,)]


def test_a_warehouse_that_is_away_or_absent(place: Place) -> None:
    place.sections["warehouse"] = {"engine": "server", "host": "127.0.0.1", "port": "1"}
    (problem,) = place.problems()
    assert "127.0.0.1:1: no ClickHouse server answers" in problem
    place.sections["warehouse"] = {"engine": "embedded", "path": "absent"}
    (problem,) = place.problems()
    assert "nothing is loaded yet" in problem
    assert os.listdir(place.directory) == ["feedpulse.cfg"]


def test_days_that_are_missing(healthy: Place) -> None:
    with healthy.inside():
        markers.invalidate(DailyMetrics(date=DAYS[day]).output().update_id for day in (0, 1, 3))
    found = healthy.json()
    assert found["days"]["missing"] == ["2026-11-08", "2026-11-09", "2026-11-11"]
    assert found["problems"] == ["days that are not loaded: 2026-11-08 to 2026-11-09, 2026-11-11"]
    # Before the report is due, yesterday may still come.
    healthy.sections["clock"]["now"] = "2026-11-12T08:59"
    assert healthy.json()["days"]["missing"] == ["2026-11-08", "2026-11-09"]


def test_somebody_who_runs_only_alerts_misses_no_day(place: Place) -> None:
    del place.sections["etl"]
    with place.inside():
        open_warehouse()
    assert place.problems() == []
    with place.inside():
        runs.record([Run("Daily", NOW - timedelta(hours=2), 1.0, "ok")])
    assert place.problems() == ["days that are not loaded: 2026-11-11"]


def test_a_run_that_failed(healthy: Place) -> None:
    with healthy.inside():
        runs.record(
            [
                Run("Alerts", NOW, 3.0, "failed", "", "127.0.0.1:9000: no ClickHouse server answers. Start it."),
                Run("Presses", NOW, 3.0, "already running"),
            ]
        )
    assert healthy.problems() == ["Alerts failed at 12:31: 127.0.0.1:9000: no ClickHouse server answers. Start it."]
    _, out = healthy.run()
    assert "Alerts: failed, 0 min ago, 3.0 s; was ok at 12:30;" in out


def test_a_failure_by_hand_passes(healthy: Place) -> None:
    wrong = "wrong argument: 2026-13-01"
    with healthy.inside():
        runs.record(
            [
                Run("DailyMetrics", NOW - timedelta(hours=23), 0.1, "refused", "", wrong),
                Run("SlotMetrics", NOW - timedelta(hours=25), 0.1, "refused", "", wrong),
                Run("Weekly", NOW - timedelta(days=6), 0.1, "refused", "", "Weekly is in the crontab."),
            ]
        )
    assert healthy.problems() == [
        f"DailyMetrics refused at 2026-11-11 13:31: {wrong}",
        "Weekly refused at 2026-11-06 12:31: Weekly is in the crontab.",
    ]


def test_slots_that_are_not_checked(healthy: Place) -> None:
    healthy.sections["clock"]["now"] = "2026-11-12T10:15"
    assert healthy.problems() == []
    healthy.sections["clock"]["now"] = "2026-11-12T10:16"
    assert healthy.problems() == ["no slot was checked since that of 12:00, 1 h 1 min ago"]


def test_alerts_that_never_checked_a_slot(place: Place) -> None:
    with place.inside():
        runs.record([Run("Alerts", NOW, 1.0, "ok")])
    assert "no slot was ever checked" in place.problems()


@pytest.mark.parametrize(
    ("changes", "action", "says", "well"),
    [
        ({}, "", "", False),
        ({"notified": False}, "", "nobody was told", True),
        ({}, "acknowledge", "acknowledged by Anna", True),
        ({}, "mute", "muted until 14:21 by Anna", True),
        ({}, "false_alarm", "declared a false alarm", True),
        ({"silent_since": NEWEST}, "", "no data since 12:00", False),
    ],
)
def test_open_incidents(healthy: Place, changes: dict[str, Any], action: str, says: str, well: bool) -> None:
    with healthy.inside():
        store.save_incidents([incident(**changes)], NEWEST)
        if action:
            clock.set_now(NOW.replace(tzinfo=UTC) - timedelta(minutes=10))
            press = RecordedPress(7, action, incident().incident_id, "Anna", clock.utcnow())
            store.save_presses("telegram:1", [press])
    found = healthy.json()
    assert found["well"] == well
    if not well:
        assert "an incident is open and nobody took it: views since 11:00" in found["problems"][0]
    (shown,) = found["incidents"]
    assert (shown["id"], shown["metrics"], shown["worst"]) == ("views:2026-11-12T0800", ["views"], -0.56)
    assert shown["acknowledged_by"] == (["Anna"] if action == "acknowledge" else [])
    assert shown["muted_until"] == ("2026-11-12T11:21:00Z" if action == "mute" else None)
    _, out = healthy.run()
    assert "incident  views since 11:00, at the worst -56%" in out
    assert says in out


def test_an_incident_that_ended_is_not_shown(healthy: Place) -> None:
    with healthy.inside():
        store.save_incidents([incident(ended=True, outcome="recovered")], NEWEST)
    assert healthy.json()["incidents"] == []


def test_old_months_that_could_not_be_dropped_for_days(healthy: Place) -> None:
    for back, problems in ((0, []), (1, []), (2, ["old months could not be dropped on 3 days: the log says why"])):
        with healthy.inside():
            for root in ("Daily", "Alerts"):
                began = NOW - timedelta(days=back, minutes=5)
                runs.record([Run(root, began, 1.0, "ok", "slot 00:00 checked, old months are not dropped")])
        assert healthy.problems() == problems


def test_messages_to_a_chat_that_was_taken_out(healthy: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", "1:a")
    with healthy.inside():
        TableDeliveryLog().record_pending("alert-1", "telegram", "-100")
    at = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=6)
    healthy.sections["clock"]["now"] = f"{at:%Y-%m-%dT%H:%M:%S}"
    for channels, chats, hanging in (("outbox", "-100", 0), ("telegram", "-200", 0), ("telegram", "-200,-100", 1)):
        healthy.sections["alerts"]["channels"] = channels
        healthy.sections["telegram"] = {"chats": chats}
        assert len(healthy.json()["unsent"]) == hanging


def test_messages_that_hang(healthy: Place) -> None:
    healthy.sections["alerts"]["channels"] = "telegram"
    healthy.sections["telegram"] = {"chats": "-100"}
    with healthy.inside():
        log = TableDeliveryLog()
        log.record_pending("alert-1", "telegram", "-100")
        log.record_pending("alert-2", "telegram", "-100")
        log.record_sent("alert-2", "telegram", "-100", "5")
    # Deliveries have the real clock's time.
    at = datetime.now(UTC).replace(tzinfo=None)
    for later, hanging in ((timedelta(minutes=4), []), (timedelta(minutes=6), ["alert-1"])):
        healthy.sections["clock"]["now"] = f"{at + later:%Y-%m-%dT%H:%M:%S}"
        found = healthy.json()
        assert [message["key"] for message in found["unsent"]] == hanging
        assert any("alert-1 was not sent to telegram -100" in problem for problem in found["problems"]) == bool(hanging)


def test_rows_with_a_wrong_time_are_counted(healthy: Place) -> None:
    times = [datetime(1970, 1, 1), datetime(1971, 1, 1), NOW - timedelta(hours=1), NOW + timedelta(hours=1)]
    numbers = dict.fromkeys(("user_id", "post_id", "gender", "age", "exp_group"), [1] * 4)
    texts = dict.fromkeys(("action", "country", "city", "os", "source"), ["x"] * 4)
    healthy.engine.insert(f"{healthy.events}.feed_actions", {**numbers, **texts, "time": times})
    code, text = healthy.run()
    assert f"source    rows of {healthy.events}.feed_actions with a time before 2000 or in the future: 3\n" in text
    assert code == 0
    assert healthy.json()["wrong_times"] == {f"{healthy.events}.feed_actions": 3}


def test_a_day_without_views_and_likes_is_a_note(healthy: Place) -> None:
    metrics = ["feed_users", "views", "likes"]
    totals: dict[str, list[Any]] = {
        "event_date": [DAYS[-1]] * 3,
        "metric": metrics,
        "numerator": [7, 0, 0],
        "denominator": [1] * 3,
    }
    healthy.engine.insert(f"{healthy.database}.daily_totals", totals)
    code, text = healthy.run()
    assert f"source    no row of {DAYS[-1]} is a view or a like: see [source] view_action\n" in text
    assert code == 0
    assert healthy.json()["no_actions"] == str(DAYS[-1])


def test_by_the_real_clock(healthy: Place) -> None:
    del healthy.sections["clock"]
    found = healthy.json()
    assert found["days"]["first"] == str(DAYS[0])
    assert found["slots"] is not None


def test_tables_of_an_earlier_release(healthy: Place) -> None:
    healthy.engine.execute(f"DROP TABLE {healthy.database}.runs")
    found = healthy.json()
    assert (found["well"], found["runs"]) == (True, {})


def test_every_statement_of_status_runs(healthy: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read, used = statements.template, set[str]()

    def listen(name: str) -> str:
        used.add(name)
        return read(name)

    monkeypatch.setattr(statements, "template", listen)
    assert healthy.problems() == []
    files = {file.stem for file in (Path(health.__file__).parents[1] / "sql").glob("status_*.sql")}
    assert (len(files), files - used) == (3, set())


PROGRAM = """
import sys, time
sys.argv = ["feedpulse", "status"]
from pipeline.commands.main import main
main()
heavy = ("pandas", "matplotlib", "statsmodels", "scipy", "telebot", "chdb", "jinja2", "reporting.plots")
print("imported:", *(name for name in heavy if name in sys.modules))
print("CPU:", time.process_time())
"""


def test_it_imports_nothing_heavy(healthy: Place) -> None:
    healthy.run()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    imported, cpu = done.stdout.splitlines()[-2:]
    assert imported == "imported:"
    assert float(cpu.removeprefix("CPU: ")) < 3  # 0.6 s on an idle machine
