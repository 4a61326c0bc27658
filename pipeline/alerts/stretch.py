"""Checks a stretch of missed slots at once: old slots of one day of which nothing is to be said.

What a process knows of one slot is not read again for the next: the incidents are those after the slot before, and the
history is read once. Read again for each stretch is what others write meanwhile: the presses of buttons, the incidents
(another machine may check the same slots) and the newest slots of the history.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.alerts import evaluation
from pipeline.alerts.detection import CheckResult, DayAhead, Monitor
from pipeline.alerts.incidents import Incident, Rules, State, calendar, step
from pipeline.core import clock


@dataclass(frozen=True)
class Checked:
    """A slot that was checked and not saved yet."""

    slot: datetime
    results: Sequence[CheckResult]
    incidents: tuple[Incident, ...]
    """The incidents that are open after the slot, ended in it, or were corrected."""


def check(
    state: State,
    slots: Sequence[datetime],
    monitors: Sequence[Monitor],
    rules: Rules,
    silent_at: Callable[[datetime], Mapping[str, datetime]],
) -> tuple[list[Checked], State]:
    """Check consecutive slots, up to the first one that has a notice, which is left out.

    Parameters
    ----------
    state : State
        The state after the slot before.
    slots : sequence of datetime
        Consecutive slots of one day of the zone, naive UTC, all too old to alert people.
    monitors, rules
        As for `evaluation.evaluate`.
    silent_at : callable
        Returns the silent tables of a slot.

    Returns
    -------
    checked : list of Checked
        The slots that were checked.
    state : State
        The state after them.
    """
    checked: list[Checked] = []
    day = evaluation.read(slots[-1], monitors) if slots else None
    if day is None or not day.is_in_order(len(slots)):
        return checked, state
    ahead = DayAhead(day, monitors, state.resumed().adjustments(rules.calendar), slots[0])
    for slot in slots:
        state = state.resumed()
        results = calendar.planned(rules.calendar, slot, ahead.evaluate(slot, state.adjustments(rules.calendar)))
        after = step(state, results, slot, rules, silent_at(slot), now=clock.utcnow(), is_fresh=False)
        if after.notices:
            break
        state = after.state
        checked.append(Checked(slot, results, (*state.current, *state.corrected)))
    return checked, state
