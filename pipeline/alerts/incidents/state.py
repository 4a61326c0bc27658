"""All incidents as of a slot, and what people said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.alerts.incidents import calendar
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import Incident
from pipeline.slots import Adjustment


@dataclass(frozen=True)
class State:
    """All incidents as of a slot, and what people said of them."""

    current: tuple[Incident, ...] = ()
    """Open, or ended since the slot before."""
    past: tuple[Incident, ...] = ()
    """Ended earlier, within the history that detectors look at."""
    corrected: tuple[Incident, ...] = ()
    """Ended earlier too; rows that came since show that only data was late."""
    actions: Mapping[str, Sequence[Action]] = field(default_factory=dict)
    """Presses of buttons, by incident."""

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """All incidents."""
        return (*self.past, *self.corrected, *self.current)

    def adjustments(self, entries: Sequence[calendar.Entry]) -> list[Adjustment]:
        """What the detectors must not learn from, or must read at another level."""
        of_incidents = [item for incident in self.incidents for item in incident.adjustments()]
        return [*calendar.adjustments(entries), *of_incidents]

    def next(self, since: datetime) -> "State":
        """The state in which the next slot begins; incidents whose latest bad slot is before `since` are dropped."""
        ended = [incident for incident in self.incidents if incident.ended and incident.last_anomaly >= since]
        still_open = tuple(incident for incident in self.current if not incident.ended)
        return replace(self, current=still_open, past=tuple(ended), corrected=())
