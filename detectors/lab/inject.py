"""Injects labelled incidents of a seeded catalogue into a history without labels.

========  =============================================================  ====================  ========
kind      change of the values                                           sizes                 duration
========  =============================================================  ====================  ========
drop      a fraction is lost: ``x * (1 - size)``                         0.2, 0.4, 0.8         2 hours
spike     a surplus: ``x * (1 + size)``                                  0.5, 1, 3             45 min
outage    zero                                                           hours: 0.5, 1, 4      its size
drift     falls linearly to ``x * (1 - size)``, then recovers at once    0.2, 0.4, 0.8         12 hours
shift     a new level: ``x * (1 + size)``                                0.2, 0.4, 1           12 hours
lag       late loading: the missing fraction grows to `size` within an   0.2, 0.4, 0.8         2 hours
          hour
ratio     the numerator loses a fraction: ``x * (1 - size)``             0.2, 0.4, 0.8         2 hours
========  =============================================================  ====================  ========

Counts stay whole numbers. Ratios get `ratio`, `drift`, `shift` and `spike`, and are capped at 1 if the whole history is
at most 1. All other series get every kind except `ratio`. A series with negative values has no zero to fall to: its
incidents are moves by its own scale, the range in which 90 percent of its values lie. So a drop of 0.2 is
``x - 0.2 * scale``, and an outage ``x - scale``. A series that is mostly 0 cannot fall: it gets `spike` and `shift`
only, and they rise by its greatest value: ``x + size * greatest``.

A detector must catch an incident within its first hour. A drift or a lag begins small, so it must be caught until an
hour after it reaches its size.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array
from detectors.lab.series import Series


@dataclass(frozen=True)
class Incident:
    """An incident in a series.

    Parameters
    ----------
    start, end
        Its first and last column, both inclusive.
    within
        A flag among this number of its first columns catches the incident.
    kind, size
        As in the catalogue; "labelled" and 0 for an incident of the data.
    """

    start: int
    end: int
    within: int
    kind: str = "labelled"
    size: float = 0.0


@dataclass(frozen=True)
class Kind:
    """A row of the catalogue: sizes, duration, and the time until the incident reaches its size."""

    sizes: tuple[float, ...]
    hours: float = 2.0
    ramp_hours: float = 0.0

    def lasts(self, size: float) -> float:
        """Return the duration in hours; for an outage it is the size."""
        return self.hours or size


CATALOGUE: Final[dict[str, Kind]] = {
    "drop": Kind((0.2, 0.4, 0.8)),
    "spike": Kind((0.5, 1.0, 3.0), hours=0.75),
    "outage": Kind((0.5, 1.0, 4.0), hours=0.0),
    "drift": Kind((0.2, 0.4, 0.8), hours=12.0, ramp_hours=12.0),
    "shift": Kind((0.2, 0.4, 1.0), hours=12.0),
    "lag": Kind((0.2, 0.4, 0.8), ramp_hours=1.0),
    "ratio": Kind((0.2, 0.4, 0.8)),
}
OF_RATIOS: Final = ("ratio", "drift", "shift", "spike")
_RISES: Final = ("spike", "shift")
"""They go up, and a series that is mostly 0 gets only these."""
_APART_HOURS, _APART_POINTS = 24.0, 12
"""Minimum distance between incidents: an echo a day later is no hit, and of daily points few are incidents."""
_EACH_SEEN, _MOST_COPIES = 4, 8


def inject(series: Series, first: int, *, seed: int = 0, copy: int = 0, deal: int = 0) -> tuple[Series, list[Incident]]:
    """Inject incidents into a series, from column `first` on.

    Parameters
    ----------
    series, first
        The series, and the first column that may be changed.
    seed, copy
        The same series, seed, copy and deal give the same incidents.
    deal
        Start position in the shuffled catalogue. It differs between series and copies, so that together they cover it.

    Returns
    -------
    Series, list of Incident
        The changed series with its labels, and its incidents in order of time. The list can be empty.

    """
    rng = np.random.default_rng([seed, copy, int(series.digest[:8], 16)])
    wanted = combinations([series])
    order = np.random.default_rng(seed).permutation(len(wanted))
    values = series.values.copy()
    insides = [] if series.extremes is None else [np.array(series.extremes.least), np.array(series.extremes.greatest)]
    labels = np.zeros(values.size, dtype=bool)
    incidents: list[Incident] = []
    at, hour, apart = first, series.period / 24, _apart(series)
    for number in itertools.count(deal):
        kind, size = wanted[order[number % len(wanted)]]
        length = max(1, round(CATALOGUE[kind].lasts(size) * hour))
        start = at + int(rng.integers(0, apart))
        if start + length > values.size:
            break
        place = slice(start, start + length)
        at = start + length + apart
        incident = Incident(start, start + length - 1, _within(kind, length, series.period), kind, size)
        changed = _changed(series, values[place], incident)
        if np.array_equal(changed, values[place], equal_nan=True):
            continue  # rounding cancels the change: a count of 2 minus a fifth is 2
        values[place] = changed
        for inside in insides:
            inside[place] = _changed(series, inside[place], incident)
        labels[place] = True
        incidents.append(incident)
    extremes = series.extremes and replace(series.extremes, least=insides[0], greatest=insides[1])
    return replace(series, values=values, labels=labels, extremes=extremes), incidents


def copies(series: Iterable[Series], firsts: Iterable[int]) -> int:
    """Return the number of copies, at most 8, so that each kind and size is injected about four times."""
    pairs = list(zip(series, firsts, strict=True))
    # Per incident: on average half of the distance before it, its duration, and the distance after it.
    room = sum((item.values.size - first) / (1.5 * _apart(item) + 0.1 * item.period) for item, first in pairs)
    needed = _EACH_SEEN * len(combinations([item for item, _ in pairs])) / max(1.0, room)
    return min(int(np.ceil(needed)), _MOST_COPIES)


def _apart(series: Series) -> int:
    """Minimum distance between incidents, in points."""
    return max(_APART_POINTS, round(_APART_HOURS * series.period / 24))


def combinations(series: list[Series]) -> list[tuple[str, float]]:
    """Return the kinds and sizes that apply to these series."""
    wanted = {kind for item in series for kind in _kinds(item)}
    return [(kind, size) for kind, row in CATALOGUE.items() if kind in wanted for size in row.sizes]


def _kinds(series: Series) -> tuple[str, ...]:
    """The kinds of incidents that a series can have."""
    if series.mostly_zero:
        return _RISES
    return OF_RATIOS if series.kind == "ratio" else tuple(kind for kind in CATALOGUE if kind != "ratio")


def _within(kind: str, length: int, period: int) -> int:
    """Number of columns in which a flag catches the incident: until an hour after it reaches its size."""
    ramp = round(CATALOGUE[kind].ramp_hours * period / 24)
    columns = ramp + round(period / 24) + 1
    return min(columns, length) if ramp else columns


def _changed(series: Series, old: Array, incident: Incident) -> Array:
    """Values of a series, or extremes inside them, as the incident changes them."""
    factor = _factor(incident, old.size, series.period)
    if series.mostly_zero:
        new = old + (factor - 1.0) * np.nanmax(series.values)
    elif (series.values < 0).any():
        low, high = np.nanquantile(series.values, [0.05, 0.95])
        new = old + (factor - 1.0) * (high - low)
    else:
        new = old * factor
    if series.kind == "ratio" and np.nanmax(series.values) <= 1:
        new = np.minimum(new, 1.0)
    return np.round(new) if series.kind == "count" else new


def _factor(incident: Incident, length: int, period: int) -> NDArray[np.float64]:
    if incident.kind == "outage":
        return np.zeros(length)
    sign = 1.0 if incident.kind in _RISES else -1.0
    ramp = max(1, round(CATALOGUE[incident.kind].ramp_hours * period / 24))
    return 1.0 + sign * incident.size * np.minimum(np.arange(1, length + 1) / ramp, 1.0)
