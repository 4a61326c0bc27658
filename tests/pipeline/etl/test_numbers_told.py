"""The numbers in the daily and weekly reports, from events and rows counted by hand."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.alerts.backtest import proposals, week
from pipeline.core import clock
from pipeline.core.errors import TerminalError
from pipeline.etl import results
from pipeline.tasks import Morning, Weekly
from pipeline.warehouse import tables
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from reporting import plots
from tests.pipeline.etl.running import Case, load, prepared, run
from tests.pipeline.etl.stories import SATURDAY, SUNDAY, at, seen, sent
from tests.pipeline.reference import Event, Events

WEEK_BEFORE = SUNDAY - timedelta(days=7)
START, END = datetime(2026, 11, 7, 21), datetime(2026, 11, 8, 21)
"""Sunday in Moscow, as naive UTC."""
SECOND, SLOT = timedelta(seconds=1), timedelta(minutes=15)

TOLD = {
    "en": (
        "Daily report: Sunday, 8 November 2026\n\n"
        "DAU: 6\nvs yesterday: −40.0%; vs last Sunday: −25.0%\n"
        "Views: 150\nvs yesterday: −25.0%; vs last Sunday: −37.5%\n"
        "Likes: 36\nvs yesterday: −28.0%; vs last Sunday: −25.0%\n"
        "CTR: 24.0%\nvs yesterday: −1.00\u00a0pp, −4.0%; vs last Sunday: +4.00\u00a0pp, +20.0%\n\n"
        "Views vs last Sunday: os iOS explains 93%\n\n"
        "95 of 96 slots checked, 2 alerts"
    ),
    "ru": (
        "Отчёт за день: воскресенье, 8 ноября 2026\n\n"
        "DAU: 6\nк вчера: −40,0\u00a0%; к прошлому воскресенью: −25,0\u00a0%\n"
        "Просмотры: 150\nк вчера: −25,0\u00a0%; к прошлому воскресенью: −37,5\u00a0%\n"
        "Лайки: 36\nк вчера: −28,0\u00a0%; к прошлому воскресенью: −25,0\u00a0%\n"
        "CTR: 24,0\u00a0%\n"
        "к вчера: −1,00\u00a0п.п., −4,0\u00a0%; к прошлому воскресенью: +4,00\u00a0п.п., +20,0\u00a0%\n\n"
        "Просмотры к прошлому воскресенью: ОС iOS объясняет 93\u00a0%\n\n"
        "проверено интервалов: 95 из 96, 2 алерта"
    ),
}


def crowd(day: date, os: str, users: int, views: int, likes: int) -> list[Event]:
    """The feed of a day, of users with one os."""
    first = {"Android": 1, "iOS": 101}[os]
    actions = ["view"] * views + ["like"] * likes
    return [seen(first + i % users, at(day, 1 + i % 22), action, os=os) for i, action in enumerate(actions)]


@contextmanager
def on_monday(
    warehouse: Engine, feed: list[Event], folder: Path, language: str = "en", zone: str = "Europe/Moscow"
) -> Iterator[str]:
    """The morning after `SUNDAY`; yields the database of the results."""
    # A user with messages only is not an active user of the feed.
    case = Case(events=Events(feed, [sent(500, 501, at(SUNDAY))]), days=(WEEK_BEFORE, SATURDAY, SUNDAY), zone=zone)
    report = {"language": language, "channels": "outbox", "metrics": "feed_users,views,likes,ctr"}
    outbox, delivery = {"path": str(folder / "outbox")}, {"lock_path": str(folder / "locks")}
    with prepared(warehouse, case, report=report, outbox=outbox, delivery=delivery) as (_, database):
        clock.set_now(datetime.fromisoformat("2026-11-09T03:00:00Z"))
        yield database


def sent_text(folder: Path, key: str) -> str:
    """The text of a sent message."""
    return (folder / "outbox" / f"{key}.txt").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize(("engine", "language"), [("embedded", "en"), ("server", "ru")])
def test_the_report_contains_the_numbers_of_the_events(
    request: pytest.FixtureRequest, engine: str, language: str, tmp_path: Path
) -> None:
    warehouse: Engine = request.getfixturevalue(f"{engine}_warehouse")
    feed = [
        *crowd(WEEK_BEFORE, "Android", users=4, views=120, likes=24),
        *crowd(WEEK_BEFORE, "iOS", users=4, views=120, likes=24),
        *crowd(SATURDAY, "Android", users=5, views=100, likes=25),
        *crowd(SATURDAY, "iOS", users=5, views=100, likes=25),
        *crowd(SUNDAY, "Android", users=4, views=114, likes=24),
        *crowd(SUNDAY, "iOS", users=2, views=36, likes=12),
    ]
    with on_monday(warehouse, feed, tmp_path, language) as database:
        load(WEEK_BEFORE, SATURDAY)
        write_checks(warehouse, database)
        write_incidents(warehouse, database)
        run(Morning())
    assert sent_text(tmp_path, "daily_report-2026-11-08") == TOLD[language]


def test_a_change_of_ctr_is_reported_with_its_two_sides(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> None:
    feed = [
        *crowd(WEEK_BEFORE, "Android", users=4, views=240, likes=48),
        *crowd(WEEK_BEFORE, "iOS", users=4, views=240, likes=48),
        *crowd(SUNDAY, "Android", users=4, views=260, likes=52),
        *crowd(SUNDAY, "iOS", users=4, views=240, likes=12),
    ]
    with on_monday(embedded_warehouse, feed, tmp_path):
        load(WEEK_BEFORE)
        run(Morning())
    # Saturday was not loaded. Changes of the two sides are computed after adding half an event to each count.
    assert sent_text(tmp_path, "daily_report-2026-11-08") == (
        "Daily report: Sunday, 8 November 2026\n\n"
        "DAU: 8\nvs yesterday: -; vs last Sunday: 0.0%\n"
        "Views: 500\nvs yesterday: -; vs last Sunday: +4.2%\n"
        "Likes: 64\nvs yesterday: -; vs last Sunday: −33.3%\n"
        "CTR: 12.8%\nvs yesterday: -; vs last Sunday: −7.20\u00a0pp, −36.0%\n\n"
        "CTR vs last Sunday: os iOS explains 100%\n"
        "CTR: likes fell (−33.2%), views +4.2%; 100% within slices, 0% by their mix\n\n"
        "0 of 96 slots checked, 0 alerts"
    )


def test_a_small_change_is_reported_without_a_cause(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> None:
    feed = [
        *crowd(WEEK_BEFORE, "Android", users=4, views=500, likes=50),
        *crowd(WEEK_BEFORE, "iOS", users=4, views=500, likes=50),
        *crowd(SUNDAY, "Android", users=4, views=500, likes=50),
        *crowd(SUNDAY, "iOS", users=4, views=410, likes=50),
    ]
    with on_monday(embedded_warehouse, feed, tmp_path):
        load(WEEK_BEFORE)
        run(Morning())
    text = sent_text(tmp_path, "daily_report-2026-11-08")
    assert "Views: 910\nvs yesterday: -; vs last Sunday: −9.0%\n" in text
    assert text.endswith(
        "CTR: 11.0%\nvs yesterday: -; vs last Sunday: +0.99\u00a0pp, +9.9%\n\n0 of 96 slots checked, 0 alerts"
    )


def refuse(*_: object) -> None:
    raise TerminalError("warehouse:9000: Memory limit exceeded (code 241)", 241)


def test_a_report_is_sent_without_the_cause_and_the_picture_that_fail(
    embedded_warehouse: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def no_library(*_: object) -> None:
        raise ImportError("No module named 'matplotlib'")

    feed = [
        *crowd(WEEK_BEFORE, "iOS", users=4, views=120, likes=24),
        *crowd(SUNDAY, "iOS", users=2, views=36, likes=12),
    ]
    monkeypatch.setattr(results, "day_slices", refuse)
    monkeypatch.setattr(plots, "draw_weeks", no_library)
    with on_monday(embedded_warehouse, feed, tmp_path):
        load(WEEK_BEFORE)
        run(Morning())
    text = sent_text(tmp_path, "daily_report-2026-11-08")
    assert "Views: 36\nvs yesterday: -; vs last Sunday: −70.0%\n" in text
    assert "explain" not in text
    assert list((tmp_path / "outbox").glob("*.png")) == []
    cause, picture = (record.getMessage() for record in caplog.records if record.name == "reporting.decoration")
    assert cause == ("left out: cause in the report of 2026-11-08: warehouse:9000: Memory limit exceeded (code 241)")
    assert picture.startswith(
        "left out: picture of daily_report-2026-11-08: ImportError: No module named 'matplotlib' ("
    )


def test_a_week_is_summed_up_without_the_proposal_that_fails(
    embedded_warehouse: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(proposals, "propose", refuse)
    with on_monday(embedded_warehouse, [], tmp_path):
        run(Weekly())
    assert "0 incidents, 0 messages" in sent_text(tmp_path, "weekly_summary-2026-11-08")
    (said,) = (record.getMessage() for record in caplog.records if record.name == "reporting.decoration")
    assert said.startswith("left out: proposed settings in the week up to 2026-11-08: ")


ALL_BUT_ONE = [i for i in range(-1, 97) if i != 7]
"""The slots of the day except one, and the slots next to the day."""


def write_checks(warehouse: Engine, database: str, numbers: Iterable[int] = ALL_BUT_ONE) -> None:
    """Write checks of two metrics, for slots numbered from the start of the day."""
    tables.open_warehouse()
    slots = [START + i * SLOT for i in numbers]
    rows = [(slot, metric) for slot in slots for metric in ("views", "likes")]
    columns = dict.fromkeys(("value", "expected", "lower", "upper", "score"), [0.0] * len(rows))
    names = {"dimension": "total", "dimension_value": "all", "detector": "seasonal", "verdict": "ok"}
    warehouse.insert(
        f"{database}.slot_checks",
        {
            "slot": [slot for slot, _ in rows],
            "metric": [metric for _, metric in rows],
            **columns,
            **{name: [value] * len(rows) for name, value in names.items()},
        },
    )


def write_incidents(warehouse: Engine, database: str) -> None:
    """Write two incidents that were posted, one that was not, and one before and one after the day."""
    rows = [
        ("of the first second:2026-11-08T0000", START, START, 1),
        ("of an hour:2026-11-08T0000", START + 4 * SLOT, START + 4 * SLOT, 1),
        ("of an hour:2026-11-08T0000", START + 5 * SLOT, START + 4 * SLOT, 1),
        ("of an hour:2026-11-08T0000", START + 6 * SLOT, START + 4 * SLOT, 1),
        ("never told:2026-11-08T0000", START + 8 * SLOT, START + 8 * SLOT, 0),
        ("the day before:2026-11-08T0000", START, START - SECOND, 1),
        ("the day after:2026-11-08T0000", END, END, 1),
    ]
    ids, slots, opened, notified = (list(column) for column in zip(*rows, strict=True))
    warehouse.insert(
        f"{database}.incidents",
        {
            "incident_id": ids,
            "slot": slots,
            "metric": ["views"] * len(rows),
            "opened": opened,
            "last_anomaly": opened,
            "state": ["open"] * len(rows),
            "good_slots": [0] * len(rows),
            "notified": notified,
            "outcome": [""] * len(rows),
            "details": [""] * len(rows),
        },
    )


def test_the_week_counts_each_message_that_made_a_sound_once(warehouse: Engine, tmp_path: Path) -> None:
    first = START - timedelta(days=6)
    rows = [
        ("alert-a", "1", "pending", START),
        ("alert-a", "1", "sent", START),
        ("alert-a", "2", "sent", START),  # another address
        ("alert-a-recovered", "1", "sent", START + SLOT),
        ("alert-b", "1", "sent", first),
        ("alert-c", "1", "sent", END - SECOND),
        ("alert-refused", "1", "pending", START),
        ("alert-before", "1", "sent", first - SECOND),
        ("alert-after", "1", "sent", END),
        ("daily_report-2026-11-08", "1", "sent", START),
    ]
    keys, addresses, states, moments = (list(column) for column in zip(*rows, strict=True))
    with on_monday(warehouse, [], tmp_path) as database:
        tables.open_warehouse()
        warehouse.insert(
            f"{database}.deliveries",
            {
                "message_key": keys,
                "channel": ["outbox"] * len(rows),
                "address": addresses,
                "state": states,
                "message_id": [""] * len(rows),
                "at": moments,
            },
        )
        write_checks(warehouse, database, range(1, 96))
        run(Weekly())
    assert sent_text(tmp_path, "weekly_summary-2026-11-08") == (
        "Alerts of the week: 2 Nov to 8 Nov 2026\n\n0 incidents, 4 messages\nconfirmed: 0\nfalse alarms: 0\n"
        "95 of 672 slots checked"
    )


def test_a_week_of_a_clock_change_has_an_hour_more_or_less(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> None:
    with on_monday(embedded_warehouse, [], tmp_path, zone="Europe/Berlin"):
        weeks = [date(2026, 10, 25), date(2026, 11, 1), date(2026, 3, 29)]
        assert [week.figures(last_day).slots_expected for last_day in weeks] == [676, 672, 668]
