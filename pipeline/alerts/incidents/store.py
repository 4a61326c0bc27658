"""Reads and writes incidents, results of checks and presses of buttons in the warehouse."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from math import inf, nan
from typing import Any

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.detection.inside import SubSlot
from pipeline.alerts.incidents import actions
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import Incident, Member, Misjudged, message_key
from pipeline.alerts.incidents.state import State, resumed
from pipeline.core import clock, settings
from pipeline.slots import Part
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import (
    DELIVERIES,
    INCIDENT_ACTIONS,
    INCIDENTS,
    SLOT_CHECKS,
    full_name,
    insert,
    is_missing,
    open_warehouse,
)

COMMAND = "command"
"""The channel of mutes by command."""
CHECK_COLUMNS = (
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
"""The columns of the result of a check that slots and days have."""
SUB_SLOT_COLUMNS = ("spoke", "minute", "minutes", "inside")
"""The columns of what has the score of a slot."""
MOMENTS = ("since", "last", "worst_at", "inside_from", "inside_to")
"""The fields of a member that are moments."""


def load_state(slot: datetime) -> State:
    """Read the state of slots at the beginning of a slot, with the presses of buttons until now."""
    pressed = actions.by_incident(load_actions(slot))
    return resumed(load_incidents(slot), pressed)


def load_incidents(slot: datetime) -> list[Incident]:
    """Read the newest state before a slot of every incident of slots within the history of the detectors."""
    return [incident for incident in load_every(slot) if incident.unit == "slot"]


def load_every(slot: datetime) -> list[Incident]:
    """As `load_incidents`, of slots and of days."""
    return load_between(_start_of_history(slot), slot)


def load_between(start: datetime, end: datetime) -> list[Incident]:
    """Read the newest state before `end` of every incident, of slots and of days, that has a state since `start`."""
    sql = statement("recent_incidents", incidents=full_name(INCIDENTS))
    rows = open_warehouse().query(sql, {"start": str(start), "slot": str(end)})
    return [_decode(details) for _, _, details in rows]


def load_states(slot: datetime) -> list[tuple[datetime, Incident]]:
    """Read every state of incidents of slots since a slot, each incident's in order, without those withdrawn."""
    sql = statement("incident_states", incidents=full_name(INCIDENTS))
    rows = open_warehouse().query(sql, {"slot": str(slot)})
    states = [(at, _decode(details)) for at, details in rows if details]
    return [(at, incident) for at, incident in states if incident.unit == "slot"]


def withdraw(states: Sequence[tuple[datetime, Incident]]) -> None:
    """Make states of incidents as if they had never been: each row is replaced by one without details."""
    incidents = [replace(incident, ended=True, notified=False, outcome="wrong clock") for _, incident in states]
    _write(incidents, [slot for slot, _ in states], [""] * len(states))


def load_actions(slot: datetime) -> list[Action]:
    """Read the presses of buttons and the mutes by command until now, within the same history as `load_incidents`."""
    until = clock.utcnow()
    is_early = is_missing(f"{INCIDENT_ACTIONS}.metric")
    columns = ("''", "toDateTime(0, 'UTC')", "''") if is_early else ("metric", "until", "why")
    rows = open_warehouse().query(
        statement(
            "incident_actions",
            incident_actions=full_name(INCIDENT_ACTIONS),
            **dict(zip(("metric", "until", "why"), map(Fragment, columns), strict=True)),
        ),
        {"start": str(_start_of_history(slot)), "until": str(until.replace(microsecond=0))},
    )
    return [
        Action(incident_id, action, person, at, metric, end if metric and end > at else None, why)
        for incident_id, action, person, at, metric, end, why in rows
    ]


def save_mute(action: Action, number: int) -> None:
    """Write a mute or unmute of a metric by command; `number` must be new, and greater than those before."""
    insert(
        INCIDENT_ACTIONS,
        {
            "channel": [COMMAND],
            "update_number": [number],
            "incident_id": [""],
            "action": [action.kind],
            "person": [action.person],
            "at": [action.at],
            "metric": [action.metric],
            "until": [action.until or action.at],
            "why": [action.why],
        },
    )


def has_noticed_incidents(since: datetime) -> bool:
    """Whether people were told of an incident that lasts or ended since a moment."""
    sql = statement("noticed_incidents", incidents=full_name(INCIDENTS))
    ((count,),) = open_warehouse().query(sql, {"since": str(since)})
    return bool(count)


def save_incidents(incidents: Sequence[Incident], slot: datetime | Sequence[datetime]) -> None:
    """Write the state of incidents as of a slot, or of each as of its own slot."""
    details = [json.dumps(asdict(item), default=str, ensure_ascii=False) for item in incidents]
    _write(incidents, _slots(slot, incidents), details)


def _write(incidents: Sequence[Incident], slots: list[datetime], details: list[str]) -> None:
    insert(
        INCIDENTS,
        {
            "incident_id": [item.incident_id for item in incidents],
            "slot": slots,
            "metric": [item.members[0].metric for item in incidents],
            "opened": [item.opened for item in incidents],
            "last_anomaly": [item.last_anomaly for item in incidents],
            "state": ["ended" if item.ended else "open" for item in incidents],
            "good_slots": [min(member.good_slots for member in item.members) for item in incidents],
            "notified": [int(item.notified) for item in incidents],
            "outcome": [item.outcome for item in incidents],
            "details": details,
        },
    )


