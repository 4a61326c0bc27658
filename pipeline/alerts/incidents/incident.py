"""An incident and its members, as of a slot."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from pipeline.core import clock
from pipeline.core.clock import SLOT
from pipeline.slots import Adjustment, Part

Outcome = Literal["", "recovered", "new normal", "late data", "wrong clock"]
NoticeKind = Literal["", "post", "edit", "close", "worse", "still silent", "share"]
Mark = Literal["", "false alarm", "new normal"]
Unit = Literal["slot", "day"]

OUTAGE, LEFT_TIMES = -0.9, 3
"""A total is out with at most a tenth of its expectation, and at most a third of what people were told was left."""
WORSE_TIMES = 2
"""A score that is so many times the one in the latest message with a sound is worse."""
WORSE_TIMES_AT_ONCE = 4
"""The same in the second slot: a fall that begins within a slot is complete only in the next one."""


@dataclass(frozen=True)
class Member:
    """One metric or slice of an incident.

    Attributes
    ----------
    metric, dimension, value : str
        The metric or slice.
    since, last : datetime
        Its first and its latest bad slot, naive UTC.
    sign : int
        +1 above, -1 below its expectation.
    bad_slots, good_slots : int
        Number of bad slots so far, and of good slots since the latest bad slot.
    observed, expected : float
        Sums over its bad slots. For a ratio they are sums of numerators.
    worst : float
        The greatest relative deviation so far, signed.
    worst_at : datetime or None
        The slot of `worst`.
    worst_value, worst_expected : float
        Value and expectation in that slot.
    change, score : float
        The relative deviation, signed, and the absolute score in its latest bad slot.
    told_change, told_score : float
        The same in the slot of the latest message with a sound; 0 if it did not deviate then.
    lull_observed, lull_expected : float
        Sums over the good slots since the latest bad slot.
    is_checked : bool
        False if it was not checked in the newest slot, because its slice has too few events or its metric is no longer
        in luigi.cfg.
    inside_from, inside_to : datetime or None
        The minutes of its latest bad slot that deviate; None once a bad slot deviated as a whole.
    inside_value, slot_expected : float
        Its count or ratio in these minutes, and what was expected of their whole slot.
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
    change: float = 0.0
    score: float = 0.0
    told_change: float = 0.0
    told_score: float = 0.0
    lull_observed: float = 0.0
    lull_expected: float = 0.0
    is_checked: bool = True
    inside_from: datetime | None = None
    inside_to: datetime | None = None
    inside_value: float = 0.0
    slot_expected: float = 0.0

    @property
    def part(self) -> Part:
        """The metric or slice."""
        return Part(self.metric, self.dimension, self.value)

    @property
    def is_back(self) -> bool:
        """Whether the sum of its good slots is nearer to the expectation than to the deviation so far.

        At night a slot has about twenty events, so each slot can look good while their sum still deviates.
        """
        return self.is_near(self.lull_observed, self.lull_expected)

    def is_near(self, observed: float, expected: float) -> bool:
        """Whether a count is nearer to its expectation than to the deviation so far, or beyond on the other side.

        If only minutes deviated, their slots are as usual, and so is any other slot that is no anomaly.
        """
        if self.inside_from is not None or expected <= 0 or self.expected <= 0:
            return True
        return self.sign * (observed / expected - 1) <= abs(self.observed / self.expected - 1) / 2

    @property
    def is_worse(self) -> bool:
        """Whether it deviates so much more than people were told that they need to hear of it."""
        if self.is_second_slot_told:
            return self.score >= WORSE_TIMES_AT_ONCE * self.told_score
        is_out = self.change <= OUTAGE < self.told_change and 1 + self.change <= (1 + self.told_change) / LEFT_TIMES
        return (is_out and self.part.is_total) or (self.told_score > 0 and self.score >= WORSE_TIMES * self.told_score)

    @property
    def is_second_slot_told(self) -> bool:
        """Whether people were told of its first slot, and this is the second one."""
        return self.told_score > 0 and self.bad_slots <= 2

    @property
    def is_completed(self) -> bool:
        """Whether its second slot only completes what people were told of the first."""
        return self.is_second_slot_told and not self.is_worse

    def told(self) -> "Member":
        """Return the member after a message with a sound."""
        return replace(self, told_change=self.change, told_score=self.score)

    @property
    def excess(self) -> float:
        """Events gained (+) or lost (-) against the expectation."""
        return self.observed - self.expected


@dataclass(frozen=True)
class Misjudged:
    """What people were told of a metric or slice before late rows corrected it."""

    metric: str
    dimension: str
    value: str
    worst: float
    """The greatest relative deviation that was told, signed."""
    worst_value: float
    worst_expected: float
    """Value and expectation in that slot."""

    @property
    def part(self) -> Part:
        """The metric or slice."""
        return Part(self.metric, self.dimension, self.value)


