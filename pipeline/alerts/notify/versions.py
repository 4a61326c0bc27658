"""Versions of the messages about incidents: which of two states of an incident is the newer one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pipeline.alerts.incidents import Notice, State
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import message_key
from pipeline.core import clock
from pipeline.warehouse.claims import shown_versions
from reporting.delivery import Version, is_older

KEPT_UP = timedelta(days=1)
"""How long a message is compared with its incident, after the latest notice and after the latest press."""


def version(slot: datetime | None, actions: Sequence[Action]) -> Version:
    """Return what a message shows: its slot, the time of the newest press and the number of presses.

    Each number only grows. A message of a newer slot may lack a press, so all three are compared.
    """
    slot_epoch, press_epoch = (clock.epoch(at) if at else 0 for at in (slot, newest_press(actions)))
    return slot_epoch, press_epoch, len(actions)


def shown_by(notice: Notice, slot: datetime) -> Version:
    """Return what the message of a notice shows that is composed from the numbers of `slot`.

    Nothing of a wrong clock is newer than its withdrawal.
    """
    is_withdrawn = notice.incident.outcome == "wrong clock"
    return version(clock.last_closed_slot() if is_withdrawn else slot, notice.actions)


def newest_press(actions: Sequence[Action]) -> datetime | None:
    """Return the time of the newest press; None if there is none."""
    return max((action.at for action in actions), default=None)


def behind(state: State, slot: datetime) -> set[str]:
    """Return the ids of the incidents whose messages show an older state than they should at an address.

    The reason is a run that was killed, an edit that was refused, or another run or machine that edited later. A
    message that shows a newer slot than `slot`, or a newer press, is left to the run that showed it.
    """
    wanted: dict[str, tuple[str, Version, Version]] = {}
    for incident in state.incidents:
        actions = state.about(incident)
        latest = max((at for at in (incident.noticed, newest_press(actions)) if at), default=None)
        if incident.notified and latest and latest >= slot - KEPT_UP:
            needed, possible = version(incident.noticed, actions), version(slot, actions)
            wanted[message_key(incident.incident_id)] = incident.incident_id, needed, possible
    if not wanted:
        return set()
    found = shown_versions(wanted)
    return {
        incident_id
        for key, (incident_id, needed, possible) in wanted.items()
        for shown in found.get(key, {}).values()
        if is_older(shown, needed) and not is_older(possible, shown)
    }
