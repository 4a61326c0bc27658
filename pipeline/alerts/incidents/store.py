"""Incidents and what people said of them, as the warehouse keeps them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.core import clock, settings
from pipeline.slots.series import Part
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import INCIDENT_ACTIONS, INCIDENTS, SLOT_CHECKS, full_name, open_warehouse


def load_incidents(slot: datetime) -> list[Incident]:
    """Every incident that was open before a slot, within the history that detectors look at; its newest state."""
    start = slot - timedelta(days=settings.AlertSettings().history_days + 1)
    rows = open_warehouse().query(
        statement("recent_incidents", incidents=full_name(INCIDENTS)), {"start": str(start), "slot": str(slot)}
    )
    # What an earlier version wrote has no details: such an incident is over.
    return [_decode(details) for _, _, details in rows if details]


def load_actions(slot: datetime) -> list[Action]:
    """What people said by now of the incidents of `read_incidents`."""
    start = slot - timedelta(days=settings.AlertSettings().history_days + 1)
    until = clock.utcnow()
    rows = open_warehouse().query(
        statement("incident_actions", incident_actions=full_name(INCIDENT_ACTIONS)),
        {"start": str(start), "until": str(until.replace(microsecond=0))},
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


def save_checks(checks: Sequence[CheckResult], slot: datetime) -> None:
    """Write what was judged."""
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
        {"slot": [slot] * len(checks), **{name: [getattr(item, name) for item in checks] for name in columns}},
    )


def load_healthy(start: datetime, end: datetime) -> set[tuple[datetime, Part]]:
    """The slots from `start` to `end` and the metrics and slices that were last judged to be as they should."""
    rows = open_warehouse().query(
        statement("healthy_checks", slot_checks=full_name(SLOT_CHECKS)), {"start": str(start), "end": str(end)}
    )
    return {(clock.from_epoch(seconds), Part(*part)) for seconds, *part in rows}


def last_checked_slot() -> datetime | None:
    """The newest slot that was judged, naive UTC."""
    ((seconds,),) = open_warehouse().query(statement("last_checked_slot", slot_checks=full_name(SLOT_CHECKS)))
    return clock.from_epoch(seconds) if seconds else None


def _decode(details: str) -> Incident:
    fields: dict[str, Any] = json.loads(details)
    members = [
        Member(**{**member, **{name: _moment(member[name]) for name in ("since", "last", "worst_at")}})
        for member in fields.pop("members")
    ]
    for name in ("opened", "last_anomaly", "silent_since"):
        fields[name] = _moment(fields[name])
    return Incident(members=tuple(members), **fields)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
