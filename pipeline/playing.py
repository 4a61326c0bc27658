"""History played slot by slot through the checks and the life of incidents: what replay and the benchmarks run.

Pure. It gives what the task gives slot by slot, and is faster: the bands of a whole day are computed at once (every
detector is causal) and used as long as nothing changed what may be learnt from.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from detectors.base import Bounds
from pipeline import clock
from pipeline.checks import Block, Check, Watch, blocks, check
from pipeline.history import Adjustment, Part, Series
from pipeline.incidents import Incident, News, Rules, advance, news


@dataclass(frozen=True)
class Played:
    """One slot: what was found, and what people heard."""

    series: Series
    checks: list[Check]
    incidents: list[Incident]
    told: list[tuple[News, Incident]]


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
        watched: Sequence[Watch],
        rules: Rules,
        planned: Callable[[datetime, Check], Check] = lambda _, check: check,
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
        ahead = _DayAhead(day, self.watched, self._adjustments())
        for slot in slots:
            series = upto(day, slot)
            adjustments = self._adjustments()
            ahead.turn_to(series, adjustments)
            checks = [self.planned(slot, one) for one in check(series, self.watched, adjustments, ahead.detect)]
            incidents = advance(self.open, checks, slot, self.rules)
            told, after = [], []
            for incident in incidents:
                kind = news(incident, slot, self.rules, may_alarm=not self.is_quiet(slot))
                if kind in ("post", "worse"):
                    incident = replace(incident, notified=True, told_worst=incident.worst)
                if kind:
                    told.append((kind, incident))
                after.append(incident)
            self.open = [incident for incident in after if not incident.ended]
            self.ended += [incident for incident in after if incident.ended]
            yield Played(series, checks, after, told)

    def _adjustments(self) -> list[Adjustment]:
        return [*self.calendar, *(item for incident in (*self.ended, *self.open) for item in incident.adjustments())]


def upto(day: Series, slot: datetime) -> Series:
    """`day` as it was when `slot` was its newest."""
    back = (day.slot - slot) // clock.SLOT
    columns = day.columns[: len(day.columns) - back]
    width = int(columns[-1]) + 1
    return replace(
        day,
        slot=slot,
        numerators=day.numerators[:, :width],
        denominators=day.denominators[:, :width],
        columns=columns,
    )


class _DayAhead:
    """The bands of a day's columns, computed at once; rows whose history was adjusted since are asked for alone."""

    def __init__(self, day: Series, watched: Sequence[Watch], adjustments: Sequence[Adjustment]) -> None:
        self.adjusted = _by_part(adjustments)
        self.now = self.adjusted
        self.column = 0
        self.bounds: dict[tuple[Part, int], tuple[Bounds, int]] = {}
        for block in blocks(day, watched, adjustments):
            width = block.values.shape[1]
            first = (width - 1) // clock.SLOTS_A_DAY * clock.SLOTS_A_DAY
            found = block.detector.detect(block.values, block.denominators)[:, first:]
            for row, key in enumerate(block.keys):
                self.bounds[key] = (found[row], first)

    def turn_to(self, series: Series, adjustments: Sequence[Adjustment]) -> None:
        self.now = _by_part(adjustments)
        self.column = series.numerators.shape[1] - 1

    def detect(self, block: Block) -> Bounds:
        arrays = np.full((4, len(block.keys)), np.nan)
        fresh = []
        for row, key in enumerate(block.keys):
            part = key[0]
            if self.now.get(part, ()) != self.adjusted.get(part, ()):
                fresh.append(row)
                continue
            found, first = self.bounds[key]
            at = self.column - first
            arrays[:, row] = found.expected[at], found.lower[at], found.upper[at], found.score[at]
        if fresh:
            denominators = None if block.denominators is None else block.denominators[fresh]
            last = block.detector.detect_last(block.values[fresh], denominators)
            arrays[:, fresh] = last.expected, last.lower, last.upper, last.score
        return Bounds(*arrays)


def _by_part(adjustments: Iterable[Adjustment]) -> dict[Part, tuple[Adjustment, ...]]:
    found: dict[Part, tuple[Adjustment, ...]] = {}
    for item in adjustments:
        if item.dimension:  # the calendar's concern every slice, and never change on the way
            part = Part(item.metric, item.dimension, item.value)
            found[part] = (*found.get(part, ()), item)
    return found
