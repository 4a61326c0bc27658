"""Slices on days on which their values were not counted are missing; counted and none is zero."""

import numpy as np
import pytest

from pipeline.core.clock import SLOTS_A_DAY
from pipeline.slots.counted import forget_uncounted
from pipeline.slots.series import Array, Part

NAN = float("nan")


def by_day(rows: dict[str, list[float]], metric: str = "views", dimension: str = "country") -> dict[str, list[float]]:
    """Lay out a number of events a slot and day; return what is left of it in the last slot of each day."""
    parts = [Part(metric, dimension, value) for value in rows]
    events: Array = np.repeat(np.array(list(rows.values())), SLOTS_A_DAY, axis=1)
    numerators, denominators = events.copy(), np.ones_like(events)
    if metric == "ctr":
        numerators, denominators = events / 5, events.copy()
    forget_uncounted(parts, numerators, denominators)
    assert (np.isnan(numerators) == np.isnan(denominators)).all()
    left = numerators * 5 if metric == "ctr" else numerators
    return {part.value: left[row, SLOTS_A_DAY - 1 :: SLOTS_A_DAY].tolist() for row, part in enumerate(parts)}


def same(got: dict[str, list[float]], wanted: dict[str, list[float]]) -> None:
    for value, numbers in wanted.items():
        np.testing.assert_array_equal(got[value], numbers, err_msg=value)


@pytest.mark.parametrize("metric", ["views", "ctr"])
def test_the_first_day_of_a_source_has_no_list(metric: str) -> None:
    rows = {"Russia": [0.0, 50, 60], "Ukraine": [0.0, 9, 8], "other": [90.0, 5, 5], "unknown": [3.0, 3, 3]}
    wanted = {"Russia": [NAN, 50, 60], "Ukraine": [NAN, 9, 8], "other": [NAN, 5, 5], "unknown": [3.0, 3, 3]}
    same(by_day(rows, metric), wanted)


def test_the_day_after_a_lost_day_has_no_list() -> None:
    rows = {"Russia": [50.0, 0, 0, 60], "Ukraine": [9.0, 0, 0, 8], "other": [5.0, 0, 70, 5]}
    wanted = {"Russia": [50, NAN, NAN, 60], "Ukraine": [9, NAN, NAN, 8], "other": [5, NAN, NAN, 5]}
    same(by_day(rows), wanted)


def test_a_value_that_enters_or_leaves_the_list_is_missing_outside_of_it() -> None:
    rows = {"Russia": [50.0, 50, 50, 50], "Malta": [0.0, 4, 0, 0], "Cyprus": [5.0, 5, 5, 5]}
    same(by_day(rows), {**rows, "Malta": [NAN, 4, NAN, NAN]})


def test_a_value_that_was_counted_and_has_no_events_is_zero() -> None:
    # On the day of its outage it is listed, as it had more events the day before than another that is.
    rows = {"Russia": [50.0, 50, 0, 0], "Ukraine": [9.0, 9, 9, 9]}
    same(by_day(rows), {"Russia": [50, 50, 0, NAN], "Ukraine": [9, 9, 9, 9]})


def test_dimensions_that_keep_all_values_are_left_alone() -> None:
    rows = {"iOS": [0.0, 5, 0], "Android": [0.0, 0, 5]}
    same(by_day(rows, dimension="os"), rows)
