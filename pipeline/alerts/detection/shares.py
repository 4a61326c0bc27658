"""Checks slices of small totals against the forecast of the total.

A slice is checked by its share, so that a change of the whole metric does not affect it. But at night a failing slice
can be most of the total. Example: 17 events were expected, half of them from the slice. 6 came, none from the slice. A
share of 0 out of 6 is not rare, although 8 events are missing. The size of the total is therefore estimated from its
events and its forecast, as in empirical Bayes (a gamma prior of the total's level): `FORECAST_EVENTS` events that
belong to no slice are added to the total. For large totals the result is the plain share.
"""

from dataclasses import dataclass, replace

import numpy as np

from detectors.base import score_band
from detectors.noise import Noise
from pipeline.alerts.detection.inside import SubSlot
from pipeline.slots import Part

FORECAST_EVENTS = 50
"""The weight of a total's forecast, in events. It corresponds to a relative error of about 1/7."""


@dataclass(frozen=True)
class Score:
    """The score of one row of a batch in the checked slot. A slice of a count has shares as value and band."""

    detector: str
    value: float
    denominator: float
    expected: float
    lower: float
    upper: float
    score: float
    sub_slot: SubSlot | None = None
    """What of the slot has the score, if it is not the slot itself."""


Scores = dict[tuple[Part, int], Score]
"""By part and window."""


def with_forecasts(scores: Scores, width: float) -> Scores:
    """Score shares again, each with the forecast of its total.

    Parameters
    ----------
    scores : dict
        The scores of totals, and of slices by their shares. A slice keeps its score if its total has no forecast, or is
        outside its band because the whole metric changed.
    width : float
        Half the band's width of slices, in standard deviations.
    """
    keys = [(part, window) for part, window in scores if part.is_share and _has_forecast(scores, part, window)]
    if not keys:
        return scores
    rows = [scores[key] for key in keys]
    values, of, expected, upper = (
        np.array([[getattr(row, name) for row in rows]]) for name in ("value", "denominator", "expected", "upper")
    )
    totals = np.array([[scores[Part(part.metric), window].expected for part, window in keys]])
    # The detector's estimate of the slice's noise, relative to pure sampling noise.
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
