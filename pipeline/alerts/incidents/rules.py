"""The settings of incidents: when an incident opens, continues and ends, and when people may be alerted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from pipeline.alerts.incidents.calendar import Entry, entries, quiet_hours
from pipeline.core import settings
from pipeline.core.clock import SLOTS_A_DAY


@dataclass(frozen=True)
class Rules:
    """When an incident opens, continues and ends, and when people may be alerted.

    Parameters
    ----------
    recovery_slots : int
        An incident ends after this many good slots in a row.
    close_score : float
        Hysteresis. An incident opens when a score leaves [-1, 1]. A later slot is still bad if its score leaves [-1, 1]
        in the same direction, or if it exceeds close_score and the value is nearer to the deviation so far than to its
        expectation.
    minimum_slots : int
        People are notified after this many bad slots.
    adopt_slots : int
        A deviation that lasts this many slots, and is not an outage, becomes the new normal.
    escalate_slots : int
        People are notified again, once, after this many slots without any row.
    calendar : sequence of Entry
        Maintenance and known events.
    quiet_hours : tuple of two times, optional
        Local start and end of the hours in which nobody is alerted.
    """

    recovery_slots: int = 4
    close_score: float = 0.5
    minimum_slots: int = 1
    adopt_slots: int = 96
    escalate_slots: int = 4
    calendar: Sequence[Entry] = ()
    quiet_hours: tuple[time, time] | None = None


def current_rules() -> Rules:
    """Read the rules from ``[alerts]`` and ``[calendar]``.

    Raises
    ------
    SettingsError
        If the quiet hours or an entry of the calendar are invalid.
    """
    section = settings.AlertSettings()
    return Rules(
        recovery_slots=section.recovery_slots,
        close_score=section.close_score,
        minimum_slots=section.minimum_slots,
        adopt_slots=round(section.adopt_hours * SLOTS_A_DAY / 24),
        escalate_slots=section.escalate_slots,
        calendar=entries(),
        quiet_hours=quiet_hours(),
    )
