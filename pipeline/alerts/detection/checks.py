"""The check of a slot: each watched metric and each of its slices against a detector. Pure but for luigi.cfg.

A metric is judged by its count or ratio; a slice by its SHARE of the metric's total (a slice of a ratio by the ratio),
so that what moves everything says nothing about a slice, and a slice that fails under a healthy total shows. Each is
judged twice, by the slot and by the slot together with the one before: what is too small for a quarter of an hour can
be plain in half an hour.

Slices are many. The false alarms that chance alone may raise among ALL of them in a week are a setting, divided among
the comparisons (Bonferroni): it gives the width of their bands in standard deviations.
"""

import itertools
import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

import detectors
from detectors.base import Bounds, Detector
from pipeline.alerts.detection.monitors import Monitor
from pipeline.alerts.detection.shares import Score, Scores, with_forecasts
from pipeline.core import settings
from pipeline.core.clock import SLOTS_A_DAY
from pipeline.slots.series import SLICE_DAYS, Adjustment, Array, Part, Series, ratio

Verdict = Literal["ok", "anomaly", "no data", "no history", "planned"]

WINDOWS = (1, 2)
"""In slots: how much is judged at once."""
SLICE_DETECTOR = "seasonal"
"""Slices are shares of counts; this method knows how noisy those are, so that its width can be a probability."""
SLICE_WIDTH = 5.0
"""Its half band for ratios at sensitivity 1, in standard deviations."""


@dataclass(frozen=True)
class CheckResult:
    """What a detector said about one metric or slice in one slot; NaN where there is no number.

    Attributes
    ----------
    metric, dimension, dimension_value : str
        What was judged.
    detector : str
        By which method.
    value, expected, lower, upper : float
        The slot's value and band: counts, or ratios. A slice's band follows the slot's total.
    score : float
        Signed, outside of [-1, 1] is anomalous: the further of the slot and the two last slots together.
    verdict : str
        'ok', 'anomaly', 'no data', 'no history', or 'planned' where the calendar knows of it.
    slot_score : float
        The score of the slot alone.
    weight : float
        Events behind a value of 1: 1 for a count, the denominator of a ratio.
    """

    metric: str
    dimension: str
    dimension_value: str
    detector: str
    value: float
    expected: float
    lower: float
    upper: float
    score: float
    verdict: Verdict
    slot_score: float
    weight: float

    @property
    def part(self) -> Part:
        """What was judged."""
        return Part(self.metric, self.dimension, self.dimension_value)

    @property
    def change(self) -> float:
        """The deviation relative to the greater of value and expectation: -1 is an outage, +1 came from nothing."""
        greater = max(self.value, self.expected)
        return (self.value - self.expected) / greater if greater > 0 else 0.0


@dataclass(frozen=True)
class Batch:
    """Rows that one detector judges in one call; arrays of shape (R, T)."""

    detector: Detector
    name: str
    keys: tuple[tuple[Part, int], ...]
    """The part and the window of each row."""
    values: Array
    denominators: Array | None


def evaluate(series: Series, watched: Sequence[Monitor], adjustments: Sequence[Adjustment] = ()) -> list[CheckResult]:
    """Judge the newest slot of each series.

    Parameters
    ----------
    series : Series
        History with the totals of (at least) the watched metrics, and slices of theirs.
    watched : sequence of Watch
        How each metric is judged.
    adjustments : sequence of Adjustment
        What the detectors must not learn from, or must read at another level.

    Returns
    -------
    list of Check
        The totals in the order of `watched`, then the slices.
    """
    found: Scores = {}
    for block in batches(series, watched, adjustments):
        found |= scores_of(block, block.detector.detect_last(block.values, block.denominators))
    return decide(found, watched)


def scores_of(block: Batch, bounds: Bounds, column: int = -1) -> Scores:
    """What a block's detector says of one column; `bounds` are those of that column, (R,)."""
    numbers = [array.tolist() for array in (bounds.expected, bounds.lower, bounds.upper, bounds.score)]
    values = block.values[:, column].tolist()
    denominators = [1.0] * len(values) if block.denominators is None else block.denominators[:, column].tolist()
    rows = zip(values, denominators, *numbers, strict=True)
    return {key: Score(block.name, *row) for key, row in zip(block.keys, rows, strict=True)}


def decide(judged: Scores, watched: Sequence[Monitor]) -> list[CheckResult]:
    """Put the windows of each part together, and decide."""
    directions = {watch.metric.name: watch.settings for watch in watched}
    slices = [part for part, window in judged if window == WINDOWS[0] and not part.is_total]
    judged = with_forecasts(judged, slice_width(len(slices)))
    parts = [*(Part(watch.metric.name) for watch in watched), *slices]
    return [_check(part, [judged[part, window] for window in WINDOWS], directions[part.metric]) for part in parts]


