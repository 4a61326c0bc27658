"""Tells at once what late rows cannot change: a count of a slot that still receives rows, and is already too high.

Nothing marks such a slot as checked. When it has its rows, it is checked as any other, and its incident continues the
one that was told (`lifecycle.step`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.alerts import evaluation
from pipeline.alerts.detection import CheckResult, Monitor
from pipeline.alerts.incidents import Incident, Rules, State, step, store
from pipeline.alerts.notify import notify
from pipeline.core import clock
from pipeline.core.metrics import BY_NAME
from pipeline.slots import Adjustment, completeness, measure
from pipeline.slots.completeness import Completeness
from reporting.delivery import Channels

NOTICEABLE = 1.2
"""A slot is looked at only if it has so many times the rows that it had the day before."""


def with_told(state: State, slot: datetime, arrived: Completeness) -> State:
    """Add to the state before a slot the incidents of this slot, and of later ones, that people were told of."""
    if not arrived.waits:
        return state
    newest: dict[str, Incident] = {incident.incident_id: incident for _, incident in store.load_states(slot)}
    told = [incident for incident in newest.values() if incident.opened >= slot and incident.notified]
    return replace(state, told=tuple(incident for incident in told if not incident.ended))


def tell(
    arrived: Completeness, settled: datetime, monitors: Sequence[Monitor], rules: Rules, channels: Channels
) -> int:
    """Tell what is too high in the slots that still receive rows; return the number of messages.

    Parameters
    ----------
    arrived : Completeness
        The recount of this run.
    settled : datetime
        The newest slot that was checked.
    monitors, rules, channels
        As for a check.
    """
    messages = 0
    if settled < completeness.newest_settled_slot():
        return messages
    for slot, tables in sorted(arrived.noticeable(settled, NOTICEABLE).items()):
        state = with_told(store.load_state(slot), slot, arrived)
        known = {BY_NAME[member.metric].table for item in state.current if not item.ended for member in item.members}
        if not tables - known:
            continue
        measure.fill_missed(slot)
        unknown = [Adjustment(monitor.metric.name, settled + clock.SLOT, slot) for monitor in monitors]
        numbers = evaluation.evaluate(slot, monitors, state, rules, unknown)
        certain = list(_certain(numbers.results.values(), tables - known))
        after = step(replace(state, current=()), certain, slot, rules, {}, now=clock.utcnow())
        notices = [notice for notice in after.notices if notice.kind == "post"]
        messages += notify(notices, numbers, {}, channels, is_final=False).messages
        told = [replace(notice.incident.after("post"), noticed=slot) for notice in notices]
        store.save_incidents(told, slot)
    return messages


def _certain(results: Iterable[CheckResult], tables: set[str]) -> Iterable[CheckResult]:
    """Choose the counts that are above their range in the slot alone: more rows only raise them."""
    for result in results:
        metric = BY_NAME[result.metric]
        is_count = result.part.is_total and metric.kind == "count" and metric.table in tables
        if is_count and result.verdict == "anomaly" and result.slot_score > 1:
            yield result
