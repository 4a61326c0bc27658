"""The picture of a metric's last four weeks."""

import re

import numpy as np
import pytest

from reporting.status.picture import COLUMNS, ROWS, Array, draw, limits

NAN = np.full(ROWS * COLUMNS, np.nan)
WEEKEND = [False] * 5 + [True] * 2


def series(**values: float) -> Array:
    """A series with some columns known: ``series(c3=5.0)``."""
    found = NAN.copy()
    for name, value in values.items():
        found[int(name.removeprefix("c"))] = value
    return found


def paths(picture: bytes, name: str) -> list[str]:
    return re.findall(rf'class="{name}" d="([^"]*)"', picture.decode())


def test_the_axis_has_room_for_values_and_bounds() -> None:
    found = limits(series(c0=50.0), series(c0=40.0), series(c0=100.0), from_zero=True)
    assert found == pytest.approx((0.0, 103.6))  # 6 % of the range from 40 to 100
    assert limits(series(c0=0.2, c1=0.3), NAN, NAN, from_zero=False) == pytest.approx((0.194, 0.306))
    assert limits(series(c0=5.0), series(c0=-np.inf), series(c0=np.inf), from_zero=False) == pytest.approx((4.7, 5.3))
    assert limits(NAN, series(c0=1.0), NAN, from_zero=True) is None
    assert limits(series(c0=0.0), NAN, NAN, from_zero=True) == (0.0, 1.0)


def test_a_ratio_is_not_drawn_below_zero() -> None:
    assert limits(series(c0=0.01, c1=0.5), NAN, NAN, from_zero=False) == pytest.approx((0.0, 0.5294))
    assert limits(series(c0=-1.0, c1=1.0), NAN, NAN, from_zero=False) == pytest.approx((-1.12, 1.12))


def test_one_wide_bound_does_not_blow_up_the_axis() -> None:
    values, upper = NAN.copy(), NAN.copy()
    values[:100], upper[:100] = 50.0, 60.0
    upper[7] = 6000.0
    assert limits(values, NAN, upper, from_zero=True) == pytest.approx((0.0, 60.6))


def test_values_stand_in_the_row_of_their_week() -> None:
    values = series(c0=0.0, c1=100.0, c672=50.0)
    picture = draw(values, NAN, NAN, ends=(0.0, 100.0), weekend=WEEKEND)
    # Rows are 100 high with 14 between them. One point alone is a dot.
    assert paths(picture, "v") == ["M0.5 100.0L1.5 0.0", "M0.5 164.0L0.5 164.0"]
    assert paths(picture, "b") == paths(picture, "o") == []
    assert len(paths(picture, "w")) == 2 * ROWS


def test_what_is_outside_is_drawn_from_its_bound() -> None:
    values, lower, upper = series(c5=10.0, c6=90.0, c8=50.0), series(c5=40.0, c6=40.0, c8=40.0), NAN.copy()
    upper[5:9] = 60.0
    picture = draw(values, lower, upper, ends=(0.0, 100.0), weekend=WEEKEND)
    assert paths(picture, "o") == ["M5.5 60.0V90.0M6.5 40.0V10.0"]
    # The area has a gap where a bound is unknown.
    assert paths(picture, "b") == ["M5.5 60.0L6.5 60.0L6.5 40.0L5.5 40.0zM8.5 60.0L8.5 60.0L8.5 40.0L8.5 40.0z"]


def test_infinite_bounds_end_at_the_axis() -> None:
    bounds = series(c0=-np.inf), series(c0=np.inf)
    picture = draw(series(c0=5.0), *bounds, ends=(0.0, 10.0), weekend=WEEKEND)
    assert paths(picture, "b") == ["M0.5 100.0L0.5 100.0L0.5 0.0L0.5 0.0z"]
    assert paths(picture, "o") == []
    assert b"inf" not in picture
    assert b"nan" not in picture


def test_without_any_value_only_the_days_are_drawn() -> None:
    picture = draw(NAN, NAN, NAN, ends=None, weekend=[False] * 7)
    assert len(re.findall("<path", picture.decode())) == ROWS
