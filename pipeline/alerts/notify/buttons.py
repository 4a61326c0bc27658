"""Presses of buttons: read from the channels, recorded, answered, and shown on the message."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.alerts.detection.monitors import monitors
from pipeline.alerts.evaluation import Evaluation, look
from pipeline.alerts.incidents import actions, store
from pipeline.alerts.notify import notifier
from pipeline.core import clock, settings
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import INCIDENT_ACTIONS, full_name, open_warehouse
from reporting.alerts import compose_answer

if TYPE_CHECKING:
    from reporting.channels.base import Channel, Press

LOGGER = logging.getLogger("luigi-interface")


def poll_buttons(to: "Mapping[str, Channel]") -> int:
    """Deal with what was pressed since the last time; returns how many presses there were.

    A press is recorded before it is answered: killed in between, the next run goes on after it.
    """
    count = 0
    concerned: set[str] = set()
    for name, channel in to.items():
        for press in channel.presses(_last_press(name) + 1):
            count += 1
            named = actions.read_button(press.data)
            _record(name, press, named)
            action = named[0] if named else None
            channel.answer_press(press, compose_answer(action, actions.MUTE, settings.ReportSettings().language))
            if named is not None:
                concerned.add(named[1])
    if concerned:
        _show(concerned, to)
    return count


def _show(concerned: set[str], to: "Mapping[str, Channel]") -> None:
    slot = store.last_checked_slot()  # a press may come before the newest slot was measured
    if slot is None:
        return
    said = actions.by_incident(store.load_actions(slot + clock.SLOT))
    recent = {
        incident.incident_id: actions.applied(incident, said.get(incident.incident_id, ()))
        for incident in store.load_incidents(slot + clock.SLOT)
    }
    known = [recent[incident_id] for incident_id in sorted(concerned) if incident_id in recent]
    if not known:
        return
    moment = look(slot, monitors(), list(recent.values()))
    for incident in known:
        notifier.show(incident, Evaluation(moment, known, list(recent.values()), said), to)


def _last_press(channel: str) -> int:
    rows = open_warehouse().query(
        statement("last_press", incident_actions=full_name(INCIDENT_ACTIONS)), {"channel": channel}
    )
    return int(rows[0][0] or 0) if rows else 0


def _record(channel: str, press: "Press", named: "tuple[actions.Kind, str] | None") -> None:
    action, incident_id = named or ("", "")
    LOGGER.info("%s pressed %s below %s", press.user, action or "an unknown button", incident_id or "a message")
    open_warehouse().insert(
        full_name(INCIDENT_ACTIONS),
        {
            "incident_id": [incident_id],
            "action": [action],
            "person": [press.user],
            "at": [clock.now().replace(tzinfo=None, microsecond=0)],
            "channel": [channel],
            "update_number": [press.update],
        },
    )
