"""Makes an incident anew from its slots as they are now: late rows change what was checked. Pure.

The slots are walked again as `lifecycle.advance` walks them. The incident keeps its id, its end, and what people did
about it; its members, and so its worst values, losses and causes, are those of the present results.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents.incident import Incident, Member, Misjudged
from pipeline.alerts.incidents.lifecycle import follow, joins, lasting, new_member
from pipeline.alerts.incidents.rules import Rules
from pipeline.core.clock import SLOT
from pipeline.slots import Part

Results = Mapping[datetime, Mapping[Part, CheckResult]]
"""The present results of the checks, by slot and part."""

_Key = tuple[Part, int]
"""A metric or slice, and the side on which it deviates: it can be a member on each."""


def may_change(incident: Incident, slots: Collection[datetime], rules: Rules) -> bool:
    """Whether other results of these slots can change an incident.

    What was withdrawn or was only late data stays so.
    """
    if incident.outcome in ("late data", "wrong clock"):
        return False
    end = _end(incident, rules)
    return any(incident.opened <= slot and (end is None or slot <= end) for slot in slots)


def amend(incident: Incident, results: Results, rules: Rules, others: Iterable[Incident], now: datetime) -> Incident:
    """Make an incident anew from the present results of its slots.

    Without a bad slot it ends as late data.

    Parameters
    ----------
    incident : Incident
        The incident as it was made from earlier results.
    results : mapping
        The results of its slots, up to the newest slot that it was advanced by.
    rules : Rules
        When an incident continues and ends.
    others : iterable of Incident
        The other incidents: their metrics and slices do not join this one.
    now : datetime
        When the rows are known to have arrived, naive UTC.

    Returns
    -------
    Incident
        The same incident if its results are the same.
    """
    end = _end(incident, rules)
    slots = [slot for slot in sorted(results) if slot >= incident.opened and (end is None or slot <= end)]
    walk = _Walk(incident, tuple(others), rules)
    for slot in slots:
        walk.advance(results[slot], slot)
    members = walk.members_in_order()
    made = _ended_as_late(incident) if not members else _with_members(incident, members, rules)
    if made == incident:
        return incident
    return replace(made, late_until=now, misjudged=_misjudged(incident, made))


@dataclass
class _Walk:
    """The walk over the slots of an incident."""

    incident: Incident
    others: tuple[Incident, ...]
    rules: Rules

    def __post_init__(self) -> None:
        self.before: dict[_Key, Member] = {(member.part, member.sign): member for member in self.incident.members}
        self.members: dict[_Key, Member] = {}
        self.greatest: dict[_Key, float] = {}
        """The greatest score of a member's bad slots."""

    def advance(self, results: Mapping[Part, CheckResult], slot: datetime) -> None:
        for key, member in self.members.items():
            self._keep(key, follow(member, results.get(member.part), slot, self.rules))
        held = {key for other in self.others for key in _held(other, slot)}
        for member in (new_member(result, slot) for result in results.values() if result.verdict == "anomaly"):
            key = member.part, member.sign
            if key not in self.members and key not in held and self._belongs(key, member, slot):
                self._keep(key, member)

    def _belongs(self, key: _Key, member: Member, slot: datetime) -> bool:
        if key in self.before or not self.members:
            return True
        members = tuple(self.members.values())
        opened = min(other.since for other in members)
        return joins(member, replace(self.incident, members=members, opened=opened), slot)

    def _keep(self, key: _Key, member: Member) -> None:
        self.members[key] = member
        if member.good_slots == 0:
            self.greatest[key] = max(member.score, self.greatest.get(key, 0.0))

    def members_in_order(self) -> tuple[Member, ...]:
        """The members, those of before in their order, with what people were told of them."""
        places = {key: place for place, key in enumerate(self.before)}
        ordered = sorted(self.members, key=lambda key: (self.members[key].since, places.get(key, len(places))))
        return tuple(self._told(key) for key in ordered)

    def _told(self, key: _Key) -> Member:
        """Take over what was told of a member, but no more than it ever deviated: the message says so from now on."""
        member, told = self.members[key], self.before.get(key)
        if told is None:
            return member
        return replace(
            member,
            told_change=min(told.told_change, member.worst, key=abs),
            told_score=min(told.told_score, self.greatest[key]),
        )


def _held(other: Incident, slot: datetime) -> Iterable[_Key]:
    """The members of another incident in a slot; as in `lifecycle.advance`, a new normal has them until its end."""
    last = other.ended_at or other.last_anomaly
    is_held = not other.ended or slot < last or (slot == last and other.outcome == "new normal")
    return [(member.part, member.sign) for member in other.members if is_held and member.since <= slot]


def _end(incident: Incident, rules: Rules) -> datetime | None:
    """The last slot that can change an incident; None while it is open."""
    if not incident.ended:
        return None
    return incident.ended_at or incident.last_anomaly + rules.recovery_slots * SLOT


def _with_members(incident: Incident, members: tuple[Member, ...], rules: Rules) -> Incident:
    is_adopted = incident.outcome == "new normal" and incident.mark != "new normal"
    return replace(
        incident,
        members=lasting(members, rules) if is_adopted else members,
        opened=min(member.since for member in members),
        last_anomaly=max(member.last for member in members),
    )


def _ended_as_late(incident: Incident) -> Incident:
    """End an incident without a bad slot; its period and those of its members are those in which rows were missing."""
    members = tuple(
        Member(*member.part, member.since, member.last, member.sign, is_checked=member.is_checked)
        for member in incident.members
    )
    return replace(
        incident, members=members, ended=True, outcome="late data", silent_since=None, ended_at=incident.last_anomaly
    )


def _misjudged(before: Incident, after: Incident) -> tuple[Misjudged, ...]:
    """What people were told of the metrics or slices that the message shows, where it differs now; the first counts."""
    if not before.notified:
        return ()
    now = {(member.part, member.sign): member.worst for member in after.members}
    found = {item.part: item for item in before.misjudged}
    for member in before.shown:
        if member.worst != now.get((member.part, member.sign), 0.0):
            told = Misjudged(*member.part, member.worst, member.worst_value, member.worst_expected)
            found.setdefault(member.part, told)
    return tuple(found.values())
