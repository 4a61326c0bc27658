"""Checks each monitored metric and each of its slices in a slot with a detector. Pure except for luigi.cfg.

A metric is checked by its count or ratio. A slice of a count is checked by its SHARE of the total: a change of the
whole metric does not move shares, but a failing slice under a healthy total does. A slice of a ratio is checked by its
ratio. Each part is checked in two windows: the slot, and the slot together with the previous one. A deviation that is
too small for a quarter of an hour can be significant in half an hour.

There are many slices. A setting is the expected number of false alarms per week over ALL slices together. It is divided
among the comparisons (Bonferroni), which gives the width of their bands in standard deviations.
"""

import itertools
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np

import detectors
from detectors.base import Bounds, Detector
from pipeline.alerts.detection.inside import Inside, SubSlot, agreed, inside_of, lengths
from pipeline.alerts.detection.monitor import Monitor
from pipeline.alerts.detection.shares import Score, Scores, with_forecasts
from pipeline.core import settings
from pipeline.core.clock import SLOTS_A_DAY
from pipeline.slots.series import SLICE_DAYS, Adjustment, Array, Part, Series, ratio

Verdict = Literal["ok", "anomaly", "no data", "no history", "planned", "told", "incomplete"]

WINDOWS = (1, 2)
"""Lengths of the checked windows, in slots."""
SLICE_DETECTOR = "seasonal"
"""The detector of slices. It models the sampling noise of shares, so a probability determines the width of its band."""
SLICE_WIDTH = 5.0
"""Half the band's width of `SLICE_DETECTOR` for ratios at sensitivity 1, in standard deviations."""


@dataclass(frozen=True)
class CheckResult:
    """The result of checking one metric or slice in one slot; NaN where there is no number.

    Attributes
    ----------
    metric, dimension, dimension_value : str
        The part that was checked.
    detector : str
        The method.
    value, expected, lower, upper : float
        The slot's value and band, as counts or ratios. The band of a slice is scaled with the slot's total.
    score : float
        Signed, anomalous outside of [-1, 1]. The score of the slot or of the last two slots together, whichever is
        further from 0.
    verdict : str
        'ok', 'anomaly', 'no data', 'no history', or 'planned' for an anomaly that the calendar covers. Of days also
        'told' for one that messages about slots have told, and 'incomplete' for a fall on a day that lacks rows.
    slot_score : float
        The score of the slot alone.
    weight : float
        Events per unit of the value: 1 for a count, the denominator for a ratio.
    sub_slot : SubSlot or None
        The part of the slot that has the score; None if the slot has it.
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
    sub_slot: SubSlot | None = None

    @property
    def part(self) -> Part:
        """The metric or slice."""
        return Part(self.metric, self.dimension, self.dimension_value)

    @property
    def change(self) -> float:
        """The deviation relative to the greater of value and expectation: -1 is an outage, +1 had no expectation."""
        greater = max(self.value, self.expected)
        return (self.value - self.expected) / greater if greater > 0 else 0.0


@dataclass(frozen=True)
class Batch:
    """Rows that one detector checks in one call. Arrays have the shape (R, T)."""

    detector: Detector
    name: str
    keys: tuple[tuple[Part, int], ...]
    """The part and the window of each row."""
    values: Array
    denominators: Array | None
    inside: Inside | None = None
    """What is known of the inside of these slots."""

    def detect_last(self) -> Bounds:
        """Check the newest column."""
        return self.detector.detect_last(
            self.values, self.denominators, self.inside.extremes() if self.inside else None
        )

    def detect_day(self, rows: slice) -> Bounds:
        """Check the newest day of some rows."""
        denominators = None if self.denominators is None else self.denominators[rows]
        extremes = self.inside.extremes(rows) if self.inside else None
        return self.detector.detect_day(self.values[rows], denominators, extremes)


def evaluate(series: Series, monitors: Sequence[Monitor], adjustments: Sequence[Adjustment] = ()) -> list[CheckResult]:
    """Check the newest slot of each series.

    Parameters
    ----------
    series : Series
        The totals of (at least) the monitored metrics, and slices of them.
    monitors : sequence of Monitor
        How each metric is checked.
    adjustments : sequence of Adjustment
        Stretches of the history to exclude or to rescale.

    Returns
    -------
    list of CheckResult
        The totals in the order of `monitors`, then the slices.
    """
    scores: Scores = {}
    for batch in batches(series, monitors, adjustments):
        scores |= scores_of(batch, batch.detect_last())
    return decide(scores, monitors)


def scores_of(batch: Batch, bounds: Bounds, column: int = -1) -> Scores:
    """Collect a batch's scores of one column. `bounds` are the bounds of that column, (R,)."""
    values = batch.values[:, column]
    score, spoke = agreed(bounds, values)
    numbers = [array.tolist() for array in (bounds.expected, bounds.lower, bounds.upper, score)]
    denominators = [1.0] * len(values) if batch.denominators is None else batch.denominators[:, column].tolist()
    inside = [batch.inside and batch.inside.sub_slot(look, row, column) for row, look in enumerate(spoke.tolist())]
    rows = zip(values.tolist(), denominators, *numbers, inside, strict=True)
    return {key: Score(batch.name, *row) for key, row in zip(batch.keys, rows, strict=True)}


