"""Amends incidents for late rows in a run that checks no slot: the next one may wait for its rows for hours."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.alerts import evaluation
from pipeline.alerts.detection import Monitor
from pipeline.alerts.incidents import Rules, conclude, store
from pipeline.alerts.notify import Notified, notify_all
from pipeline.core import clock
from reporting.delivery import Channels


def correct(
    checked: datetime, late: Sequence[datetime], monitors: Sequence[Monitor], rules: Rules, channels: Channels
) -> Notified:
    """Check late slots again, tell what they have made of incidents, and save that. It alarms nobody.

    Parameters
    ----------
    checked : datetime
        The newest slot that was checked, naive UTC.
    late : sequence of datetime
        Slots up to it whose rows have changed since.
    monitors, rules, channels
        As for a check.

    Raises
    ------
    reporting.errors.ReportingError
        If no address accepted a message. The next run must repeat it.
    """
    after_it = checked + clock.SLOT
    state = evaluation.correct_late_slots(store.load_state(after_it), late, after_it, monitors, rules)
    amended = tuple(incident for incident in state.current if incident.incident_id in state.amended)
    if not (amended or state.corrected):
        return Notified("", [])
    told = conclude(replace(state, current=amended), checked, rules, clock.utcnow(), is_fresh=False)
    numbers = evaluation.evaluate(checked, monitors, state, rules)
    notified = notify_all(told.notices, numbers, state, rules, channels)
    store.save_incidents([*told.state.current, *told.state.corrected], checked)
    return notified
