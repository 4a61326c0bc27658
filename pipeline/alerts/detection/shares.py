"""Slices of a total of few events, judged with what the total should have been.

A slice is judged by its share, so that what moves everything says nothing about it. But at night a slice that fails may
be most of the total: none of the 6 events that are left where 17 were expected, of which it has half, is no rare share
of 6, and yet it is 8 events that did not come. What everybody does is therefore taken from the forecast and from the
events together, in the manner of empirical Bayes (a gamma prior of the total's level): the share is judged out of the
events and so many more, which no slice has. Where events are many this is the share.
"""

from dataclasses import dataclass, replace

import numpy as np

from detectors.base import score_band
from detectors.noise import Noise
from pipeline.slots.series import Part

FORECAST_EVENTS = 50
"""A forecast of a total is trusted like so many events: it is good to a seventh."""


@dataclass(frozen=True)
class Score:
    """One row of a block in the slot that is judged, as its detector sees it: a slice of a count is a share there."""

    detector: str
    value: float
    denominator: float
    expected: float
    lower: float
    upper: float
    score: float


Scores = dict[tuple[Part, int], Score]
"""By part and window."""


def with_forecasts(judged: Scores, width: float) -> Scores:
    """Judge shares again, each with the forecast of its total.

    Parameters
    ----------
    judged : dict
        Totals, and slices by their shares. A total that is out of its band, or has no forecast, leaves its slices as
        they are: everything moved.
    width : float
        The half band of slices, in standard deviations.
    """
    keys = [(part, window) for part, window in judged if part.is_share and _has_forecast(judged, part, window)]
    if not keys:
        return judged
    rows = [judged[key] for key in keys]
    values, of, expected, upper = (
        np.array([[getattr(row, name) for row in rows]]) for name in ("value", "denominator", "expected", "upper")
    )
    totals = np.array([[judged[Part(part.metric), window].expected for part, window in keys]])
    # How much noisier than chance the detector has found it.
    noisier = (np.sqrt(upper) - np.sqrt(expected)) / width / Noise("ratio", values, of).least(expected)
    events = of + FORECAST_EVENTS
    noise = Noise("ratio", values, events)
    expected = expected * totals / (totals + FORECAST_EVENTS)
    values = values * of / events
    lower, upper = noise.band(expected, width, noisier * noise.least(expected))
    scores = score_band(values, expected, lower, upper)
    names = ("value", "denominator", "expected", "lower", "upper", "score")
    numbers = zip(*(array[0].tolist() for array in (values, events, expected, lower, upper, scores)), strict=True)
    again = (replace(row, **dict(zip(names, new, strict=True))) for row, new in zip(rows, numbers, strict=True))
    return {**judged, **dict(zip(keys, again, strict=True))}


def _has_forecast(judged: Scores, part: Part, window: int) -> bool:
    return judged[part, window].denominator > 0 and abs(judged[Part(part.metric), window].score) <= 1
