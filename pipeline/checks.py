"""The check of a slot: each watched metric and each of its slices against a detector. Pure but for luigi.cfg.

A metric is judged by its count or ratio; a slice by its SHARE of the metric's total (a slice of a ratio by the ratio),
so that what moves everything says nothing about a slice, and a slice that fails under a healthy total shows. Each is
judged twice, by the slot and by the slot together with the one before: what is too small for a quarter of an hour can
be plain in half an hour.

Slices are many. The false alarms that chance alone may raise among ALL of them in a week are a setting, divided among
the comparisons (Bonferroni): it gives the width of their bands in standard deviations.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

import detectors
from detectors.base import Bounds, Detector
from pipeline import metrics, settings
from pipeline.clock import SLOTS_A_DAY
from pipeline.errors import SettingsError
from pipeline.history import Adjustment, Array, Part, Series, ratio

Verdict = Literal["ok", "anomaly", "no data", "no history", "planned"]

WINDOWS = (1, 2)
"""In slots: how much is judged at once."""
SLICE_DETECTOR = "seasonal"
"""Slices are shares of counts; this method knows how noisy those are, so that its width can be a probability."""


@dataclass(frozen=True)
class Watch:
    """A metric and how luigi.cfg wants it checked."""

    metric: metrics.Metric
    settings: settings.MetricSettings
    detector: Detector


@dataclass(frozen=True)
class Check:
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
class Block:
    """Rows that one detector judges in one call; arrays of shape (R, T)."""

    detector: Detector
    name: str
    keys: tuple[tuple[Part, int], ...]
    """The part and the window of each row."""
    values: Array
    denominators: Array | None


DetectLast = Callable[[Block], Bounds]


def detect_last(block: Block) -> Bounds:
    """Judge the newest column of a block."""
    return block.detector.detect_last(block.values, block.denominators)


def watches() -> list[Watch]:
    """Every metric of ``[alerts] metrics`` with its detector.

    Raises
    ------
    SettingsError
        If a metric, detector or parameter is unknown; the text lists the valid ones.
    """
    found = []
    for metric in metrics.by_names(settings.alerts().metrics, "[alerts] metrics"):
        chosen = settings.metric(metric.name)
        try:
            detector = detectors.create(chosen.detector, **{"period": SLOTS_A_DAY, **chosen.detector_params})
        except detectors.DetectorError as error:
            raise SettingsError(f"detector of {metric.name} ([metric.{metric.name}] or [alerts]): {error}") from error
        found.append(Watch(metric, chosen, detector))
    return found


def check(
    series: Series,
    watched: Sequence[Watch],
    adjustments: Sequence[Adjustment] = (),
    detect: DetectLast = detect_last,
) -> list[Check]:
    """Judge the newest slot of each series.

    Parameters
    ----------
    series : Series
        History with the totals of (at least) the watched metrics, and slices of theirs.
    watched : sequence of Watch
        How each metric is judged.
    adjustments : sequence of Adjustment
        What the detectors must not learn from, or must read at another level.
    detect : callable
        Judges a block's newest column; by default its detector does.

    Returns
    -------
    list of Check
        The totals in the order of `watched`, then the slices.
    """
    found: dict[Part, Check] = {}
    directions = {watch.metric.name: watch.settings.direction for watch in watched}
    for block in blocks(series, watched, adjustments):
        bounds = detect(block)
        rows: dict[Part, list[int]] = {}
        for row, (part, _) in enumerate(block.keys):
            rows.setdefault(part, []).append(row)
        for part, at in rows.items():
            found[part] = _check(series, block, bounds, part, at, directions[part.metric])
    order = [Part(watch.metric.name) for watch in watched]
    return [found[part] for part in (*order, *(part for part in found if not part.is_total))]


def _check(
    series: Series, block: Block, bounds: Bounds, part: Part, rows: Sequence[int], direction: settings.Direction
) -> Check:
    slot = rows[0]  # the window of one slot comes first
    scores = [float(bounds.score[row]) for row in rows]
    score = max(scores, key=lambda one: -1.0 if np.isnan(one) else abs(one))
    value, weight = float(block.values[slot, -1]), 1.0
    if block.denominators is not None:
        weight = float(block.denominators[slot, -1])
    scale = 1.0
    if not part.is_total and metrics.BY_NAME[part.metric].kind == "count":
        scale, weight = weight, 1.0  # a share of the total: back to counts
    expected, lower, upper = (float(array[slot]) * scale for array in (bounds.expected, bounds.lower, bounds.upper))
    value *= scale
    volume = max(value, expected) * weight
    is_small = volume < settings.metric(part.metric).minimum_volume
    return Check(
        *part,
        detector=block.name,
        value=value,
        expected=expected,
        lower=lower,
        upper=upper,
        score=score,
        verdict=judge(value, 0.0 if is_small and not np.isnan(score) else score, direction),
        slot_score=scores[0],
        weight=weight,
    )


def blocks(series: Series, watched: Sequence[Watch], adjustments: Sequence[Adjustment] = ()) -> list[Block]:
    """What the detectors are asked: metrics by method, and every slice in one block.

    The parameters are those of `check`.
    """
    rows = {part: row for row, part in enumerate(series.parts)}
    made = []
    # Metrics that are checked alike are one array: a detector takes many series at once.
    for (_, kind), group in itertools.groupby(sorted(watched, key=_method), _method):
        members = list(group)
        parts = [Part(watch.metric.name) for watch in members]
        made.append(
            _block(series, members[0].detector, members[0].settings.detector, parts, rows, adjustments, kind == "ratio")
        )
    names = {watch.metric.name for watch in watched}
    slices = [part for part in series.parts if part.metric in names and not part.is_total]
    if slices:
        made.append(_block(series, slice_detector(len(slices)), SLICE_DETECTOR, slices, rows, adjustments, True))
    return made


def slice_detector(slices: int) -> Detector:
    """The detector of so many slices: their false alarms in a week are `[alerts] slice_false_alarms` together."""
    comparisons = slices * len(WINDOWS) * 7 * SLOTS_A_DAY
    tail = min(settings.alerts().slice_false_alarms / comparisons, 0.5)
    width = NormalDist().inv_cdf(1 - tail / 2)
    return detectors.create(SLICE_DETECTOR, period=SLOTS_A_DAY, multiplier=width)


def _block(
    series: Series,
    detector: Detector,
    name: str,
    parts: Sequence[Part],
    rows: dict[Part, int],
    adjustments: Sequence[Adjustment],
    has_denominator: bool,
) -> Block:
    keys, values, denominators = [], [], []
    for part in parts:
        row = rows[part]
        # Most parts have nothing to leave out; then their history is used as it is.
        factors = series.learned(row, adjustments) if _concerned(part, adjustments) else None
        of = series.denominators[row]
        if not part.is_total and metrics.BY_NAME[part.metric].kind == "count":
            of = series.numerators[rows[Part(part.metric)]]
        for window in WINDOWS:
            numerator = window_sum(series.numerators[row], window, factors)
            keys.append((part, window))
            if has_denominator:
                denominator = np.nan_to_num(window_sum(of, window, None))
                denominators.append(denominator)
                numerator = ratio(numerator, denominator)
            values.append(numerator)
    return Block(detector, name, tuple(keys), np.array(values), np.array(denominators) if has_denominator else None)


def _concerned(part: Part, adjustments: Iterable[Adjustment]) -> bool:
    return any(item.metric == part.metric and (item.dimension, item.value) in (part[1:], ("", "")) for item in adjustments)


def window_sum(row: Array, window: int, factors: Array | None) -> Array:
    """Each column with those before it, `window` together; NaN where one is missing.

    Parameters
    ----------
    row : ndarray, shape (T,)
        Counts.
    window : int
        How many columns.
    factors : ndarray, shape (T,), optional
        What the columns before the last are multiplied by, NaN to leave them out. The last sum is what is judged, so
        none of its slots is left out.
    """
    learned = row if factors is None else row * factors
    sums = learned.copy()
    for back in range(1, window):
        sums[back:] += learned[:-back]
        sums[:back] = np.nan
    if factors is not None and len(row) >= window:
        sums[-1] = (row[-window:] * np.where(np.isnan(factors[-window:]), 1.0, factors[-window:])).sum()
    return sums


def judge(value: float, score: float, direction: settings.Direction) -> Verdict:
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


def _method(watch: Watch) -> tuple[str, str]:
    return repr(watch.detector), watch.metric.kind
