import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.formatting import Format, change, ticks, value
from reporting.texts import en


@pytest.mark.parametrize(
    ("kind", "amount", "text"),
    [
        ("count", 1234567, "1,234,567"),
        ("count", 0, "0"),
        ("count", 3.44, "3.4"),
        ("count", 156.3, "156"),
        ("count", 999_999_999_999_999, "999,999,999,999,999"),
        ("count", 1e15, "1.00e15"),
        ("count", 1.2e18, "1.20e18"),
        ("count", -3.44, "−3.4"),
        ("count", 10.4, "10"),
        ("count", None, "-"),
        ("count", math.nan, "-"),
        ("count", math.inf, "-"),
        ("ratio", 0.203, "20.3%"),
        ("ratio", 0.0203, "2.03%"),
        ("ratio", 0.00203, "0.203%"),
        ("ratio", 0.0095, "0.950%"),
        ("ratio", 0.00001234, "0.0012%"),
        ("ratio", 0, "0%"),
        ("average", 3.2149, "3.21"),
        ("average", 3.0, "3.00"),
        ("average", 0.0325, "0.0325"),
        ("average", 0.00001, "0.0000"),
        ("average", 41.66, "41.7"),
        ("average", 1234.4, "1,234"),
        ("average", 0, "0"),
        ("average", None, "-"),
        ("average", 1e15, "1.00e15"),
    ],
)
def test_values(kind: Format, amount: float | None, text: str) -> None:
    assert value(kind, amount, en) == text


@pytest.mark.parametrize(
    ("kind", "amount", "reference", "text"),
    [
        ("count", 0, 156, "−100%"),
        ("count", 1, 10_000, "−100.0%"),
        ("count", 110, 100, "+10.0%"),
        ("count", 300, 100, "+200%"),
        ("count", 100, 100, "0.0%"),
        ("ratio", 0.208, 0.2, "+0.80\u00a0pp, +4.0%"),
        ("count", 5, 0, ""),
        ("count", 5, -3, ""),
        ("count", None, 3, ""),
        ("count", 3, None, ""),
        ("count", math.nan, 3, ""),
        ("count", 3, math.inf, ""),
        ("count", 1e300, 1e-300, ""),
        ("count", 1e15, 1e14, ""),
        ("count", 1e14, 1e15, ""),
        ("count", 9e14, 3e14, "+200%"),
        ("ratio", 0.0, 1.7e307, ""),
        ("average", 3.6, 3.0, "+0.60, +20.0%"),
        ("average", 2.4, 3.0, "−0.60, −20.0%"),
        ("average", 45.0, 50.0, "−5.0, −10.0%"),
        ("average", 5.0, 0.0, ""),
        ("ratio", 1.7e307, 0.2, ""),
    ],
)
def test_changes(kind: Format, amount: float | None, reference: float | None, text: str) -> None:
    assert change(kind, amount, reference, en) == text


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_change_is_what_it_says(amount: int, reference: int) -> None:
    text = change("count", amount, reference, en)
    written = float(re.sub("[,%+]", "", text).replace("−", "-"))
    assert written == pytest.approx(100 * (amount / reference - 1), abs=0.0500001)


@given(
    st.sampled_from([1, 2, 5]), st.integers(-6, 12), st.integers(2, 6), st.sampled_from(["count", "ratio", "average"])
)
def test_ticks_are_told_apart(digit: int, power: int, count: int, kind: Format) -> None:
    step = digit * 10.0 ** (max(power, 0) if kind == "count" else min(power, 0))
    labels = ticks(kind, [step * index for index in range(count)], en)
    assert len(set(labels)) == count


def test_large_ticks_name_their_unit() -> None:
    assert ticks("count", [0, 2e9, 4e9], en) == ["0", "2\u00a0billion", "4\u00a0billion"]
    assert ticks("count", [0, 5e5, 1e6], en) == ["0", "0.5\u00a0million", "1.0\u00a0million"]
    assert ticks("count", [0, 5000, 10_000], en) == ["0", "5,000", "10,000"]
    assert ticks("ratio", [0.18, 0.185, 0.19], en) == ["18.0%", "18.5%", "19.0%"]
    assert ticks("count", [0, 499_999.5, 999_999], en) == ["0", "500,000", "999,999"]
    assert ticks("count", [0, 1e26, 2e26], en) == [
        "0",
        "100,000,000,000,000\u00a0trillion",
        "200,000,000,000,000\u00a0trillion",
    ]
    assert ticks("count", [0, 5e26, 1e27], en) == ["0", "5.00e26", "1.00e27"]


def test_a_tick_alone_is_written_whole() -> None:
    assert ticks("count", [7], en) == ["7"]
    assert ticks("ratio", [0.25], en) == ["25%"]
