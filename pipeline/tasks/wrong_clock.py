"""What is done when the clock of this machine was ahead, and marked slots as checked that were not over.

A marker has the time at which it was written. One that lies in the future was written by a clock that was ahead, or the
clock is behind now: then the slots after now have rows.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.alerts import evaluation
from pipeline.alerts.detection import Monitor
from pipeline.alerts.incidents import Notice, current_rules, store
from pipeline.alerts.notify import notify
from pipeline.core import clock
from pipeline.core.errors import ClockError
from pipeline.slots import completeness
from pipeline.warehouse import markers
from reporting.delivery import Channels

SMALL_STEP = timedelta(hours=1)
"""A clock that goes back by less than this is waited for."""

_MARK = re.compile(r"(check_alerts|slot_metrics|slot_history):(\S+):v1")


def is_to_be_corrected() -> bool:
    """Whether a clock that was ahead has marked slots.

    Raises
    ------
    ClockError
        The clock of this machine went back: slots after now were checked, and have rows.
    """
    marks = _marks()
    if not marks:
        return False
    newest = clock.last_closed_slot()
    if not completeness.has_rows_after(newest):
        return True
    last = max([slot for slot in _slots(marks) if slot > newest], default=newest)
    if last - newest > SMALL_STEP:
        raise ClockError(
            f"the clock of this machine went back: it says {clock.utcnow():%Y-%m-%d %H:%M} UTC, and slots with rows "
            f"were checked until {last + clock.SLOT:%Y-%m-%d %H:%M} UTC. Set it right (NTP); checks go on when it is "
            "past that time."
        )
    return False


def correct(monitors: Sequence[Monitor], channels: Channels) -> list[Exception]:
    """Withdraw the incidents of the wrong clock and invalidate its marks; return the errors of addresses that refused.

    The incidents of earlier slots go on from their last right state.
    """
    marks = _marks()
    slots = _slots(marks)
    since = min(slots, default=clock.last_closed_slot() + clock.SLOT)
    states = store.load_states(since)
    last = {incident.incident_id: incident for _, incident in states if incident.notified}
    wrong = [
        replace(incident, ended=True, outcome="wrong clock", silent_since=None)
        for incident in last.values()
        if incident.opened >= since
    ]
    refusals: list[Exception] = []
    if wrong:
        before = since - clock.SLOT
        rules, state = current_rules(), store.load_state(before)
        numbers = evaluation.evaluate(before, monitors, state, rules)
        notices = [Notice("close", incident) for incident in wrong]
        refusals = notify(notices, numbers, {}, channels).refusals
    store.withdraw(states)
    # The history of the next day finds these slots measured, as silent.
    days = {clock.to_local(slot).date() + timedelta(days=1) for slot in slots}
    markers.invalidate([*marks, *(f"slot_history:{day}:v1" for day in days)])
    return refusals


def _marks() -> list[str]:
    """The marks of the alerts that were written in the future; none while the clock is simulated."""
    if clock.is_simulated():
        return []
    return [item for item in markers.done_after(clock.utcnow() + clock.SKEW) if _MARK.fullmatch(item)]


def _slots(marks: Sequence[str]) -> list[datetime]:
    found = [_MARK.fullmatch(mark) for mark in marks]
    return [datetime.strptime(mark[2], "%Y-%m-%dT%H%M") for mark in found if mark and mark[1] != "slot_history"]