def _check(part: Part, windows: Sequence[Score], chosen: settings.MetricSettings) -> CheckResult:
    slot = windows[0]
    score = max((one.score for one in windows), key=lambda score: -1.0 if math.isnan(score) else abs(score))
    weight, scale = slot.denominator, 1.0
    if part.is_share:
        weight, scale = 1.0, slot.denominator  # a share of the total: back to counts
    value, expected = slot.value * scale, slot.expected * scale
    is_small = max(value, expected) * weight < chosen.minimum_volume and not math.isnan(score)
    return CheckResult(
        *part,
        detector=slot.detector,
        value=value,
        expected=expected,
        lower=slot.lower * scale,
        upper=slot.upper * scale,
        score=score,
        verdict=verdict_of(value, 0.0 if is_small else score, chosen.direction),
        slot_score=slot.score,
        weight=weight,
    )


def batches(
    series: Series,
    watched: Sequence[Monitor],
    adjustments: Sequence[Adjustment] = (),
    only: Container[Part] | None = None,
) -> list[Batch]:
    """What the detectors are asked: metrics by method, and every slice in one block.

    The parameters are those of `check`, and which parts are asked for; by default all.
    """
    rows = {part: row for row, part in enumerate(series.parts)}
    by_part = _by_part(adjustments)
    made = []
    # Metrics that are checked alike are one array: a detector takes many series at once.
    for (_, kind), group in itertools.groupby(sorted(watched, key=_method), _method):
        members = list(group)
        totals = [Part(watch.metric.name) for watch in members if only is None or Part(watch.metric.name) in only]
        if totals:
            first = members[0]
            made.append(_batch(series, first.detector, first.settings.detector, totals, rows, by_part, kind == "ratio"))
    names = {watch.metric.name for watch in watched}
    slices = [part for part in series.parts if part.metric in names and not part.is_total]
    wanted = slices if only is None else [part for part in slices if part in only]
    if wanted:
        made.append(_batch(series, slice_detector(len(slices)), SLICE_DETECTOR, wanted, rows, by_part, True))
    return made


def slice_width(slices: int) -> float:
    """The half band of so many slices: their false alarms in a week are `[alerts] slice_false_alarms` together."""
    comparisons = max(slices, 1) * len(WINDOWS) * 7 * SLOTS_A_DAY
    tail = min(settings.AlertSettings().slice_false_alarms / comparisons, 0.5)
    return NormalDist().inv_cdf(1 - tail / 2)


def slice_detector(slices: int) -> Detector:
    """The detector of so many slices."""
    return detectors.create(
        SLICE_DETECTOR,
        period=SLOTS_A_DAY,
        kind="ratio",
        days=SLICE_DAYS,
        min_days=SLICE_DAYS // 2,
        sensitivity=SLICE_WIDTH / slice_width(slices),
    )


def _batch(
    series: Series,
    detector: Detector,
    name: str,
    parts: Sequence[Part],
    rows: dict[Part, int],
    adjustments: Mapping[Part, Sequence[Adjustment]],
    has_denominator: bool,
) -> Batch:
    first = 0
    if not parts[0].is_total:  # whole days, so that the newest begins at the same column
        first = max(0, (series.numerators.shape[1] - 1) // SLOTS_A_DAY - SLICE_DAYS) * SLOTS_A_DAY
    at = [rows[part] for part in parts]
    numerators = series.numerators[at, first:]
    for part, row in zip(parts, numerators, strict=True):
        if concerned := [*adjustments.get(Part(part.metric, "", ""), ()), *adjustments.get(part, ())]:
            factors = series.learned(concerned)[first:]
            factors[-1] = 1.0 if np.isnan(factors[-1]) else factors[-1]  # it is judged, so it is never left out
            row *= factors
    values, denominators = windows_of(numerators), None
    if has_denominator:
        totals = [rows[Part(part.metric)] for part in parts]
        of = np.where(
            [[part.is_share] for part in parts], series.numerators[totals, first:], series.denominators[at, first:]
        )
        denominators = np.nan_to_num(windows_of(of))
        values = ratio(values, denominators)
    return Batch(detector, name, tuple((part, window) for window in WINDOWS for part in parts), values, denominators)


def _by_part(adjustments: Iterable[Adjustment]) -> dict[Part, list[Adjustment]]:
    found: dict[Part, list[Adjustment]] = {}
    for item in adjustments:
        found.setdefault(item.part, []).append(item)
    return found


def windows_of(rows: Array) -> Array:
    """Sum each column with those before it, NaN where one is missing: (S, T) by every window, one below the other."""
    sums = []
    for window in WINDOWS:
        total = rows.copy()
        for back in range(1, window):
            total[:, back:] += rows[:, :-back]
            total[:, :back] = np.nan
        sums.append(total)
    return np.concatenate(sums)


def verdict_of(value: float, score: float, direction: settings.Direction) -> Verdict:
    """Turn a score into a verdict.

    Parameters
    ----------
    value : float
        The slot's value; NaN means that there is none (a ratio without a denominator).
    score : float
        Signed, outside [-1, 1] is anomalous; NaN means that the history does not suffice.
    direction : {"both", "up", "down"}
        Which deviations count.
    """
    if np.isnan(value):
        return "no data"
    if np.isnan(score):
        return "no history"
    if (score > 1 and direction != "down") or (score < -1 and direction != "up"):
        return "anomaly"
    return "ok"


def _method(watch: Monitor) -> tuple[str, str]:
    return repr(watch.detector), watch.metric.kind
