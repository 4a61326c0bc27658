"""Presses of buttons in Telegram, read and answered through the real client."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reporting.channels import Page, Press, create
from reporting.channels.telegram import queue
from reporting.channels.telegram.channel import Telegram
from reporting.errors import ChannelError, ChannelUnavailableError, SettingsError
from reporting.message import Button, Message
from tests.patience import wait_for
from tests.reporting.samples import HOSTILE, message
from tests.servers.bot_api import CHAT, BotApi, Trouble, conflict, dropped, html, refused, too_many

GROUP = "-42"
BUTTONS = (Button("Acknowledge", "ack:1"), Button("Mute 2 h", "mute:1"))


def channel(api: BotApi, chats: str = CHAT, may_press: str = "") -> Telegram:
    made = create("telegram", chats=chats, api_url=api.url, may_press=may_press)
    assert isinstance(made, Telegram)
    return made


def with_buttons() -> Message:
    return Message("test-1", "title", "one", None, BUTTONS)


def only(page: Page) -> Press:
    (press,) = page.presses
    return press


def ours(page: Page) -> list[str]:
    return [press.data for press in page.presses if press.standing == "ok"]


def standings(page: Page) -> list[str]:
    return [press.standing for press in page.presses]


def test_a_press_tells_who_pressed_what(api: BotApi) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    query = api.press(1, "mute:1", first_name="Anna", last_name="Li", username="anna")
    press = only(telegram.presses(0))
    assert (press.data, press.user, press.answer) == ("mute:1", "Anna Li (@anna)", query)


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ({"first_name": "Anna"}, "Anna"),
        ({"first_name": "", "username": "anna"}, "@anna"),
        ({"first_name": ""}, "42"),
        ({"first_name": "a\u202e\nb"}, "a b"),
        ({"first_name": HOSTILE}, None),
    ],
)
def test_a_name_is_one_short_line(api: BotApi, user: dict[str, str], shown: str | None) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    api.press(1, "ack:1", **{name: value.encode("utf-8", "replace").decode() for name, value in user.items()})
    name = only(telegram.presses(0)).user
    assert name == shown if shown else (name.startswith("Robert") and len(name) <= 60)


def test_presses_are_read_once_they_are_dealt_with(api: BotApi) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    for data in ("ack:1", "mute:1"):
        api.press(1, data)
    first, second = telegram.presses(0).presses
    # If a process is killed before it records the presses, the next one reads them.
    assert [press.update for press in channel(api).presses(0).presses] == [first.update, second.update]
    assert ours(telegram.presses(first.update + 1)) == ["mute:1"]
    assert telegram.presses(second.update + 1) == Page("123456")
    assert api.updates == []


def test_no_presses_are_not_waited_for(api: BotApi) -> None:
    assert channel(api).presses(0).presses == ()
    assert (api.requests, api.longest_poll) == (["getUpdates"], 0)


def test_a_press_is_waited_for_and_not_confirmed(api: BotApi) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(telegram.await_press, 50)
        wait_for(lambda: api.longest_poll == 50)
        api.press(1, "mute:1")
        assert waiting.result() is True
    assert ours(telegram.presses(0)) == ["mute:1"]


def test_waiting_ends_without_a_press(api: BotApi) -> None:
    assert channel(api).await_press(1) is False
    assert api.longest_poll == 1


def test_who_waits_goes_on_waiting_when_somebody_else_reads(api: BotApi) -> None:
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(channel(api).await_press, 50)
        wait_for(lambda: api.longest_poll == 50)
        assert channel(api).presses(0) == Page("123456")
        wait_for(lambda: len(api.requests) == 3)
        api.press_elsewhere()
        assert waiting.result() is True


def test_two_that_wait_is_an_error_with_its_remedy(api: BotApi, pauses: list[float]) -> None:
    api.answer_next(conflict(), conflict(), conflict())
    with pytest.raises(ChannelError, match=r"Conflict: terminated by other getUpdates.* run Presses on one machine"):
        channel(api).await_press(50)


def test_presses_of_strangers_and_other_updates_are_nobodys_business(api: BotApi) -> None:
    telegram = channel(api, chats=f"{CHAT},@feed_news")
    telegram.send(CHAT, with_buttons())
    api.press_elsewhere()
    api.update(message={"message_id": 3, "text": "/start"})
    api.update(callback_query={"from": {"id": 1}, "inline_message_id": "x", "data": "ack:1", "chat_instance": "1"})
    api.update(callback_query={"from": {"id": 1}, "message": {"chat": {"id": int(CHAT)}, "message_id": 1}})
    api.press(1, "ack:1")
    api.press_elsewhere(chat="@feed_news", data="of a public chat")
    page = telegram.presses(0)
    assert ours(page) == ["ack:1", "of a public chat"]
    assert standings(page) == ["elsewhere", "unreadable", "unreadable", "ok", "ok"]
    assert telegram.presses(page.last + 1).presses == ()
    assert api.updates == []


def test_many_presses_of_strangers_hide_none_of_ours(api: BotApi) -> None:
    telegram = channel(api, chats=f"{CHAT},{GROUP}")
    telegram.send(CHAT, with_buttons())
    for _ in range(250):
        api.press_elsewhere()
    api.press(1, "ack:1")
    pages = [telegram.presses()]
    while pages[-1].is_full:
        pages.append(telegram.presses(pages[-1].last + 1))
    assert [len(page.presses) for page in pages] == [100, 100, 51]
    assert [data for page in pages for data in ours(page)] == ["ack:1"]
    # A press elsewhere may be in the supergroup that a group became; each group is tried once.
    assert api.requests.count("sendChatAction") == 1


@pytest.mark.parametrize("number", [400, 70_000])
def test_presses_are_found_whatever_numbers_follow_a_quiet_week(api: BotApi, number: int) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    api.press(1, "ack:1")
    telegram.presses(only(telegram.presses()).update + 1)
    api.renumber(number)
    api.press(1, "mute:1")
    assert only(telegram.presses()).data == "mute:1"


def test_a_message_that_waited_in_the_queue_is_confirmed_too(api: BotApi) -> None:
    api.update(message={"message_id": 3, "text": "/start"})
    telegram = channel(api)
    page = telegram.presses()
    assert (page.presses, page.last) == ((), 1001)
    telegram.presses(page.last + 1)
    assert api.updates == []


MESSAGE = {"message_id": 1, "date": 1, "chat": {"id": int(CHAT), "type": "supergroup"}}
READABLE = {"id": "1", "from": {"id": 42, "first_name": "Anna"}, "message": MESSAGE, "data": "ack:1"}


@pytest.mark.parametrize(
    "odd",
    [
        {"from": None},
        {"from": {}},
        {"from": "Anna"},
        {"from": {"id": "42", "first_name": "Anna"}},
        {"data": "\ud800"},
        {"data": "ack:1\nforged line"},
        {"data": "\x1b[31mack:1"},
        {"data": 7},
        {"data": "x" * 65},
        {"data": None, "game_short_name": "chess"},
        {"id": None},
        {"id": 12},
        {"message": None, "inline_message_id": "1"},
        {"message": [1]},
        {"message": {"chat": None}},
    ],
    ids=repr,
)
def test_a_press_that_cannot_be_read_hides_no_other(api: BotApi, odd: dict[str, object]) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    api.update(callback_query={**READABLE, **odd})
    api.press(1, "ack:1")
    page = telegram.presses()
    assert standings(page) == ["unreadable", "ok"]
    for press in page.presses:
        assert f"{press.user}{press.data}".encode()
        assert f"{press.user}{press.data}".isprintable()


def test_names_that_are_no_text_are_left_out(api: BotApi) -> None:
    telegram = channel(api)
    person = {"id": 42, "first_name": ["\ud800"], "last_name": "\ud800Li", "username": {}}
    api.update(callback_query={**READABLE, "from": person})
    press = only(telegram.presses())
    assert (press.user, press.standing) == ("Li", "ok")


def test_an_answer_that_is_no_update_is_passed_over() -> None:
    odd = [None, "x", {}, {"update_id": "7"}, {"update_id": -1}, {"update_id": 7, "callback_query": "x"}]
    page = queue.page("1", odd, lambda _: True, ())
    assert (standings(page), page.last, page.is_full) == (["unreadable"], 7, False)


@pytest.mark.parametrize(
    ("may_press", "person", "standing"),
    [
        ("", {"id": 7}, "ok"),
        ("@anna, 42", {"id": 7, "username": "ANNA"}, "ok"),
        ("@anna, 42", {"id": 42}, "ok"),
        ("@anna, 42", {"id": 7, "username": "anna2"}, "forbidden"),
        ("@anna, 42", {"id": 7, "first_name": "@anna"}, "forbidden"),
    ],
)
def test_who_may_press_is_a_setting(api: BotApi, may_press: str, person: dict[str, Any], standing: str) -> None:
    telegram = channel(api, may_press=may_press)
    telegram.send(CHAT, with_buttons())
    api.press(1, "ack:1", **person)
    assert only(telegram.presses()).standing == standing


@pytest.mark.parametrize("may_press", ["anna", "@anna;@boris", "-7"])
def test_a_wrong_name_of_a_person_is_refused(api: BotApi, may_press: str) -> None:
    with pytest.raises(SettingsError, match="neither an id nor an @name"):
        channel(api, may_press=may_press)


def test_a_press_in_the_chat_that_a_group_became_is_found(api: BotApi) -> None:
    api.chats += [GROUP, "-43"]
    channel(api, chats=GROUP).send(GROUP, message())
    api.migrate(GROUP, CHAT)
    name = channel(api, chats=GROUP).send(GROUP, with_buttons())
    api.press(1, "ack:1", chat=CHAT)
    assert only(channel(api, chats=f"-43,{GROUP}").presses(0)).data == "ack:1"
    assert channel(api, chats=GROUP).edit(GROUP, name, message("seen")) == name
    assert standings(channel(api, chats="-43").presses(0)) == ["elsewhere"]


def test_an_answer_to_a_press_is_shown(api: BotApi) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    query = api.press(1, "ack:1")
    assert telegram.answer_press(only(telegram.presses(0)), "Принято. " * 100)
    assert api.answers[query].startswith("Принято.")
    assert 190 < len(api.answers[query]) <= 200


@pytest.mark.parametrize("trouble", [dropped(), too_many(600), html(502, "Bad Gateway"), refused(403, "Forbidden")])
def test_an_answer_that_fails_is_let_go_at_once(api: BotApi, pauses: list[float], trouble: Trouble) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    query = api.press(1, "ack:1")
    press = only(telegram.presses(0))
    api.answer_next(trouble)
    assert not telegram.answer_press(press, "seen")
    api.expire(query)
    assert not telegram.answer_press(press, "seen")
    assert (pauses, api.answers) == ([], {})


def test_presses_that_cannot_be_read_are_one_clear_error(api: BotApi, pauses: list[float]) -> None:
    telegram = channel(api)
    api.answer_next(refused(409, "Conflict: can't use getUpdates method while webhook is active"))
    with pytest.raises(ChannelError, match="queue of presses refused: Conflict.*delete the bot's webhook"):
        telegram.presses(0)
    api.answer_next(*[html(502, "Bad Gateway")] * 4)
    with pytest.raises(ChannelUnavailableError, match="queue of presses could not be reached"):
        telegram.presses(0)


def test_another_reader_of_the_queue_is_waited_for_and_named_if_it_stays(api: BotApi, pauses: list[float]) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    api.press(1, "ack:1")
    api.answer_next(conflict(), conflict())
    assert only(telegram.presses()).data == "ack:1"
    assert len(pauses) == 2
    api.answer_next(*[conflict()] * 3)
    with pytest.raises(ChannelError, match="terminated by other getUpdates.*a bot of its own for each feedpulse"):
        telegram.presses()
