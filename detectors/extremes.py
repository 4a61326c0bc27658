"""What a detector may know of the inside of a slot: the values of its least and its greatest sub-slot."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.arrays import Array
from detectors.errors import DetectorError
from detectors.validation import spread, to_array, validate

_LEAST, _GREATEST = "extremes.least", "extremes.greatest"


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


class Inside(NamedTuple):
    """Checked extremes as a method gets them: a row for the least of each series, then a row for its greatest.

    Attributes
    ----------
    side
        (2 S, 1), -1: the least, which is an anomaly if it is too low. 1: the greatest, if it is too high.
    values, denominator
        (2 S, T).
    length
        As in `Extremes`.
    """

    side: Array
    values: Array
    denominator: Array | None
    length: float | None


@dataclass(frozen=True, eq=False)
class Pair:
    """Both extremes, (S, T) each, of the right shape, with numbers that are not checked yet."""

    least: NDArray[Any]
    greatest: NDArray[Any]
    denominators: tuple[NDArray[Any], NDArray[Any]] | None
    length: float | None

    @classmethod
    def of(cls, given: Given, shape: tuple[int, ...]) -> Pair:
        """Convert what a caller gives for values of a shape.

        Raises
        ------
        DetectorError
            It is neither `Extremes` nor a pair, an array has another shape, or `length` is no share.
        """
        if not isinstance(given, Extremes):
            try:
                least, greatest = given
            except (TypeError, ValueError):
                raise DetectorError("extremes must be detectors.Extremes or a pair (least, greatest)") from None
            given = Extremes(least, greatest)
        length, below, above = given.length, given.least_denominator, given.greatest_denominator
        if length is not None and not (isinstance(length, numbers.Real) and 0 < length <= 1):
            raise DetectorError(f"extremes.length must be a share of the slot, above 0 and at most 1, not {length!r}")
        if below is None or above is None:
            if below is not above:
                raise DetectorError("extremes need both denominators or none")
            counts = None
        else:
            counts = _counts(below, f"{_LEAST}_denominator", shape), _counts(above, f"{_GREATEST}_denominator", shape)
        return cls(_table(given.least, _LEAST, shape), _table(given.greatest, _GREATEST, shape), counts, length)

    def part(self, rows: Any, columns: slice) -> Pair:
        """Select series and columns."""
        least, greatest = self.least[rows, columns], self.greatest[rows, columns]
        counts = self.denominators
        if counts is not None:
            counts = counts[0][rows, columns], counts[1][rows, columns]
        return replace(self, least=least, greatest=greatest, denominators=counts)

    def checked(self, columns: range | None = None) -> Inside:
        """Check the numbers.

        Parameters
        ----------
        columns
            The original column numbers, for messages.

        Raises
        ------
        DetectorError
            A number is invalid, or the least is greater than the greatest.
        """
        below, above = self.denominators or (None, None)
        least, of_least, _ = validate(self.least, below, columns, _LEAST)
        greatest, of_greatest, _ = validate(self.greatest, above, columns, _GREATEST)
        exchanged = np.argwhere(least > greatest)
        if exchanged.size:
            column = int(exchanged[0][-1])
            column = column if columns is None else columns[column]
            raise DetectorError(f"{_LEAST} is greater than {_GREATEST} at column {column}")
        side = np.repeat([-1.0, 1.0], len(least))[:, np.newaxis]
        counts = None if of_least is None or of_greatest is None else np.concatenate([of_least, of_greatest])
        return Inside(side, np.concatenate([least, greatest]), counts, self.length)


def _table(given: ArrayLike, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    table = to_array(given, name)
    if table.shape != shape:
        raise DetectorError(f"{name} has the shape {table.shape}, values have {shape}")
    return np.atleast_2d(table)


def _counts(given: ArrayLike, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.atleast_2d(spread(to_array(given, name), shape, name))
