"""A report of a day without its rows says so, and waits for rows that are late."""

import logging
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.core.errors import TerminalError
from pipeline.etl import gaps
from pipeline.tasks import DailyMetrics, DailyReport, Morning
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from tests.pipeline.etl.stories import at, seen, sent
from tests.pipeline.reference import Event
from tests.pipeline.tasks.mornings import MONDAY, SUNDAY, Mornings, aware, mornings

KEY = "daily_report-2026-11-08"
WEEK_BEFORE = SUNDAY - timedelta(days=7)
WEEKS = [SUNDAY - timedelta(days=back) for back in range(15, 0, -1)]
SEVEN, NOON = aware(MONDAY, 7), aware(MONDAY, 12)
HOUR = timedelta(hours=1)
METRICS = "feed_users,views,likes,ctr,messages_sent"


def views(day: date, start: float = 8, end: float = 24) -> list[Event]:
    """Ten rows an hour by ten users; every fifth is a like."""
    hours = [start + i / 10 for i in range(round(10 * (end - start)))]
    return [seen(1 + i % 10, at(day, hour), "like" if i % 5 == 4 else "view") for i, hour in enumerate(hours)]


def messages(day: date) -> list[Event]:
    return [sent(1, 2, at(day, 8 + i / 10)) for i in range(160)]


def fill(place: Mornings) -> None:
    """Fill two weeks before the day in both tables, and the day's messages."""
    place.arrive([event for day in WEEKS for event in views(day)], [event for day in WEEKS for event in messages(day)])
    place.arrive([], [*messages(SUNDAY), sent(1, 2, at(MONDAY, 0.1))])


def load(place: Mornings) -> None:
    """Load the days that the report compares with."""
    for day in (WEEK_BEFORE, SUNDAY - timedelta(days=1)):
        place.run(DailyMetrics(date=day), SEVEN)


