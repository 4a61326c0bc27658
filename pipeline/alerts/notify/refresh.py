"""Brings the messages about incidents up to date, whatever happened to the run that should have edited them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from pipeline.alerts import evaluation
from pipeline.alerts.detection import Monitor
from pipeline.alerts.incidents import Rules, edits, store
from pipeline.alerts.notify.notifier import Notified, notify_all
from pipeline.alerts.notify.versions import behind
from pipeline.core import clock
from reporting.delivery import Channels


def refresh(
    slot: datetime, monitors: Sequence[Monitor], rules: Rules, channels: Channels, pressed: Collection[str] = ()
) -> Notified:
    """Edit the messages that do not show the newest state of their incidents.

    Parameters
    ----------
    slot : datetime
        The newest slot that was checked, naive UTC.
    monitors, rules, channels
        As for the check of a slot.
    pressed : collection of str
        The ids of incidents whose messages are edited in any case.

    Raises
    ------
    reporting.errors.ReportingError
        If no address accepted a message.
    """
    state = store.load_state(slot + clock.SLOT)
    notices = edits(state, {*pressed, *behind(state, slot)}, clock.utcnow())
    if not notices:
        return Notified("", [])
    numbers = evaluation.evaluate(slot, monitors, state, rules)
    return notify_all(notices, numbers, state, rules, channels)
