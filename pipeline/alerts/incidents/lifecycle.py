"""Advances incidents slot by slot. Pure: states and results in, states out.

Metrics and slices that first deviate in the same slot form one incident. While it is open, other deviating metrics and
slices of the same source table join it. Counts that deviate in opposite directions do not join.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents import calendar
from pipeline.alerts.incidents.incident import Incident, Member, Unit, make_id
from pipeline.alerts.incidents.policy import Notice, due_notices
from pipeline.alerts.incidents.rules import Rules
from pipeline.alerts.incidents.state import State
from pipeline.core.clock import SLOT
from pipeline.core.metrics import BY_NAME
from pipeline.slots import Part


@dataclass(frozen=True)
class Step:
    """The result of advancing the incidents by one slot."""

    state: State
    """The state after the slot, with the notices recorded as received."""
    notices: tuple[Notice, ...]
    """The notices that are due."""


def step(
    state: State,
    results: Collection[CheckResult],
    slot: datetime,
    rules: Rules,
    silent_since: Mapping[str, datetime],
    *,
    now: datetime | None = None,
    is_fresh: bool = True,
) -> Step:
    """Advance all incidents by one slot and decide which notices are due.

    The checks every 15 minutes, the replay, the proposals and the benchmarks all run this step.

    Parameters
    ----------
    state : State
        The state at the beginning of the slot.
    results : collection of CheckResult
        The results of the slot, after `calendar.planned`.
    slot : datetime
        The slot, naive UTC.
    rules : Rules
        When an incident opens, continues and ends, and when people may be alerted.
    silent_since : mapping
        For each source table without rows, its first slot without rows.
    now : datetime, optional
        The time at which mutes are evaluated, naive UTC; by default the end of the slot.
    is_fresh : bool
        False for a slot that is caught up too late to alert people.
    """
    # What people ended with a button since the slot before has ended with that slot.
    before = slot - SLOT
    ended = [replace(incident, ended_at=incident.ended_at or before) for incident in state.current if incident.ended]
    still_open = [incident for incident in state.current if not incident.ended]
    advanced = [
        _as_told(incident, state.told, slot) for incident in advance(still_open, results, slot, rules, silent_since)
    ]
    after = replace(state, current=(*ended, *advanced))
    return conclude(after, slot, rules, now or slot + SLOT, is_fresh=is_fresh)


def conclude(after: State, slot: datetime, rules: Rules, now: datetime, *, is_fresh: bool) -> Step:
    """Decide which notices are due in the state after a slot, and record them as received.

    Parameters
    ----------
    after : State
        The state after the slot.
    slot, rules, now, is_fresh
        As for `step`.
    """
    notices = tuple(due_notices(after, slot, rules, now, is_fresh=is_fresh))
    kinds = {notice.incident.incident_id: notice.kind for notice in notices}

    def received(incident: Incident) -> Incident:
        kind = kinds.get(incident.incident_id, "")
        return replace(incident.after(kind), noticed=slot) if kind else incident

    current, corrected = (tuple(map(received, incidents)) for incidents in (after.current, after.corrected))
    return Step(replace(after, current=current, corrected=corrected), notices)


def _as_told(incident: Incident, told: Iterable[Incident], slot: datetime) -> Incident:
    """Continue an incident of a source table that people were told of before its slots had all of their rows."""
    known = next((item for item in told if _sides(item) & _sides(incident)), None)
    if incident.opened != slot or known is None:
        return incident
    return replace(incident.continuing(known), incident_id=known.incident_id)


def _sides(incident: Incident) -> set[tuple[str, int]]:
    """The source tables and directions of an incident's members."""
    return {(BY_NAME[member.metric].table, member.sign) for member in incident.members}


def advance(
    open_incidents: Iterable[Incident],
    results: Collection[CheckResult],
    slot: datetime,
    rules: Rules,
    silent_since: Mapping[str, datetime] | None = None,
    unit: Unit = "slot",
) -> list[Incident]:
    """Advance open incidents by one slot, and open new ones.

    A result without data or history does not change its member. A member that is no longer checked counts as over.

    Parameters
    ----------
    open_incidents : iterable of Incident
        The incidents as of the previous slot.
    results : collection of CheckResult
        One for each metric or slice.
    slot : datetime
        The slot of the results, naive UTC.
    rules : Rules
        When an incident opens, continues and ends.
    silent_since : mapping, optional
        For each source table without rows, its first slot without rows.
    unit : {"slot", "day"}
        What was checked. Of days `slot` is the beginning.

    Returns
    -------
    list of Incident
        All incidents that are open after the slot or ended in it, the oldest first.
    """
    by_part = {result.part: result for result in results}
    silent = silent_since or {}
    incidents = [_advance_incident(incident, by_part, slot, rules) for incident in open_incidents]
    # The detectors apply a new normal from the next slot on, so its members must not open an incident in this slot.
    known = {
        (member.part, member.sign)
        for incident in incidents
        if not incident.ended or incident.outcome == "new normal"
        for member in incident.members
    }
    deviating = [new_member(result, slot) for result in results if result.verdict == "anomaly"]
    for member in (member for member in deviating if (member.part, member.sign) not in known):
        host = next((i for i in incidents if not i.ended and joins(member, i, slot)), None)
        if host is None:
            incidents.append(Incident(make_id(member.metric, slot, unit), slot, slot, (member,), unit=unit))
        else:
            joined = replace(host, members=(*host.members, member), last_anomaly=slot)
            incidents[incidents.index(host)] = joined
    return sorted((_with_silence(incident, silent) for incident in incidents), key=lambda item: item.opened)


