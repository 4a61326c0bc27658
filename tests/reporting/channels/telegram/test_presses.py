"""Presses of buttons in Telegram, read and answered through the real client."""

import pytest

from reporting.channels import Press, create
from reporting.channels.telegram.channel import Telegram
from reporting.errors import ChannelError, ChannelUnavailableError
from reporting.message import Button, Message
from tests.reporting.samples import HOSTILE, message
from tests.servers.bot_api import CHAT, BotApi, Trouble, dropped, html, refused, too_many

GROUP = "-42"
BUTTONS = (Button("Acknowledge", "ack:1"), Button("Mute 2 h", "mute:1"))


def channel(api: BotApi, chats: str = CHAT) -> Telegram:
    made = create("telegram", chats=chats, api_url=api.url)
    assert isinstance(made, Telegram)
    return made


def with_buttons() -> Message:
    return Message("test-1", "title", "one", None, BUTTONS)


def only(presses: list[Press]) -> Press:
    (press,) = presses
    return press


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
    first, second = telegram.presses(0)
    # If a process is killed before it records the presses, the next one reads them.
    assert [press.update for press in channel(api).presses(0)] == [first.update, second.update]
    assert [press.data for press in telegram.presses(first.update + 1)] == ["mute:1"]
    assert telegram.presses(second.update + 1) == []
    assert api.updates == []


def test_no_presses_are_not_waited_for(api: BotApi) -> None:
    assert channel(api).presses(0) == []
    assert (api.requests, api.longest_poll) == (["getUpdates"], 0)


def test_presses_of_strangers_and_other_updates_are_nobodys_business(api: BotApi) -> None:
    telegram = channel(api, chats=f"{CHAT},@feed_news")
    telegram.send(CHAT, with_buttons())
    api.press_elsewhere()
    api.update(message={"message_id": 3, "text": "/start"})
    api.update(callback_query={"from": {"id": 1}, "inline_message_id": "x", "data": "ack:1", "chat_instance": "1"})
    api.update(callback_query={"from": {"id": 1}, "message": {"chat": {"id": int(CHAT)}, "message_id": 1}})
    api.press(1, "ack:1")
    api.press_elsewhere(chat="@feed_news", data="of a public chat")
    assert [press.data for press in telegram.presses(0)] == ["ack:1", "of a public chat"]


def test_many_presses_of_strangers_hide_none_of_ours(api: BotApi) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    for _ in range(250):
        api.press_elsewhere()
    api.press(1, "ack:1")
    assert only(telegram.presses(0)).data == "ack:1"
    assert api.requests.count("getUpdates") == 3


def test_a_press_in_the_chat_that_a_group_became_is_found(api: BotApi) -> None:
    api.chats += [GROUP, "-43"]
    channel(api, chats=GROUP).send(GROUP, message())
    api.migrate(GROUP, CHAT)
    name = channel(api, chats=GROUP).send(GROUP, with_buttons())
    api.press(1, "ack:1", chat=CHAT)
    assert only(channel(api, chats=f"-43,{GROUP}").presses(0)).data == "ack:1"
    assert channel(api, chats=GROUP).edit(GROUP, name, message("seen")) == name
    assert channel(api, chats="-43").presses(0) == []


def test_an_answer_to_a_press_is_shown(api: BotApi) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    query = api.press(1, "ack:1")
    telegram.answer_press(only(telegram.presses(0)), "Принято. " * 100)
    assert api.answers[query].startswith("Принято.")
    assert 190 < len(api.answers[query]) <= 200


@pytest.mark.parametrize("trouble", [dropped(), too_many(600), html(502, "Bad Gateway"), refused(403, "Forbidden")])
def test_an_answer_that_fails_is_let_go_at_once(api: BotApi, pauses: list[float], trouble: Trouble) -> None:
    telegram = channel(api)
    telegram.send(CHAT, with_buttons())
    query = api.press(1, "ack:1")
    press = only(telegram.presses(0))
    api.answer_next(trouble)
    telegram.answer_press(press, "seen")
    api.expire(query)
    telegram.answer_press(press, "seen")
    assert (pauses, api.answers) == ([], {})


def test_presses_that_cannot_be_read_are_one_clear_error(api: BotApi, pauses: list[float]) -> None:
    telegram = channel(api)
    api.answer_next(refused(409, "Conflict: can't use getUpdates method while webhook is active"))
    with pytest.raises(ChannelError, match="queue of presses refused: Conflict.*delete the bot's webhook"):
        telegram.presses(0)
    api.answer_next(*[html(502, "Bad Gateway")] * 4)
    with pytest.raises(ChannelUnavailableError, match="queue of presses could not be reached"):
        telegram.presses(0)
