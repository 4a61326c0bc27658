"""The life of an incident, slot by slot. Pure: states and checks in, states out.

What deviates at the same time is one incident: all metrics and slices that first show in one slot, and whatever else of
the same source table shows while it lasts (but a count that rises is not part of a fall).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.alerts.incidents.rules import Rules
from pipeline.core.clock import SLOT
from pipeline.core.metrics import BY_NAME
from pipeline.slots.series import Part


def advance(
    open_incidents: Iterable[Incident],
    checks: Sequence[CheckResult],
    slot: datetime,
    rules: Rules,
    silent_since: Mapping[str, datetime] | None = None,
) -> list[Incident]:
    """Move every incident on by one slot.

    A slot without data or history says nothing: the member stays as it is. A member that is no longer checked ends.

    Parameters
    ----------
    open_incidents : iterable of Incident
        As of the slot before.
    checks : sequence of Check
        One a metric or slice.
    slot : datetime
        The slot of the checks, naive UTC.
    rules : Rules
        When an incident opens, goes on and ends.
    silent_since : mapping, optional
        By source table, since when it has no rows at all.

    Returns
    -------
    list of Incident
        All that are open now or have just ended, the oldest first.
    """
    by_part = {check.part: check for check in checks}
    silent = silent_since or {}
    moved = [_move(incident, by_part, slot, rules) for incident in open_incidents]
    # What has just become the new normal is judged by it from the next slot on.
    known = {
        member.part
        for incident in moved
        if not incident.ended or incident.outcome == "new normal"
        for member in incident.members
    }
    new = [_member(check, slot) for check in checks if check.verdict == "anomaly" and check.part not in known]
    for member in new:
        host = next((i for i in moved if not i.ended and _joins(member, i, slot)), None)
        if host is None:
            moved.append(Incident(f"{member.metric}:{slot:%Y-%m-%dT%H%M}", slot, slot, (member,)))
        else:
            joined = replace(host, members=(*host.members, member), last_anomaly=slot)
            moved[moved.index(host)] = joined
    return sorted((_with_silence(incident, silent) for incident in moved), key=lambda item: item.opened)


def _move(incident: Incident, checks: Mapping[Part, CheckResult], slot: datetime, rules: Rules) -> Incident:
    members = []
    for member in incident.members:
        check = checks.get(member.part)
        if check is None:
            members.append(replace(member, good_slots=rules.recovery_slots, lull_expected=0.0))
        elif check.verdict in ("anomaly", "ok"):
            members.append(_move_member(member, check, slot, rules))
        else:
            members.append(member)
    last = max(member.last for member in members)
    over = all(_is_over(member, rules) for member in members)
    after = replace(
        incident, members=tuple(members), last_anomaly=last, ended=over, outcome="recovered" if over else ""
    )
    if not over and slot - incident.opened >= rules.adopt_slots * SLOT and abs(after.worst) < 0.99:
        # What is not over by itself is what stays.
        stays = tuple(member if _is_over(member, rules) else replace(member, good_slots=0) for member in members)
        return replace(after, members=stays, ended=True, outcome="new normal")
    return after


def _is_over(member: Member, rules: Rules) -> bool:
    return member.good_slots >= rules.recovery_slots and member.is_back


def _move_member(member: Member, check: CheckResult, slot: datetime, rules: Rules) -> Member:
    # Of the two scores the slot's own: the half hour would hold the last bad slot for another quarter.
    score = check.slot_score * member.sign
    if score > 1 or (score > rules.close_score and not member.is_near(check.value, check.expected)):
        return _with_slot(member, check, slot)
    return replace(
        member,
        good_slots=member.good_slots + 1,
        lull_observed=member.lull_observed + check.value * check.weight,
        lull_expected=member.lull_expected + check.expected * check.weight,
    )


def _member(check: CheckResult, slot: datetime) -> Member:
    sign = 1 if check.score > 0 else -1
    return _with_slot(Member(*check.part, since=slot, last=slot, sign=sign), check, slot)


def _with_slot(member: Member, check: CheckResult, slot: datetime) -> Member:
    if abs(check.change) > abs(member.worst):
        member = replace(
            member, worst=check.change, worst_at=slot, worst_value=check.value, worst_expected=check.expected
        )
    return replace(
        member,
        last=slot,
        good_slots=0,
        lull_observed=0.0,
        lull_expected=0.0,
        bad_slots=member.bad_slots + 1,
        observed=member.observed + check.value * check.weight,
        expected=member.expected + check.expected * check.weight,
    )


def _joins(member: Member, incident: Incident, slot: datetime) -> bool:
    if incident.opened == slot:
        return True
    table = BY_NAME[member.metric].table
    same_table = [other for other in incident.members if BY_NAME[other.metric].table == table]
    return bool(same_table) and not _opposes(member, same_table)


def _opposes(member: Member, others: Iterable[Member]) -> bool:
    """Whether a count that rises meets counts that fall: something else happens."""

    def is_count(one: Member) -> bool:
        return one.part.is_total and BY_NAME[one.metric].kind == "count"

    return is_count(member) and any(is_count(other) and other.sign != member.sign for other in others)


def _with_silence(incident: Incident, silent: Mapping[str, datetime]) -> Incident:
    since = [silent[table] for table in {BY_NAME[m.metric].table for m in incident.members} if table in silent]
    return replace(incident, silent_since=min(since) if since and not incident.ended else None)
