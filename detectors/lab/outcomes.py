"""The outcome of one detector on one series: incidents caught, delays, messages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.base import Array, Bounds, Detector
from detectors.lab.inject import Incident
from detectors.lab.scoring import Points, Rules, events, notified, strength, vus_pr
from detectors.lab.series import Direction, Series, detect

LIMITS: Array = 2.0 ** (np.arange(-4, 13) / 2)
"""Limits of the absolute score at which false messages are counted; 1 is the unchanged detector."""
WINDOW_HOURS = 1.0
"""Window of VUS-PR."""


def rules(period: int, gap: int | None = None) -> Rules:
    """Return the rules of scoring, which are set in hours, for `period` points in a day."""
    hour = period / 24
    points = max(1, round(hour))
    return Rules(within=round(hour) + 1, gap=gap or points, repeat=max(1, round(4 * hour)))


class Hit(NamedTuple):
    """Whether and when an incident was caught."""

    kind: str
    size: float
    delay: int
    """Points from its start to the first flag; -1 if it was missed."""
    strength: float
    """Greatest absolute score within the time to catch it. The incident is caught at every limit below it."""


@dataclass(frozen=True)
class Result:
    """The result of one candidate on one series, or on one copy of it with injected incidents."""

    candidate: str
    series: str
    copy: int
    period: int
    points: int
    """Scored points."""
    vus: float
    """VUS-PR; NaN without incidents."""
    hits: tuple[Hit, ...]
    sent: int
    """Messages sent."""
    false: int
    """Messages outside every incident."""
    repeats: int
    """Messages of an incident after its first one."""
    echoes: int
    """False messages a day or a week after an incident."""
    noise: tuple[int, ...]
    """False messages at each of `LIMITS`."""
    adjusted: tuple[int, int, int]
    """Point-adjusted numbers of points: detected, falsely flagged, missed."""
    seconds: float
    """CPU time of the detector."""
    scoring_seconds: float
    known: int = 0
    """Scored points with a value."""
    judged: int = 0
    """Scored points with a score."""

    @property
    def weeks(self) -> float:
        """Length of the scored part in weeks."""
        return self.points / self.period / 7

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Result:
        """Make a result from the dict that `to_json` returned."""
        lists = {key: tuple(given[key]) for key in ("noise", "adjusted")}
        return cls(**{**given, **lists, "hits": tuple(Hit(*hit) for hit in given["hits"])})

    def to_json(self) -> dict[str, Any]:
        """Return a dict that is JSON serializable."""
        return asdict(self)


def labelled(series: Series, first: int) -> list[Incident]:
    """Return the labelled incidents that start at column `first` or later."""
    if series.labels is None:
        return []
    within = rules(series.period).within
    return [Incident(event.start, event.end, within) for event in events(series.labels) if event.start >= first]


def sided(score: Array, direction: Direction) -> Array:
    """Return the scores, with 0 for deviations in a direction that does not count."""
    if direction == "both":
        return score
    return np.where(np.isnan(score), np.nan, np.maximum(score, 0.0) if direction == "up" else np.minimum(score, 0.0))


def messages(score: Array, limit: float, given: Rules) -> Points:
    """Return the columns at which messages are sent by the given rules. Columns without a score are skipped."""
    known = np.flatnonzero(~np.isnan(score))
    sent: Points = known[notified(np.abs(score[known]) > limit, given)]
    return sent


def measure(bounds: Bounds, series: Series, incidents: Sequence[Incident], first: int) -> dict[str, Any]:
    """Compute the fields of a `Result` that follow from the scores."""
    given = rules(series.period)
    score = sided(bounds.score, series.direction)
    size = strength(score)
    hits = tuple(_hit(size, incident) for incident in incidents)
    sent = messages(score[first:], 1.0, given) + first
    near = [(incident.start - given.slack, incident.end + given.slack) for incident in incidents]
    truth = np.zeros(size.size, dtype=bool)
    for incident in incidents:
        truth[incident.start : incident.end + 1] = True
    inside = [int(np.count_nonzero((sent >= start) & (sent <= end))) for start, end in near]
    false = sent[~_within(sent, near)]
    after = [(s + days * series.period, e + days * series.period) for s, e in near for days in (1, 7)]
    return {
        "points": size.size - first,
        "known": int(np.count_nonzero(~np.isnan(series.values[first:]))),
        "judged": int(np.count_nonzero(~np.isnan(score[first:]))),
        "vus": vus_pr(truth[first:], size[first:], window=round(WINDOW_HOURS * series.period / 24)),
        "hits": hits,
        "sent": int(sent.size),
        "false": int(false.size),
        "repeats": sum(max(0, count - 1) for count in inside),
        "echoes": int(np.count_nonzero(_within(false, after))),
        "noise": tuple(_noise(score, limit, given, near, first) for limit in LIMITS.tolist()),
        "adjusted": _adjusted(truth[first:], size[first:] > 1, [(o.start - first, o.end - first) for o in incidents]),
    }


def _hit(size: Array, incident: Incident) -> Hit:
    seen = size[incident.start : incident.start + incident.within]
    flagged = np.flatnonzero(seen > 1)
    return Hit(incident.kind, incident.size, int(flagged[0]) if flagged.size else -1, float(seen.max(initial=0.0)))


def _noise(score: Array, limit: float, given: Rules, near: list[tuple[int, int]], first: int) -> int:
    sent = messages(score[first:], limit, given) + first
    return int(np.count_nonzero(~_within(sent, near)))


def _within(columns: Points, ranges: list[tuple[int, int]]) -> NDArray[np.bool_]:
    inside = np.zeros(columns.size, dtype=bool)
    for start, end in ranges:
        inside |= (columns >= start) & (columns <= end)
    return inside


def _adjusted(truth: NDArray[np.bool_], flags: NDArray[np.bool_], spans: list[tuple[int, int]]) -> tuple[int, int, int]:
    """Points detected, falsely flagged and missed. One flag detects all points of its incident (Xu et al., 2018)."""
    detected = sum(end - start + 1 for start, end in spans if flags[max(0, start) : end + 1].any())
    return detected, int(np.count_nonzero(flags & ~truth)), int(truth.sum()) - detected


@dataclass(frozen=True)
class Task:
    """The task of a worker: one candidate on one case."""

    candidate: str
    detector: Detector
    series: Series
    copy: int
    incidents: tuple[Incident, ...]
    first: int


def run(task: Task) -> Result:
    """Run the detector and compute its result."""
    series = task.series
    started = time.process_time()
    bounds = detect(task.detector, series)
    detected = time.process_time()
    measured = measure(bounds, series, task.incidents, task.first)
    seconds, scoring = detected - started, time.process_time() - detected
    return Result(
        task.candidate, series.name, task.copy, series.period, seconds=seconds, scoring_seconds=scoring, **measured
    )
