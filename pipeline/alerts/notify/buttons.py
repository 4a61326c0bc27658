"""Reads presses of buttons from the channels, records and answers them."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.alerts.incidents import actions, store
from pipeline.core import settings

if TYPE_CHECKING:
    from reporting.channels.base import Channel

LOGGER = logging.getLogger(__name__)


def poll_buttons(channels: "Mapping[str, Channel]") -> set[str]:
    """Record and answer every press since the last poll. Returns the ids of the incidents whose buttons were pressed.

    A press is recorded before it is answered. After a kill in between it stays unanswered, and the next poll continues
    with the following press.
    """
    from reporting.alerts import compose_answer  # imports what draws; a check every 15 minutes imports this module

    language = settings.ReportSettings().language
    pressed: set[str] = set()
    for name, channel in channels.items():
        for press in channel.presses(store.last_press(name) + 1):
            kind, incident_id = actions.read_button(press.data) or (None, "")
            LOGGER.info("%s pressed %s below %s", press.user, kind or "an unknown button", incident_id or "a message")
            store.save_press(name, press.update, kind or "", incident_id, press.user)
            channel.answer_press(press, compose_answer(kind, actions.MUTE, language))
            if incident_id:
                pressed.add(incident_id)
    return pressed
