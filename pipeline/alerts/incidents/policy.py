"""What people should hear of an incident, and when. Pure."""

from datetime import datetime

from pipeline.alerts.incidents.incident import Incident, NoticeKind
from pipeline.alerts.incidents.rules import Rules
from pipeline.core.clock import SLOT

WORSE_BY = 0.4
"""An incident that was told as -40 % and reaches -80 % after an hour is worth another word."""
WORSE_TIMES = 4
"""One that was told as -8 % and reaches -32 % is, at any time: what was told may have been nothing."""


def notice(incident: Incident, slot: datetime, rules: Rules, *, may_alarm: bool = True) -> NoticeKind:
    """What people should hear of an incident now.

    A post opens its message and an edit keeps it current; a reply says that it ended ("close"), got much "worse", or
    that there is "still" no data. What was told is corrected at any time; what was not is told only while it goes on.

    Parameters
    ----------
    incident : Incident
        As of the slot.
    slot : datetime
        The slot that was checked.
    rules : Rules
        How long it must last.
    may_alarm : bool
        Whether anybody may be called now: not in quiet hours, and not for slots that were caught up long after.
    """
    goes_on = not incident.ended and incident.last_anomaly == slot
    if incident.mark == "false alarm":
        return ""
    if not incident.notified:
        return "post" if may_alarm and goes_on and incident.bad_slots >= rules.minimum_slots else ""
    if incident.ended:
        return "close"
    if not goes_on or not may_alarm:
        return "edit" if goes_on else ""
    if incident.silent_since is not None:
        waited = slot + SLOT - incident.silent_since >= rules.escalate_slots * SLOT
        return "still silent" if waited and not incident.escalated else "edit"
    # The first hour is that of the first message: an outage that begins within a slot shows whole in the next.
    is_young = slot - incident.opened <= rules.recovery_slots * SLOT
    worst, told = abs(incident.worst), abs(incident.told_worst)
    if worst >= WORSE_TIMES * told or (not is_young and worst >= told + WORSE_BY):
        return "worse"
    return "edit"
