"""Scores detectors against labels, by the rules of a streaming alert job.

Nothing is point-adjusted: one flag does not count as the detection of every point of an incident. Arrays are (T,), one
series. The outcomes of several series are added (`Outcome`). The caller averages other results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.arrays import Array
from detectors.episodes import Episode, episodes
from detectors.errors import DetectorError

Points = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When an event is caught, when messages are sent and which are false. In points; defaults for 15-minute points.

    Parameters
    ----------
    within
        A flag among this number of first points catches an event: 5 points cover the first hour.
    gap
        This number of unflagged points in a row ends an episode of flags, as in `detectors.episodes.episodes`.
    repeat
        An episode notifies again after each interval of this number of points: 16 are 4 hours. Without repeats a
        detector that always flags would have only one false notification.
    slack
        A notification at most this number of points before or after an event belongs to the event.
    """

    within: int = 5
    gap: int = 4
    repeat: int = 16
    slack: int = 1

    def __post_init__(self) -> None:
        for name, least in (("within", 1), ("gap", 1), ("repeat", 1), ("slack", 0)):
            if getattr(self, name) < least:
                raise DetectorError(f"{name} must be at least {least}, not {getattr(self, name)}")


@dataclass(frozen=True)
class Outcome:
    """Counts of one series, or of several series added with ``+``."""

    events: int = 0
    caught: int = 0
    delay: int = 0
    """Points from start to first flag, summed over the caught events."""
    notifications: int = 0
    false: int = 0
    points: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(*(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """The six numbers in the order of the constructor."""
        return self.events, self.caught, self.delay, self.notifications, self.false, self.points

    @property
    def recall(self) -> float:
        """Share of events that were caught; NaN without events."""
        return _ratio(self.caught, self.events)

    @property
    def precision(self) -> float:
        """Caught events / (caught events + false notifications); NaN if both are 0."""
        return _ratio(self.caught, self.caught + self.false)

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision: 2 caught / (events + caught + false); NaN if all are 0."""
        return _ratio(2 * self.caught, self.events + self.caught + self.false)

    @property
    def mean_delay(self) -> float:
        """Mean number of points from the start of a caught event to its first flag; NaN if none was caught."""
        return _ratio(self.delay, self.caught)

    def false_per_week(self, period: int) -> float:
        """False notifications per series and week, with `period` points in a day."""
        return _ratio(self.false * 7 * period, self.points)


def events(labels: ArrayLike) -> list[Episode]:
    """Return the labelled incidents: runs of consecutive true labels."""
    return episodes(labels, gap=1)


def notified(flags: ArrayLike, rules: Rules | None = None) -> Points:
    """Return the points at which messages are sent: the start of each episode and every `repeat` points after it."""
    rules = rules or Rules()
    sent = [np.arange(episode.start, episode.end + 1, rules.repeat) for episode in episodes(flags, gap=rules.gap)]
    return np.concatenate(sent) if sent else np.empty(0, dtype=np.intp)


def count_outcome(labels: ArrayLike, flags: ArrayLike, rules: Rules | None = None) -> Outcome:
    """Count caught events, delays and notifications.

    Source: event-wise counting with a bounded delay (the rule "within k points" of the AIOps-2018 challenge), without
    its point adjustment. A false alarm counts once per message.
    """
    rules = rules or Rules()
    truth, flagged = _pair(labels, np.asarray(flags, dtype=bool))
    incidents = events(truth)
    points = np.flatnonzero(flagged)
    starts = np.array([incident.start for incident in incidents], dtype=np.intp)
    after = np.searchsorted(points, starts)
    # The last element is a sentinel far beyond the end. It stands for "never flagged again".
    delays = np.append(points, 2 * truth.size + rules.within)[after] - starts
    hits = delays < rules.within
    sent = notified(flagged, rules)
    near = np.zeros(truth.size, dtype=bool)
    for incident in incidents:
        near[max(0, incident.start - rules.slack) : incident.end + rules.slack + 1] = True
    return Outcome(
        events=len(incidents),
        caught=int(hits.sum()),
        delay=int(delays[hits].sum()),
        notifications=sent.size,
        false=int(np.count_nonzero(~near[sent])),
        points=truth.size,
    )


def count_outcomes(
    labels: Iterable[ArrayLike], flags: Iterable[ArrayLike], rules: Rules | None = None
) -> list[Outcome]:
    """Apply `count_outcome` to each series."""
    return [count_outcome(truth, flagged, rules) for truth, flagged in zip(labels, flags, strict=True)]


def pooled(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the sum of outcomes."""
    return sum(outcomes, Outcome())


def best_threshold(
    labels: Sequence[ArrayLike], scores: Sequence[Array], *, rules: Rules | None = None, candidates: int = 120
) -> float:
    """Return the common threshold of the absolute score with the best pooled event F1 over all series.

    The candidates are quantiles of the pooled scores, denser towards the top: the smallest flags a third of all points,
    the greatest one point.
    """
    size = np.concatenate([strength(score) for score in scores])
    size = size[np.isfinite(size)]
    if not size.size:
        raise DetectorError("no score is a finite number")
    ranks = np.unique(np.geomspace(1, max(1, size.size // 3), candidates).astype(np.intp))
    thresholds = np.unique(-np.partition(-size, ranks - 1)[ranks - 1])
    f1 = [pooled(count_outcomes(labels, [strength(s) >= limit for s in scores], rules)).f1 for limit in thresholds]
    return float(thresholds[int(np.nanargmax(f1))])


def strength(scores: ArrayLike) -> Array:
    """Return absolute scores, with 0 for NaN."""
    return np.nan_to_num(np.abs(np.asarray(scores, dtype=np.float64)), nan=0.0, posinf=np.inf)


def vus_pr(labels: ArrayLike, scores: ArrayLike, *, window: int = 4, thresholds: int = 250) -> float:
    """Volume under the surface of range-aware precision and recall over thresholds and label buffers.

    Gives the same result as `RangeAUC_volume_opt` of TSB-AD, but sorts once instead of looping over thresholds.

    Parameters
    ----------
    labels
        (T,) booleans.
    scores
        (T,), greater = more anomalous. Apply `strength` to signed or missing scores first.
    window
        Largest buffer around an event in points, half of it on either side.
    thresholds
        Number of points of the curve.

    Returns
    -------
    float
        In [0, 1]; NaN without an event.

    References
    ----------
    J. Paparrizos et al., "Volume Under the Surface", PVLDB 15(11), 2022; Q. Liu and J. Paparrizos, "The Elephant in
    the Room", NeurIPS 2024 (TSB-AD).
    """
    truth, score = _pair(labels, np.asarray(scores, dtype=np.float64))
    if np.isnan(score).any():
        raise DetectorError("scores are missing at some points; strength() replaces them by 0")
    incidents = events(truth)
    if not incidents:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    descending = score[order]
    limits = descending[np.linspace(0, score.size - 1, thresholds).astype(np.intp)]
    flagged = np.searchsorted(-descending, -limits, side="right")
    areas = [_range_pr(truth, score, incidents, width, order, limits, flagged) for width in range(window + 1)]
    return float(np.mean(areas))


def _range_pr(
    truth: NDArray[np.bool_],
    score: Array,
    incidents: list[Episode],
    window: int,
    order: Points,
    limits: Array,
    flagged: Points,
) -> float:
    """Area under precision and recall with buffers of half a `window` on both sides of each event."""
    weights = _buffered(truth, incidents, window)
    hits = np.cumsum(weights[order])[flagged - 1]
    buffer = np.cumsum(np.where(truth, 0.0, weights)[order])[flagged - 1]
    total = truth.sum()
    recall = np.minimum(hits / ((2 * total + buffer) / 2), 1)
    peaks = np.sort([score[start : end + 1].max() for start, end in _merged(incidents, window // 2, truth.size)])
    touched = (peaks.size - np.searchsorted(peaks, limits, side="left")) / peaks.size
    steps = np.diff(recall * touched, prepend=0.0)
    return float(steps @ (hits / flagged))


def _buffered(truth: NDArray[np.bool_], incidents: list[Episode], window: int) -> Array:
    """Labels as weights that decay by a square root law within half a window of an event."""
    weights = truth.astype(np.float64)
    distance = np.arange(1, window // 2 + 1)
    slope = np.sqrt(1 - distance / max(window, 1))
    for start, end in incidents:
        for places in (start - distance, end + distance):
            inside = (places >= 0) & (places < truth.size)
            weights[places[inside]] += slope[inside]
    return np.minimum(weights, 1.0)


def _merged(incidents: list[Episode], margin: int, size: int) -> list[Episode]:
    """Events widened by `margin` on both sides. Overlapping events are merged."""
    merged: list[Episode] = []
    for start, end in incidents:
        first, last = max(0, start - margin), min(size - 1, end + margin)
        if merged and first <= merged[-1].end:
            merged[-1] = Episode(merged[-1].start, last)
        else:
            merged.append(Episode(first, last))
    return merged


def bootstrap(
    statistic: Callable[[Points], float], series: int, *, resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile interval of a statistic over series resampled with replacement (Efron, 1979).

    Parameters
    ----------
    statistic
        A function of the indices (series,) of the drawn series, which can repeat. NaN results are ignored.
    series
        Number of series. Combine correlated series into one unit.
    resamples, level, seed
        Number of resamples, coverage of the interval, seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng.integers(0, series, series)) for _ in range(resamples)])
    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return float(low), float(high)


def _pair(labels: ArrayLike, other: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    truth = np.asarray(labels, dtype=bool)
    if truth.ndim != 1 or truth.shape != other.shape:
        raise DetectorError(f"labels and scores or flags must share a shape (T,), not {truth.shape} and {other.shape}")
    return truth, other


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
