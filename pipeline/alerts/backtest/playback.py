"""History played slot by slot through the checks and the life of incidents: what replay and the benchmarks run.

Pure. It gives what the task gives slot by slot, and is faster: the bands of a whole day are computed at once (every
detector is causal) and used as long as nothing changed what may be learnt from.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipeline.alerts.detection.checks import CheckResult, batches, decide, scores_of
from pipeline.alerts.detection.monitors import Monitor
from pipeline.alerts.detection.shares import Scores
from pipeline.alerts.incidents.incident import Incident, NoticeKind
from pipeline.alerts.incidents.lifecycle import advance
from pipeline.alerts.incidents.policy import notice
from pipeline.alerts.incidents.rules import Rules
from pipeline.core import clock
from pipeline.core.metrics import BY_NAME, USERS
from pipeline.slots.series import Adjustment, Part, Series


@dataclass(frozen=True)
class Played:
    """One slot: what was found, and what people heard."""

    series: Series
    checks: list[CheckResult]
    incidents: list[Incident]
    told: list[tuple[NoticeKind, Incident]]
    adjustments: list[Adjustment]


class Playback:
    """State that goes from day to day.

    Parameters
    ----------
    watched : sequence of Watch
        What is checked.
    rules : Rules
        The life of incidents.
    planned : callable, optional
        (slot, check) to the check as the calendar sees it.
    is_quiet : callable, optional
        Whether nobody may be called in a slot.
    calendar : sequence of Adjustment
        Stretches that nothing is learnt from.
    """

    def __init__(
        self,
        watched: Sequence[Monitor],
        rules: Rules,
        planned: Callable[[datetime, CheckResult], CheckResult] = lambda _, check: check,
        is_quiet: Callable[[datetime], bool] = lambda _: False,
        calendar: Sequence[Adjustment] = (),
    ) -> None:
        self.watched = watched
        self.rules = rules
        self.planned = planned
        self.is_quiet = is_quiet
        self.calendar = calendar
        self.open: list[Incident] = []
        self.ended: list[Incident] = []

    def play(self, day: Series, slots: Iterable[datetime]) -> Iterator[Played]:
        """Play slots of the day that `day` ends with."""
        start = day.slot - (day.numerators.shape[1] + clock.SLOTS_A_DAY) * clock.SLOT
        self.ended = [incident for incident in self.ended if incident.last_anomaly >= start]
        ahead = _DayAhead(day, self.watched, self._adjustments())
        for slot in slots:
            series = day.upto(slot)
            adjustments = self._adjustments()
            found = decide(ahead.judge(series, adjustments), self.watched)
            found = [self.planned(slot, one) for one in found]
            incidents = advance(self.open, found, slot, self.rules, silent_since(series))
            told: list[tuple[NoticeKind, Incident]] = []
            after = []
            for incident in incidents:
                kind = notice(incident, slot, self.rules, may_alarm=not self.is_quiet(slot))
                if kind:
                    told.append((kind, incident))
                after.append(incident.told(kind))
            self.open = [incident for incident in after if not incident.ended]
            self.ended += [incident for incident in after if incident.ended]
            yield Played(series, found, after, told, adjustments)

    def _adjustments(self) -> list[Adjustment]:
        return [*self.calendar, *(item for incident in (*self.ended, *self.open) for item in incident.adjustments())]


def silent_since(series: Series) -> dict[str, datetime]:
    """By source table without rows in the newest slots: since when. Who counts users counts rows."""
    found: dict[str, datetime] = {}
    for row, part in enumerate(series.parts):
        metric = BY_NAME[part.metric]
        if part.is_total and metric.slot == USERS:
            recent = series.in_real_time(series.numerators[row], clock.SLOTS_A_DAY)
            seen = np.flatnonzero(recent != 0)
            silent = len(recent) - 1 - (int(seen[-1]) if seen.size else -1)
            if silent:
                found[metric.table] = series.slot - (silent - 1) * clock.SLOT
    return found


class _DayAhead:
    """What the detectors say of a day's columns, at once; parts whose history was adjusted since are asked alone."""

    def __init__(self, day: Series, watched: Sequence[Monitor], adjustments: Sequence[Adjustment]) -> None:
        self.watched = watched
        self.adjusted = _by_part(adjustments)
        self.width = day.numerators.shape[1]
        self.today = (self.width - 1) % clock.SLOTS_A_DAY + 1
        self.blocks = []
        for block in batches(day, watched, adjustments):
            bounds = block.detector.detect(block.values, block.denominators)[:, -self.today :]
            self.blocks.append((block, bounds))

    def judge(self, series: Series, adjustments: Sequence[Adjustment]) -> Scores:
        """What they say of the newest column of `series`."""
        column = series.numerators.shape[1] - 1 - self.width  # from the end: slices have fewer columns than totals
        found: Scores = {}
        for block, bounds in self.blocks:
            found |= scores_of(block, bounds[:, column], column)
        now = _by_part(adjustments)
        changed = {part for part in {*now, *self.adjusted} if now.get(part) != self.adjusted.get(part)}
        if changed:
            for block in batches(series, self.watched, adjustments, only=changed):
                found |= scores_of(block, block.detector.detect_last(block.values, block.denominators))
        return found


def _by_part(adjustments: Iterable[Adjustment]) -> dict[Part, list[Adjustment]]:
    found: dict[Part, list[Adjustment]] = {}
    for item in adjustments:
        found.setdefault(item.part, []).append(item)
    return found
