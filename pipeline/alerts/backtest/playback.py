"""Plays history slot by slot through the checks and the incidents, for replay, proposals and benchmarks.

Pure. Each slot takes the same step as in `CheckAlerts`. The checks are faster: the bands of a whole day are computed at
once, which is possible because every detector is causal. They are used until the adjustments of the history change.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipeline.alerts.detection import DayAhead, Monitor
from pipeline.alerts.evaluation import Evaluation
from pipeline.alerts.incidents import Incident, Notice, Rules, State, calendar, step
from pipeline.core import clock
from pipeline.core.metrics import BY_NAME, USERS
from pipeline.slots import Series


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
        ahead = DayAhead(day, self.monitors, self.state.adjustments(self.rules.calendar))
        for slot in slots:
            series = day.upto(slot)
            adjustments = self.state.adjustments(self.rules.calendar)
            results = calendar.planned(self.rules.calendar, slot, ahead.evaluate(slot, adjustments))
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
