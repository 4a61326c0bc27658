"""The life of an incident, slot by slot. Pure: states and checks in, states out.

What deviates at the same time is one incident: all metrics and slices that first show in one slot, and whatever else of
the same source table shows while it lasts (but a count that rises is not part of a fall).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pipeline.checks import Check
from pipeline.clock import SLOT
from pipeline.history import Adjustment, Part
from pipeline.metrics import BY_NAME
from pipeline.rules import Rules

WORSE_BY = 0.4
"""An incident that was told as -40 % and reaches -80 % after an hour is worth another word."""
WORSE_TIMES = 4
"""One that was told as -8 % and reaches -32 % is, at any time: what was told may have been nothing."""

Outcome = Literal["", "recovered", "new normal", "late data"]
Mark = Literal["", "false alarm", "new normal"]


@dataclass(frozen=True)
class Member:
    """One metric or slice of an incident.

    Attributes
    ----------
    metric, dimension, value : str
        Which.
    since, last : datetime
        Its first and last bad slot so far, naive UTC.
    sign : int
        +1 above, -1 below its expectation.
    bad_slots, good_slots : int
        Bad slots so far, and good slots in a row since the last of them.
    observed, expected : float
        Summed over its bad slots; of a ratio, its numerators.
    worst : float
        The greatest relative deviation so far, signed.
    worst_at : datetime or None
        Its slot.
    worst_value, worst_expected : float
        What it was then, and should have been.
    lull_observed, lull_expected : float
        Summed over the good slots since its last bad one.
    """

    metric: str
    dimension: str
    value: str
    since: datetime
    last: datetime
    sign: int
    bad_slots: int = 0
    good_slots: int = 0
    observed: float = 0.0
    expected: float = 0.0
    worst: float = 0.0
    worst_at: datetime | None = None
    worst_value: float = 0.0
    worst_expected: float = 0.0
    lull_observed: float = 0.0
    lull_expected: float = 0.0

    @property
    def part(self) -> Part:
        """Which."""
        return Part(self.metric, self.dimension, self.value)

    @property
    def is_back(self) -> bool:
        """Whether its good slots together are nearer to the expectation than to the deviation so far.

        At night a slot of twenty says little: each may look good while all of them still deviate.
        """
        return self.lull_expected <= 0 or self.is_near(self.lull_observed, self.lull_expected)

    def is_near(self, observed: float, expected: float) -> bool:
        """Whether a count is nearer to its expectation than to the deviation so far."""
        if expected <= 0 or self.expected <= 0:
            return True
        return abs(observed / expected - 1) <= abs(self.observed / self.expected - 1) / 2

    @property
    def excess(self) -> float:
        """Events gained (+) or lost (-) against the expectation."""
        return self.observed - self.expected


@dataclass(frozen=True)
class Incident:
    """What deviates together, as of some slot."""

    incident_id: str
    """``metric:first slot``."""
    opened: datetime
    """Its first bad slot, naive UTC."""
    last_anomaly: datetime
    """Its last bad slot so far."""
    members: tuple[Member, ...]
    """What deviates, in the order in which it showed."""
    silent_since: datetime | None = None
    """Since when its source table has no rows at all; None when it has."""
    ended: bool = False
    outcome: Outcome = ""
    """How it ended."""
    notified: bool = False
    """Whether people were told."""
    told_worst: float = 0.0
    """The relative deviation that people were last told of."""
    escalated: bool = False
    """Whether people were told that it goes on."""
    mark: Mark = ""
    """What people said of it."""

    @property
    def bad_slots(self) -> int:
        """Bad slots of the member that has most."""
        return max(member.bad_slots for member in self.members)

    @property
    def worst(self) -> float:
        """The greatest relative deviation of its totals, else of its slices, signed."""
        return max((member.worst for member in self.shown), key=abs)

    @property
    def totals(self) -> tuple[Member, ...]:
        """The metrics that deviate in total."""
        return tuple(member for member in self.members if member.part.is_total)

    @property
    def shown(self) -> tuple[Member, ...]:
        """What people should see: metrics in total; slices only where no total deviates."""
        return self.totals or self.members

    def told(self, kind: "News") -> "Incident":
        """The incident after people heard of it in this way."""
        if kind in ("post", "worse"):
            return replace(self, notified=True, told_worst=self.worst)
        return replace(self, escalated=True) if kind == "still silent" else self

    def adjustments(self) -> list[Adjustment]:
        """What its slots mean for those after: they are not learnt from, or they are the new normal."""
        found = []
        for member in self.members:
            lasts = member.good_slots == 0 and member.expected > 0
            if self.outcome == "new normal" and lasts:
                found.append(Adjustment(member.part, datetime.min, member.since, member.observed / member.expected))
            else:
                found.append(Adjustment(member.part, member.since, member.last + SLOT))
        return found


def advance(
    open_incidents: Iterable[Incident],
    checks: Sequence[Check],
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


def _move(incident: Incident, checks: Mapping[Part, Check], slot: datetime, rules: Rules) -> Incident:
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


def _move_member(member: Member, check: Check, slot: datetime, rules: Rules) -> Member:
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


def _member(check: Check, slot: datetime) -> Member:
    sign = 1 if check.score > 0 else -1
    return _with_slot(Member(*check.part, since=slot, last=slot, sign=sign), check, slot)


def _with_slot(member: Member, check: Check, slot: datetime) -> Member:
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


News = Literal["", "post", "edit", "close", "worse", "still silent"]


def news(incident: Incident, slot: datetime, rules: Rules, *, may_alarm: bool = True) -> News:
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
