from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import clock
from pipeline.core.errors import ClockError, SettingsError
from tests.pipeline.configuration import configured

ZONES = ["Europe/Moscow", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "UTC", "Asia/Beirut"]


@pytest.fixture(autouse=True)
def _own_clock() -> Iterator[None]:
    with configured():
        yield


@pytest.mark.parametrize(
    ("zone", "day", "slots"),
    [
        ("Europe/Moscow", date(2026, 11, 1), 96),
        ("Europe/Berlin", date(2026, 3, 29), 92),
        ("Europe/Berlin", date(2026, 10, 25), 100),
        ("America/New_York", date(2026, 11, 1), 100),
        ("Asia/Beirut", date(2026, 3, 29), 92),  # midnight itself is skipped
    ],
)
def test_a_day_has_as_many_slots_as_it_has(zone: str, day: date, slots: int) -> None:
    with configured(clock={"timezone": zone}):
        assert len(clock.day_slots(day)) == slots


@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2037, 1, 1)))
def test_days_tile_time(zone: str, day: date) -> None:
    with configured(clock={"timezone": zone}):
        start, end = clock.day_bounds(day)
        assert end == clock.day_bounds(day + timedelta(days=1))[0]
        assert clock.to_local(start).date() == day
        assert clock.to_local(start - timedelta(seconds=1)).date() == day - timedelta(days=1)
        assert clock.to_local(end - timedelta(seconds=1)).date() == day


def test_yesterday_is_the_zones() -> None:
    moment = datetime(2026, 11, 1, 22, 30, tzinfo=UTC)
    for zone, expected in (("Europe/Moscow", date(2026, 11, 1)), ("America/New_York", date(2026, 10, 31))):
        with configured(clock={"timezone": zone}):
            clock.set_now(moment)
            assert clock.yesterday() == expected


def test_times_that_are_stored_have_whole_seconds() -> None:
    clock.set_now(datetime(2026, 11, 1, 22, 30, 5, 999_999, tzinfo=UTC))
    assert clock.utcnow() == datetime(2026, 11, 1, 22, 30, 5)


def test_the_clock_is_read_once() -> None:
    before = datetime.now(UTC)
    first = clock.now()
    assert before <= first <= datetime.now(UTC)
    assert clock.now() is first


def test_now_can_be_set() -> None:
    with configured(clock={"now": "2026-11-01T10:20"}):
        assert clock.now() == datetime(2026, 11, 1, 10, 20, tzinfo=UTC)
        assert clock.last_closed_slot() == datetime(2026, 11, 1, 10, 0)


@pytest.mark.parametrize(
    ("moment", "slot"),
    [
        (datetime(2026, 11, 1, 10, 15), datetime(2026, 11, 1, 10, 0)),
        (datetime(2026, 11, 1, 10, 14, 59), datetime(2026, 11, 1, 9, 45)),
        (datetime(2026, 11, 1, 0, 0), datetime(2026, 10, 31, 23, 45)),
    ],
)
def test_the_last_closed_slot_is_over(moment: datetime, slot: datetime) -> None:
    clock.set_now(moment.replace(tzinfo=UTC))
    assert clock.last_closed_slot() == slot


def test_unfinished_time_is_refused() -> None:
    clock.set_now(datetime(2026, 11, 2, 12, 0, tzinfo=ZoneInfo("Europe/Moscow")))
    clock.require_closed_day(date(2026, 11, 1))
    clock.require_closed_slot(datetime(2026, 11, 2, 8, 45))
    with pytest.raises(ClockError, match="2026-11-02 is not over yet in Europe/Moscow"):
        clock.require_closed_day(date(2026, 11, 2))
    with pytest.raises(ClockError, match="T0900 .* is not over yet"):
        clock.require_closed_slot(datetime(2026, 11, 2, 9, 0))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("timezone", "Mars/Olympus", "no such time zone"), ("now", "yesterday", "not a time")],
)
def test_impossible_settings_are_named(key: str, value: str, message: str) -> None:
    with configured(clock={key: value}), pytest.raises(SettingsError, match=rf"\[clock\] {key} = {value}: {message}"):
        clock.today()


@pytest.mark.parametrize(
    ("deadline", "day", "expected"),
    [
        ("12:00", date(2026, 11, 29), datetime(2026, 11, 30, 11)),
        ("12:00", date(2026, 10, 24), datetime(2026, 10, 25, 11)),  # clocks went back in the night after the day
        ("0:15", date(2026, 11, 29), datetime(2026, 11, 29, 23, 15)),
        ("", date(2026, 11, 29), None),
    ],
)
def test_the_report_of_a_day_is_due_on_the_next_day(deadline: str, day: date, expected: datetime | None) -> None:
    with configured(clock={"timezone": "Europe/Berlin"}, report={"deadline": deadline}):
        assert clock.report_deadline(day) == expected
