"""Finds the slices that explain a deviation. Pure: takes counts by slice, returns causes.

The search is Adtributor (Bhagwan et al., NSDI 2014). In each dimension it takes the smallest set of slices with enough
EXPLANATORY POWER (the set's part of the total's deviation). It ranks dimensions by the SURPRISE of their sets (the
Jensen-Shannon divergence between a set's expected and actual share of the total).

There are two additions. First, the deviation of a set must be significant and clearly exceed that of the other slices.
Second, for a ratio the forecast of a slice is its former rate times its actual denominator, so that a change of the mix
is not a cause.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.dimensions import OTHER

Array = NDArray[np.float64]

EXPLAINED = 0.67
"""Minimum fraction of the deviation that a set must explain (T_EP in the paper)."""
ELEMENT_EXPLAINED = 0.1
"""Minimum fraction of the deviation that each slice of a set must explain (T_EEP in the paper)."""
UNNAMED = ("", OTHER)
"""Slices that collect all unnamed values. They are part of the total, but never a cause."""
LONGEST_SET = 3
"""Maximum number of slices in a cause. People cannot act on more."""
LEAST_SIGMAS = 4.0
"""Minimum difference of a set from the other slices in standard deviations, so that noise is not a cause."""
LEAST_LEAD = 0.2
"""Minimum excess of a set's explanatory power over its share of the total. A set with less only follows the total."""


@dataclass(frozen=True)
class Slices:
    """One dimension of a metric; arrays of shape (N,).

    Attributes
    ----------
    dimension : str
        The name of the dimension.
    values : sequence of str
        The values of the slices.
    actual, forecast : ndarray
        The counts (numerators of a ratio) now, and their forecasts from the same time of other days.
    actual_denominators, forecast_denominators : ndarray or None
        The denominators of a ratio; None for a count.
    """

    dimension: str
    values: Sequence[str]
    actual: Array
    forecast: Array
    actual_denominators: Array | None = None
    forecast_denominators: Array | None = None


@dataclass(frozen=True)
class Cause:
    """A set of slices of one dimension that explains a deviation.

    Attributes
    ----------
    dimension : str
        The dimension's name.
    values : tuple of str
        The slices, the largest deviation first.
    explained : float
        The explanatory power of the set, 0 to 1. It is 1 if slices deviate but the total does not.
    change : float
        The relative deviation of the set from its forecast.
    surprise : float
        The surprise of the set, as Adtributor defines it.
    sigmas : float
        The difference of the set from the other slices, in standard deviations.
    """

    dimension: str
    values: tuple[str, ...]
    explained: float
    change: float
    surprise: float
    sigmas: float


@dataclass(frozen=True)
class RatioChange:
    """Why a ratio moved.

    Attributes
    ----------
    numerator, denominator : float
        The relative deviations of both sides from their expectations.
    mix : float
        The fraction of the ratio's change that comes from changed shares of the slices in the denominator, in the
        dimension where that fraction is largest. The rest comes from changed ratios within slices. NaN without slices.
    mix_dimension : str
        That dimension; '' without slices.
    """

    numerator: float
    denominator: float
    mix: float = math.nan
    mix_dimension: str = ""


def explain(dimensions: Sequence[Slices], expected: float, total_deviates: bool) -> list[Cause]:
    """Find the sets of slices that explain how a metric deviates.

    Parameters
    ----------
    dimensions : sequence of Slices
        The same events, sliced by each dimension.
    expected : float
        The expected total. For a ratio, the expected numerator given the actual denominators. Forecasts are scaled to
        it.
    total_deviates : bool
        Whether the total is anomalous. If not, its deviation is noise and explanatory power is meaningless.

    Returns
    -------
    list of Cause
        At most one cause per dimension, the most surprising first. Empty if nothing explains the deviation.
    """
    causes = [cause for item in dimensions for cause in _of_dimension(item, expected, total_deviates)]
    return sorted(causes, key=lambda cause: (-cause.surprise, cause.dimension))


def _of_dimension(slices: Slices, expected: float, total_deviates: bool) -> list[Cause]:
    actual, forecast = slices.actual, slices.forecast
    if slices.actual_denominators is not None and slices.forecast_denominators is not None:
        # Each slice's former rate times its actual denominator. This removes changes of the mix.
        rates = np.divide(
            forecast, slices.forecast_denominators, out=np.zeros_like(forecast), where=slices.forecast_denominators > 0
        )
        forecast = rates * slices.actual_denominators
    if forecast.sum() <= 0 or expected <= 0 or len(actual) < 2:
        return []
    forecast = forecast * (expected / forecast.sum())
    deviation = actual - forecast
    best: list[Cause] = []
    for sign in (-1.0, 1.0):
        named = np.array([value not in UNNAMED for value in slices.values])
        order = np.argsort(np.where(named, -sign * deviation * np.sqrt(_surprise(actual, forecast)), np.inf))
        for size in range(1, min(LONGEST_SET, len(actual) - 1) + 1):
            chosen = order[:size]
            if sign * deviation[chosen[-1]] <= 0 or not named[chosen[-1]]:
                break
            cause = _cause_of(slices, actual, forecast, chosen, total_deviates)
            if cause is not None:
                best.append(cause)
                break
    best.sort(key=lambda cause: -cause.sigmas)
    return best[:1]


