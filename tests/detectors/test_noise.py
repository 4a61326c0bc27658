"""The bounds of counts and shares, compared with the exact distributions."""

import numpy as np
import pytest
from scipy import stats

from detectors.noise import Noise

WIDTHS = (3.5, 4.5, 5.0)
EVENTS = (6, 9, 12, 15, 20, 30, 50, 100, 400, 2000)
SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def bounds(kind: str, expected: float, events: float, width: float, noisier: float = 1.0) -> tuple[float, float]:
    """Lower and upper, in events."""
    cell = np.array([[expected]])
    noise = Noise(kind, cell, np.array([[events]]) if kind == "ratio" else None)  # type: ignore[arg-type]
    low, high = noise.band(cell, width, noisier * noise.least(cell))
    return float(low[0, 0]) * events, float(high[0, 0]) * events


@pytest.mark.parametrize("width", WIDTHS)
def test_a_share_below_its_bound_is_as_rare_as_the_width_says(width: float) -> None:
    tail = stats.norm.sf(width)
    chances, next_chances = [], []
    for events in EVENTS:
        for share in SHARES:
            low, _ = bounds("ratio", share, events, width)
            fewest_inside = np.ceil(low - 1e-9)
            chances.append(stats.binom.cdf(fewest_inside - 1, events, share) / tail)
            next_chances.append(stats.binom.cdf(fewest_inside, events, share) / tail)
    assert max(chances) < 3  # of the square root alone: up to 2,800
    # It is not wider than necessary: one event more is mostly more probable than the limit.
    assert np.mean(np.array(next_chances) > 1) > 0.9


@pytest.mark.parametrize("width", WIDTHS)
def test_a_count_below_its_bound_is_as_rare_as_the_width_says(width: float) -> None:
    for expected in (5, 10, 15, 20, 30, 50, 100, 1000, 100_000):
        low, _ = bounds("count", expected, 1, width)
        fewest_inside = np.ceil(low - 1e-9)
        assert stats.poisson.cdf(fewest_inside - 1, expected) < 1.1 * stats.norm.sf(width)
        assert stats.poisson.cdf(fewest_inside + 1, expected) > 0.9 * stats.norm.sf(width)


def test_no_bound_lets_more_pass_above_than_the_width_says() -> None:
    for width in WIDTHS:
        for expected in (1, 5, 20, 100, 10_000):
            _, high = bounds("count", expected, 1, width)
            assert stats.poisson.sf(np.floor(high), expected) < stats.norm.sf(width)


def test_noise_beyond_chance_widens_both_sides() -> None:
    narrow, wide = (bounds("count", 10_000, 1, 5, noisier) for noisier in (1.0, 3.0))
    assert wide[0] < narrow[0] < 10_000 < narrow[1] < wide[1]
    # Noise is measured on the square root scale, where the count is 100 and 3 times sampling noise is 3 / 2.
    assert wide[0] == pytest.approx((100 - 5 * 1.5) ** 2, abs=5)
    assert wide[1] == pytest.approx((100 + 5 * 1.5) ** 2)


def test_an_outage_is_outside_of_noise_far_beyond_chance() -> None:
    assert bounds("count", 84, 1, 5, noisier=2.9)[0] > 0


def test_the_bound_of_a_tiny_expectation_is_nothing() -> None:
    for expected in (0.0, 0.01, 0.5, 2.0):
        assert bounds("count", expected, 1, 5)[0] == 0
    assert bounds("ratio", 0.0, 50, 5)[0] == 0
    assert bounds("ratio", 1.0, 50, 5)[0] >= 0


def test_any_value_is_symmetric() -> None:
    cell = np.array([[-3.0]])
    low, high = Noise("value", cell, None).band(cell, 8, np.array([[0.5]]))
    assert (low[0, 0], high[0, 0]) == (-7, 1)


def test_any_value_adds_up_as_it_is() -> None:
    cell = np.array([[-3.0, 0.0, 2.0]])
    noise = Noise("value", cell, None)
    assert np.array_equal(noise.to_additive(cell), cell)
    assert np.array_equal(noise.from_additive(cell), cell)