def save_checks(results: Collection[CheckResult], slot: datetime | Sequence[datetime]) -> None:
    """Write the results of a slot's checks, or of each of its own slot."""
    columns = (*CHECK_COLUMNS, "slot_score", "weight")
    values = {name: [getattr(item, name) for item in results] for name in columns}
    inside = [item.sub_slot or SubSlot("slot", 0, 0, nan) for item in results]
    values |= {column: [item[i] for item in inside] for i, column in enumerate(SUB_SLOT_COLUMNS)}
    insert(SLOT_CHECKS, {"slot": _slots(slot, results), **values})


def load_checks(start: datetime, end: datetime) -> dict[datetime, dict[Part, CheckResult]]:
    """Read the latest results of the slots from `start` to before `end`, by slot and metric or slice."""
    rows = open_warehouse().query(
        statement("present_checks", slot_checks=full_name(SLOT_CHECKS)), {"start": str(start), "end": str(end)}
    )
    found: dict[datetime, dict[Part, CheckResult]] = {}
    for seconds, *fields, spoke, minute, minutes, value in rows:
        fields.append(SubSlot(spoke, minute, minutes, value) if minutes else None)
        result = CheckResult(*fields)
        found.setdefault(clock.from_epoch(seconds), {})[result.part] = result
    return found


def judged(metrics: Collection[str], start: datetime, end: datetime) -> list[str]:
    """Read which metrics had enough history for a check from `start` to before `end`."""
    sql = statement("judged_metrics", slot_checks=full_name(SLOT_CHECKS))
    bound = {"metrics": tuple(metrics), "start": str(start), "end": str(end)}
    return [metric for (metric,) in open_warehouse().query(sql, bound)]


def last_checked_slot() -> datetime | None:
    """Read the newest slot that was checked, naive UTC; slots that are not over were checked by a wrong clock."""
    sql = statement("last_checked_slot", slot_checks=full_name(SLOT_CHECKS))
    ((seconds,),) = open_warehouse().query(sql, {"until": str(clock.last_closed_slot())})
    return clock.from_epoch(seconds) if seconds else None


@dataclass(frozen=True)
class RecordedPress:
    """A press of a button as the table has it."""

    update: int
    """Its number in the channel's queue."""
    action: str
    """The action, or why the press was not applied."""
    incident_id: str
    """'' if the press was not applied."""
    person: str
    at: datetime
    """When it was read, naive UTC."""


def save_presses(channel: str, presses: Sequence[RecordedPress]) -> None:
    """Write presses of a queue, all in one INSERT."""
    if not presses:
        return
    columns = ("action", "incident_id", "person", "at")
    insert(
        INCIDENT_ACTIONS,
        {
            "channel": [channel] * len(presses),
            "update_number": [press.update for press in presses],
            **{name: [getattr(press, name) for press in presses] for name in columns},
        },
    )


def load_presses(channels: Sequence[str], numbers: Collection[int]) -> dict[str, dict[int, RecordedPress]]:
    """Read the recorded presses with one of these numbers, by channel and number."""
    rows = open_warehouse().query(
        statement("recorded_presses", incident_actions=full_name(INCIDENT_ACTIONS)),
        {"channels": tuple(channels), "numbers": tuple(numbers)},
    )
    found: dict[str, dict[int, RecordedPress]] = {channel: {} for channel in channels}
    for channel, *row in rows:
        found[channel][row[0]] = RecordedPress(*row)
    return found


def known_incidents(incident_ids: Collection[str]) -> set[str]:
    """Return which ids are those of incidents: they are stored, or their message was sent just now."""
    if not incident_ids:
        return set()
    sql = statement("stored_incidents", incidents=full_name(INCIDENTS))
    known = {item for (item,) in open_warehouse().query(sql, {"incident_ids": tuple(incident_ids)})}
    # Incidents are stored after their messages are sent.
    keys = {message_key(item): item for item in incident_ids if item not in known}
    if keys:
        sql = statement("posted_alerts", deliveries=full_name(DELIVERIES))
        known |= {keys[key] for (key,) in open_warehouse().query(sql, {"keys": tuple(keys)})}
    return known


def _slots(slot: datetime | Sequence[datetime], items: Collection[object]) -> list[datetime]:
    return [slot] * len(items) if isinstance(slot, datetime) else list(slot)


def _start_of_history(slot: datetime) -> datetime:
    return slot - timedelta(days=settings.AlertSettings().history_days + 1)


def _decode(details: str) -> Incident:
    """Decode an incident from its JSON. Fields that an earlier release did not write have their defaults."""
    fields: dict[str, Any] = json.loads(details)
    members = [
        Member(**{**member, **{name: _to_datetime(member.get(name)) for name in MOMENTS}})
        for member in fields.pop("members")
    ]
    for name in ("opened", "last_anomaly", "silent_since", "noticed", "ended_at", "late_until"):
        fields[name] = _to_datetime(fields.get(name))
    if fields.pop("told_worst", None):
        # An earlier release did not write what people were told of each member: all of it counts as told.
        members = [replace(member, told_change=-1.0, told_score=inf) for member in members]
    misjudged = tuple(Misjudged(**item) for item in fields.pop("misjudged", ()))
    return Incident(members=tuple(members), misjudged=misjudged, **fields)


def _to_datetime(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