def _cause_of(
    slices: Slices, actual: Array, forecast: Array, chosen: NDArray[np.int64], total_deviates: bool
) -> Cause | None:
    """Make a cause of a set of slices; None if it explains too little or is not significant."""
    whole, whole_forecast = actual.sum(), forecast.sum()
    part, part_forecast = actual[chosen].sum(), forecast[chosen].sum()
    rest, rest_forecast = whole - part, whole_forecast - part_forecast
    if rest_forecast <= 0 or whole <= 0:
        return None
    sigmas = _sigmas(part, part_forecast, rest, rest_forecast)
    change, rest_change = _log_change(part, part_forecast), _log_change(rest, rest_forecast)
    if sigmas < LEAST_SIGMAS or abs(change) <= 2 * abs(rest_change):
        return None
    explained = 1.0
    if total_deviates:
        powers = (actual[chosen] - forecast[chosen]) / ((whole - whole_forecast) or math.inf)
        explained = float(powers.sum())
        lead = explained - part_forecast / whole_forecast
        if explained < EXPLAINED or lead < LEAST_LEAD or powers.min() < ELEMENT_EXPLAINED:
            return None
    share, share_forecast = part / whole, part_forecast / whole_forecast
    surprise = _divergence(share, share_forecast) + _divergence(1 - share, 1 - share_forecast)
    return Cause(
        dimension=slices.dimension,
        values=tuple(slices.values[i] for i in chosen),
        explained=min(explained, 1.0),
        change=float(part / part_forecast - 1) if part_forecast > 0 else math.inf,
        surprise=float(surprise),
        sigmas=sigmas,
    )


def split_ratio(
    numerator: tuple[float, float], denominator: tuple[float, float], dimensions: Sequence[Slices]
) -> RatioChange:
    """Measure the changes of both sides of a ratio, and the fraction of its change that is a change of the mix.

    Parameters
    ----------
    numerator, denominator : (float, float)
        The actual and the expected count.
    dimensions : sequence of Slices
        The ratio, sliced by each dimension.
    """
    parts = {item.dimension: _mix_part(item) for item in dimensions}
    known = {name: part for name, part in parts.items() if not math.isnan(part)}
    most = max(known, key=lambda name: known[name], default="")
    return RatioChange(
        numerator=math.expm1(_log_change(*numerator)),
        denominator=math.expm1(_log_change(*denominator)),
        mix=known.get(most, math.nan),
        mix_dimension=most,
    )


def _mix_part(slices: Slices) -> float:
    """The fraction of a ratio's change that the new mix causes at the slices' former rates; NaN if it is unknown."""
    if slices.actual_denominators is None or slices.forecast_denominators is None:
        return math.nan
    now, before = slices.actual_denominators.sum(), slices.forecast_denominators.sum()
    if now <= 0 or before <= 0:
        return math.nan
    rates = np.divide(
        slices.forecast,
        slices.forecast_denominators,
        out=np.zeros_like(slices.forecast),
        where=slices.forecast_denominators > 0,
    )
    change = slices.actual.sum() / now - slices.forecast.sum() / before
    mixed = (rates * slices.actual_denominators).sum() / now - slices.forecast.sum() / before
    return float(mixed / change) if change else math.nan


def _log_change(actual: float, expected: float) -> float:
    return math.log((actual + 0.5) / (expected + 0.5))


def _sigmas(part: float, part_forecast: float, rest: float, rest_forecast: float) -> float:
    """The square root of twice the log-likelihood ratio of two Poisson rates to a common rate (Kulldorff, 1997)."""
    whole, whole_forecast = part + rest, part_forecast + rest_forecast
    ratio = _times_log(part, part_forecast) + _times_log(rest, rest_forecast) - _times_log(whole, whole_forecast)
    return math.sqrt(max(0.0, 2 * ratio))


def _times_log(count: float, forecast: float) -> float:
    return count * math.log(count / max(forecast, 0.5)) if count > 0 else 0.0


def _surprise(actual: Array, forecast: Array) -> Array:
    shares, forecasts = actual / max(actual.sum(), 1.0), forecast / forecast.sum()
    return np.array([_divergence(q, p) for q, p in zip(shares, forecasts, strict=True)])


def _divergence(q: float, p: float) -> float:
    """One term of the Jensen-Shannon divergence; 0 if the shares agree. The sum of the terms is never negative."""
    middle = p + q
    terms = [0.5 * x * math.log(2 * x / middle) for x in (p, q) if x > 0]
    return max(0.0, sum(terms))