def _advance_incident(
    incident: Incident, results: Mapping[Part, CheckResult], slot: datetime, rules: Rules
) -> Incident:
    members = [follow(member, results.get(member.part), slot, rules) for member in incident.members]
    last = max(member.last for member in members)
    is_over = all(has_recovered(member, rules) for member in members)
    after = replace(incident, members=tuple(members), last_anomaly=last)
    if is_over:
        return replace(after, ended=True, outcome="recovered", ended_at=slot)
    is_maintained = {member.metric for member in members} <= calendar.maintained(rules.calendar, slot)
    has_lasted = slot - incident.opened >= rules.adopt_slots * SLOT and not is_maintained
    if has_lasted and abs(after.worst) < 0.99:
        adopted = lasting(after.members, rules)
        return replace(after, members=adopted, ended=True, outcome="new normal", ended_at=slot)
    return after


def follow(member: Member, result: CheckResult | None, slot: datetime, rules: Rules) -> Member:
    """Return a member after a slot; `result` is None if it was not checked there. Maintenance says nothing of it."""
    if rules.calendar and member.metric in calendar.maintained(rules.calendar, slot):
        return member
    if result is None:
        return replace(member, is_checked=False)
    if result.verdict in ("anomaly", "ok"):
        return _advance_member(replace(member, is_checked=True), result, slot, rules)
    return member


def has_recovered(member: Member, rules: Rules) -> bool:
    """Whether a member deviates no longer, or is not checked any longer."""
    return not member.is_checked or (member.good_slots >= rules.recovery_slots and member.is_back)


def lasting(members: Iterable[Member], rules: Rules) -> tuple[Member, ...]:
    """Return the members of a new normal: those that deviate still belong to it, as if without good slots."""
    return tuple(member if has_recovered(member, rules) else replace(member, good_slots=0) for member in members)


def _advance_member(member: Member, result: CheckResult, slot: datetime, rules: Rules) -> Member:
    # Use the score of the slot alone. The score of both slots would stay anomalous one slot longer.
    score = result.slot_score * member.sign
    if score > 1 or (score > rules.close_score and not member.is_near(result.value, result.expected)):
        return _with_bad_slot(member, result, slot)
    return replace(
        member,
        good_slots=member.good_slots + 1,
        lull_observed=member.lull_observed + result.value * result.weight,
        lull_expected=member.lull_expected + result.expected * result.weight,
    )


def new_member(result: CheckResult, slot: datetime) -> Member:
    """Return the member that an anomaly makes."""
    sign = 1 if result.score > 0 else -1
    return _with_bad_slot(Member(*result.part, since=slot, last=slot, sign=sign), result, slot)


def _with_bad_slot(member: Member, result: CheckResult, slot: datetime) -> Member:
    if abs(result.change) > abs(member.worst):
        member = replace(
            member, worst=result.change, worst_at=slot, worst_value=result.value, worst_expected=result.expected
        )
    part = result.sub_slot if member.bad_slots == 0 or member.inside_from else None
    inside_from = slot + timedelta(minutes=part.minute) if part else None
    return replace(
        member,
        inside_from=inside_from,
        inside_to=inside_from + timedelta(minutes=part.minutes) if part and inside_from else None,
        inside_value=part.value if part else 0.0,
        slot_expected=result.expected if part else 0.0,
        last=slot,
        change=result.change,
        score=abs(result.slot_score),
        good_slots=0,
        lull_observed=0.0,
        lull_expected=0.0,
        bad_slots=member.bad_slots + 1,
        observed=member.observed + result.value * result.weight,
        expected=member.expected + result.expected * result.weight,
    )


def joins(member: Member, incident: Incident, slot: datetime) -> bool:
    """Whether a part that begins to deviate in a slot belongs to an open incident."""
    if incident.opened == slot:
        return True
    table = BY_NAME[member.metric].table
    same_table = [other for other in incident.members if BY_NAME[other.metric].table == table]
    return bool(same_table) and not _opposes(member, same_table)


def _opposes(member: Member, others: Iterable[Member]) -> bool:
    """Whether a count deviates in the opposite direction to a count of the incident, which indicates another cause."""

    def is_count(candidate: Member) -> bool:
        return candidate.part.is_total and BY_NAME[candidate.metric].kind == "count"

    return is_count(member) and any(is_count(other) and other.sign != member.sign for other in others)


def _with_silence(incident: Incident, silent: Mapping[str, datetime]) -> Incident:
    tables = {BY_NAME[member.metric].table for member in incident.members}
    since = [silent[table] for table in tables if table in silent]
    return replace(incident, silent_since=min(since) if since and not incident.ended else None)
