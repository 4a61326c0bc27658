"""Merges flags that are close together into episodes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from detectors.errors import DetectorError


class Episode(NamedTuple):
    """First and last flagged point, both inclusive."""

    start: int
    end: int


def episodes(flags: ArrayLike, *, gap: int = 4, minimum: int = 1) -> list[Episode]:
    """Merge flags into episodes.

    Parameters
    ----------
    flags
        (T,) booleans.
    gap
        This number of unflagged points in a row ends an episode. 1 merges adjacent flags only.
    minimum
        Minimum number of flagged points in an episode. Episodes with fewer are dropped.

    Returns
    -------
    list of Episode
        In order of time.

    Raises
    ------
    DetectorError
        `gap` or `minimum` is below 1, or `flags` has another shape.
    """
    for name, value in (("gap", gap), ("minimum", minimum)):
        if value < 1:
            raise DetectorError(f"{name} must be at least 1, not {value}")
    flagged = np.asarray(flags, dtype=bool)
    if flagged.ndim != 1:
        raise DetectorError(f"flags must have the shape (T,), not {flagged.shape}")
    points = np.flatnonzero(flagged)
    if not points.size:
        return []
    runs = np.split(points, np.flatnonzero(np.diff(points) > gap) + 1)
    return [Episode(int(run[0]), int(run[-1])) for run in runs if len(run) >= minimum]
