"""Days that lack rows in a source table, from rows by slot that are written by hand."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from pipeline.core import clock
from pipeline.etl.gaps import Counts, Gap, gap_of_day
from tests.pipeline.configuration import configured

DAY = date(2026, 11, 29)  # a Sunday
NIGHT = range(2, 6)
WHOLE = timedelta(days=1)


@pytest.fixture(autouse=True)
def _moscow() -> Iterator[None]:
    with configured(clock={"timezone": "Europe/Moscow"}):
        yield


def at(hour: float, day: date = DAY) -> datetime:
    """A time in Moscow (UTC+3), as naive UTC."""
    return datetime(day.year, day.month, day.day) + timedelta(hours=hour - 3)


def usual(slot: datetime, a_slot: int = 20) -> int:
    """No rows in the night."""
    return 0 if clock.to_local(slot).hour in NIGHT else a_slot


def history(
    rows: Callable[[datetime], int] = usual, *, days: int = 28, until: datetime | None = None
) -> dict[datetime, int]:
    """The rows of `days` days before the day, of the day, and of the next day until a time, by default 09:00."""
    first = clock.day_bounds(DAY - timedelta(days=days))[0]
    end = until or at(24 + 9)
    slots = [first + i * clock.SLOT for i in range((end - first) // clock.SLOT)]
    return {slot: counted for slot in slots if (counted := rows(slot))}


def without(counts: Counts, start: datetime, end: datetime) -> dict[datetime, int]:
    return {slot: rows for slot, rows in counts.items() if not start <= slot < end}


def scaled(day: date, share: float) -> Callable[[datetime], int]:
    """The usual rows, with fewer on one day."""
    return lambda slot: round(usual(slot) * (share if clock.to_local(slot).date() == day else 1))


EVER_SINCE = at(1000)
USUAL = 20 * 4 * 20


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param(lambda: history(), None, id="all rows"),
        pytest.param(
            lambda: without(history(), at(0), EVER_SINCE), Gap("empty", at(0), at(24), 0, USUAL, True), id="late"
        ),
        pytest.param(
            lambda: without(history(), at(0), at(24)), Gap("empty", at(0), at(24), 0, USUAL, False), id="a lost day"
        ),
        pytest.param(
            lambda: without(history(), at(18), EVER_SINCE),
            Gap("broken off", at(18), at(24), 14 * 80, USUAL, True),
            id="broken off",
        ),
        pytest.param(
            lambda: without(history(), at(18), at(24.5)),
            Gap("broken off", at(18), at(24), 14 * 80, USUAL, False),
            id="back after midnight",
        ),
        pytest.param(
            lambda: without(history(), at(10), at(14)), Gap("stretch", at(10), at(14), 16 * 80, USUAL, False), id="hole"
        ),
        pytest.param(
            lambda: without(history(), at(0), at(8)), Gap("stretch", at(0), at(8), 16 * 80, USUAL, False), id="morning"
        ),
        pytest.param(lambda: without(history(), at(22.25), EVER_SINCE), None, id="less than two hours"),
        pytest.param(
            lambda: without(history(), at(22), EVER_SINCE),
            Gap("broken off", at(22), at(24), 18 * 80, USUAL, True),
            id="two hours",
        ),
        pytest.param(
            lambda: history(scaled(DAY, 0.4)), Gap("few", at(0), at(24), 640, USUAL, False), id="few, and going on"
        ),
        pytest.param(
            lambda: history(scaled(DAY, 0.4), until=at(24)),
            Gap("few", at(0), at(24), 640, USUAL, True),
            id="few, and nothing since",
        ),
        pytest.param(lambda: history(scaled(DAY, 0.5)), None, id="half is not far fewer"),
        pytest.param(lambda: history(scaled(DAY, 3)), None, id="more"),
        # A device with a wrong clock.
        pytest.param(
            lambda: without(history(lambda slot: usual(slot, 100)), at(18), EVER_SINCE) | {at(26): 1},
            Gap("broken off", at(18), at(24), 14 * 400, USUAL * 5, True),
            id="a stray row",
        ),
    ],
)
def test_a_day_with_four_weeks_before_it(counts: Callable[[], Counts], expected: Gap | None) -> None:
    assert gap_of_day(DAY, counts()) == expected


def test_a_weekday_is_compared_with_itself() -> None:
    def sundays_low(slot: datetime) -> int:
        return usual(slot) // (10 if clock.to_local(slot).weekday() == 6 else 1)

    def sundays_closed(slot: datetime) -> int:
        return 0 if clock.to_local(slot).weekday() == 6 else usual(slot)

    for rows in (sundays_low, sundays_closed):
        assert gap_of_day(DAY, history(rows)) is None
    # On the other days nothing is usual about it.
    saturday = DAY - WHOLE
    gap = gap_of_day(saturday, without(history(sundays_closed), at(0, saturday), EVER_SINCE))
    assert gap is not None
    assert (gap.kind, gap.is_late) == ("empty", True)


def test_an_outage_of_weeks_does_not_become_usual() -> None:
    counts = without(history(), at(0, DAY - timedelta(days=20)), EVER_SINCE)
    gap = gap_of_day(DAY, counts)
    assert gap is not None
    assert gap.kind == "empty"


def test_growth_and_one_odd_week_are_not_missing_rows() -> None:
    def growing(slot: datetime) -> int:
        weeks = (slot - at(0)).days // 7
        return round(usual(slot, 200) * 1.5**weeks)

    assert gap_of_day(DAY, history(growing)) is None
    holiday = DAY - timedelta(days=14)
    assert gap_of_day(DAY, history(scaled(holiday, 5))) is None
    assert gap_of_day(DAY, history(scaled(holiday, 0))) is None


@pytest.mark.parametrize(("share", "kind"), [(0.3, ""), (0.2, "few")])
def test_a_source_of_some_days_is_compared_with_the_days_before(share: float, kind: str) -> None:
    gap = gap_of_day(DAY, history(scaled(DAY, share), days=5))
    assert (gap.kind if gap else "") == kind
    broken = gap_of_day(DAY, without(history(days=5), at(18), EVER_SINCE))
    assert broken is not None
    assert (broken.kind, broken.start) == ("broken off", at(18))


@pytest.mark.parametrize(("start", "kind"), [(at(0), "empty"), (at(18), "broken off")])
def test_a_stray_row_does_not_make_a_source_old(start: datetime, kind: str) -> None:
    young = history(lambda slot: usual(slot, 100), days=5)
    gap = gap_of_day(DAY, without(young, start, EVER_SINCE) | {at(12, DAY - timedelta(days=25)): 1})
    assert gap is not None
    assert gap.kind == kind


def test_a_source_of_one_day_has_only_an_end() -> None:
    first = history(days=1)
    assert gap_of_day(DAY, history(scaled(DAY, 0.1), days=1)) is None
    assert gap_of_day(DAY, without(first, at(10), at(14))) is None
    assert gap_of_day(DAY, without(first, at(21.25), EVER_SINCE)) is None
    assert gap_of_day(DAY, without(first, at(18), EVER_SINCE)) == Gap("broken off", at(18), at(24), 1120, 0, True)
    assert gap_of_day(DAY, without(first, at(0), EVER_SINCE)) == Gap("empty", at(0), at(24), 0, 0, True)


@pytest.mark.parametrize("rows", [{}, {at(12): 2}, {at(0): 1, at(23): 1}])
def test_a_source_of_a_few_rows_is_only_ever_empty(rows: Counts) -> None:
    gap = gap_of_day(DAY, rows)
    assert (gap.kind if gap else "") == ("" if rows else "empty")
    few = {slot: 1 for slot in history() if clock.to_local(slot).minute == 0 and clock.to_local(slot).hour in (9, 12)}
    assert gap_of_day(DAY, few) is None
    assert gap_of_day(DAY, without(few, at(10), at(13))) is None


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_the_days_of_a_clock_change_have_their_rows(day: date) -> None:
    with configured(clock={"timezone": "Europe/Berlin"}):
        slots = [slot for back in range(29) for slot in clock.day_slots(day - timedelta(days=back))]
        counts = dict.fromkeys(slots, 20)
        for other in (day, day - WHOLE):
            assert gap_of_day(other, counts) is None
        evening = clock.day_slots(day)[-24:]
        gap = gap_of_day(day, {slot: rows for slot, rows in counts.items() if slot not in evening})
        assert gap is not None
        assert replace(gap, rows=0) == Gap("broken off", evening[0], clock.day_bounds(day)[1], 0, 1920, True)
