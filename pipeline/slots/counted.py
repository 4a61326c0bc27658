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
    days = -(-numerators.shape[1] // SLOTS_A_DAY)
    padding = ((0, 0), (0, days * SLOTS_A_DAY - numerators.shape[1]))
    for rows, events in _events(parts, numerators, denominators):
        counts = np.pad(events, padding).reshape(len(rows), days, SLOTS_A_DAY).sum(axis=2)
        before = np.pad(counts, ((0, 0), (1, 0)))[:, :-1]
        counted = _counted([parts[row].value for row in rows], before, counts)
        columns = np.repeat(counted, SLOTS_A_DAY, axis=1)[:, : numerators.shape[1]]
        for array in (numerators, denominators):
            array[rows] = np.where(columns, array[rows], np.nan)


def not_counted_yet(parts: Sequence[Part], numerators: Array, denominators: Array) -> NDArray[np.bool_]:
    """Return for each column of the last day which slices `forget_uncounted` makes missing with the counts up to it.

    The parameters are those of `forget_uncounted`, after it.

    Returns
    -------
    ndarray of bool, shape (S, C)
        C is the number of columns of the last day.
    """
    start = (numerators.shape[1] - 1) // SLOTS_A_DAY * SLOTS_A_DAY
    not_yet = np.zeros((len(parts), numerators.shape[1] - start), dtype=bool)
    for rows, events in _events(parts, numerators, denominators):
        before = events[:, max(0, start - SLOTS_A_DAY) : start].sum(axis=1)
        so_far = events[:, start:].cumsum(axis=1)
        not_yet[rows] = ~_counted([parts[row].value for row in rows], before[:, np.newaxis], so_far)
    return not_yet


def _events(
    parts: Sequence[Part], numerators: Array, denominators: Array
) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
    """Yield the rows of each metric and limited dimension, and their events, (R, T)."""
    limited = {dimension.name for dimension in DIMENSIONS if dimension.top}
    groups: dict[tuple[str, str], list[int]] = {}
    for row, part in enumerate(parts):
        if part.dimension in limited:
            groups.setdefault((part.metric, part.dimension), []).append(row)
    for (metric, _), rows in groups.items():
        yield rows, np.nan_to_num((numerators if BY_NAME[metric].kind == "count" else denominators)[rows])


def _counted(values: Sequence[str], before: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether values were counted, (R, D), from their events on a day and on the day before."""
    listed = np.array([value not in (OTHER, UNKNOWN) for value in values])
    other = np.array([value == OTHER for value in values])
    counted: NDArray[np.bool_] = (counts > 0) | ~listed[:, np.newaxis]
    if listed.any():
        was, now = np.broadcast_to(before, counts.shape)[listed], counted[listed]
        counted[listed] |= was >= np.where(now & (was > 0), was, np.inf).min(axis=0)
    counted[other] = counted[listed].any(axis=0)
    return counted
