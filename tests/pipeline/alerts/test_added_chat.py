"""A chat that is added gets the posts of open incidents, once, under the rules of every alert."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.alerts.incidents import store
from pipeline.alerts.incidents.store import RecordedPress
from pipeline.core import clock
from pipeline.tasks import Alerts
from pipeline.warehouse.engines import EmbeddedEngine
from tests.pipeline.alerts.place import BACK, OUTAGE, SLOT, Site, incident, site
from tests.servers.bot_api import CHAT, TOKEN, BotApi

NEWS = "@feed_news"
RECOVERING = BACK + 2 * SLOT
"""The run that checks the second normal slot after the outage: there is nothing new to say of the incident."""


@pytest.fixture
def place(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[Site]:
    with site(embedded_warehouse, tmp_path) as made:
        made.load(incident())
        yield made


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", TOKEN)
    with BotApi(chats=(CHAT, NEWS)) as server:
        yield server


def send_to(place: Site, api: BotApi, chats: str, **alerts: str) -> None:
    place.alerts = {"channels": "outbox,telegram", **alerts}
    place.sections["telegram"] = {"chats": chats, "api_url": api.url}


def shown(api: BotApi) -> list[tuple[str, bool]]:
    """The chat of each message, and whether it is a reply."""
    return [(sent.chat, sent.reply_to is not None) for sent in api.sent]


@pytest.mark.long
def test_an_open_incident_with_nothing_new_is_posted_once(place: Site, api: BotApi) -> None:
    place.alert(OUTAGE, BACK + SLOT)
    before = place.messages()
    send_to(place, api, CHAT)
    place.run(Alerts(), RECOVERING)
    assert shown(api) == [(CHAT, False)]
    assert "Messages sent: " in api.sent[0].text
    assert api.sent[0].buttons
    send_to(place, api, f"{CHAT},{NEWS}")
    place.run(Alerts(), RECOVERING + SLOT)
    assert shown(api) == [(CHAT, False), (NEWS, False)]
    assert [sent.edits for sent in api.sent] == [0, 0]
    # Those that had it see no change before the end.
    assert place.messages() == before
    place.run(Alerts(), RECOVERING + 2 * SLOT)
    assert shown(api) == [(CHAT, False), (NEWS, False), (CHAT, True), (NEWS, True)]


def test_an_incident_that_lasts_is_posted_once(place: Site, api: BotApi) -> None:
    place.alert(OUTAGE, OUTAGE + SLOT)
    send_to(place, api, CHAT)
    place.alert(OUTAGE + 2 * SLOT, OUTAGE + 3 * SLOT)
    assert shown(api) == [(CHAT, False)]


@pytest.mark.long
def test_an_incident_that_is_over_is_not_posted(place: Site, api: BotApi) -> None:
    place.alert(OUTAGE, BACK + 4 * SLOT)
    send_to(place, api, CHAT)
    place.run(Alerts(), BACK + 5 * SLOT)
    assert shown(api) == []


@pytest.mark.long
def test_quiet_hours_hold(place: Site, api: BotApi) -> None:
    place.alert(OUTAGE, BACK + SLOT)
    send_to(place, api, CHAT, quiet_hours="13:25-13:35")  # 10:25 to 10:35 UTC
    place.run(Alerts(), RECOVERING)
    assert shown(api) == []
    place.run(Alerts(), RECOVERING + SLOT)
    assert shown(api) == [(CHAT, False)]


@pytest.mark.parametrize(("pressed", "expected"), [("mute", []), ("false_alarm", []), ("acknowledge", [(CHAT, False)])])
@pytest.mark.long
def test_what_people_pressed_holds(place: Site, api: BotApi, pressed: str, expected: list[tuple[str, bool]]) -> None:
    place.alert(OUTAGE, BACK + SLOT)
    with place.at(BACK + SLOT + timedelta(minutes=1)):
        press = RecordedPress(1, pressed, "messages_sent:2026-11-12T0900", "Anna", clock.utcnow())
        store.save_presses("outbox", [press])
    send_to(place, api, CHAT)
    place.run(Alerts(), RECOVERING)
    assert shown(api) == expected
    if expected:
        assert "Anna" in api.sent[0].text
