"""What people say of an incident by its buttons, and what that changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from pipeline.alerts.incidents.incident import Incident

MUTE = timedelta(hours=2)

Kind = Literal["acknowledge", "mute", "false_alarm", "new_normal"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Action:
    """One press of a button."""

    incident_id: str
    kind: Kind
    person: str
    at: datetime
    """Naive UTC."""


def button(kind: Kind, incident: Incident) -> str:
    """What the press of a button tells: at most 64 bytes."""
    return f"{kind}|{incident.incident_id}"


def read_button(data: str) -> tuple[Kind, str] | None:
    """The action and the incident's id that a button's data names; None where it names none."""
    kind, _, incident_id = data.partition("|")
    return (kind, incident_id) if kind in KINDS and incident_id else None


def by_incident(actions: Iterable[Action]) -> dict[str, list[Action]]:
    """Group by incident, the oldest first; of one person's repeated presses the last counts."""
    found: dict[str, dict[tuple[str, str], Action]] = {}
    for action in sorted(actions, key=lambda item: item.at):
        found.setdefault(action.incident_id, {})[action.kind, action.person] = action
    return {incident_id: list(pressed.values()) for incident_id, pressed in found.items()}


def applied(incident: Incident, actions: Sequence[Action]) -> Incident:
    """The incident as people left it: a false alarm goes on unheard, a new normal ends at once.

    What ended before anybody spoke stays as it ended.
    """
    for action in actions:
        if incident.ended:
            break
        if action.kind == "false_alarm":
            incident = replace(incident, mark="false alarm")
        elif action.kind == "new_normal":
            incident = replace(incident, mark="new normal", ended=True, outcome="new normal")
    return incident


def is_muted(
    incident: Incident, actions: Mapping[str, Sequence[Action]], incidents: Sequence[Incident], now: datetime
) -> bool:
    """Whether nobody is to be called for an incident: it, or one of the same metrics, was muted less than 2 h ago."""
    metrics = {member.metric for member in incident.members}
    for other in incidents:
        if metrics & {member.metric for member in other.members}:
            said = actions.get(other.incident_id, ())
            if any(action.kind == "mute" and action.at <= now < action.at + MUTE for action in said):
                return True
    return False
