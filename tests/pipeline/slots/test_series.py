from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import clock
from pipeline.slots import series
from tests.pipeline.configuration import configured

WEEK = 7 * clock.SLOTS_A_DAY


@pytest.fixture(autouse=True)
def _berlin() -> Iterator[None]:
    with configured(clock={"timezone": "Europe/Berlin"}):
        yield


def epochs(last: datetime, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(count, dtype=np.int64) * 900 + clock.epoch(last) - (count - 1) * 900


def wall_minutes(seconds: int) -> int:
    local = clock.to_local(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None))
    return local.hour * 60 + local.minute


# Around both clock changes and far from them.
LASTS = st.datetimes(datetime(2026, 3, 25), datetime(2026, 4, 8)) | st.datetimes(
    datetime(2026, 10, 20), datetime(2026, 11, 5)
)


@given(LASTS)
def test_a_column_is_always_the_same_time_of_day(moment: datetime) -> None:
    last = clock.floor_to_slot(moment)
    slots = epochs(last, WEEK)
    columns = series.wall_columns(slots, WEEK)
    first_column_minute = (wall_minutes(int(slots[-1])) - (WEEK - 1) * 15) % 1440
    for seconds, column in zip(slots.tolist(), columns.tolist(), strict=True):
        assert wall_minutes(seconds) == (first_column_minute + column * 15) % 1440


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "America/New_York", "Africa/Casablanca", "Asia/Kathmandu"])
def test_columns_keep_their_time_through_a_year_of_any_zone(zone: str) -> None:
    with configured(clock={"timezone": zone}):
        slots = epochs(datetime(2026, 12, 31), 365 * clock.SLOTS_A_DAY)
        columns = series.wall_columns(slots, len(slots))
        minutes = [wall_minutes(seconds) for seconds in slots.tolist()]
        assert (((columns - columns[-1]) * 15 + minutes[-1]) % 1440).tolist() == minutes


@given(LASTS)
def test_far_from_a_change_the_layout_is_the_identity(moment: datetime) -> None:
    last = clock.floor_to_slot(moment).replace(month=7)
    numbers = np.arange(WEEK, dtype=float)[None, :]
    columns = series.wall_columns(epochs(last, WEEK), WEEK)
    assert np.array_equal(series.lay_out(numbers, columns, WEEK), numbers)


def test_the_hour_that_spring_skips_is_missing() -> None:
    last = datetime(2026, 3, 29, 12, 0)  # the clock went from 02:00 to 03:00 that day, 01:00 UTC
    columns = series.wall_columns(epochs(last, 96), 96)
    laid = series.lay_out(np.ones((1, 96)), columns, 96)[0]
    skipped = [95 - (14 * 60 - minute) // 15 for minute in (120, 135, 150, 165)]
    assert np.flatnonzero(np.isnan(laid)).tolist() == skipped


def test_the_hour_that_autumn_repeats_is_averaged() -> None:
    last = datetime(2026, 10, 25, 12, 0)  # 02:00 to 03:00 occurred twice: 00:00 to 02:00 UTC
    slots = epochs(last, 96)
    numbers = np.zeros((1, 96))
    numbers[0, slots == clock.epoch(datetime(2026, 10, 25, 0, 15))] = 10
    numbers[0, slots == clock.epoch(datetime(2026, 10, 25, 1, 15))] = 20
    laid = series.lay_out(numbers, series.wall_columns(slots, 96), 96)[0]
    column = 95 - (13 * 60 - (2 * 60 + 15)) // 15
    assert laid[column] == 15
    assert laid[column - 1] == 0


def test_a_slot_of_the_repeated_hour_is_checked_alone() -> None:
    last = datetime(2026, 10, 25, 1, 15)  # 02:15 for the second time
    slots = epochs(last, 96)
    numbers = np.zeros((1, 96))
    numbers[0, -1] = 8
    numbers[0, -5] = 100  # 02:15 for the first time
    numbers[0, -4] = 100  # 02:30: later on the wall clock, so not history
    laid = series.lay_out(numbers, series.wall_columns(slots, 96), 96)[0]
    assert laid[-1] == 8
    assert np.nanmax(laid[:-1]) == 0


def test_what_was_not_measured_is_missing_not_zero() -> None:
    columns = series.wall_columns(epochs(datetime(2026, 7, 1), 4), 4)
    laid = series.lay_out(np.array([[1.0, np.nan, 0.0, 4.0]]), columns, 4)[0]
    assert np.array_equal(laid, [1, np.nan, 0, 4], equal_nan=True)


def test_a_ratio_of_one_event_is_one_and_of_none_is_missing() -> None:
    ratio_values = series.ratio(np.array([[1.0, 3.0, 3.0]]), np.array([[1.0, 0.0, np.nan]]))
    assert np.array_equal(ratio_values, [[1, np.nan, np.nan]], equal_nan=True)


def test_pictures_run_in_real_time() -> None:
    last = datetime(2026, 10, 25, 1, 15)
    columns = series.wall_columns(epochs(last, 100), 96)
    empty = series.Series((), last, np.empty((0, 96)), np.empty((0, 96)), columns)
    shown = empty.in_real_time(np.arange(96.0), 8)
    # 01:30, 01:45, then 02:00 to 02:45 of the first pass of which only 02:00 and 02:15 have columns, then the second
    assert np.array_equal(shown, [92, 93, 94, 95, np.nan, np.nan, 94, 95], equal_nan=True)
    assert clock.to_local(last - 7 * timedelta(minutes=15)).strftime("%H:%M") == "01:30"
    # A day before, both passes have the same times of the wall clock.
    two_days = series.Series((), last, np.empty((0, 192)), np.empty((0, 192)), columns + 96)
    earlier = two_days.in_real_time(np.arange(192.0), 8, days_before=1)
    assert np.array_equal(earlier, [92, 93, 94, 95, 96, 97, 94, 95])


def test_the_oldest_slot_has_the_first_column() -> None:
    last = datetime(2026, 7, 1, 23, 45)
    day = series.Series((), last, np.empty((0, 96)), np.empty((0, 96)), np.arange(96))
    assert day.columns_of(datetime(2026, 7, 1), datetime(2026, 7, 1, 0, 30)).tolist() == [0, 1]
