"""A message's life in Telegram after it was sent: edits, replies and pressed buttons, through the real client."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from telebot import apihelper

from reporting.alerts.compose import compose, compose_reply
from reporting.alerts.model import Action, Handling
from reporting.causes import Cause
from reporting.channels import create
from reporting.channels.telegram.channel import Telegram
from reporting.decoration import recorded
from reporting.errors import ChannelError, ChannelUnavailableError
from reporting.message import Button, Message
from tests.reporting.samples import HOSTILE, SLOT, alert_metric, message, png
from tests.reporting.samples import alert as an_alert
from tests.servers.bot_api import CHAT, TOKEN, TOPIC, BotApi, Trouble, dropped, html, refused, slow, too_many

GROUP = "-42"
BUTTONS = (Button("Acknowledge", "ack:1"), Button("Mute 2 h", "mute:1"), Button("False alarm", "false:1"))
ROWS = ((("Acknowledge", "ack:1"), ("Mute 2 h", "mute:1")), (("False alarm", "false:1"),))
SMALL, LARGE = png(), png(80, 60)


def channel(api: BotApi, chats: str = CHAT, topic: str = "") -> Telegram:
    made = create("telegram", chats=chats, topic=topic, api_url=api.url)
    assert isinstance(made, Telegram)
    return made


def with_buttons(text: str = "one", picture: bytes | None = None) -> Message:
    return Message("test-1", "title", text, picture, BUTTONS)


@pytest.mark.parametrize("picture", [None, SMALL])
def test_buttons_stand_below_a_message_two_in_a_row(api: BotApi, picture: bytes | None) -> None:
    channel(api).send(CHAT, with_buttons(picture=picture))
    assert [sent.buttons for sent in api.sent] == [ROWS]


def test_only_the_named_part_of_a_long_message_has_buttons(api: BotApi) -> None:
    assert channel(api).send(CHAT, with_buttons("x" * 5000)) == "1"
    assert channel(api).send(CHAT, with_buttons("x" * 1025, SMALL)) == "3"
    assert [sent.buttons for sent in api.sent] == [ROWS, (), ROWS, ()]


@pytest.mark.parametrize(
    "trouble",
    [
        refused(400, "Bad Request: BUTTON_DATA_INVALID"),
        refused(400, "Bad Request: inline keyboard button text is empty"),
    ],
)
@pytest.mark.parametrize("picture", [None, SMALL])
def test_refused_buttons_do_not_cost_the_message(api: BotApi, trouble: Trouble, picture: bytes | None) -> None:
    api.answer_next(trouble)
    channel(api).send(CHAT, with_buttons(picture=picture))
    assert [(sent.text, sent.photo, sent.buttons) for sent in api.sent] == [("one", picture, ())]


@pytest.mark.parametrize(
    ("before", "after", "methods"),
    [
        (SMALL, LARGE, ["editMessageMedia"]),
        (SMALL, SMALL, ["editMessageMedia"]),
        (None, None, ["editMessageText"]),
        # A text that edits a photo becomes its caption. A photo that edits a text replaces it.
        (SMALL, None, ["editMessageText", "editMessageCaption"]),
        (None, SMALL, ["editMessageMedia"]),
    ],
)
def test_an_edit_takes_the_form_of_what_was_sent(
    api: BotApi, before: bytes | None, after: bytes | None, methods: list[str]
) -> None:
    telegram = channel(api, topic=str(TOPIC))
    name = telegram.send(CHAT, message(picture=before))
    assert telegram.edit(CHAT, name, with_buttons("<b>two</b> &lt;", after)) == name
    assert api.requests[1:] == methods
    (shown,) = api.sent
    assert (shown.text, shown.source, shown.photo) == ("two <", "<b>two</b> &lt;", after or before)
    assert (shown.buttons, shown.topic, shown.edits, shown.preview) == (ROWS, TOPIC, 1, shown.photo is not None)


def test_an_edit_without_buttons_takes_them_away(api: BotApi) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, with_buttons(picture=SMALL))
    telegram.edit(CHAT, name, message(picture=SMALL))
    assert [sent.buttons for sent in api.sent] == [()]


@pytest.mark.parametrize("picture", [None, SMALL])
def test_an_edit_to_what_is_there_already_is_a_success(api: BotApi, picture: bytes | None) -> None:
    telegram = channel(api)
    same = with_buttons(picture=picture)
    name = telegram.send(CHAT, same)
    assert telegram.edit(CHAT, name, same) == name
    assert [(sent.text, sent.edits) for sent in api.sent] == [("one", 0)]


def test_a_server_that_cannot_put_a_photo_into_a_text_gets_the_text(api: BotApi) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message())
    api.answer_next(refused(400, "Bad Request: there is no media in the message to edit"))
    assert telegram.edit(CHAT, name, with_buttons("two", SMALL)) == name
    assert [(sent.text, sent.photo, sent.buttons) for sent in api.sent] == [("two", None, ROWS)]


@pytest.mark.parametrize("picture", [None, SMALL])
@pytest.mark.parametrize("gone", ["deleted", "frozen", "never there", "no name"])
def test_a_message_that_cannot_be_edited_is_followed_by_a_new_one(
    api: BotApi, picture: bytes | None, gone: str
) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message(picture=picture))
    if gone == "deleted":
        api.delete(1)
    elif gone == "frozen":
        api.freeze(1)
    asked = {"never there": "77", "no name": ""}.get(gone, name)
    assert telegram.edit(CHAT, asked, with_buttons("two", picture)) == "2"
    # After one refusal, the other forms of an edit are not tried.
    assert sum(method.startswith("edit") for method in api.requests) == 1
    assert (api.sent[-1].id, api.sent[-1].text, api.sent[-1].photo, api.sent[-1].buttons) == (2, "two", picture, ROWS)
    assert telegram.edit(CHAT, "2", with_buttons("three", picture)) == "2"


@pytest.mark.parametrize("gone", ["", "deleted", "frozen"])
def test_a_copy_is_edited_and_never_sent_anew(api: BotApi, gone: str) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, with_buttons())
    if gone == "deleted":
        api.delete(1)
    elif gone == "frozen":
        api.freeze(1)
    assert telegram.edit_copy(CHAT, name, message("over")) == (not gone)
    assert [sent.text for sent in api.sent] == {"": ["over"], "deleted": [], "frozen": ["one"]}[gone]
    api.chats.remove(CHAT)
    with pytest.raises(ChannelError, match="chat not found"):
        telegram.edit_copy(CHAT, name, message("over"))


@pytest.mark.parametrize("reason", ["CHAT_RESTRICTED", "not enough rights to edit the message", "SOMETHING_NEW"])
def test_an_edit_that_is_refused_for_another_reason_never_becomes_a_new_message(
    api: BotApi, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message(picture=SMALL))
    for edit in (telegram.edit, telegram.edit_copy):
        api.answer_next(*[refused(400, f"Bad Request: {reason}")] * 3)  # of the photo, the caption and the text
        with recorded() as left_out:
            assert edit(CHAT, name, with_buttons("two", LARGE)) in (name, True)
        assert left_out == [f"without edit of message {name} in chat {CHAT}"]
    assert [sent.text for sent in api.sent] == ["Likes: 1 < 2"]
    assert reason in caplog.text
    # Once the chat allows it, the next edit is shown.
    assert telegram.edit(CHAT, name, with_buttons("three", LARGE)) == name
    assert [(sent.text, sent.edits) for sent in api.sent] == [("three", 1)]


def test_markup_that_an_edit_refuses_becomes_plain_text(api: BotApi) -> None:
    telegram = channel(api)
    for picture in (None, SMALL):
        name = telegram.send(CHAT, message(picture=picture))
        api.answer_next(refused(400, "Bad Request: can't parse entities: Unsupported start tag"))
        telegram.edit(CHAT, name, with_buttons("<b>two</b>", picture))
    assert [(sent.source, sent.buttons, sent.edits) for sent in api.sent] == [("two", ROWS, 1)] * 2


@pytest.mark.parametrize(
    "trouble",
    [
        [refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")],
        [html(413, "Request Entity Too Large")],
        [html(502, "Bad Gateway")] * 4,
    ],
)
def test_a_picture_that_an_edit_refuses_does_not_cost_the_text(
    api: BotApi, pauses: list[float], trouble: list[Trouble]
) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message(picture=SMALL))
    api.answer_next(*trouble)
    assert telegram.edit(CHAT, name, with_buttons("two", LARGE)) == name
    assert [(sent.text, sent.photo, sent.buttons) for sent in api.sent] == [("two", SMALL, ROWS)]


def test_a_broken_picture_does_not_cost_the_text_of_an_edit(api: BotApi) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message(picture=SMALL))
    for text, picture in (("two", SMALL[:50]), ("three", SMALL + b"\0" * 10_000_000)):
        assert telegram.edit(CHAT, name, message(text, picture)) == name
        assert [(sent.text, sent.photo) for sent in api.sent] == [(text, SMALL)]


def test_what_is_too_long_for_an_edit_follows_as_a_reply(api: BotApi) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message(picture=SMALL))
    assert telegram.edit(CHAT, name, message("x" * 1025, LARGE)) == name
    photo, text = api.sent
    assert (photo.text, photo.photo, text.text, text.reply_to) == ("Likes: 1 < 2", LARGE, "x" * 1025, 1)


@pytest.mark.parametrize("picture", [None, SMALL])
def test_edits_wait_as_long_as_they_are_asked_to(api: BotApi, pauses: list[float], picture: bytes | None) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message(picture=picture))
    api.answer_next(too_many(20), dropped())
    assert telegram.edit(CHAT, name, message("two", picture)) == name
    assert (pauses, [sent.text for sent in api.sent]) == ([20, 4], ["two"])
    api.answer_next(too_many(600))
    with pytest.raises(ChannelUnavailableError, match=f"chat {CHAT} could not be reached: it asks to wait 600 s"):
        telegram.edit(CHAT, name, message("three", picture))
    assert [sent.text for sent in api.sent] == ["two"]


def test_a_server_that_is_down_is_not_asked_in_every_form(api: BotApi, pauses: list[float]) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message(picture=SMALL))
    api.answer_next(*[html(502, "Bad Gateway")] * 20)
    with pytest.raises(ChannelUnavailableError, match="HTTP 502"):
        telegram.edit(CHAT, name, message("two", LARGE))
    assert api.requests[1:] == ["editMessageMedia"] * 4 + ["editMessageCaption"] * 4


def test_an_edit_whose_answer_was_lost_is_repeated_without_harm(
    api: BotApi, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message(picture=SMALL))
    monkeypatch.setattr(apihelper, "READ_TIMEOUT", 0.5)
    api.answer_next(slow(1))
    assert telegram.edit(CHAT, name, message("two", LARGE)) == name
    assert [sent.text for sent in api.sent] == ["two"]


def test_a_chat_that_refuses_an_edit_is_named_and_gets_no_new_message(api: BotApi) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message())
    api.answer_next(refused(403, "Forbidden: bot was kicked from the supergroup chat"))
    with pytest.raises(ChannelError, match=f"chat {CHAT} refused: .*Add the bot to the chat"):
        telegram.edit(CHAT, name, message("two"))
    assert api.requests == ["sendMessage", "editMessageText"]


@pytest.mark.parametrize("picture", [None, SMALL])
def test_a_reply_hangs_on_its_message_in_its_topic(api: BotApi, picture: bytes | None) -> None:
    telegram = channel(api, topic=str(TOPIC))
    name = telegram.send(CHAT, message())
    assert telegram.reply(CHAT, name, with_buttons("over", picture)) == "2"
    reply = api.sent[1]
    assert (reply.text, reply.photo, reply.reply_to, reply.topic, reply.buttons) == ("over", picture, 1, TOPIC, ROWS)


@pytest.mark.parametrize("picture", [None, SMALL])
def test_a_reply_to_what_is_gone_is_a_message_by_itself(api: BotApi, picture: bytes | None) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message())
    api.delete(1)
    for asked in (name, ""):
        telegram.reply(CHAT, asked, message("over", picture))
    assert [(sent.text, sent.reply_to) for sent in api.sent] == [("over", None)] * 2


def test_every_part_of_a_long_reply_hangs_on_the_message(api: BotApi) -> None:
    telegram = channel(api)
    name = telegram.send(CHAT, message())
    telegram.reply(CHAT, name, message("x" * 5000))
    assert [sent.reply_to for sent in api.sent] == [None, 1, 1]


def test_a_message_of_a_group_is_not_sought_in_the_chat_that_it_became(api: BotApi) -> None:
    """There its number is another message's."""
    api.chats += [GROUP]
    telegram = channel(api, chats=GROUP)
    name = telegram.send(GROUP, message())
    api.migrate(GROUP, CHAT)
    stranger = channel(api, chats=CHAT).send(CHAT, message("of somebody else"))
    assert stranger == name == "1"
    edited = telegram.edit(GROUP, name, message("two"))
    replied = telegram.reply(GROUP, name, message("three"))
    assert [(sent.chat, sent.text, sent.reply_to) for sent in api.sent[1:]] == [
        (CHAT, "of somebody else", None),
        (CHAT, "two", None),
        (CHAT, "three", None),
    ]
    # Messages sent after the change can be edited, also by another process.
    later = channel(api, chats=GROUP)
    assert later.edit(GROUP, edited, message("two again")) == edited
    assert later.reply(GROUP, edited, message("four")) not in (edited, replied)
    assert [(sent.text, sent.reply_to) for sent in api.sent[2:]] == [
        ("two again", None),
        ("three", None),
        ("four", 2),
    ]
    assert later.link(GROUP, edited) == "https://t.me/c/1234567890/2"