@pytest.fixture
def place(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[Mornings]:
    with mornings(embedded_warehouse, tmp_path) as made:
        made.sections["report"] = {"metrics": METRICS}
        fill(made)
        yield made


def waits(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "waits for rows" in record.getMessage()]


MESSAGES_ARE_THERE = "Messages sent: 160\nvs yesterday: 0.0%; vs last Sunday: 0.0%\n"


def test_a_day_without_rows_is_not_a_day_of_zeros(place: Mornings) -> None:
    load(place)
    place.run(Morning(), NOON)
    assert place.text(KEY) == (
        "Daily report: Sunday, 8 November 2026\n\n"
        "No data for 8 Nov in feed_actions: is the application down or the load late?\n\n"
        f"DAU: no data\nViews: no data\nLikes: no data\nCTR: no data\n{MESSAGES_ARE_THERE}\n"
        "0 of 96 slots checked, 0 alerts"
    )


@pytest.mark.parametrize(("engine", "language"), [("embedded", "en"), ("server", "ru")])
def test_a_day_that_broke_off(request: pytest.FixtureRequest, engine: str, language: str, tmp_path: Path) -> None:
    warehouse: Engine = request.getfixturevalue(f"{engine}_warehouse")
    with mornings(warehouse, tmp_path) as place:
        place.sections["report"] = {"metrics": METRICS, "language": language}
        fill(place)
        place.arrive(views(SUNDAY, end=18))
        load(place)
        place.run(Morning(), NOON)
        told = place.text(KEY)
    assert (
        told
        == {
            "en": (
                "Daily report: Sunday, 8 November 2026\n\n"
                "No data for 8 Nov in feed_actions since 18:00: is the application down or the load late?\n\n"
                "DAU: 10 until 18:00\nViews: 80 until 18:00\nLikes: 20 until 18:00\nCTR: 25.0% until 18:00\n"
                f"{MESSAGES_ARE_THERE}\n0 of 96 slots checked, 0 alerts"
            ),
            "ru": (
                "Отчёт за день: воскресенье, 8 ноября 2026\n\n"
                "Нет данных за 8 ноя в feed_actions с 18:00: приложение не работает или загрузка опаздывает?\n\n"
                "DAU: 10 до 18:00\nПросмотры: 80 до 18:00\nЛайки: 20 до 18:00\nCTR: 25,0\u00a0% до 18:00\n"
                "Отправленные сообщения: 160\nк вчера: 0,0\u00a0%; к прошлому воскресенью: 0,0\u00a0%\n\n"
                "проверено интервалов: 0 из 96, 0 алертов"
            ),
        }[language]
    )


def test_the_report_waits_for_late_rows_and_is_sent_when_they_came(
    place: Mornings, caplog: pytest.LogCaptureFixture
) -> None:
    place.arrive(views(SUNDAY, end=18))
    load(place)
    with caplog.at_level(logging.INFO, "pipeline"):
        for hour in (0, 1):
            place.run(Morning(), SEVEN + hour * HOUR)
    assert (
        waits(caplog) == ["the report of 2026-11-08 waits for rows until 12:00: none in feed_actions since 18:00"] * 2
    )
    assert place.messages() == []
    place.arrive(views(SUNDAY, start=18))
    for hour in (2, 3):
        place.run(Morning(), SEVEN + hour * HOUR)
    assert place.messages() == [KEY]
    assert "Views: 128\nvs yesterday: 0.0%; vs last Sunday: 0.0%\n" in place.text(KEY)
    assert "No data" not in place.text(KEY)


def test_at_the_deadline_the_report_is_sent_without_them(place: Mornings, caplog: pytest.LogCaptureFixture) -> None:
    for minutes, sent_keys in ((-1, []), (0, [KEY])):
        place.run(Morning(), NOON + timedelta(minutes=minutes))
        assert place.messages() == sent_keys
    assert "No data for 8 Nov in feed_actions: " in place.text(KEY)


def test_a_morning_that_runs_once_a_day_sends_a_report_that_waited_on_the_next_day(place: Mornings) -> None:
    place.run(Morning(), SEVEN)
    assert place.messages() == []
    place.arrive([*views(MONDAY), seen(1, at(MONDAY, 24.1))], messages(MONDAY))
    for days in (1, 2):
        place.run(Morning(), SEVEN + timedelta(days=days))
        assert place.messages()[:2] == [KEY, "daily_report-2026-11-09"]
    assert "No data for 8 Nov in feed_actions: " in place.text(KEY)
    later = place.text("daily_report-2026-11-09")
    assert "No data" not in later
    # The day before has no rows, so there is no change to it.
    assert "Views: 128\nvs yesterday: -; vs last Monday: -\n" in later


def test_a_day_that_is_lost_is_told_at_once(place: Mornings) -> None:
    place.arrive(views(MONDAY, start=0, end=7))
    place.run(Morning(), SEVEN)
    assert "No data for 8 Nov in feed_actions: " in place.text(KEY)


@pytest.mark.parametrize(
    "sections",
    [
        {"report": {"deadline": ""}},
        {"report": {"deadline": "7:00"}},
        {"etl": {"reload_days": "0"}},
        {"report": {"metrics": "messages_sent"}},
    ],
    ids=["never waits", "is over", "late rows are not loaded", "of the other table only"],
)
@pytest.mark.long
def test_a_report_that_does_not_wait(place: Mornings, sections: dict[str, dict[str, str]]) -> None:
    place.sections |= sections
    place.run(Morning(), SEVEN)
    assert place.messages() == [KEY]
    assert ("No data" in place.text(KEY)) == ("metrics" not in sections.get("report", {}))


def test_a_check_that_fails_stops_no_report(
    place: Mornings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise TerminalError("warehouse:9000: Memory limit exceeded (code 241)", 241)

    monkeypatch.setattr(gaps, "find_gaps", refuse)
    place.run(Morning(), SEVEN)
    assert "DAU: 0\n" in place.text(KEY)
    assert [record.getMessage() for record in caplog.records if record.name == "reporting.decoration"] == [
        "left out: check for late rows of 2026-11-08: warehouse:9000: Memory limit exceeded (code 241)",
        "left out: check for missing rows in the report of 2026-11-08: "
        "warehouse:9000: Memory limit exceeded (code 241)",
    ]


@pytest.mark.long
def test_a_back_fill_of_reports_does_not_wait(place: Mornings) -> None:
    place.run(DailyReport(date=SUNDAY), SEVEN)
    assert "No data for 8 Nov in feed_actions: " in place.text(KEY)
