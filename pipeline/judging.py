"""One slot judged: its numbers read, checked, and its incidents moved on. Nobody is told here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline import actions, clock, history, ledger, planned, settings, slots
from pipeline.actions import Action
from pipeline.alerting import Moment
from pipeline.checks import Watch, check
from pipeline.completeness import Completeness
from pipeline.incidents import Incident, advance


@dataclass(frozen=True)
class Judgement:
    """What is known after a slot was judged.

    Attributes
    ----------
    moment : Moment
        The numbers.
    incidents : list of Incident
        All that are open now or have just ended.
    recent : list of Incident
        All of the history that the detectors look at.
    actions : mapping
        What people said, by incident.
    """

    moment: Moment
    incidents: list[Incident]
    recent: list[Incident]
    actions: Mapping[str, Sequence[Action]]


def judge_slot(slot: datetime, watched: Sequence[Watch], found: Completeness) -> Judgement:
    """Judge a slot.

    Parameters
    ----------
    slot : datetime
        Naive UTC; its numbers and those of the slots before are in ``slot_metrics``.
    watched : sequence of Watch
        What is checked.
    found : Completeness
        What the newest count of raw rows says.
    """
    said = actions.by_incident(ledger.read_actions(slot))
    recent = [actions.applied(incident, said.get(incident.incident_id, ())) for incident in ledger.read_incidents(slot)]
    # A new normal that somebody has just declared ends its incident with this slot.
    declared = [one for one in recent if one.ended and one.mark and one.last_anomaly >= slot - clock.SLOT]
    before = [incident for incident in recent if not incident.ended]
    ended = [incident for incident in recent if incident.ended]
    before = _rescored(before, slot, watched, found, ended)
    moment = look(slot, watched, recent)
    moved = advance(before, list(moment.checks.values()), slot, settings.rules(), _silent(slot, found))
    return Judgement(moment, [*declared, *moved], recent, said)


def look(slot: datetime, watched: Sequence[Watch], recent: Sequence[Incident]) -> Moment:
    """Read a slot and its history, and check it."""
    section = settings.alerts()
    series = history.read([watch.metric for watch in watched], slot, section.history_days, section.slice_volume)
    calendar = planned.calendar()
    adjustments = [*planned.adjustments(calendar), *(item for incident in recent for item in incident.adjustments())]
    checks = [planned.planned(calendar, slot, one) for one in check(series, watched, adjustments)]
    return Moment(
        series, {one.part: one for one in checks}, {watch.metric.name: watch for watch in watched}, adjustments
    )


def _silent(slot: datetime, found: Completeness) -> dict[str, datetime]:
    """The tables that have no row in the slot nor after it."""
    return {table: since for table, since in found.silent_since.items() if since <= slot}


def _rescored(
    incidents: list[Incident],
    slot: datetime,
    watched: Sequence[Watch],
    found: Completeness,
    ended: Sequence[Incident],
) -> list[Incident]:
    """Judge the slots before this one again whose rows came late; an incident that was nothing but these is none."""
    late = [at for at in found.changed if at < slot]
    healthy: dict[datetime, set[history.Part]] = {}
    for at in late:
        slots.fill(at, at + clock.SLOT)
        moment = look(at, watched, [*ended, *incidents])
        ledger.record_checks(list(moment.checks.values()), at)
        healthy[at] = {part for part, one in moment.checks.items() if one.verdict == "ok"}
    return [_without_late_slots(incident, healthy, slot) for incident in incidents]


def _without_late_slots(incident: Incident, healthy: Mapping[datetime, set[history.Part]], slot: datetime) -> Incident:
    bad = {
        member.part: [
            at for i in range((member.last - member.since) // clock.SLOT + 1) if (at := member.since + i * clock.SLOT)
        ]
        for member in incident.members
    }
    if healthy and all(part in healthy.get(at, ()) for part, times in bad.items() for at in times):
        return replace(incident, ended=True, outcome="late data", silent_since=None)
    return incident
