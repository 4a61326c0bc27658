"""What the reader returns: the rows of each series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array


@dataclass(frozen=True)
class Rows:
    """Rows of one series, in the order of the file.

    Parameters
    ----------
    lines
        (N,) the line of each row.
    timestamps
        N timestamps as written.
    seconds
        (N,) seconds since 1970-01-01 UTC, or since 1970-01-01 of the wall clock if `naive`.
    values
        (N,), NaN where the value is missing or its denominator is 0.
    denominators, labels, least, greatest
        (N,) or None if there is no such column.
    naive
        Whether the timestamps have no UTC offset.
    unit
        The word for a row in messages: "line" of a file or "row" of a DataFrame.
    """

    lines: NDArray[np.int64]
    timestamps: Sequence[str]
    seconds: Array
    values: Array
    denominators: Array | None
    labels: NDArray[np.bool_] | None
    naive: bool
    unit: str = "line"
    least: Array | None = None
    greatest: Array | None = None

    def at(self, i: int) -> str:
        """Return the name of row i in messages."""
        return f"{self.unit} {self.lines[i]}"


@dataclass(frozen=True)
class Table:
    """The series of a file.

    Parameters
    ----------
    rows
        Rows by the name of their series; the name is None in a file without a column of series.
    said
        What the reader assumed, one phrase each.
    """

    rows: dict[str | None, Rows]
    said: tuple[str, ...]