def decide(scores: Scores, monitors: Sequence[Monitor]) -> list[CheckResult]:
    """Combine the scores of each part's windows into a result with a verdict.

    A slice of a metric whose history is too short is not checked either, although its method needs fewer days: nobody
    hears of a metric that is still learnt.
    """
    chosen = {monitor.metric.name: monitor.settings for monitor in monitors}
    slices = [part for part, window in scores if window == WINDOWS[0] and not part.is_total]
    scores = with_forecasts(scores, slice_width(len(slices)))
    learnt = {part.metric for (part, _), score in scores.items() if part.is_total and not math.isnan(score.score)}
    scores = {key: score if key[0].metric in learnt else _without_band(score) for key, score in scores.items()}
    parts = [*(Part(monitor.metric.name) for monitor in monitors), *slices]
    return [check_result(part, [scores[part, window] for window in WINDOWS], chosen[part.metric]) for part in parts]


def check_result(part: Part, windows: Sequence[Score], chosen: settings.MetricSettings) -> CheckResult:
    """Make the result of a part from the scores of its windows, that of the slot (or day) itself first."""
    slot = windows[0]
    furthest = max(windows, key=lambda window: -1.0 if math.isnan(window.score) else abs(window.score))
    score = furthest.score
    weight, scale = slot.denominator, 1.0
    if part.is_share:
        weight, scale = 1.0, slot.denominator  # convert the share of the total back to a count
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
        sub_slot=furthest.sub_slot,
    )


def batches(
    series: Series,
    monitors: Sequence[Monitor],
    adjustments: Sequence[Adjustment] = (),
    only: Container[object] | None = None,
) -> list[Batch]:
    """Lay out the input of the detectors: one batch of totals per method, and one batch of all slices.

    Parameters
    ----------
    series, monitors, adjustments
        As for `evaluate`.
    only : container, optional
        The parts to check; by default all.
    """
    rows = {part: row for row, part in enumerate(series.parts)}
    by_part = adjustments_by_part(adjustments)
    made: list[Batch] = []
    # Metrics with equal detectors form one array, because a detector checks many series at once.
    for (_, kind), group in itertools.groupby(sorted(monitors, key=_method), _method):
        members = list(group)
        totals = [Part(monitor.metric.name) for monitor in members if only is None or Part(monitor.metric.name) in only]
        if totals:
            first = members[0]
            batch = _batch(series, first.detector, first.settings.detector, totals, rows, by_part, kind == "ratio")
            made += _with_inside(batch, series, by_part)
    names = {monitor.metric.name for monitor in monitors}
    slices = [part for part in series.parts if part.metric in names and not part.is_total]
    wanted = slices if only is None else [part for part in slices if part in only]
    if wanted:
        made.append(_batch(series, slice_detector(len(slices)), SLICE_DETECTOR, wanted, rows, by_part, True))
    return made


