"""An incident and its members, as of a slot."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pipeline.core.clock import SLOT
from pipeline.slots.series import Adjustment, Part

Outcome = Literal["", "recovered", "new normal", "late data"]
NoticeKind = Literal["", "post", "edit", "close", "worse", "still silent"]
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

    def told(self, kind: "NoticeKind") -> "Incident":
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
