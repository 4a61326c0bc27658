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
    known = ledger.read_incidents(slot)
    recent = [actions.applied(incident, said.get(incident.incident_id, ())) for incident in known]
    # Who declared a new normal ended the incident.
    still_open = [after for before, after in zip(known, recent, strict=True) if not before.ended]
    still_open = _rescored(still_open, slot, watched, found, [incident for incident in recent if incident.ended])
    moment = look(slot, watched, recent)
    closed = [incident for incident in still_open if incident.ended]
    going_on = [incident for incident in still_open if not incident.ended]
    moved = advance(going_on, list(moment.checks.values()), slot, settings.rules(), _silent(slot, found))
    return Judgement(moment, [*closed, *moved], recent, said)


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
    return [_without_late_slots(incident, healthy) for incident in incidents]


def _without_late_slots(incident: Incident, healthy: Mapping[datetime, set[history.Part]]) -> Incident:
    bad = [
        (member.part, member.since + i * clock.SLOT)
        for member in incident.members
        for i in range((member.last - member.since) // clock.SLOT + 1)
    ]
    if not incident.ended and all(part in healthy.get(at, ()) for part, at in bad):
        return replace(incident, ended=True, outcome="late data", silent_since=None)
    return incident
