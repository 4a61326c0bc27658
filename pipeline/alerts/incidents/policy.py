"""Decides which notices people receive about incidents, and when. Pure."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.alerts.incidents import calendar
from pipeline.alerts.incidents.actions import Action, is_muted
from pipeline.alerts.incidents.incident import Incident, NoticeKind
from pipeline.alerts.incidents.rules import Rules
from pipeline.alerts.incidents.state import State
from pipeline.core.clock import SLOT


@dataclass(frozen=True)
class Notice:
    """A notice that is due about an incident."""

    kind: NoticeKind
    incident: Incident
    """The incident after the slot, before people receive the notice."""
    may_alarm: bool = False
    """Whether a new message may be sent now."""
    actions: Sequence[Action] = ()
    """What people did about the incident."""
    is_muted: bool = False
    """Whether a mute holds for it: then its message offers to undo that."""


def due_notices(
    state: State, slot: datetime, rules: Rules, now: datetime, *, is_fresh: bool = True
) -> Iterator[Notice]:
    """Yield the notices that are due after a slot.

    Parameters
    ----------
    state : State
        The state after the slot.
    slot : datetime
        The slot that was checked, naive UTC.
    rules : Rules
        When people may be alerted.
    now : datetime
        The time at which mutes are evaluated, naive UTC.
    is_fresh : bool
        False for a slot that is caught up too late to alert people.
    """
    may_alarm = is_fresh and not calendar.is_quiet(slot, rules.quiet_hours)
    for incident in state.current:
        muted = is_muted(incident, state.actions, state.incidents, now)
        kind = notice(incident, slot, rules, may_alarm=may_alarm and not muted)
        if muted and kind == "close":
            kind = "edit"
        if not kind and incident.notified and incident.incident_id in state.amended:
            kind = "edit"  # what the message says is no longer true
        if kind:
            yield Notice(kind, incident, may_alarm and not muted, state.about(incident), muted)
    yield from edits(state, {incident.incident_id for incident in state.corrected if incident.notified}, now)


def shares(
    state: State, noticed: Container[str], slot: datetime, rules: Rules, now: datetime, *, is_fresh: bool = True
) -> list[Notice]:
    """Return a notice "share" for every open incident that was posted and needs no other notice.

    It sends the incident's message to addresses that lack it, such as a channel that was added since.

    Parameters
    ----------
    state, slot, rules, now, is_fresh
        As for `due_notices`.
    noticed : container of str
        The ids of the incidents of which notices are due.
    """
    if not is_fresh or calendar.is_quiet(slot, rules.quiet_hours):
        return []
    return [
        Notice("share", incident, may_alarm=True, actions=state.about(incident))
        for incident in state.current
        if incident.notified and not incident.ended and incident.mark != "false alarm"
        if incident.incident_id not in noticed and not is_muted(incident, state.actions, state.incidents, now)
    ]


def edits(state: State, incident_ids: Container[str], now: datetime) -> list[Notice]:
    """Return notices that update the messages of incidents without a sound; mutes are evaluated at `now`."""
    chosen = [incident for incident in state.incidents if incident.incident_id in incident_ids]
    return [
        Notice("edit", incident, False, state.about(incident), is_muted(incident, state.actions, state.incidents, now))
        for incident in chosen
    ]


def notice(incident: Incident, slot: datetime, rules: Rules, *, may_alarm: bool = True) -> NoticeKind:
    """Choose the notice that is due about one incident; '' for none, and never "share".

    A "post" sends the incident's message and an "edit" updates it. The other kinds also reply to it: the incident ended
    ("close"), got much "worse", or still has no data ("still silent"). Edits and closes are sent at any time. An
    incident is posted only while it lasts.

    Parameters
    ----------
    incident : Incident
        The incident after the slot.
    slot : datetime
        The slot that was checked.
    rules : Rules
        How long an incident must last.
    may_alarm : bool
        Whether people may be alerted now: not in quiet hours, not while muted, and not for slots caught up too late.
    """
    lasts = not incident.ended and incident.last_anomaly == slot
    if incident.mark == "false alarm":
        return ""
    if not incident.notified:
        return "post" if may_alarm and lasts and incident.bad_slots >= rules.minimum_slots else ""
    if incident.ended:
        return "close"
    if not lasts or not may_alarm:
        return "edit" if lasts else ""
    worse = any(member.is_worse for member in incident.shown if member.last == slot)
    if incident.silent_since is not None:
        has_waited = worse or slot + SLOT - incident.silent_since >= rules.escalate_slots * SLOT
        return "still silent" if has_waited and not incident.escalated else "edit"
    return "worse" if worse else "edit"