def adjustments_by_part(adjustments: Iterable[Adjustment]) -> dict[Part | str, list[Adjustment]]:
    """Group adjustments by the part or the metric that they apply to."""
    by_part: dict[Part | str, list[Adjustment]] = {}
    for item in adjustments:
        by_part.setdefault(item.part, []).append(item)
    return by_part


def slice_width(slices: int) -> float:
    """Compute the half band in standard deviations that `[alerts] slice_false_alarms` gives for a number of slices."""
    comparisons = max(slices, 1) * len(WINDOWS) * 7 * SLOTS_A_DAY
    tail = min(settings.AlertSettings().slice_false_alarms / comparisons, 0.5)
    return NormalDist().inv_cdf(1 - tail / 2)


def slice_detector(slices: int) -> Detector:
    """Make the detector for a number of slices."""
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
    adjustments: Mapping[Part | str, Sequence[Adjustment]],
    has_denominator: bool,
) -> Batch:
    first = 0
    if not parts[0].is_total:  # cut whole days, so that days begin at the same columns
        first = max(0, (series.numerators.shape[1] - 1) // SLOTS_A_DAY - SLICE_DAYS) * SLOTS_A_DAY
    at = [rows[part] for part in parts]
    numerators = series.numerators[at, first:]
    for row, factors in _factors(series, parts, adjustments).items():
        numerators[row] *= factors[first:]
    values, denominators = windows_of(numerators), None
    if has_denominator:
        totals = [rows[Part(part.metric)] for part in parts]
        of = np.where(
            [[part.is_share] for part in parts], series.numerators[totals, first:], series.denominators[at, first:]
        )
        denominators = np.nan_to_num(windows_of(of))
        values = ratio(values, denominators)
    return Batch(detector, name, tuple((part, window) for window in WINDOWS for part in parts), values, denominators)


def _factors(
    series: Series, parts: Sequence[Part], adjustments: Mapping[Part | str, Sequence[Adjustment]]
) -> dict[int, Array]:
    """Factors (T,) of the rows that are adjusted, as those of `Series.learned`."""
    found = {}
    for row, part in enumerate(parts):
        if applied := [*adjustments.get(part.metric, ()), *adjustments.get(part, ())]:
            factors = series.learned(applied)
            factors[-1] = 1.0 if np.isnan(factors[-1]) else factors[-1]  # never exclude the slot itself
            found[row] = factors
    return found


def _with_inside(
    batch: Batch, series: Series, adjustments: Mapping[Part | str, Sequence[Adjustment]]
) -> Iterator[Batch]:
    """Split a batch of totals by the length of their sub-slots, which a detector may take."""
    known = lengths(series) if batch.detector.takes_extremes else {}
    rows: dict[str, list[int]] = {}
    for row, (part, window) in enumerate(batch.keys):
        rows.setdefault(known.get(part.metric, "") if window == WINDOWS[0] else "", []).append(row)
    for length, at in rows.items():
        keys, inside = tuple(batch.keys[row] for row in at), None
        if length and series.sub_slots:
            parts = [part for part, _ in keys]
            inside = inside_of(series.sub_slots, parts, length, _factors(series, parts, adjustments))
        denominators = None if batch.denominators is None else batch.denominators[at]
        yield Batch(batch.detector, batch.name, keys, batch.values[at], denominators, inside)


def windows_of(rows: Array) -> Array:
    """Sum the columns of each window, NaN where one is missing. Returns one (S, T) block per window, stacked."""
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
        The slot's value; NaN if there is none (a ratio without a denominator).
    score : float
        Signed, anomalous outside of [-1, 1]; NaN where the history is too short.
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


def _without_band(score: Score) -> Score:
    return replace(score, expected=math.nan, lower=math.nan, upper=math.nan, score=math.nan)


def _method(monitor: Monitor) -> tuple[str, str]:
    return repr(monitor.detector), monitor.metric.kind
