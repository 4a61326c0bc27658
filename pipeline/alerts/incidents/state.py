"""The state of the alerts: all incidents as of a slot and the presses of their buttons."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.alerts.incidents import calendar
from pipeline.alerts.incidents.actions import Action, about, applied, mute_of
from pipeline.alerts.incidents.incident import Incident
from pipeline.slots import Adjustment


@dataclass(frozen=True)
class State:
    """All incidents as of a slot, and the presses of their buttons."""

    current: tuple[Incident, ...] = ()
    """Incidents that are open or ended since the previous slot."""
    past: tuple[Incident, ...] = ()
    """Incidents that ended earlier, within the history of the detectors."""
    corrected: tuple[Incident, ...] = ()
    """Incidents that ended earlier and were amended since: their rows came late."""
    amended: frozenset[str] = frozenset()
    """The ids of the incidents that were amended at the beginning of the slot."""
    told: tuple[Incident, ...] = ()
    """Incidents of slots that are not checked yet, of which people were told (`alerts.provisional`)."""
    actions: Mapping[str, Sequence[Action]] = field(default_factory=dict)
    """Presses of buttons by incident id, mutes by command by metric."""

    def mute_of(self, metrics: Collection[str], now: datetime) -> Action | None:
        """Return the mute that holds for one of some metrics; None if none holds."""
        return mute_of(metrics, self.actions, self.incidents, now)

    def about(self, incident: Incident) -> Sequence[Action]:
        """What people did about an incident."""
        return about(incident, self.actions)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """All incidents."""
        return (*self.past, *self.corrected, *self.current)

    def adjustments(self, entries: Sequence[calendar.Entry]) -> list[Adjustment]:
        """Stretches of the history to exclude or to rescale, from the calendar and the incidents."""
        of_incidents = [item for incident in self.incidents for item in incident.adjustments()]
        return [*calendar.adjustments(entries), *of_incidents]

    def resumed(self) -> "State":
        """The state at the beginning of the next slot, as it would be read again, with the same presses of buttons."""
        return resumed(self.incidents, self.actions)

    def amend(self, before: Incident, after: Incident) -> "State":
        """Replace an incident by what late rows have made of it."""
        if after == before:
            return self
        return replace(
            self,
            current=tuple(after if incident is before else incident for incident in self.current),
            past=tuple(incident for incident in self.past if incident is not before),
            corrected=(*self.corrected, after) if before in self.past else self.corrected,
            amended=self.amended | {after.incident_id},
        )

    def next(self, since: datetime) -> "State":
        """The state at the beginning of the next slot, without ended incidents with no bad slot since `since`."""
        ended = [incident for incident in self.incidents if incident.ended and incident.last_anomaly >= since]
        still_open = tuple(incident for incident in self.current if not incident.ended)
        return replace(self, current=still_open, past=tuple(ended), corrected=(), amended=frozenset())


def resumed(stored: Iterable[Incident], pressed: Mapping[str, Sequence[Action]]) -> State:
    """Make the state at the beginning of a slot from the newest states of incidents and the presses of buttons."""
    stored = sorted(stored, key=lambda incident: incident.incident_id)
    # A press since the previous slot may have ended an incident (a new normal ends at once) or opened it again.
    now = [applied(incident, pressed.get(incident.incident_id, ())) for incident in stored]
    was_open = [not incident.ended for incident in stored]
    current = [incident for incident, still in zip(now, was_open, strict=True) if still or not incident.ended]
    past = [incident for incident, still in zip(now, was_open, strict=True) if not still and incident.ended]
    return State(tuple(current), tuple(past), actions=pressed)