@dataclass(frozen=True)
class Incident:
    """Metrics and slices that deviate together, as of some slot."""

    incident_id: str
    """Of `make_id`: its first metric and its first slot or day."""
    opened: datetime
    """Its first bad slot, naive UTC."""
    last_anomaly: datetime
    """Its latest bad slot."""
    members: tuple[Member, ...]
    """Its metrics and slices, in the order in which they joined."""
    silent_since: datetime | None = None
    """The first slot without rows in its source table; None while the table has rows."""
    ended: bool = False
    outcome: Outcome = ""
    """How it ended; '' while it is open."""
    notified: bool = False
    """Whether people were notified."""
    escalated: bool = False
    """Whether people were notified that there is still no data."""
    mark: Mark = ""
    """What people declared it to be with a button; '' if nothing."""
    noticed: datetime | None = field(default=None, compare=False)
    """The newest slot that its message must show; None before the first notice, and in rows of earlier releases."""
    unit: Unit = "slot"
    """What was checked: slots, or whole days. The moments of an incident of days are the beginnings of its days."""
    ended_at: datetime | None = None
    """The slot in which it ended; None while it is open, and in rows of earlier releases."""
    late_until: datetime | None = None
    """When late rows last changed it, naive UTC; None if they never did."""
    misjudged: tuple[Misjudged, ...] = ()
    """What people were told of it that late rows have corrected."""

    @property
    def bad_slots(self) -> int:
        """The maximum number of bad slots of a member."""
        return max(member.bad_slots for member in self.members)

    @property
    def worst(self) -> float:
        """The greatest relative deviation of its totals, or of its slices if no total deviates, signed."""
        return max((member.worst for member in self.shown), key=abs)

    @property
    def totals(self) -> tuple[Member, ...]:
        """The members that are totals."""
        return tuple(member for member in self.members if member.part.is_total)

    @property
    def shown(self) -> tuple[Member, ...]:
        """The members that people see: the totals, or the slices if no total deviates."""
        return self.totals or self.members

    @property
    def shown_metrics(self) -> list[str]:
        """The names of the metrics that people see."""
        return list(dict.fromkeys(member.metric for member in self.shown))

    @property
    def step(self) -> timedelta:
        """The length of what is checked: a slot or a day."""
        return SLOT if self.unit == "slot" else timedelta(days=1)

    @property
    def end(self) -> datetime:
        """The end of its last bad slot or day so far, naive UTC."""
        return self.last_anomaly + self.step

    def after(self, kind: NoticeKind) -> "Incident":
        """Return the incident after people received a notice."""
        if kind in ("", "share", "close"):
            return self
        sounds = kind != "edit"
        members = tuple(
            member.told() if not member.good_slots and (sounds or member.is_completed) else member
            for member in self.members
        )
        told = replace(self, members=members, escalated=self.escalated or kind == "still silent")
        return replace(told, notified=True) if kind in ("post", "worse") else told

    def continuing(self, told: "Incident") -> "Incident":
        """Return the incident, which was made anew, with what people were told of its metrics and slices before."""
        before = {(member.part, member.sign): member for member in told.members}
        members = tuple(
            replace(member, told_change=old.told_change, told_score=old.told_score)
            if (old := before.get((member.part, member.sign))) and not member.told_score
            else member
            for member in self.members
        )
        return replace(self, members=members, notified=self.notified or told.notified)

    def adjustments(self) -> list[Adjustment]:
        """Adjust the history for later slots: exclude its slots, or rescale older slots to the new normal.

        Late rows are complete by now: nothing is wrong with their slots.
        """
        if self.outcome == "late data":
            return []
        adjustments = []
        for member in self.members:
            lasts = member.is_checked and member.good_slots == 0 and member.expected > 0
            if self.outcome == "new normal" and lasts:
                factor = member.observed / member.expected
                adjustments.append(Adjustment(member.part, datetime.min, member.since, factor))
            else:
                adjustments.append(Adjustment(member.part, member.since, member.last + self.step))
        return adjustments


def make_id(metric: str, opened: datetime, unit: Unit = "slot") -> str:
    """Return the id of an incident: ``views:2026-11-01T1015`` in UTC, of days ``views:2026-11-01`` in the zone."""
    return f"{metric}:{opened:%Y-%m-%dT%H%M}" if unit == "slot" else f"{metric}:{clock.to_local(opened):%Y-%m-%d}"


def message_key(incident_id: str) -> str:
    """Return the key of an incident's message: ``alert-2026-11-01T1015Z-views``, of days ``alert-2026-11-01-views``."""
    metric, _, opened = incident_id.partition(":")
    return f"alert-{opened}{'Z' if unit_of(incident_id) == 'slot' else ''}-{metric}"


def unit_of(incident_id: str) -> Unit:
    """Return whether an id is one of slots or of days."""
    return "day" if re.fullmatch(r".*:\d{4}-\d{2}-\d{2}", incident_id) else "slot"
