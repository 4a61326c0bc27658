"""Presses of buttons: read from the queue of a real client, recorded, answered and confirmed."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from pipeline.alerts.incidents import Incident, store
from pipeline.alerts.incidents.actions import KINDS, Action, ButtonData, button, by_incident, read_button
from pipeline.alerts.incidents.incident import Member
from pipeline.alerts.incidents.store import RecordedPress
from pipeline.alerts.notify import buttons
from pipeline.alerts.notify.buttons import Polled, poll_buttons
from pipeline.core import clock, metrics
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from pipeline.warehouse.tables import installation_id
from reporting.channels import Channel, Page, create
from reporting.channels.telegram.channel import Telegram
from reporting.errors import ChannelUnavailableError
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place
from tests.servers.bot_api import CHAT, TOKEN, BotApi, html

NOW = datetime(2026, 11, 12, 9, 40)
ID = "views:2026-11-12T0900"
OTHER = "0000dead"
"""Begins the id of another installation."""


def incident() -> Incident:
    return Incident(ID, NOW, NOW, members=(Member("views", "total", "all", NOW, NOW, -1),))


@dataclass
class Desk:
    """An installation with one incident, whose bot writes to one chat."""

    engine: Engine
    database: str
    api: BotApi
    settings: dict[str, str] = field(default_factory=dict)

    def data(self, kind: str = "acknowledge", installation: str | None = None, incident_id: str = ID) -> str:
        """The data of a button."""
        own = installation_id()[:8] if installation is None else installation
        return "|".join([kind, incident_id, *([own] if own else [])])

    def channel(self) -> Telegram:
        made = create("telegram", chats=CHAT, api_url=self.api.url, **self.settings)
        assert isinstance(made, Telegram)
        return made

    def poll(self) -> Polled:
        """Read the presses as a run of `Presses` does."""
        return poll_buttons({"telegram": self.channel()})

    def rows(self, columns: str = "action, person") -> list[tuple[Any, ...]]:
        """The recorded presses in order."""
        table = f"{self.database}.incident_actions"
        return list(self.engine.query(f"SELECT {columns} FROM {table} FINAL ORDER BY channel, update_number"))

    def applied(self) -> list[tuple[str, str]]:
        """What the incident shows: action and person."""
        return [(action.kind, action.person) for action in by_incident(store.load_actions(NOW)).get(ID, ())]


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setattr(Telegram, "sleep", staticmethod(lambda _: None))


@contextlib.contextmanager
def opened(engine: Engine, folder: Path) -> Iterator[Desk]:
    with fresh_database(engine) as database, BotApi() as api:
        settings = {"warehouse": {"database": database, **place(engine)}, "delivery": {"lock_path": str(folder)}}
        with configured(NOW, **settings):
            store.save_incidents([incident()], NOW)
            yield Desk(engine, database, api)


@pytest.fixture
def desk(embedded_warehouse: EmbeddedEngine, tmp_path: Path, token: None) -> Iterator[Desk]:
    with opened(embedded_warehouse, tmp_path) as made:
        yield made


@pytest.fixture
def any_desk(warehouse: Engine, tmp_path: Path, token: None) -> Iterator[Desk]:
    with opened(warehouse, tmp_path) as made:
        yield made


def later(minutes: float) -> None:
    clock.set_now(clock.to_local(NOW + timedelta(minutes=minutes)))


def test_a_press_is_recorded_answered_and_confirmed(any_desk: Desk) -> None:
    desk = any_desk
    query = desk.api.forge(desk.data(), first_name="Anna")
    assert desk.poll() == Polled({ID})
    assert desk.rows("channel, action, incident_id, person") == [("telegram:123456", "acknowledge", ID, "Anna")]
    assert (desk.api.answers, desk.api.updates) == ({query: "Acknowledged"}, [])
    assert desk.poll() == Polled()


def test_a_quiet_poll_is_one_request_and_no_statement(desk: Desk) -> None:
    channel = desk.channel()
    with (
        patch.object(EmbeddedEngine, "query", side_effect=AssertionError),
        patch.object(EmbeddedEngine, "insert", side_effect=AssertionError),
    ):
        assert poll_buttons({"telegram": channel}) == Polled()
    assert desk.api.requests == ["getUpdates"]


@pytest.mark.parametrize("number", [300, 2**31])
def test_numbers_that_begin_anew_after_a_quiet_week_lose_no_press(desk: Desk, number: int) -> None:
    desk.api.forge(desk.data(), first_name="Anna")
    desk.poll()
    desk.api.renumber(number)
    for name in ("Boris", "Clara"):
        desk.api.forge(desk.data(), first_name=name)
    assert desk.poll() == Polled({ID})
    assert sorted(person for _, person in desk.applied()) == ["Anna", "Boris", "Clara"]
    assert len(desk.api.answers) == 3


def test_another_bot_has_numbers_of_its_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.api.forge(desk.data(), first_name="Anna")
    desk.poll()
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", "987:AAother")
    with BotApi(token="987:AAother") as desk.api:
        desk.api.forge(desk.data(), first_name="Boris")  # has the number that Anna's press had
        assert desk.poll() == Polled({ID})
    assert desk.rows("channel, update_number, person") == [
        ("telegram:123456", 1001, "Anna"),
        ("telegram:987", 1001, "Boris"),
    ]


def test_a_press_that_an_earlier_release_recorded_is_not_applied_again(desk: Desk) -> None:
    desk.api.forge(f"mute|{ID}", first_name="Anna")
    desk.api.forge(f"mute|{ID}", first_name="Boris")
    # The earlier release recorded the first; the second is of a bot that counts as another one did.
    early = [RecordedPress(1001, "mute", ID, "Anna", NOW), RecordedPress(1002, "mute", ID, "Clara", NOW)]
    store.save_presses("telegram", early)
    later(30)
    assert desk.poll() == Polled({ID})
    assert desk.rows("channel, person") == [("telegram", "Anna"), ("telegram", "Clara"), ("telegram:123456", "Boris")]


@pytest.mark.parametrize("dies", ["before it records", "before it answers", "before it confirms"])
def test_a_killed_run_loses_no_press_and_applies_none_twice(desk: Desk, dies: str) -> None:
    for name in ("Anna", "Boris"):
        desk.api.forge(desk.data("mute"), first_name=name)
    asked = Telegram.presses

    def presses(channel: Telegram, since: int = 0) -> Page:
        if since:
            raise KeyboardInterrupt
        return asked(channel, since)

    victim: dict[str, Any] = {
        "before it records": patch.object(store, "save_presses", side_effect=KeyboardInterrupt),
        "before it answers": patch.object(Telegram, "answer_press", side_effect=KeyboardInterrupt),
        "before it confirms": patch.object(Telegram, "presses", presses),
    }
    with victim[dies], pytest.raises(KeyboardInterrupt):
        desk.poll()
    assert len(desk.api.updates) == 2
    before = desk.rows("update_number, at")
    later(10)
    assert desk.poll() == Polled({ID})
    assert desk.applied() == [("mute", "Anna"), ("mute", "Boris")]
    assert before in ([], desk.rows("update_number, at"))  # a mute counts from the first reading
    assert desk.api.updates == []


def test_a_queue_that_fails_in_the_middle_keeps_what_was_read(desk: Desk) -> None:
    for number in range(101):
        desk.api.forge(desk.data(), first_name=f"Person {number}")
    asked = Telegram.presses

    def presses(channel: Telegram, since: int = 0) -> Page:
        if since:
            desk.api.answer_next(*[html(502, "Bad Gateway")] * 4)
        return asked(channel, since)

    with patch.object(Telegram, "presses", presses):
        polled = desk.poll()
    assert isinstance(polled.failure, ChannelUnavailableError)
    assert (polled.incidents, len(desk.applied())) == ({ID}, 100)
    assert desk.poll() == Polled({ID})
    assert len(desk.applied()) == 101


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_thousands_of_presses_hide_nobody(desk: Desk, count: int) -> None:
    for _ in range(count):
        desk.api.forge(desk.data(), first_name="Mallory", id=666)
    query = desk.api.forge(desk.data("mute"), first_name="Anna")
    inserts = 0
    insert = EmbeddedEngine.insert

    def counted(engine: EmbeddedEngine, *arguments: Any) -> None:
        nonlocal inserts
        inserts += 1
        insert(engine, *arguments)

    with patch.object(EmbeddedEngine, "insert", counted):
        assert desk.poll() == Polled({ID})
    assert inserts == count / 100 + 1
    assert desk.applied() == [("acknowledge", "Mallory"), ("mute", "Anna")]
    assert len(store.load_actions(NOW)) == inserts
    assert (desk.api.answers[query], desk.api.updates) == ("Muted until 14:40", [])
    assert sorted(desk.api.answers.values()) == ["Acknowledged", "Muted until 14:40"]


def test_answers_end_when_they_are_too_late(desk: Desk) -> None:
    queries = [desk.api.forge(desk.data(), first_name=f"Person {number}") for number in range(50)]
    for query in queries[:-1]:
        desk.api.expire(query)
    desk.poll()
    assert list(desk.api.answers) == queries[-1:]
    assert desk.api.requests.count("answerCallbackQuery") == 1 + buttons.MOST_FAILURES


def test_answers_have_a_time_limit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buttons, "ANSWERING_SECONDS", -1)
    desk.api.forge(desk.data())
    assert desk.poll() == Polled({ID})
    assert desk.api.answers == {}


def test_a_press_of_another_installation_is_left_to_it_for_a_while(desk: Desk) -> None:
    first = desk.api.forge(desk.data(), first_name="Anna")
    foreign = desk.api.forge(desk.data(installation=OTHER), first_name="Boris")
    last = desk.api.forge(desk.data("mute"), first_name="Anna")
    assert desk.poll() == Polled({ID}, foreign=1, is_left=True)
    assert desk.applied() == [("acknowledge", "Anna"), ("mute", "Anna")]
    assert desk.rows("action, incident_id, person")[1] == ("foreign", "", "Boris")
    assert desk.api.answers[foreign] == (
        "This button belongs to another feedpulse with the same bot; the press may not reach it"
    )
    assert set(desk.api.answers) == {first, foreign, last}
    # The owner of the press finds it; ours behind it are recorded once.
    assert [update["callback_query"]["id"] for update in desk.api.updates] == [foreign, last]
    later(4)
    assert desk.poll() == Polled(is_left=True)
    assert len(desk.api.updates) == 2
    # If it is not read by its owner, it does not stay for ever.
    later(6)
    assert desk.poll() == Polled({ID})
    assert (desk.api.updates, len(desk.rows())) == ([], 3)


@pytest.fixture
def neighbour(desk: Desk, tmp_path: Path) -> Iterator[Desk]:
    """Another installation on the same bot; entered with `configured`."""
    with fresh_database(desk.engine) as database:
        yield Desk(desk.engine, database, desk.api)


def test_two_installations_on_one_bot_both_hear_their_presses(desk: Desk, neighbour: Desk) -> None:
    there = {"database": neighbour.database, **place(desk.engine)}
    with configured(NOW, warehouse=there):
        store.save_incidents([incident()], NOW)
        theirs = neighbour.data()
    mine = desk.data()
    assert mine != theirs
    for number in range(6):
        desk.api.forge(mine if number % 2 else theirs, first_name=f"Person {number}")
    assert desk.poll() == Polled({ID}, foreign=3, is_left=True)
    assert [person for _, person in desk.applied()] == ["Person 1", "Person 3", "Person 5"]
    with configured(NOW, warehouse=there):
        assert neighbour.poll() == Polled({ID}, foreign=3, is_left=True)
        assert [person for _, person in neighbour.applied()] == ["Person 0", "Person 2", "Person 4"]
    for _ in range(3):
        desk.poll()
        with configured(NOW, warehouse=there):
            neighbour.poll()
    assert desk.api.updates == []
    assert len(desk.applied()) == 3


def test_many_foreign_presses_do_not_keep_ours_from_being_read(desk: Desk) -> None:
    for _ in range(150):
        desk.api.press_elsewhere()
    desk.api.forge(desk.data(), first_name="Anna")
    assert desk.poll() == Polled({ID}, foreign=150, is_left=True)
    assert desk.applied() == [("acknowledge", "Anna")]


def test_only_named_people_may_press(desk: Desk) -> None:
    desk.settings = {"may_press": "@anna"}
    desk.api.forge(desk.data(), first_name="Anna", username="Anna")
    query = desk.api.forge(desk.data("false_alarm"), first_name="Boris", username="boris")
    assert desk.poll() == Polled({ID})
    assert desk.rows("action, incident_id, person") == [
        ("acknowledge", ID, "Anna (@Anna)"),
        ("refused", "", "Boris (@boris)"),
    ]
    assert desk.api.answers[query] == "You are not allowed to press the buttons of this bot"


def test_a_press_in_another_chat_is_refused(desk: Desk) -> None:
    desk.api.press_elsewhere(data=desk.data())
    assert desk.poll() == Polled()
    assert desk.rows() == [("refused", "Mallory")]


@pytest.mark.parametrize("data", ["acknowledge|views:2026-11-12T0915", "acknowledge|x' OR 1=1 --", "hello", "mute|"])
def test_an_unknown_incident_is_answered_as_unknown(desk: Desk, data: str) -> None:
    query = desk.api.forge(f"{data}|{installation_id()[:8]}" if "|" in data else data)
    assert desk.poll() == Polled()
    assert desk.rows("action, incident_id") == [("unknown", "")]
    assert desk.api.answers == {query: "feedpulse does not know this incident"}


def test_an_incident_whose_message_was_sent_just_now_is_known(any_desk: Desk) -> None:
    desk = any_desk
    # Incidents are stored after their messages are sent.
    TableDeliveryLog().record_pending("alert-2026-11-12T0930Z-likes", "telegram", CHAT)
    desk.api.forge(desk.data(incident_id="likes:2026-11-12T0930"))
    assert desk.poll() == Polled({"likes:2026-11-12T0930"})


def test_a_press_that_cannot_be_read_is_recorded_and_passed_over(desk: Desk) -> None:
    desk.api.update(callback_query={"id": "1", "data": desk.data(), "message": {"chat": {"id": int(CHAT)}}})
    query = desk.api.forge("acknowledge|\ud800", first_name="\ud800")
    desk.api.forge(desk.data(), first_name="Anna")
    assert desk.poll() == Polled({ID})
    assert [action for action, _ in desk.rows()] == ["unreadable", "unreadable", "acknowledge"]
    assert (desk.api.answers[query], desk.api.updates) == ("feedpulse does not know this button", [])


def test_nothing_that_a_press_says_forges_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for data in ("acknowledge|views\nERROR forged", "x\x1b[2J", f"mute|{ID}|\u202eevil"):
        desk.api.forge(data, first_name="Anna\nforged \x1b[2J")
        desk.api.forge(desk.data(), first_name="Anna\nforged \x1b[2J")
    desk.poll()
    assert len(caplog.messages) == 2
    assert all(message.isprintable() for message in caplog.messages), caplog.messages


def test_a_press_is_answered_with_what_holds_now_and_can_be_undone(desk: Desk) -> None:
    def answer(kind: str, person: str = "Anna") -> str:
        query = desk.api.forge(desk.data(kind), first_name=person)
        desk.poll()
        return desk.api.answers[query]

    store.save_incidents([incident()], NOW - timedelta(minutes=25))
    assert answer("mute") == "Muted until 14:40"
    store.save_mute(Action("", "mute", "Boris", clock.utcnow(), "views", NOW + timedelta(hours=26), "release"), 1)
    later(1)
    assert answer("mute") == "Muted until 13 Nov, 14:40"  # longer than what was pressed
    later(2)
    assert answer("unmute", "Boris") == "Unmuted: you will hear of changes again"
    later(3)
    assert answer("false_alarm") == "Marked as a false alarm: you will hear no more of it"
    later(4)
    assert answer("reopen") == "Open again: you will hear of changes"
    later(5)
    assert answer("new_normal") == "Marked as the new normal: this alert is over"
    later(6)
    assert answer("mute") == "This alert is over already: the press changes nothing"
    later(7)
    assert answer("reopen") == "Open again: you will hear of changes"
    # Of a message that was sent just now nothing is stored yet.
    later(9)
    with patch.object(store, "load_incidents", return_value=[]):
        assert answer("mute", "Vera") == "Muted until 14:49"


def test_the_data_of_every_button_fits_and_names_its_installation() -> None:
    for metric in metrics.METRICS:
        named = replace(incident(), incident_id=f"{metric.name}:2026-11-12T0900")
        for kind in KINDS:
            data = button(kind, named, "0123456789abcdef")
            assert len(data.encode()) <= 64
            assert read_button(data) == ButtonData(kind, named.incident_id, "01234567")


def test_a_channel_without_buttons_has_nothing_to_read(desk: Desk, tmp_path: Path) -> None:
    outbox: Channel = create("outbox", path=str(tmp_path))
    assert poll_buttons({"outbox": outbox}) == Polled()
