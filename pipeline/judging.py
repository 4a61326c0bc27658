"""One slot judged: its numbers read, checked, and its incidents moved on. Nobody is told here."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline import actions, clock, history, ledger, planned, settings, slots
from pipeline.actions import Action
from pipeline.checks import Check, Watch, check
from pipeline.completeness import Completeness
from pipeline.history import Adjustment, Part, Series
from pipeline.incidents import Incident, advance


@dataclass(frozen=True)
class Moment:
    """What is known when an incident is told of.

    Attributes
    ----------
    series : Series
        Up to the slot.
    checks : mapping
        Of the slot.
    watched : mapping
        By metric.
    adjustments : sequence of Adjustment
        What the slot was judged with.
    """

    series: Series
    checks: Mapping[Part, Check]
    watched: Mapping[str, Watch]
    adjustments: Sequence[Adjustment]


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
    corrected : list of Incident
        Those that ended before, and of which late rows have shown now that there was nothing.
    """

    moment: Moment
    incidents: list[Incident]
    recent: list[Incident]
    actions: Mapping[str, Sequence[Action]]
    corrected: Sequence[Incident] = ()


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
    late = [at for at in found.changed if at < slot]
    _rescore(late, watched, recent)
    still_open = _corrected(still_open, late)
    before = [after for known_as, after in zip(known, recent, strict=True) if known_as.ended]
    corrected = [after for was, after in zip(before, _corrected(before, late), strict=True) if after != was]
    moment = look(slot, watched, recent)
    closed = [incident for incident in still_open if incident.ended]
    going_on = [incident for incident in still_open if not incident.ended]
    moved = advance(going_on, list(moment.checks.values()), slot, settings.rules(), _silent(slot, found))
    return Judgement(moment, [*closed, *moved], recent, said, corrected)


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


def _rescore(late: Sequence[datetime], watched: Sequence[Watch], recent: Sequence[Incident]) -> None:
    """Measure and judge slots again."""
    for at in late:
        slots.fill(at, at + clock.SLOT)
        ledger.record_checks(list(look(at, watched, recent).checks.values()), at)


def _corrected(incidents: Sequence[Incident], late: Sequence[datetime]) -> list[Incident]:
    """The incidents; one that late rows touched, and of which no slot is bad any more, was nothing but late data."""
    touched = [one for one in incidents if any(one.opened <= at <= one.last_anomaly for at in late)]
    if not touched:
        return list(incidents)
    # Rows may come in several loads: what counts is how each slot was last judged, not what this run judged again.
    start, end = min(one.opened for one in touched), max(one.last_anomaly for one in touched) + clock.SLOT
    healthy = ledger.read_healthy(start, end)
    return [_without_late_slots(one, healthy) if one in touched else one for one in incidents]


def _without_late_slots(incident: Incident, healthy: Container[tuple[datetime, Part]]) -> Incident:
    bad = [
        (member.since + i * clock.SLOT, member.part)
        for member in incident.members
        for i in range((member.last - member.since) // clock.SLOT + 1)
    ]
    if incident.outcome in ("", "recovered") and all(at in healthy for at in bad):
        return replace(incident, ended=True, outcome="late data", silent_since=None)
    return incident
