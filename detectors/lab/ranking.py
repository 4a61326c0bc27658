"""Ranks candidates by their results, with confidence intervals and tests of the difference from the best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.base import Array
from detectors.lab.outcomes import LIMITS, Result
from detectors.lab.scoring import Points, bootstrap

FEWEST_SERIES = 5
"""With fewer series the bootstrap is meaningless."""
_DAY_MINUTES = 1440

Interval = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """The result of a candidate over all series; NaN = not defined."""

    candidate: str
    f1: float
    """Event F1 of the unchanged detector."""
    f1_interval: Interval
    vus: float
    """Mean VUS-PR over the series with incidents."""
    vus_interval: Interval
    recall: float
    precision: float
    false_per_week: float
    """False messages per series and week."""
    delay_minutes: float
    events: int
    caught: int
    sent: int
    repeats: int
    echoes: int
    adjusted_f1: float
    behind: Interval
    """Interval of the best candidate's F1 minus this one's, with the same resampled series for both."""
    noise: tuple[tuple[float, float], ...]
    """(false messages per series and week, recall) at each of `LIMITS`."""
    known: int = 0
    """Scored points with a value."""
    judged: int = 0
    """Scored points with a score."""

    @property
    def judged_share(self) -> float:
        """Share of the scored points with a value that have a score."""
        return self.judged / self.known if self.known else 1.0

    @property
    def like_the_best(self) -> bool:
        """Whether the difference from the best is not significant; False if there are too few series for a test."""
        return self.behind[0] <= 0


def rank(results: Sequence[Result], *, seed: int = 0, resamples: int = 1000) -> list[Row]:
    """Rank candidates by event F1, best first.

    Parameters
    ----------
    results
        Results of every candidate on the same series.
    seed, resamples
        Parameters of the bootstrap. Intervals (95 %) are percentiles over series resampled with replacement. The copies
        of a series are one unit.
    """
    by_candidate: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_candidate[result.candidate].append(result)
    names = sorted({result.series for result in results})
    counts = {candidate: _counts(group, names) for candidate, group in by_candidate.items()}
    everything = np.arange(len(names))
    order = sorted(counts, key=lambda candidate: (-_last_if_nan(_f1(counts[candidate], everything)), candidate))
    best = counts[order[0]] if order else np.empty(0)

    def interval(statistic: str, table: Array) -> Interval:
        def of(drawn: Points) -> float:
            if statistic == "behind":
                return _f1(best, drawn) - _f1(table, drawn)
            return _f1(table, drawn) if statistic == "f1" else _vus(table, drawn)

        if len(names) < FEWEST_SERIES or np.isnan(of(everything)):
            return np.nan, np.nan
        return bootstrap(of, len(names), resamples=resamples, seed=seed)

    return [
        _row(
            candidate,
            by_candidate[candidate],
            counts[candidate],
            {name: interval(name, counts[candidate]) for name in ("f1", "vus", "behind")},
        )
        for candidate in order
    ]


def _row(candidate: str, results: Sequence[Result], table: Array, intervals: dict[str, Interval]) -> Row:
    everything = np.arange(len(table))
    events, caught, false, weeks, _, _ = table.sum(axis=0)
    minutes = sum(
        hit.delay * _DAY_MINUTES / result.period for result in results for hit in result.hits if hit.delay >= 0
    )
    detected, flagged, missed = np.sum([result.adjusted for result in results], axis=0)
    strengths = np.array([hit.strength for result in results for hit in result.hits])
    noise = np.sum([result.noise for result in results], axis=0)
    return Row(
        candidate=candidate,
        f1=_f1(table, everything),
        f1_interval=intervals["f1"],
        vus=_vus(table, everything),
        vus_interval=intervals["vus"],
        recall=_ratio(caught, events),
        precision=_ratio(caught, caught + false),
        false_per_week=_ratio(false, weeks),
        delay_minutes=_ratio(minutes, caught),
        known=sum(result.known for result in results),
        judged=sum(result.judged for result in results),
        events=int(events),
        caught=int(caught),
        sent=sum(result.sent for result in results),
        repeats=sum(result.repeats for result in results),
        echoes=sum(result.echoes for result in results),
        adjusted_f1=_ratio(2 * detected, 2 * detected + flagged + missed),
        behind=intervals["behind"],
        noise=tuple(
            (_ratio(false, weeks), _ratio(float(np.count_nonzero(strengths > limit)), events))
            for false, limit in zip(noise.tolist(), LIMITS.tolist(), strict=True)
        ),
    )


def recall_by_kind(results: Sequence[Result]) -> dict[tuple[str, float], dict[str, tuple[int, int]]]:
    """Return, by kind and size of incident in the order of the catalogue, (caught, total) of each candidate."""
    from detectors.lab.inject import CATALOGUE

    counts: dict[tuple[str, float], dict[str, tuple[int, int]]] = defaultdict(dict)
    for result in results:
        for hit in result.hits:
            caught, total = counts[hit.kind, hit.size].get(result.candidate, (0, 0))
            counts[hit.kind, hit.size][result.candidate] = (caught + (hit.delay >= 0), total + 1)
    kinds = list(CATALOGUE)
    return dict(
        sorted(counts.items(), key=lambda item: (kinds.index(item[0][0]) if item[0][0] in kinds else -1, item[0][1]))
    )


def _counts(results: Sequence[Result], names: Sequence[str]) -> Array:
    """A row per series: events, caught, false, weeks, sum of VUS-PR, and the number of terms in it."""
    table = np.zeros((len(names), 6))
    places = {name: i for i, name in enumerate(names)}
    for result in results:
        caught = sum(hit.delay >= 0 for hit in result.hits)
        defined = not np.isnan(result.vus)
        table[places[result.series]] += (
            len(result.hits),
            caught,
            result.false,
            result.weeks,
            result.vus if defined else 0,
            defined,
        )
    return table


def _f1(table: Array, drawn: NDArray[np.intp]) -> float:
    events, caught, false = table[drawn, :3].sum(axis=0)
    return _ratio(2 * caught, events + caught + false) if events else np.nan


def _vus(table: Array, drawn: NDArray[np.intp]) -> float:
    volumes, series = table[drawn, 4], table[drawn, 5]
    has = series > 0
    return float(np.mean(volumes[has] / series[has])) if has.any() else np.nan


def _last_if_nan(value: float) -> float:
    return -1.0 if np.isnan(value) else value


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else np.nan
