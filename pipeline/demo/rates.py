"""The expected number of events in each slot: the shape of a day and a week, times noise that continues over days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.scenario import SLOT_SECONDS, Scenario

# Shapes of the hours 0 to 23 (values at the middle of each hour, interpolated) and of the weekdays from Monday. They
# are scaled to mean 1 when used.
VIEWS_BY_HOUR = (
    50, 34, 25, 21, 22, 31, 50, 73, 92, 105, 112, 118,
    122, 121, 118, 116, 118, 125, 137, 150, 158, 148, 118, 80,
)  # fmt: skip
MESSAGES_BY_HOUR = (
    30, 18, 12, 10, 11, 18, 40, 80, 115, 138, 146, 144,
    136, 138, 142, 140, 136, 132, 130, 134, 136, 120, 86, 52,
)  # fmt: skip
VIEWS_BY_WEEKDAY = (98, 96, 96, 98, 101, 107, 104)
MESSAGES_BY_WEEKDAY = (104, 105, 104, 103, 102, 90, 92)

# One stream of random numbers per purpose; see `stream`.
POPULATION, VIEWS_NOISE, CTR_NOISE, MESSAGES_NOISE, FEED_EVENTS, MESSAGE_EVENTS, INCIDENT_EVENTS = range(7)


def stream(scenario: Scenario, *key: int) -> np.random.Generator:
    """Random numbers for a key: the number of a purpose, then an index such as the day."""
    return np.random.default_rng([scenario.seed, *key])


@dataclass(frozen=True, eq=False)
class SlotRates:
    """Expected values of the slots of a scenario, without incidents; arrays of shape (T,).

    Attributes
    ----------
    start : numpy.ndarray
        Start of the slot in UTC epoch seconds, without gaps, from the first local midnight to the last.
    views, messages : numpy.ndarray
        Expected number of events.
    ctr : numpy.ndarray
        Probability that a view is liked.
    """

    start: NDArray[np.int64]
    views: NDArray[np.float64]
    ctr: NDArray[np.float64]
    messages: NDArray[np.float64]


def slot_rates(scenario: Scenario) -> SlotRates:
    """Compute the rates of all slots of `scenario`, ignoring its incidents and `until`."""
    start = np.arange(scenario.day_start(0), scenario.day_start(scenario.days), SLOT_SECONDS)
    local = [datetime.fromtimestamp(second, scenario.zone) for second in start.tolist()]
    hour = np.array([moment.hour + moment.minute / 60 for moment in local])
    weekday = np.array([moment.weekday() for moment in local])

    def noise(purpose: int, sd: float) -> NDArray[np.float64]:
        log_noise = _autoregressive(stream(scenario, purpose), start.size, sd, scenario.noise_phi)
        factor: NDArray[np.float64] = np.exp(log_noise - sd**2 / 2)  # mean 1
        return factor

    views = scenario.views_per_day / 96 * _shape(hour, VIEWS_BY_HOUR) * _mean_one(VIEWS_BY_WEEKDAY)[weekday]
    messages = scenario.messages_per_day / 96 * _shape(hour, MESSAGES_BY_HOUR) * _mean_one(MESSAGES_BY_WEEKDAY)[weekday]
    return SlotRates(
        start=start,
        views=views * noise(VIEWS_NOISE, scenario.noise_sd),
        ctr=scenario.likes_share * noise(CTR_NOISE, scenario.noise_sd / 3),
        messages=messages * noise(MESSAGES_NOISE, scenario.noise_sd),
    )


def _mean_one(factors: Sequence[float]) -> NDArray[np.float64]:
    factor = np.asarray(factors, dtype=float)
    scaled: NDArray[np.float64] = factor / factor.mean()
    return scaled


def _shape(hour: NDArray[np.float64], by_hour: Sequence[float]) -> NDArray[np.float64]:
    return np.interp(hour, np.arange(24) + 0.375, _mean_one(by_hour), period=24)


def _autoregressive(rng: np.random.Generator, size: int, sd: float, phi: float) -> NDArray[np.float64]:
    """AR(1) noise, stationary from the first value. A longer series starts with the values of a shorter one."""
    shocks = sd * rng.standard_normal(size)
    shocks[1:] *= np.sqrt(1 - phi**2)
    return np.fromiter(accumulate(shocks.tolist(), lambda level, shock: phi * level + shock), float, size)
