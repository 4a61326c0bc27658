"""When an incident opens, goes on and ends."""

from dataclasses import dataclass

from pipeline.core import settings


@dataclass(frozen=True)
class Rules:
    """When an incident opens, goes on and ends.

    Parameters
    ----------
    recovery_slots : int
        So many good slots in a row end it.
    close_score : float
        Hysteresis: it opens where a score leaves [-1, 1] and goes on while the slot's is outside of +-this and the
        value nearer to the deviation so far than to its expectation.
    minimum_slots : int
        So many bad slots it takes before people hear of it.
    adopt_slots : int
        After so many slots a deviation that is not an outage is the new normal.
    escalate_slots : int
        After so many slots without any row people hear of it once more.
    """

    recovery_slots: int = 4
    close_score: float = 0.5
    minimum_slots: int = 1
    adopt_slots: int = 96
    escalate_slots: int = 4


def current_rules() -> Rules:
    """When an incident opens, goes on and ends, from [alerts]."""
    section = settings.AlertSettings()
    return Rules(
        recovery_slots=section.recovery_slots,
        close_score=section.close_score,
        minimum_slots=section.minimum_slots,
        adopt_slots=round(section.adopt_hours * 4),
        escalate_slots=section.escalate_slots,
    )
