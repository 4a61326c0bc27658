"""From flags to episodes: nearby flags are one event.

Pure. `episodes` takes a whole series; `Tracker` takes one point at a time and says the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from detectors.base import DetectorError


class Episode(NamedTuple):
    """First and last flagged point of an episode, both inclusive."""

    start: int
    end: int


def episodes(flags: ArrayLike, *, gap: int = 4, minimum: int = 1) -> list[Episode]:
    """Merge flags into episodes.

    Parameters
    ----------
    flags
        (T,) booleans.
    gap
        So many unflagged points in a row end an episode; fewer are part of it. 1 merges neighbours only.
    minimum
        Flagged points that an episode must have; those with fewer are dropped.

    Raises
    ------
    DetectorError
        `gap` or `minimum` below 1, or `flags` of another shape.
    """
    _check(gap, minimum)
    flagged = np.asarray(flags, dtype=bool)
    if flagged.ndim != 1:
        raise DetectorError(f"flags must have the shape (T,), not {flagged.shape}")
    points = np.flatnonzero(flagged)
    if not points.size:
        return []
    runs = np.split(points, np.flatnonzero(np.diff(points) > gap) + 1)
    return [Episode(int(run[0]), int(run[-1])) for run in runs if len(run) >= minimum]


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """`episodes` one point at a time: ``tracker = tracker.step(flagged)``.

    Parameters
    ----------
    gap, minimum
        As in `episodes`.
    position
        Points seen so far, so the number of the next.
    start, end, count
        Of the run of flags that is open: its first and last flagged point and how many are flagged; 0 = none is open.
    """

    gap: int = 4
    minimum: int = 1
    position: int = 0
    start: int = 0
    end: int = 0
    count: int = 0

    def __post_init__(self) -> None:
        _check(self.gap, self.minimum)

    @property
    def episode(self) -> Episode | None:
        """The episode that is open, as far as it is known; None before `minimum` flags and after `gap` without one."""
        return Episode(self.start, self.end) if self.count >= self.minimum else None

    def step(self, flagged: bool) -> Tracker:
        """Take the next point."""
        here = self.position
        if flagged:
            start = self.start if self.count else here
            return replace(self, position=here + 1, start=start, end=here, count=self.count + 1)
        over = here - self.end >= self.gap
        return replace(self, position=here + 1, count=0 if over else self.count)


def _check(gap: int, minimum: int) -> None:
    for name, value in (("gap", gap), ("minimum", minimum)):
        if value < 1:
            raise DetectorError(f"{name} must be at least 1, not {value}")
