"""The buttons below an incident's message, the presses of them, and their effects on the incident."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from pipeline.alerts.incidents.incident import Incident

MUTE = timedelta(hours=2)

ActionKind = Literal["acknowledge", "mute", "false_alarm", "new_normal"]
KINDS: tuple[ActionKind, ...] = get_args(ActionKind)

ID_LENGTH = 8
"""Characters of the installation's id in the data of a button."""


@dataclass(frozen=True)
class Action:
    """One press of a button."""

    incident_id: str
    kind: ActionKind
    person: str
    at: datetime
    """Naive UTC."""


@dataclass(frozen=True)
class ButtonData:
    """What the data of a button says."""

    kind: ActionKind
    incident_id: str
    installation: str
    """Begins the id of the installation that posted the message; '' for messages of an earlier release."""


def button(kind: ActionKind, incident: Incident, installation: str) -> str:
    """Encode an action on an incident as the data of a button, at most 64 bytes."""
    return "|".join([kind, incident.incident_id, *([installation[:ID_LENGTH]] if installation else [])])


def read_button(data: str) -> ButtonData | None:
    """Decode the data of a button; None if it is not a button of feedpulse."""
    kind, _, rest = data.partition("|")
    incident_id, _, installation = rest.partition("|")
    return ButtonData(kind, incident_id, installation) if kind in KINDS and incident_id else None


def by_incident(actions: Iterable[Action]) -> dict[str, list[Action]]:
    """Group actions by incident, the oldest first. If a person pressed a button repeatedly, the last press counts."""
    newest: dict[str, dict[tuple[str, str], Action]] = {}
    for action in sorted(actions, key=lambda item: item.at):
        newest.setdefault(action.incident_id, {})[action.kind, action.person] = action
    return {incident_id: list(pressed.values()) for incident_id, pressed in newest.items()}


def applied(incident: Incident, actions: Sequence[Action]) -> Incident:
    """Apply actions to an incident: a false alarm continues without notices, a new normal ends at once.

    Actions do not change an incident that has ended.
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
    """Whether an incident, or another incident that shares a metric with it, was muted less than `MUTE` ago."""
    metrics = {member.metric for member in incident.members}
    for other in incidents:
        if metrics & {member.metric for member in other.members}:
            pressed = actions.get(other.incident_id, ())
            if any(action.kind == "mute" and action.at <= now < action.at + MUTE for action in pressed):
                return True
    return False
