"""Incidents of days: the same as those of slots, a day at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from pipeline.alerts.detection.checks import CheckResult, Verdict
from pipeline.alerts.incidents.calendar import Entry
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.alerts.incidents.policy import Notice
from pipeline.alerts.incidents.rules import Rules
from pipeline.core import clock
from pipeline.core.clock import SLOT, SLOTS_A_DAY
from pipeline.core.metrics import BY_NAME
from pipeline.slots import Part

ADOPT_DAYS = 7
"""A deviation of days that lasts this long, and is not an outage, becomes the new normal."""
TOLD_SHARE = 0.5
"""Slots have told a deviation of a day if what they told makes up this much of it."""
PEAK_TIMES = 2.0
"""An hour of the evening has up to so many times the events of an average hour."""
PLANNED_TIMES = 2.0
"""Maintenance explains a deviation of up to this many times the share of the day that it covers: days have peaks."""


def day_rules(rules: Rules) -> Rules:
    """Return the rules of incidents of days: each ends with a good day, and quiet hours do not count for the morning.

    Parameters
    ----------
    rules : Rules
        The rules of slots.
    """
    # An hour less than whole days, for a clock change.
    adopt_slots = ADOPT_DAYS * SLOTS_A_DAY - 4
    return replace(rules, recovery_slots=1, minimum_slots=1, adopt_slots=adopt_slots, quiet_hours=None)


def judged(
    results: Iterable[CheckResult], day: date, entries: Sequence[Entry], of_slots: Sequence[Incident]
) -> list[CheckResult]:
    """Give the anomalies that the calendar covers the verdict "planned", and those that slots have told "told".

    Parameters
    ----------
    results : iterable of CheckResult
        The results of the day.
    day : datetime.date
        The day.
    entries : sequence of Entry
        The calendar.
    of_slots : sequence of Incident
        The incidents of slots.
    """
    found = list(results)
    expected = {result.part: result.expected * result.weight for result in found}

    def verdict(result: CheckResult) -> Verdict:
        if result.verdict != "anomaly":
            return result.verdict
        if _is_planned(result, day, entries):
            return "planned"
        return "told" if _is_told(result, day, of_slots, expected) else "anomaly"

    return [replace(result, verdict=verdict(result)) for result in found]


def incomplete(results: Iterable[CheckResult], tables: Iterable[str]) -> list[CheckResult]:
    """Give falls of metrics of tables that lack rows of the day the verdict "incomplete"; the report tells the gap."""
    lacking = set(tables)
    return [
        replace(result, verdict="incomplete")
        if result.verdict == "anomaly" and result.score < 0 and BY_NAME[result.metric].table in lacking
        else result
        for result in results
    ]


def with_told(incident: Incident, before: Mapping[str, Incident]) -> Incident:
    """Return an incident that was made anew with what people were told of it, or declared it to be, before."""
    known = before.get(incident.incident_id)
    if known is None:
        return incident
    return replace(incident.continuing(known), mark=incident.mark or known.mark, noticed=known.noticed)


def received(notice: Notice) -> Incident:
    """Return the incident of a notice after people received it. Its message shows the state of now."""
    return replace(notice.incident.after(notice.kind), noticed=clock.utcnow())


def _is_planned(result: CheckResult, day: date, entries: Sequence[Entry]) -> bool:
    covering = [entry for entry in entries if result.metric in entry.metrics]
    if result.score > 0 and any(_share(day, entry.start, entry.end) for entry in covering if entry.kind == "event"):
        return True
    maintained = sum(_share(day, entry.start, entry.end) for entry in covering if entry.kind == "maintenance")
    return bool(maintained) and abs(result.change) <= PLANNED_TIMES * maintained


def _is_told(result: CheckResult, day: date, of_slots: Sequence[Incident], expected: Mapping[Part, float]) -> bool:
    """Whether messages about slots have told most of a deviation, or of the events behind it."""
    metrics = _behind(result.metric)
    told = [
        [_explained(member, result, day, expected) for member in incident.members if member.metric in metrics]
        for incident in of_slots
        if incident.notified and incident.mark != "false alarm"
    ]
    return sum(max(shares, default=0.0) for shares in told) >= TOLD_SHARE * abs(result.change) > 0


def _behind(metric: str) -> set[str]:
    """The metrics whose deviation is one of a metric too: itself, what explains it better, a ratio's numerator."""
    return {metric, *BY_NAME[metric].better_explained_by, *filter(None, [BY_NAME[metric].numerator])}


def _explained(member: Member, result: CheckResult, day: date, expected: Mapping[Part, float]) -> float:
    """Return the relative change of a result that a deviation of slots makes up; 0 if it is in the other direction.

    Events of another slice of the same dimension move the share of a slice in the other direction.
    """
    is_mirror = result.part.is_share and result.part.is_beside(member.part)
    is_same_sign = (member.sign > 0) == (result.score > 0)
    if is_same_sign == is_mirror:
        return 0.0
    covered = _share(day, member.since, member.last + SLOT)
    is_same_place = member.part[1:] == result.part[1:]
    events = expected.get(member.part if is_same_place else Part(member.metric), 0.0)
    if BY_NAME[member.metric].cost and events > 0:
        length = (member.last + SLOT - member.since) / timedelta(days=1)
        return abs(member.excess) * min(1.0, covered / length) / events
    return PEAK_TIMES * covered * abs(member.worst) if member.part.is_total else 0.0


def _share(day: date, start: datetime, end: datetime) -> float:
    """Return the share of a day that a period of time covers."""
    first, last = clock.day_bounds(day)
    return max(timedelta(0), min(last, end) - max(first, start)) / (last - first)
