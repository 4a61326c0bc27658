"""Checks consecutive slots of a day in one pass over its history. Pure except for luigi.cfg.

Every detector is causal, so the bands of a day can be computed at once. A slot gets exactly the result that `evaluate`
gives with the history up to it. What differs from slot to slot is computed again for its slot alone.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from detectors.base import Bounds
from pipeline.alerts.detection.checks import Batch, CheckResult, adjustments_by_part, batches, decide, scores_of
from pipeline.alerts.detection.monitor import Monitor
from pipeline.alerts.detection.shares import Scores
from pipeline.core.clock import SLOTS_A_DAY
from pipeline.slots.counted import not_counted_yet
from pipeline.slots.series import Adjustment, Series

ROWS_AT_ONCE = 64
"""Rows per call of a detector: their temporary arrays fit in the cache, and they are too few to import numba for."""


class DayAhead:
    """The scores of the last slots of a series, computed at once.

    Parameters
    ----------
    day : Series
        The history up to the last of the slots.
    monitors : sequence of Monitor
        How each metric is checked.
    adjustments : sequence of Adjustment
        Stretches of the history to exclude or to rescale, as known before the first slot.
    first : datetime, optional
        The first of the slots, naive UTC, of the last day of the series; by default the day's first.
    """

    def __init__(
        self,
        day: Series,
        monitors: Sequence[Monitor],
        adjustments: Sequence[Adjustment],
        first: datetime | None = None,
    ) -> None:
        self.day = day
        self.monitors = monitors
        self.adjusted = adjustments_by_part(adjustments)
        self.width = day.numerators.shape[1]
        count = (self.width - 1) % SLOTS_A_DAY + 1
        if first is not None:
            count = self.width - day.upto(first).numerators.shape[1] + 1
        self.not_counted = not_counted_yet(day.parts, day.numerators, day.denominators)
        self.batches = [(batch, _bounds(batch, count)) for batch in batches(day, monitors, adjustments)]

    def evaluate(self, slot: datetime, adjustments: Sequence[Adjustment]) -> list[CheckResult]:
        """Check one of the slots; `adjustments` are those that are known before it."""
        series = self.day.upto(slot)
        # Columns are counted from the end, because slices have fewer than totals.
        column = series.numerators.shape[1] - 1 - self.width
        scores: Scores = {}
        for batch, bounds in self.batches:
            scores |= scores_of(batch, bounds[:, column], column)
        not_counted = self.not_counted[:, column]
        now = adjustments_by_part(adjustments)
        changed = {part for part in {*now, *self.adjusted} if now.get(part) != self.adjusted.get(part)}
        # A checked slot is not excluded itself, but later ones have it in an excluded stretch.
        changed |= {item.part for item in adjustments if item.factor is None and item.start <= slot < item.end}
        alone = {
            part
            for part, is_not_counted in zip(series.parts, not_counted.tolist(), strict=True)
            if is_not_counted or part in changed or part.metric in changed
        }
        if alone:
            known = series.without_today(not_counted)
            for batch in batches(known, self.monitors, adjustments, only=alone):
                scores |= scores_of(batch, batch.detect_last())
        return decide(scores, self.monitors)


def _bounds(batch: Batch, count: int) -> Bounds:
    """Bounds of the last `count` columns of a batch, which are of its newest day."""
    parts = []
    for start in range(0, len(batch.values), ROWS_AT_ONCE):
        parts.append(batch.detect_day(slice(start, start + ROWS_AT_ONCE))[:, -count:].every)
    return Bounds(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
