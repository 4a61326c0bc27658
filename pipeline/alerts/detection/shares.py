"""Slices of a total of few events, checked against the forecast of the total.

A slice is checked by its share, so that a change of the whole metric says nothing about it. But at night a slice that
fails may be most of the total. Example: 17 events were expected, half of them from the slice; 6 came, none from it. A
share of 0 out of 6 is not rare, and yet 8 events are missing. The size of the total is therefore estimated from its
events and its forecast together, in the manner of empirical Bayes (a gamma prior of the total's level):
`FORECAST_EVENTS` events that no slice has are added to the total. Where events are many the result is the share.
"""

from dataclasses import dataclass, replace

import numpy as np

from detectors.base import score_band
from detectors.noise import Noise
from pipeline.slots import Part

FORECAST_EVENTS = 50
"""The weight of a total's forecast, in events: it is accurate to about a seventh."""


@dataclass(frozen=True)
class Score:
    """One row of a batch in the slot that is checked, as its detector sees it: a slice of a count is a share."""

    detector: str
    value: float
    denominator: float
    expected: float
    lower: float
    upper: float
    score: float


Scores = dict[tuple[Part, int], Score]
"""By part and window."""


def with_forecasts(scores: Scores, width: float) -> Scores:
    """Score shares again, each with the forecast of its total.

    Parameters
    ----------
    scores : dict
        Totals, and slices by their shares. Slices keep their scores where the total is out of its band, because the
        whole metric changed, or has no forecast.
    width : float
        The half band of slices, in standard deviations.
    """
    keys = [(part, window) for part, window in scores if part.is_share and _has_forecast(scores, part, window)]
    if not keys:
        return scores
    rows = [scores[key] for key in keys]
    values, of, expected, upper = (
        np.array([[getattr(row, name) for row in rows]]) for name in ("value", "denominator", "expected", "upper")
    )
    totals = np.array([[scores[Part(part.metric), window].expected for part, window in keys]])
    # How much noisier than chance the detector estimates the slice.
    noisier = (np.sqrt(upper) - np.sqrt(expected)) / width / Noise("ratio", values, of).least(expected)
    events = of + FORECAST_EVENTS
    noise = Noise("ratio", values, events)
    expected = expected * totals / (totals + FORECAST_EVENTS)
    values = values * of / events
    lower, upper = noise.band(expected, width, noisier * noise.least(expected))
    rescored = score_band(values, expected, lower, upper)
    names = ("value", "denominator", "expected", "lower", "upper", "score")
    numbers = zip(*(array[0].tolist() for array in (values, events, expected, lower, upper, rescored)), strict=True)
    again = (replace(row, **dict(zip(names, new, strict=True))) for row, new in zip(rows, numbers, strict=True))
    return {**scores, **dict(zip(keys, again, strict=True))}


def _has_forecast(scores: Scores, part: Part, window: int) -> bool:
    return scores[part, window].denominator > 0 and abs(scores[Part(part.metric), window].score) <= 1
