"""Reads and writes incidents, results of checks and presses of buttons in the warehouse."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents import actions
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.alerts.incidents.state import State
from pipeline.core import clock, settings
from pipeline.slots import Part
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import INCIDENT_ACTIONS, INCIDENTS, SLOT_CHECKS, full_name, open_warehouse


def load_state(slot: datetime) -> State:
    """Read the state at the beginning of a slot, with the presses of buttons until now."""
    pressed = actions.by_incident(load_actions(slot))
    stored = load_incidents(slot)
    # A press since the previous slot may have ended an incident: a new normal ends at once.
    current = [
        actions.applied(incident, pressed.get(incident.incident_id, ())) for incident in stored if not incident.ended
    ]
    return State(tuple(current), tuple(incident for incident in stored if incident.ended), actions=pressed)


def load_incidents(slot: datetime) -> list[Incident]:
    """Read the newest state before a slot of every incident within the history of the detectors."""
    rows = open_warehouse().query(
        statement("recent_incidents", incidents=full_name(INCIDENTS)),
        {"start": str(_start_of_history(slot)), "slot": str(slot)},
    )
    # Rows of an early release have no details, so their incidents are ignored.
    return [_decode(details) for _, _, details in rows if details]


def load_actions(slot: datetime) -> list[Action]:
    """Read the presses of buttons until now, within the same history as `load_incidents`."""
    until = clock.utcnow()
    rows = open_warehouse().query(
        statement("incident_actions", incident_actions=full_name(INCIDENT_ACTIONS)),
        {"start": str(_start_of_history(slot)), "until": str(until.replace(microsecond=0))},
    )
    return [Action(incident_id, action, person, at) for incident_id, action, person, at in rows]


def save_incidents(incidents: Sequence[Incident], slot: datetime) -> None:
    """Write the state of incidents as of a slot."""
    open_warehouse().insert(
        full_name(INCIDENTS),
        {
            "incident_id": [item.incident_id for item in incidents],
            "slot": [slot] * len(incidents),
            "metric": [item.members[0].metric for item in incidents],
            "opened": [item.opened for item in incidents],
            "last_anomaly": [item.last_anomaly for item in incidents],
            "state": ["ended" if item.ended else "open" for item in incidents],
            "good_slots": [min(member.good_slots for member in item.members) for item in incidents],
            "notified": [int(item.notified) for item in incidents],
            "outcome": [item.outcome for item in incidents],
            "details": [json.dumps(asdict(item), default=str, ensure_ascii=False) for item in incidents],
        },
    )


def save_checks(results: Collection[CheckResult], slot: datetime) -> None:
    """Write the results of a slot's checks."""
    columns = (
        "metric",
        "dimension",
        "dimension_value",
        "detector",
        "value",
        "expected",
        "lower",
        "upper",
        "score",
        "verdict",
    )
    open_warehouse().insert(
        full_name(SLOT_CHECKS),
        {"slot": [slot] * len(results), **{name: [getattr(item, name) for item in results] for name in columns}},
    )


def load_healthy(start: datetime, end: datetime) -> set[tuple[datetime, Part]]:
    """Read the slots from `start` to before `end`, with metric or slice, whose latest check was "ok"."""
    rows = open_warehouse().query(
        statement("healthy_checks", slot_checks=full_name(SLOT_CHECKS)), {"start": str(start), "end": str(end)}
    )
    return {(clock.from_epoch(seconds), Part(*part)) for seconds, *part in rows}


def last_checked_slot() -> datetime | None:
    """Read the newest slot that was checked, naive UTC."""
    ((seconds,),) = open_warehouse().query(statement("last_checked_slot", slot_checks=full_name(SLOT_CHECKS)))
    return clock.from_epoch(seconds) if seconds else None


def save_press(channel: str, update: int, action: str, incident_id: str, person: str) -> None:
    """Write a press of a button with the current time. Action and incident are '' if the button is not ours."""
    open_warehouse().insert(
        full_name(INCIDENT_ACTIONS),
        {
            "incident_id": [incident_id],
            "action": [action],
            "person": [person],
            "at": [clock.utcnow().replace(microsecond=0)],
            "channel": [channel],
            "update_number": [update],
        },
    )


def last_press(channel: str) -> int:
    """Read the number of the newest recorded press of a channel; 0 before the first."""
    rows = open_warehouse().query(
        statement("last_press", incident_actions=full_name(INCIDENT_ACTIONS)), {"channel": channel}
    )
    return int(rows[0][0] or 0) if rows else 0


def _start_of_history(slot: datetime) -> datetime:
    return slot - timedelta(days=settings.AlertSettings().history_days + 1)


def _decode(details: str) -> Incident:
    """Decode an incident from its JSON. Fields that an earlier release did not write have their defaults."""
    fields: dict[str, Any] = json.loads(details)
    members = [
        Member(**{**member, **{name: _to_datetime(member[name]) for name in ("since", "last", "worst_at")}})
        for member in fields.pop("members")
    ]
    for name in ("opened", "last_anomaly", "silent_since"):
        fields[name] = _to_datetime(fields[name])
    return Incident(members=tuple(members), **fields)


def _to_datetime(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
