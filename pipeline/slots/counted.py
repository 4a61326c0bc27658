"""Tells "not counted" from "counted and none" where slots keep only the most frequent values of a dimension. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.core.clock import SLOTS_A_DAY
from pipeline.core.dimensions import DIMENSIONS, OTHER, UNKNOWN
from pipeline.core.metrics import BY_NAME
from pipeline.slots.series import Array, Part


def forget_uncounted(parts: Sequence[Part], numerators: Array, denominators: Array) -> None:
    """Make slices missing, in place, on the days on which their values were not counted.

    A day counts the values that were most frequent on the day before. The rows of all others are "other". On the first
    day, and after a day that was lost, there is no list: all rows are "other", which is then no history either.

    A value was counted if it has events on that day. It was counted, too, and there were none, if it had as many on the
    day before as another one that was counted.

    Parameters
    ----------
    parts : sequence of Part
        The part of each row.
    numerators, denominators : ndarray, shape (S, T)
        Counts on the local wall clock, 96 columns a day, from a midnight on.
    """
    for rows, counts in _groups(parts, numerators, denominators):
        listed = np.array([parts[row].value not in (OTHER, UNKNOWN) for row in rows])
        other = np.array([parts[row].value == OTHER for row in rows])
        counted = np.ones(counts.shape, dtype=bool)
        counted[listed] = _counted(counts[listed])
        counted[other] = counted[listed].any(axis=0)
        columns = np.repeat(counted, SLOTS_A_DAY, axis=1)[:, : numerators.shape[1]]
        for array in (numerators, denominators):
            array[rows] = np.where(columns, array[rows], np.nan)


def _groups(
    parts: Sequence[Part], numerators: Array, denominators: Array
) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
    """Yield the rows of each metric and limited dimension, and their events by day, (R, D)."""
    limited = {dimension.name for dimension in DIMENSIONS if dimension.top}
    groups: dict[tuple[str, str], list[int]] = {}
    for row, part in enumerate(parts):
        if part.dimension in limited:
            groups.setdefault((part.metric, part.dimension), []).append(row)
    days = -(-numerators.shape[1] // SLOTS_A_DAY)
    padding = ((0, 0), (0, days * SLOTS_A_DAY - numerators.shape[1]))
    for (metric, _), rows in groups.items():
        events = np.nan_to_num((numerators if BY_NAME[metric].kind == "count" else denominators)[rows])
        yield rows, np.pad(events, padding).reshape(len(rows), days, SLOTS_A_DAY).sum(axis=2)


def _counted(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether values were counted, by day, (R, D), from their events."""
    counted = counts > 0
    if len(counts):
        before, frequent = counts[:, :-1], counted[:, 1:]
        least = np.where(frequent & (before > 0), before, np.inf).min(axis=0)
        counted[:, 1:] |= before >= least
    return counted
