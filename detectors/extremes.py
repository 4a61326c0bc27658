"""What a detector may know of the inside of a slot: the values of its least and its greatest sub-slot."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.errors import DetectorError
from detectors.validation import spread, to_array, validate


@dataclass(frozen=True, eq=False)
class Extremes:
    """The least and the greatest sub-slot of each slot, for example of its minutes.

    A short incident, which hardly moves a slot's value, stands out in its least or greatest minute. The arrays have
    the shape of the values. NaN means unknown.

    Attributes
    ----------
    least, greatest
        For counts the events of the sub-slot, otherwise its value in the units of the slot's value.
    least_denominator, greatest_denominator
        For a ratio: the counts by which they were divided.
    length
        Length of a sub-slot as a share of the slot: 1/3 for 5 minutes of 15. It says among how many sub-slots these
        are the furthest. Counts and ratios use it: without it their sampling noise is overestimated.
    """

    least: ArrayLike
    greatest: ArrayLike
    least_denominator: ArrayLike | None = None
    greatest_denominator: ArrayLike | None = None
    length: float | None = None


Given = Extremes | tuple[ArrayLike, ArrayLike]
"""What a caller gives: `Extremes`, or a pair (least, greatest)."""


@dataclass(frozen=True, eq=False)
class Extreme:
    """One of the two extremes, as arrays (S, T). `checked` makes them as a method gets them.

    Attributes
    ----------
    side
        -1: the least, which is an anomaly if it is too low. 1: the greatest, if it is too high.
    values, denominator, length
        As in `Extremes`.
    """

    side: int
    values: NDArray[Any]
    denominator: NDArray[Any] | None
    length: float | None

    @property
    def name(self) -> str:
        """The name in an error."""
        return "extremes.least" if self.side < 0 else "extremes.greatest"

    def part(self, rows: Any, columns: slice) -> Extreme:
        """Select series and columns."""
        counts = None if self.denominator is None else self.denominator[rows, columns]
        return replace(self, values=self.values[rows, columns], denominator=counts)

    def checked(self, columns: range | None = None) -> Extreme:
        """Check and convert the numbers, as `detectors.validation.validate` does."""
        values, counts, _ = validate(self.values, self.denominator, columns, self.name)
        return replace(self, values=values, denominator=counts)


Pair = tuple[Extreme, Extreme]


def pair_of(given: Given, shape: tuple[int, ...]) -> Pair:
    """Return both extremes (S, T) of values that have the given shape. The numbers are not checked yet.

    Raises
    ------
    DetectorError
        Something is neither `Extremes` nor a pair, an array has another shape, or `length` is no share.
    """
    if not isinstance(given, Extremes):
        try:
            least, greatest = given
        except (TypeError, ValueError):
            raise DetectorError("extremes must be detectors.Extremes or a pair (least, greatest)") from None
        given = Extremes(least, greatest)
    length = given.length
    if length is not None and not (isinstance(length, numbers.Real) and 0 < length <= 1):
        raise DetectorError(f"extremes.length must be a share of the slot, above 0 and at most 1, not {length!r}")
    return (
        _extreme(-1, given.least, given.least_denominator, length, shape),
        _extreme(1, given.greatest, given.greatest_denominator, length, shape),
    )


def _extreme(
    side: int, values: ArrayLike, denominator: ArrayLike | None, length: float | None, shape: tuple[int, ...]
) -> Extreme:
    name = Extreme(side, np.empty(0), None, None).name
    table = to_array(values, name)
    if table.shape != shape:
        raise DetectorError(f"{name} has the shape {table.shape}, values have {shape}")
    counts = None
    if denominator is not None:
        counts = np.atleast_2d(spread(to_array(denominator, f"{name}_denominator"), shape, f"{name}_denominator"))
    return Extreme(side, np.atleast_2d(table), counts, length)


def checked_pair(pair: Pair, columns: range | None = None) -> Pair:
    """Check the numbers of both extremes, and that they are not exchanged.

    Raises
    ------
    DetectorError
        A number is invalid, or the least is greater than the greatest.
    """
    least, greatest = pair[0].checked(columns), pair[1].checked(columns)
    exchanged = np.argwhere(least.values > greatest.values)
    if exchanged.size:
        column = int(exchanged[0][-1])
        column = column if columns is None else columns[column]
        raise DetectorError(f"extremes.least is greater than extremes.greatest at column {column}")
    return least, greatest
