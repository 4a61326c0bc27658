"""Plays history slot by slot through the checks and the incidents, for replay, proposals and benchmarks.

Pure. Each slot takes the same step as in `CheckAlerts`. The checks are faster: the bands of a whole day are computed at
once, which is possible because every detector is causal. They are used until the adjustments of the history change.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipeline.alerts.detection import Monitor
from pipeline.alerts.detection.checks import adjustments_by_part, batches, decide, scores_of
from pipeline.alerts.detection.shares import Scores
from pipeline.alerts.evaluation import Evaluation
from pipeline.alerts.incidents import Incident, Notice, Rules, State, calendar, step
from pipeline.core import clock
from pipeline.core.metrics import BY_NAME, USERS
from pipeline.slots import Adjustment, Series


@dataclass(frozen=True)
class Played:
    """One slot that was played."""

    evaluation: Evaluation
    incidents: tuple[Incident, ...]
    """All incidents that are open after the slot or ended in it."""
    notices: tuple[Notice, ...]
    """The notices that people would have received."""


class Playback:
    """Plays day after day.

    Parameters
    ----------
    monitors : sequence of Monitor
        How each metric is checked.
    rules : Rules
        When an incident opens, continues and ends, and when people may be alerted.
    """

    def __init__(self, monitors: Sequence[Monitor], rules: Rules) -> None:
        self.monitors = monitors
        self.rules = rules
        self.state = State()

    def play(self, day: Series, slots: Iterable[datetime]) -> Iterator[Played]:
        """Play slots of the last day of the series `day`."""
        start = day.slot - (day.numerators.shape[1] + clock.SLOTS_A_DAY) * clock.SLOT
        self.state = self.state.next(since=start)
        ahead = _DayAhead(day, self.monitors, self.state.adjustments(self.rules.calendar))
        for slot in slots:
            series = day.upto(slot)
            adjustments = self.state.adjustments(self.rules.calendar)
            results = decide(ahead.scores(series, adjustments), self.monitors)
            results = calendar.planned(self.rules.calendar, slot, results)
            after = step(self.state, results, slot, self.rules, silent_since(series))
            self.state = after.state.next(since=start)
            by_part = {result.part: result for result in results}
            evaluation = Evaluation(series, by_part, self.monitors, adjustments)
            yield Played(evaluation, after.state.current, after.notices)


def silent_since(series: Series) -> dict[str, datetime]:
    """Find the first slot without rows, by source table; only for tables without rows in the newest slot.

    A metric that counts users shows it: it is zero only where its table has no rows.
    """
    since: dict[str, datetime] = {}
    for row, part in enumerate(series.parts):
        metric = BY_NAME[part.metric]
        if part.is_total and metric.slot == USERS:
            recent = series.in_real_time(series.numerators[row], clock.SLOTS_A_DAY)
            with_rows = np.flatnonzero(recent != 0)
            silent = len(recent) - 1 - (int(with_rows[-1]) if with_rows.size else -1)
            if silent:
                since[metric.table] = series.slot - (silent - 1) * clock.SLOT
    return since


class _DayAhead:
    """The scores of a day's columns, computed at once. Parts whose adjustments have changed are computed again."""

    def __init__(self, day: Series, monitors: Sequence[Monitor], adjustments: Sequence[Adjustment]) -> None:
        self.monitors = monitors
        self.adjusted = adjustments_by_part(adjustments)
        self.width = day.numerators.shape[1]
        self.today = (self.width - 1) % clock.SLOTS_A_DAY + 1
        self.batches = []
        for batch in batches(day, monitors, adjustments):
            bounds = batch.detector.detect(batch.values, batch.denominators)[:, -self.today :]
            self.batches.append((batch, bounds))

    def scores(self, series: Series, adjustments: Sequence[Adjustment]) -> Scores:
        """Score the newest column of `series`."""
        column = (
            series.numerators.shape[1] - 1 - self.width
        )  # counted from the end, because slices have fewer columns than totals
        scores: Scores = {}
        for batch, bounds in self.batches:
            scores |= scores_of(batch, bounds[:, column], column)
        now = adjustments_by_part(adjustments)
        changed = {part for part in {*now, *self.adjusted} if now.get(part) != self.adjusted.get(part)}
        if changed:
            for batch in batches(series, self.monitors, adjustments, only=changed):
                scores |= scores_of(batch, batch.detector.detect_last(batch.values, batch.denominators))
        return scores
