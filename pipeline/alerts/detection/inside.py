"""What detectors get of the inside of slots, and which part of a slot spoke. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import Extremes
from detectors.base import Bounds, score_band
from detectors.bounds import Look
from pipeline.core.metrics import BY_NAME
from pipeline.slots.series import Array, Part, Series, SubSlots, ratio
from pipeline.slots.sub_slots import LENGTHS, NUMBERS

SIDES = {Look.LEAST: "least", Look.GREATEST: "greatest"}


class SubSlot(NamedTuple):
    """The part of a slot that deviates furthest."""

    side: str
    """'least' or 'greatest'."""
    minute: int
    """The minute of the slot at which it begins."""
    minutes: int
    """Its length."""
    value: float
    """Its count or ratio."""


@dataclass(frozen=True)
class Inside:
    """The least and the greatest sub-slots of some totals, all of one length; arrays have the shape (R, T)."""

    length: str
    """The dimension of these sub-slots."""
    least: Array
    greatest: Array
    denominators: tuple[Array, Array] | None
    """Those of a ratio."""
    minutes: tuple[Array, Array]

    def extremes(self, key: Any = slice(None)) -> Extremes:
        """Return some rows, or as `key` selects otherwise, as the detectors take them."""
        below, above = (array[key] for array in self.denominators) if self.denominators else (None, None)
        return Extremes(self.least[key], self.greatest[key], below, above, length=1 / NUMBERS[self.length])

    def sub_slot(self, look: int, row: int, column: int) -> SubSlot | None:
        """Return what spoke of a slot; None if it was the slot itself."""
        if look == Look.SLOT:
            return None
        minute, values = self.minutes[look - 1][row, column], (self.least, self.greatest)[look - 1]
        return SubSlot(SIDES[Look(look)], int(minute), LENGTHS[self.length], float(values[row, column]))


def lengths(series: Series) -> dict[str, str]:
    """Return the length of the sub-slots of each metric that has any in the newest slot."""
    inside = series.sub_slots
    if inside is None:
        return {}
    known = ~np.isnan(inside.numerators[:, -1])
    return {part.metric: part.dimension for part, is_known in zip(inside.parts, known, strict=True) if is_known}


def inside_of(inside: SubSlots, totals: Sequence[Part], length: str, factors: Mapping[int, Array]) -> Inside:
    """Collect the sub-slots of totals of one kind.

    Parameters
    ----------
    inside : SubSlots
        All that are known.
    totals : sequence of Part
        The part of each row.
    length : str
        The dimension of their sub-slots.
    factors : mapping
        By row, the factors (T,) by which the slots' events are multiplied before a detector learns.
    """
    rows = {part: row for row, part in enumerate(inside.parts)}
    at = [[rows[Part(part.metric, length, side)] for part in totals] for side in SIDES.values()]
    numerators = inside.numerators[at]
    for row, by in factors.items():
        numerators[:, row] *= by
    below = np.nan_to_num(inside.denominators[at])
    least, greatest = ratio(numerators, below)
    # An hour that autumn repeats is averaged: the averages of two ratios may change places.
    exchanged = least > greatest
    least, greatest = (np.where(exchanged, np.nan, array) for array in (least, greatest))
    is_ratio = BY_NAME[totals[0].metric].kind == "ratio"
    minutes = inside.minutes[at]
    return Inside(length, least, greatest, (below[0], below[1]) if is_ratio else None, (minutes[0], minutes[1]))


def agreed(bounds: Bounds, values: Array) -> tuple[Array, NDArray[np.int8]]:
    """Return scores and what spoke; a sub-slot does not speak for a slot that deviates to the other side.

    What one minute lacks and the next one has was late, not lost. `values` and `bounds` are those of one column, (R,).
    """
    if bounds.spoke is None:
        return bounds.score, np.zeros(bounds.score.shape, dtype=np.int8)
    opposed = (bounds.spoke != Look.SLOT) & ((values - bounds.expected) * bounds.score <= 0)
    own = score_band(values, bounds.expected, bounds.lower, bounds.upper)
    return np.where(opposed, own, bounds.score), np.where(opposed, np.int8(Look.SLOT), bounds.spoke)