def test_nothing_of_a_life_leaks_into_the_log(api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    for logger in (None, "TeleBot", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=logger)
    telegram, secret = channel(api), "a text that nobody but the chat may read"
    name = telegram.send(CHAT, with_buttons(secret, SMALL))
    telegram.edit(CHAT, name, with_buttons(f"{secret} two", LARGE))
    api.delete(1)
    telegram.reply(CHAT, telegram.edit(CHAT, name, message(secret)), message(secret))
    query = api.press_elsewhere(chat=CHAT, data="ack:1")
    telegram.answer_press(telegram.presses(0).presses[0], secret)
    assert api.answers == {query: secret}
    assert TOKEN not in caplog.text
    assert secret not in caplog.text


@pytest.mark.parametrize("language", ["en", "ru"])
def test_an_incident_is_one_message_from_its_post_to_the_reply_that_closes_it(api: BotApi, language: str) -> None:
    telegram = channel(api)
    buttons: list[tuple[Action, str]] = [("acknowledge", "ack:1"), ("mute", "mute:1")]
    opened = replace(an_alert(alert_metric(part=HOSTILE)), key="alert-1", causes=[Cause("os", [HOSTILE], 0.9)])
    opened = replace(opened, buttons=buttons)
    name = telegram.send(CHAT, compose(opened, language))
    api.press(1, "ack:1", first_name="Anna")
    (press,) = telegram.presses(0).presses
    receipt = replace(opened, handled=[Handling("acknowledge", press.user, SLOT)])
    over = replace(receipt, status="recovered", until=SLOT + timedelta(hours=2), buttons=())
    quarter = timedelta(minutes=15)
    growing = replace(receipt, status="growing", slot_start=SLOT + quarter, slot_end=SLOT + 2 * quarter)
    for alert in (receipt, growing, over):
        assert telegram.edit(CHAT, name, compose(alert, language)) == name
        assert api.sent[0].text == compose(alert, language).plain.strip()
        assert "Anna" in api.sent[0].text
        assert api.sent[0].photo == compose(alert, language).picture
    telegram.reply(CHAT, name, compose_reply(over, language))
    post, reply = api.sent
    assert (post.edits, post.buttons, reply.reply_to, reply.photo) == (3, (), post.id, None)
    assert reply.text == compose_reply(over, language).plain.strip()
