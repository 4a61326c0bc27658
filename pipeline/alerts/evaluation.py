"""One slot judged: its numbers read, checked, and its incidents moved on. Nobody is told here."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.alerts.detection.checks import CheckResult, evaluate
from pipeline.alerts.detection.monitors import Monitor
from pipeline.alerts.incidents import actions, calendar, rules, store
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import Incident
from pipeline.alerts.incidents.lifecycle import advance
from pipeline.core import clock, settings
from pipeline.slots import history, measure
from pipeline.slots.completeness import Completeness
from pipeline.slots.series import Adjustment, Part, Series


@dataclass(frozen=True)
class SlotState:
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
    checks: Mapping[Part, CheckResult]
    watched: Mapping[str, Monitor]
    adjustments: Sequence[Adjustment]


@dataclass(frozen=True)
class Evaluation:
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

    moment: SlotState
    incidents: list[Incident]
    recent: list[Incident]
    actions: Mapping[str, Sequence[Action]]
    corrected: Sequence[Incident] = ()


def evaluate_slot(slot: datetime, watched: Sequence[Monitor], found: Completeness) -> Evaluation:
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
    said = actions.by_incident(store.load_actions(slot))
    known = store.load_incidents(slot)
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
    moved = advance(going_on, list(moment.checks.values()), slot, rules.current_rules(), _silent(slot, found))
    return Evaluation(moment, [*closed, *moved], recent, said, corrected)


def look(slot: datetime, watched: Sequence[Monitor], recent: Sequence[Incident]) -> SlotState:
    """Read a slot and its history, and check it."""
    section = settings.AlertSettings()
    series = history.read([watch.metric for watch in watched], slot, section.history_days, section.slice_volume)
    planned = calendar.entries()
    adjustments = [*calendar.adjustments(planned), *(item for incident in recent for item in incident.adjustments())]
    checks = [calendar.planned(planned, slot, one) for one in evaluate(series, watched, adjustments)]
    return SlotState(
        series, {one.part: one for one in checks}, {watch.metric.name: watch for watch in watched}, adjustments
    )


def _silent(slot: datetime, found: Completeness) -> dict[str, datetime]:
    """The tables that have no row in the slot nor after it."""
    return {table: since for table, since in found.silent_since.items() if since <= slot}


def _rescore(late: Sequence[datetime], watched: Sequence[Monitor], recent: Sequence[Incident]) -> None:
    """Measure and judge slots again."""
    for at in late:
        measure.fill(at, at + clock.SLOT)
        store.save_checks(list(look(at, watched, recent).checks.values()), at)


def _corrected(incidents: Sequence[Incident], late: Sequence[datetime]) -> list[Incident]:
    """The incidents; one that late rows touched, and of which no slot is bad any more, was nothing but late data."""
    touched = [one for one in incidents if any(one.opened <= at <= one.last_anomaly for at in late)]
    if not touched:
        return list(incidents)
    # Rows may come in several loads: what counts is how each slot was last judged, not what this run judged again.
    start, end = min(one.opened for one in touched), max(one.last_anomaly for one in touched) + clock.SLOT
    healthy = store.load_healthy(start, end)
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
