"""The life of incidents in the real tasks, on both engines: posts, edits, silence, late rows, ends, presses."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipeline.alerts.incidents import Incident, store
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.root_cause import raw_slices
from pipeline.alerts.root_cause.adtributor import Slices
from pipeline.tasks import Alerts, Presses
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from tests.pipeline.alerts.place import BACK, OUTAGE, SLOT, Site, incident, site
from tests.servers.bot_api import CHAT, TOKEN, BotApi

pytestmark = pytest.mark.one_engine("embedded")

KEY = "alert-2026-11-12T0900Z-messages_sent"


@pytest.fixture
def place(warehouse: Engine, tmp_path: Path) -> Iterator[Site]:
    with site(warehouse, tmp_path) as made:
        yield made


@pytest.fixture
def embedded(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[Site]:
    with site(embedded_warehouse, tmp_path) as made:
        yield made


def test_an_outage_is_one_message_from_silence_to_recovery(place: Site) -> None:
    place.load(incident())
    place.alert(OUTAGE, OUTAGE + SLOT)
    (text,) = place.messages().values()
    assert "No data in message_actions since 12:00" in text
    assert "Messages sent: 0, expected" in text
    assert "Active users, messenger: 0, expected" in text

    place.alert(OUTAGE + 2 * SLOT, BACK + 4 * SLOT)
    assert list(place.messages()) == [KEY, f"{KEY}-no_data", f"{KEY}-recovered"]
    closing = place.messages()[f"{KEY}-recovered"]
    assert "1 h" in closing
    assert "\nlost: " in closing
    (state,) = place.incidents()
    assert (state["outcome"], state["last_anomaly"]) == ("recovered", str(BACK - SLOT))

    # Repeated runs at any time of the incident send nothing.
    before = place.messages()
    place.warehouse.execute(f"TRUNCATE TABLE {place.database}.table_updates")
    place.alert(OUTAGE + SLOT, BACK + 4 * SLOT)
    assert list(place.messages()) == list(before)


def test_late_rows_correct_the_alert(place: Site) -> None:
    place.load(incident())
    place.alert(OUTAGE, OUTAGE + 3 * SLOT)
    assert list(place.messages()) == [KEY]
    place.arrive("message_actions", OUTAGE, OUTAGE + 3 * SLOT)
    place.arrive("message_actions", OUTAGE + 3 * SLOT, BACK)
    place.run(Alerts(), OUTAGE + 4 * SLOT)
    messages = place.messages()
    assert list(messages) == [KEY, f"{KEY}-data_late"]
    assert "Data was late" in messages[KEY]
    (state,) = place.incidents()
    assert (state["ended"], state["outcome"]) == (True, "late data")
    # The slots were measured and checked again.
    rows = place.warehouse.query(
        f"SELECT DISTINCT verdict FROM {place.database}.slot_checks FINAL "
        f"WHERE metric = 'messages_sent' AND dimension = 'total' AND slot >= '{OUTAGE}'"
    )
    assert rows == [("ok",)]


def test_how_long_slots_grow_is_learnt_and_waited_for(embedded: Site) -> None:
    place = embedded
    place.load(incident())
    # For a day, rows of every slot arrived until half an hour after its end.
    slots = [OUTAGE - timedelta(days=1) + i * SLOT for i in range(100)]
    place.run(Alerts(), OUTAGE - timedelta(days=1))
    place.warehouse.insert(
        f"{place.database}.slot_counts",
        {
            "slot": slots * 2,
            "source_table": ["feed"] * 200,
            "counted_at": [s + SLOT for s in slots] + [s + SLOT + timedelta(minutes=30) for s in slots],
            "rows": [5] * 100 + [9] * 100,
            "lag_seconds": [0] * 200,
        },
    )
    place.run(Alerts(), BACK + timedelta(hours=3))
    rows = place.warehouse.query(f"SELECT max(slot) FROM {place.database}.slot_checks")
    assert rows == [(BACK + timedelta(hours=3) - 3 * SLOT,)]
    known = place.warehouse.query(
        f"SELECT max(lag_seconds) FROM {place.database}.slot_counts WHERE source_table = 'feed'"
    )
    assert known == [(1800,)]


def test_a_failing_slice_is_notified_with_its_cause(place: Site) -> None:
    place.load(incident("messages", dimension="os", dimension_value="iOS"))
    place.alerts = {"slice_volume": "10"}
    place.alert(OUTAGE, OUTAGE + 2 * SLOT)
    (text,) = place.messages().values()
    assert "os iOS explains" in text


def test_an_incident_is_explained_once_a_slot(embedded: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    place = embedded
    explained: list[datetime] = []
    read = raw_slices.read

    def counted(incident: Incident, slot: datetime) -> dict[str, list[Slices]]:
        explained.append(slot)
        return read(incident, slot)

    monkeypatch.setattr(raw_slices, "read", counted)
    place.load(incident("messages", -0.8))
    place.alert(OUTAGE + SLOT, BACK + 4 * SLOT)
    assert list(place.messages()) == [KEY, f"{KEY}-recovered"]
    # Once for the post, each edit and the closing slot, where the reply and the message share the explanation.
    assert explained == [OUTAGE, OUTAGE + SLOT, OUTAGE + 2 * SLOT, OUTAGE + 3 * SLOT, BACK + 3 * SLOT]


def test_maintenance_sends_no_notice(embedded: Site) -> None:
    embedded.load(incident())
    embedded.sections["calendar"] = {"release": "2026-11-12T12:00/2026-11-12T13:00 maintenance"}
    embedded.alert(OUTAGE, BACK + SLOT)
    assert embedded.messages() == {}
    verdicts = embedded.warehouse.query(
        f"SELECT DISTINCT verdict FROM {embedded.database}.slot_checks FINAL "
        f"WHERE metric = 'messages_sent' AND dimension = 'total' AND slot >= '{OUTAGE}' AND slot < '{BACK}'"
    )
    assert verdicts == [("planned",)]


@pytest.fixture
def chat(embedded: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, BotApi]]:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", TOKEN)
    with BotApi() as api:
        embedded.alerts = {"channels": "telegram"}
        embedded.sections["telegram"] = {"chats": CHAT, "api_url": api.url}
        yield embedded, api


def test_buttons_are_read_once_and_shown_to_everybody(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    place.load(incident())
    place.run(Alerts(), OUTAGE + SLOT)
    (sent,) = api.sent
    data = {pressed.partition("|")[0]: pressed for row in sent.buttons for _, pressed in row}
    assert list(data) == ["acknowledge", "mute", "false_alarm", "new_normal"]
    api.press(sent.id, data["acknowledge"], first_name="Anna")
    api.press_elsewhere(data=data["false_alarm"])
    now = OUTAGE + SLOT + timedelta(minutes=2)
    place.run(Presses(), now)
    (shown,) = api.sent
    assert "Anna" in shown.text
    assert "Mallory" not in shown.text
    assert shown.photo is not None
    presses = f"SELECT action, person FROM {place.database}.incident_actions FINAL WHERE incident_id != ''"
    assert place.warehouse.query(presses) == [("acknowledge", "Anna")]

    edits = shown.edits
    place.run(Presses(), now)
    assert [message.edits for message in api.sent] == [edits]


def test_a_false_alarm_is_silent_from_then_on(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    place.load(incident())
    place.run(Alerts(), OUTAGE + SLOT)
    (sent,) = api.sent
    api.press(sent.id, sent.data("false_alarm"))
    place.run(Presses(), OUTAGE + SLOT + timedelta(minutes=1))
    assert "False alarm" in api.sent[0].text
    place.alert(OUTAGE + 2 * SLOT, BACK + 5 * SLOT)
    assert len(api.sent) == 1


@pytest.mark.long
def test_a_press_on_an_incident_long_closed_changes_nothing_but_its_message(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    place.load(incident())
    place.alert(OUTAGE + SLOT, BACK + 5 * SLOT)
    before = place.incidents()
    (first, *_) = api.sent
    api.update(
        callback_query={
            "from": {"id": 5, "is_bot": False, "first_name": "Late"},
            "message": {"message_id": first.id, "date": 1, "chat": {"id": int(CHAT), "type": "supergroup"}},
            "chat_instance": "1",
            "data": "new_normal|messages_sent:2026-11-12T0900",
        }
    )
    place.run(Presses(), BACK + 6 * SLOT)
    assert place.incidents() == before
    place.run(Alerts(), BACK + 6 * SLOT)
    assert "recovered after" in api.sent[0].text


def test_what_was_pressed_is_undone_by_the_button_that_takes_its_place(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    place.load(incident())
    place.run(Alerts(), OUTAGE + SLOT)
    now = OUTAGE + SLOT
    all_buttons = ["acknowledge", "mute", "false_alarm", "new_normal"]
    for pressed, shown, says in (
        ("mute", ["acknowledge", "unmute", "false_alarm", "new_normal"], "muted until 14:16: "),
        ("unmute", all_buttons, "unmuted: "),
        ("false_alarm", ["reopen"], "False alarm: Messages sent"),
        ("reopen", all_buttons, "reopened: "),
        ("new_normal", ["reopen"], "New normal: Messages sent"),
        ("reopen", all_buttons, "No data in message_actions since 12:00"),
    ):
        now += timedelta(minutes=1)
        (sent,) = api.sent
        api.press(sent.id, sent.data(pressed))
        place.run(Presses(), now)
        (sent,) = api.sent
        assert [data.partition("|")[0] for row in sent.buttons for _, data in row] == shown
        assert says in sent.text
    # It goes on as if it had never ended.
    place.run(Alerts(), OUTAGE + 2 * SLOT)
    assert len(api.sent) == 1
    assert [(state["ended"], state["mark"], state["members"][0]["bad_slots"]) for state in place.incidents()] == [
        (False, "", 2)
    ]


def test_a_mute_by_command_is_on_the_message_and_holds_what_comes(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    place.load(incident("messages", -0.7))
    place.run(Alerts(), OUTAGE + SLOT)
    with place.at(OUTAGE + SLOT + timedelta(minutes=1)):
        at = OUTAGE + SLOT + timedelta(minutes=1)
        store.save_mute(Action("", "mute", "anna", at, "messages_sent", at + timedelta(hours=3), "a release"), 1)
    place.run(Presses(), OUTAGE + SLOT + timedelta(minutes=2))
    (sent,) = api.sent
    assert "muted until 15:16: anna, 12:16 (a release)" in sent.text
    assert sent.data("unmute")
    place.alert(OUTAGE + 2 * SLOT, BACK + 5 * SLOT)
    assert len(api.sent) == 1  # it ended without a sound
    assert "recovered after" in api.sent[0].text
