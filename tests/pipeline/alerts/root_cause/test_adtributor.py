import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alerts.root_cause.adtributor import Slices, explain, split_ratio

OS = ("Android", "iOS")
SOURCE = ("ads", "organic")
COUNTRIES = ("Russia", "Ukraine", "Belarus", "Kazakhstan", "")


def counts(dimension: str, values: tuple[str, ...], actual: Sequence[float], forecast: Sequence[float]) -> Slices:
    return Slices(dimension, values, np.array(actual, dtype=float), np.array(forecast, dtype=float))


def ratios(
    dimension: str, actual: list[tuple[float, float]], forecast: list[tuple[float, float]], values: tuple[str, ...] = OS
) -> Slices:
    (n, d), (fn, fd) = np.array(actual, dtype=float).T, np.array(forecast, dtype=float).T
    return Slices(dimension, values, n, fn, d, fd)


def test_the_slice_that_fell_explains_the_fall() -> None:
    # iOS lost 930 of its 2,000; as 70 are lost elsewhere, it explains 93 % of 1,000.
    os = counts("os", OS, [2930, 1070], [3000, 2000])
    source = counts("source", SOURCE, [1600, 2400], [2000, 3000])  # the same relative fall in both
    (cause,) = explain([os, source], 5000, total_deviates=True)
    assert (cause.dimension, cause.values) == ("os", ("iOS",))
    assert cause.explained == pytest.approx(0.93)
    assert cause.change == pytest.approx(-0.465)


def test_a_fall_in_all_slices_has_no_cause() -> None:
    os = counts("os", OS, [1500, 1000], [3000, 2000])
    source = counts("source", SOURCE, [1010, 1490], [2000, 3000])
    assert explain([os, source], 5000, total_deviates=True) == []


def test_forecasts_of_another_level_are_brought_to_the_expected_one() -> None:
    # The days before had half of the level: only iOS is below today's expectation.
    os = counts("os", OS, [3000, 800], [1500, 1000])
    (cause,) = explain([os], 5000, total_deviates=True)
    assert cause.values == ("iOS",)
    assert cause.explained == pytest.approx(1.0)


def test_a_rise_has_a_cause_too() -> None:
    country = counts("country", COUNTRIES, [3000, 2000, 300, 100, 80], [3000, 1000, 300, 100, 80])
    (cause,) = explain([country], 4480, total_deviates=True)
    assert cause.values == ("Ukraine",)
    assert cause.change == pytest.approx(1.0)


def test_two_slices_may_explain_it_together() -> None:
    country = counts("country", COUNTRIES, [3000, 500, 450, 1000, 80], [3000, 1000, 900, 1000, 80])
    (cause,) = explain([country], 5980, total_deviates=True)
    assert set(cause.values) == {"Ukraine", "Belarus"}
    assert cause.explained == pytest.approx(1.0)


def test_a_slice_that_fails_under_a_healthy_total_is_named_and_not_the_others_that_seem_to_grow() -> None:
    country = counts("country", COUNTRIES, [3010, 990, 0, 1005, 80], [3000, 1000, 150, 1000, 80])
    os = counts("os", OS, [3050, 2035], [3100, 2130])
    (cause,) = explain([country, os], 5230, total_deviates=False)
    assert (cause.values, cause.explained) == (("Belarus",), 1.0)
    assert cause.change == pytest.approx(-1.0)


def test_the_dimension_of_the_greatest_surprise_comes_first() -> None:
    # All lost events are from Russia; most users in Russia have iOS.
    country = counts("country", COUNTRIES, [1000, 1000, 500, 300, 200], [2000, 1000, 500, 300, 200])
    os = counts("os", OS, [1700, 1300], [1900, 2100])
    causes = explain([os, country], 4000, total_deviates=True)
    assert [cause.dimension for cause in causes] == ["country", "os"]
    assert causes[0].surprise > causes[1].surprise


def test_noise_has_no_cause() -> None:
    rng = np.random.default_rng(4)
    false_causes = 0
    for _ in range(300):
        table = [counts("country", COUNTRIES, rng.poisson(rate).tolist(), rate) for rate in [[60, 20, 9, 5, 3]]]
        false_causes += bool(explain(table, 97, total_deviates=False))
    assert false_causes <= 1


def test_the_slice_of_all_other_values_is_never_the_cause() -> None:
    country = counts("country", ("Russia", "other", ""), [1000, 0, 500], [1000, 500, 500])
    assert explain([country], 2000, total_deviates=True) == []


@pytest.mark.parametrize("expected", [0.0, -1.0])
def test_nothing_expected_explains_nothing(expected: float) -> None:
    assert explain([counts("os", OS, [1, 2], [0, 0])], expected, total_deviates=True) == []
    assert explain([counts("os", OS, [0, 0], [3, 4])], 7, total_deviates=True) == []
    assert explain([counts("os", ("iOS",), [1], [9])], 9, total_deviates=True) == []


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=12), st.booleans())
def test_any_counts_give_sane_causes(pairs: list[tuple[int, int]], total_deviates: bool) -> None:
    actual, forecast = ([float(number) for number in numbers] for numbers in zip(*pairs, strict=True))
    slices = counts("country", tuple(f"c{i}" for i in range(len(pairs))), actual, forecast)
    for cause in explain([slices], sum(forecast), total_deviates):
        assert 0 < cause.explained <= 1
        assert cause.surprise > 0
        assert cause.sigmas >= 4
        assert 1 <= len(cause.values) <= 3


def test_a_ratio_is_searched_where_its_rates_fell_and_not_where_views_went() -> None:
    # Android has twice the views at its old rate; iOS likes fell by half.
    table = ratios("os", [(1200, 6000), (200, 2000)], [(600, 3000), (400, 2000)])
    (cause,) = explain([table], 1600, total_deviates=True)
    assert cause.values == ("iOS",)
    assert cause.change == pytest.approx(-0.5)


def test_a_fall_of_likes_and_a_rise_of_views_are_distinguished() -> None:
    fell = split_ratio((800, 1000), (5000, 5000), [])
    assert fell.numerator == pytest.approx(-0.2, abs=1e-3)
    assert fell.denominator == 0.0
    rose = split_ratio((1000, 1000), (6500, 5000), [])
    assert rose.numerator == 0.0
    assert rose.denominator == pytest.approx(0.3, abs=1e-3)
    assert math.isnan(rose.mix)


def test_mix_and_rate_are_distinguished() -> None:
    # Rates stay 0.1 and 0.3. The share of iOS falls from 1/2 to 1/5, so the mix alone moves 0.2 to 0.14.
    mix = split_ratio(
        (1400, 2000), (10000, 10000), [ratios("os", [(800, 8000), (600, 2000)], [(500, 5000), (1500, 5000)])]
    )
    assert mix.mix_dimension == "os"
    assert mix.mix == pytest.approx(1.0)
    rate = split_ratio(
        (1500, 2000), (10000, 10000), [ratios("os", [(500, 5000), (1000, 5000)], [(500, 5000), (1500, 5000)])]
    )
    assert rate.mix == pytest.approx(0.0)
