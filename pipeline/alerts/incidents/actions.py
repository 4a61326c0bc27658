"""What people do about incidents: the buttons below a message, mutes of metrics by command, and their effects."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from pipeline.alerts.incidents.incident import Incident, unit_of

MUTE, MUTE_OF_DAYS = timedelta(hours=2), timedelta(days=7)
"""How long a button mutes. The next check of days is a day later."""

LONGEST_MUTE = timedelta(days=28)

ActionKind = Literal["acknowledge", "mute", "unmute", "false_alarm", "new_normal", "reopen"]
KINDS: tuple[ActionKind, ...] = get_args(ActionKind)

ID_LENGTH = 8
"""Characters of the installation's id in the data of a button."""


@dataclass(frozen=True)
class Action:
    """One press of a button, or one mute of a metric by command."""

    incident_id: str
    """'' for a mute by command."""
    kind: ActionKind
    person: str
    at: datetime
    """Naive UTC."""
    metric: str = ""
    """The metric of a mute by command; '' for a press."""
    until: datetime | None = None
    """The end of a mute by command, naive UTC; None for a press."""
    why: str = ""
    """The reason of a mute by command."""

    @property
    def end(self) -> datetime:
        """The end of a mute, naive UTC."""
        return self.until or self.at + (MUTE if unit_of(self.incident_id) == "slot" else MUTE_OF_DAYS)


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


def offered(incident: Incident, *, muted: bool) -> Sequence[ActionKind]:
    """Return the buttons of an incident: what can be done about it, and what undoes what was done."""
    if incident.mark and (not incident.ended or incident.outcome == "new normal"):
        return ("reopen",)
    if incident.ended:
        return ()
    return ("acknowledge", "unmute" if muted else "mute", "false_alarm", "new_normal")


def by_incident(actions: Iterable[Action]) -> dict[str, list[Action]]:
    """Group actions by incident, mutes by command by metric, the oldest first.

    If a person pressed a button repeatedly, the last press counts.
    """
    newest: dict[str, dict[tuple[str, str], Action]] = {}
    for action in sorted(actions, key=lambda item: item.at):
        newest.setdefault(action.incident_id or action.metric, {})[action.kind, action.person] = action
    return {incident_id: list(pressed.values()) for incident_id, pressed in newest.items()}


def about(incident: Incident, actions: Mapping[str, Sequence[Action]]) -> Sequence[Action]:
    """Return what the message of an incident shows: its presses, and mutes of its metrics while it lasted."""
    pressed = actions.get(incident.incident_id, ())
    metrics = dict.fromkeys(member.metric for member in incident.members)
    muted = [action for metric in metrics for action in actions.get(metric, ()) if _concerns(action, incident)]
    return sorted([*pressed, *muted], key=_order) if muted else pressed


def applied(incident: Incident, actions: Sequence[Action]) -> Incident:
    """Apply presses to an incident: a false alarm continues without notices, a new normal ends at once.

    Both can be taken back by reopening it. Nothing else changes an incident that has ended.
    """
    for action in sorted(actions, key=_order):
        if action.kind == "reopen" and incident.mark:
            is_declared = incident.mark == incident.outcome == "new normal"
            again = {"ended": False, "outcome": "", "ended_at": None} if is_declared else {}
            incident = replace(incident, mark="", **again)  # type: ignore[arg-type]
        elif incident.ended:
            continue
        elif action.kind == "false_alarm":
            incident = replace(incident, mark="false alarm")
        elif action.kind == "new_normal":
            incident = replace(incident, mark="new normal", ended=True, outcome="new normal")
    return incident


def standing(pressed: Iterable[Action]) -> list[Action]:
    """Leave out what people declared an incident to be before it was reopened."""
    pressed = list(pressed)
    reopened = max((action.at for action in pressed if action.kind == "reopen"), default=datetime.min)
    return [action for action in pressed if action.kind not in ("false_alarm", "new_normal") or action.at > reopened]


def mute_of(
    metrics: Collection[str], actions: Mapping[str, Sequence[Action]], incidents: Sequence[Incident], now: datetime
) -> Action | None:
    """Return the mute that holds for one of some metrics; None if none holds.

    A mute or unmute by a button is of the metrics of its incident.
    """
    own = [item.incident_id for item in incidents if any(member.metric in metrics for member in item.members)]
    return muting([action for key in {*own, *metrics} for action in actions.get(key, ())], now)


def muting(actions: Iterable[Action], now: datetime) -> Action | None:
    """Return the mute that holds after some actions: of several the one that lasts longest; None if none holds."""
    held: Action | None = None
    for action in sorted((action for action in actions if action.at <= now), key=_order):
        if action.kind == "unmute":
            held = None
        elif action.kind == "mute" and (held is None or action.end > held.end):
            held = action
    return held if held and now < held.end else None


def is_muted(
    incident: Incident, actions: Mapping[str, Sequence[Action]], incidents: Sequence[Incident], now: datetime
) -> bool:
    """Whether a mute holds for an incident."""
    return mute_of({member.metric for member in incident.members}, actions, incidents, now) is not None


def _concerns(action: Action, incident: Incident) -> bool:
    """Whether a mute or unmute of a metric was in effect while an incident lasted."""
    end = incident.last_anomaly if incident.ended else datetime.max
    return action.at <= end and (action.end if action.kind == "mute" else action.at) > incident.opened


def _order(action: Action) -> tuple[datetime, bool]:
    """The order of actions; in the same second an unmute is the last word."""
    return action.at, action.kind == "unmute"
