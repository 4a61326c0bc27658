"""Evaluates one slot: reads its numbers, checks them and explains its incidents.

It also amends incidents whose rows came late. It sends nothing. `incidents.step` advances the incidents.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from pipeline import slots
from pipeline.alerts import detection
from pipeline.alerts.detection import CheckResult, Monitor
from pipeline.alerts.incidents import Incident, Notice, Rules, State, amend, calendar, store
from pipeline.core import clock, settings
from pipeline.slots import Adjustment, Part, Series, measure
from pipeline.warehouse.source import source
from reporting.decoration import optional

if TYPE_CHECKING:
    from pipeline.alerts.root_cause.explanation import Explanation


@dataclass(frozen=True)
class Evaluation:
    """The numbers of a slot and the results of its checks.

    Attributes
    ----------
    series : Series
        The history up to the slot.
    results : mapping
        The results of the slot's checks, by part.
    monitors : sequence of Monitor
        How the metrics were checked.
    adjustments : sequence of Adjustment
        How the history was adjusted for the detectors.
    """

    series: Series
    results: Mapping[Part, CheckResult]
    monitors: Sequence[Monitor]
    adjustments: Sequence[Adjustment]


def evaluate(
    slot: datetime, monitors: Sequence[Monitor], state: State, rules: Rules, excluded: Sequence[Adjustment] = ()
) -> Evaluation:
    """Read a slot with its history and check it.

    Parameters
    ----------
    slot : datetime
        Naive UTC. ``slot_metrics`` must contain it and its history.
    monitors : sequence of Monitor
        How each metric is checked.
    state : State
        The incidents that the detectors must not learn from.
    rules : Rules
        The rules, of which the calendar is used.
    excluded : sequence of Adjustment
        More stretches of the history that the detectors must not learn from.
    """
    series = read(slot, monitors)
    adjustments = [*state.adjustments(rules.calendar), *excluded]
    results = calendar.planned(rules.calendar, slot, detection.evaluate(series, monitors, adjustments))
    return Evaluation(series, {result.part: result for result in results}, monitors, adjustments)


def read(slot: datetime, monitors: Sequence[Monitor]) -> Series:
    """Read the history that a slot, naive UTC, is checked with."""
    section = settings.AlertSettings()
    metrics = [monitor.metric for monitor in monitors]
    series = slots.read(metrics, slot, section.history_days, section.slice_volume)
    # Slices that are no longer measured would look like an outage of each.
    if events := optional("check of optional columns", source):
        series = series.without(events.absent)
    return series


def correct_late_slots(
    state: State, late: Sequence[datetime], slot: datetime, monitors: Sequence[Monitor], rules: Rules
) -> State:
    """Measure and check late slots again, and amend the incidents of these slots.

    Parameters
    ----------
    state : State
        The state at the beginning of a slot.
    late : sequence of datetime
        Earlier slots, naive UTC, whose rows have changed since they were checked.
    slot : datetime
        The slot, naive UTC.
    monitors, rules
        As for `evaluate`.
    """
    for at in late:
        measure.fill(at, at + clock.SLOT)
    # A check is of its slot and the one before.
    following = {at + clock.SLOT for at in late} - {*late, slot}
    again = sorted({*late, *(at for at in following if any(amend.may_change(i, [at], rules) for i in state.incidents))})
    for at in again:
        store.save_checks(evaluate(at, monitors, state, rules).results.values(), at)
    touched = [incident for incident in state.incidents if amend.may_change(incident, again, rules)]
    if not touched:
        return state
    # Rows may arrive in several loads, so use the latest check of each slot, from this run or an earlier one.
    results = store.load_checks(min(incident.opened for incident in touched), slot)
    now = clock.utcnow().replace(microsecond=0)
    for incident in touched:
        others = [other for other in state.incidents if other.incident_id != incident.incident_id]
        state = state.amend(incident, amend.amend(incident, results, rules, others, now))
    return state


def explain(notices: Iterable[Notice], evaluation: Evaluation) -> "dict[str, Explanation]":
    """Explain the incidents of notices, by incident id. Incidents without rows or with late rows are skipped.

    An explanation that fails is absent. Where raw events cannot be read, the stored slices explain alone.
    """
    incidents = [
        checked
        for notice in notices
        if notice.incident.silent_since is None and notice.incident.outcome not in ("late data", "wrong clock")
        if (checked := _with_checked_metrics(notice.incident, evaluation)).members
    ]
    found = {
        incident.incident_id: optional(f"cause of {incident.incident_id}", partial(_explain, incident, evaluation))
        for incident in incidents
    }
    return {incident_id: explanation for incident_id, explanation in found.items() if explanation is not None}


def _with_checked_metrics(incident: Incident, evaluation: Evaluation) -> Incident:
    """Leave out the members whose metrics are no longer checked: their numbers were not read."""
    members = tuple(member for member in incident.members if Part(member.metric) in evaluation.results)
    return replace(incident, members=members)


def _explain(incident: Incident, evaluation: Evaluation) -> "Explanation":
    from pipeline.alerts.root_cause import explanation, raw_slices  # imported only when there is something to explain

    series = evaluation.series
    what = f"slices of raw events of {incident.incident_id}"
    raw = optional(what, lambda: raw_slices.read(incident, series.slot))
    return explanation.explain(series, incident, evaluation.results, raw)
