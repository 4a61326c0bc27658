"""The telegram channel through the real telebot client, against the strict local server."""

import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from telebot import apihelper

from reporting import channels
from reporting.alerts.compose import compose
from reporting.channels import create
from reporting.channels.telegram.api import PAUSES_SECONDS, TOKEN_VARIABLE
from reporting.channels.telegram.channel import Telegram
from reporting.errors import ChannelError, ChannelUnavailableError, SettingsError
from reporting.message import Message
from tests.reporting.samples import HOSTILE, alert, alert_metric, message, png
from tests.servers.bot_api import CHAT, TOKEN, TOPIC, BotApi, Trouble, dropped, html, refused, slow, too_many

SECRET = "a text that nobody but the chat may read"


def channel(api: BotApi, topic: str = "", chats: str = CHAT) -> Telegram:
    made = create("telegram", chats=chats, topic=topic, api_url=api.url)
    assert isinstance(made, Telegram)
    return made


def test_a_text_is_sent_without_a_preview_and_named(api: BotApi) -> None:
    assert channel(api).send(CHAT, message()) == "1"
    (sent,) = api.sent
    assert (sent.text, sent.source, sent.topic, sent.preview) == (
        "Likes: 1 < 2",
        "<b>Likes</b>: 1 &lt; 2",
        None,
        False,
    )


def test_a_picture_carries_the_text_as_its_caption_into_the_topic(api: BotApi) -> None:
    picture = png()
    assert channel(api, topic=str(TOPIC)).send(CHAT, message(picture=picture)) == "1"
    (sent,) = api.sent
    assert (sent.photo, sent.text, sent.topic) == (picture, "Likes: 1 < 2", TOPIC)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_real_alert_with_hostile_labels_is_one_photo(api: BotApi, language: str) -> None:
    metrics = [alert_metric(name=str(index), label=f"{index} {HOSTILE}") for index in range(8)]
    composed = compose(alert(*metrics, links=[(HOSTILE, "https://e.example/?a=1&b=2")]), language)
    channel(api).send(CHAT, composed)
    (sent,) = api.sent
    assert (sent.photo, sent.text) == (composed.picture, composed.plain.strip())


def test_long_russian_texts_stay_out_of_the_url(api: BotApi) -> None:
    channel(api).send(CHAT, message(html="ж" * 4096))
    channel(api).send(CHAT, message(html="ж" * 1024, picture=png()))
    assert [len(sent.text) for sent in api.sent] == [4096, 1024]
    assert api.longest_url < 100


def test_a_text_that_is_too_long_is_split(api: BotApi) -> None:
    lines = [f"<b>{index}</b> {'😀' * 500}" for index in range(9)]
    assert channel(api).send(CHAT, message(html="\n".join(lines))) == "1"
    assert [sent.text.count("\n") + 1 for sent in api.sent] == [4, 4, 1]


def test_a_text_that_is_too_long_for_a_caption_follows_the_photo(api: BotApi) -> None:
    assert channel(api).send(CHAT, message(html="x" * 1025, picture=png())) == "1"
    photo, text = api.sent
    assert (photo.text, photo.photo is None, text.text) == ("Likes: 1 < 2", False, "x" * 1025)


@pytest.mark.parametrize("picture", [None, png()])
def test_markup_that_the_server_refuses_is_sent_as_plain_text(api: BotApi, picture: bytes | None) -> None:
    api.answer_next(refused(400, "Bad Request: can't parse entities: Unsupported start tag"))
    channel(api).send(CHAT, message(picture=picture))
    (sent,) = api.sent
    assert (sent.source, sent.photo) == ("Likes: 1 < 2", picture)


@pytest.mark.parametrize(
    "trouble",
    [
        refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"),
        refused(400, "Bad Request: not enough rights to send photos to the chat"),
        html(413, "Request Entity Too Large"),
    ],
)
def test_a_refused_picture_does_not_cost_the_text(api: BotApi, trouble: Trouble) -> None:
    api.answer_next(trouble)
    assert channel(api).send(CHAT, message(picture=png())) == "1"
    assert [(sent.photo, sent.text) for sent in api.sent] == [(None, "Likes: 1 < 2")]


def test_a_broken_or_huge_picture_does_not_cost_the_text(api: BotApi) -> None:
    telegram = channel(api)
    telegram.send(CHAT, message(picture=png()[:50]))
    telegram.send(CHAT, message(picture=png() + b"\0" * 10_000_000))
    assert [(sent.photo, sent.text) for sent in api.sent] == [(None, "Likes: 1 < 2")] * 2


def test_a_server_that_chokes_on_pictures_gets_the_text(api: BotApi, pauses: list[float]) -> None:
    api.answer_next(*[html(502, "Bad Gateway")] * (len(PAUSES_SECONDS) + 1))
    channel(api).send(CHAT, message(picture=png()))
    assert [sent.photo for sent in api.sent] == [None]


def test_troubles_that_pass_are_waited_for_with_growing_pauses(api: BotApi, pauses: list[float]) -> None:
    picture = png()
    api.answer_next(dropped(), html(502, "Bad Gateway"), refused(500, "Internal Server Error"))
    channel(api).send(CHAT, message(picture=picture))
    assert [sent.photo for sent in api.sent] == [picture]
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


def test_a_request_to_slow_down_is_obeyed(api: BotApi, pauses: list[float]) -> None:
    api.answer_next(too_many(20))
    channel(api).send(CHAT, message(picture=png()))
    assert len(api.sent) == 1
    assert pauses == [20]


@pytest.mark.parametrize("given", [None, "soon", [], {"a": 1}, -5, float("nan")], ids=str)
def test_a_request_to_slow_down_by_no_number_waits_as_usual(api: BotApi, pauses: list[float], given: Any) -> None:
    api.answer_next(refused(429, "Too Many Requests", retry_after=given))
    channel(api).send(CHAT, message())
    assert (len(api.sent), pauses) == (1, [1])


def test_a_request_to_slow_down_for_ever_is_refused(api: BotApi, pauses: list[float]) -> None:
    api.answer_next(refused(429, "Too Many Requests", retry_after=10**400))
    with pytest.raises(ChannelUnavailableError, match="it asks to wait"):
        channel(api).send(CHAT, message())
    assert pauses == []


@pytest.mark.parametrize("picture", [None, png()])
def test_a_long_silence_that_is_asked_for_is_kept(api: BotApi, pauses: list[float], picture: bytes | None) -> None:
    api.answer_next(too_many(600))
    with pytest.raises(ChannelUnavailableError, match=f"chat {CHAT} could not be reached: it asks to wait 600 s"):
        channel(api).send(CHAT, message(picture=picture))
    assert (len(api.requests), pauses) == (1, [])


def test_an_answer_that_is_lost_may_deliver_twice_but_never_not_at_all(
    api: BotApi, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apihelper, "READ_TIMEOUT", 0.5)
    api.answer_next(slow(3))
    channel(api).send(CHAT, message())
    assert len(pauses) == 1
    assert {sent.text for sent in api.sent} == {"Likes: 1 < 2"}


def test_a_group_that_became_a_supergroup_is_followed(api: BotApi) -> None:
    old = "-42"
    telegram = channel(api, chats=old)
    api.answer_next(refused(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=int(CHAT)))
    first, second = telegram.send(old, message()), telegram.send(old, message())
    assert [sent.chat for sent in api.sent] == [CHAT, CHAT]
    assert len(api.requests) == 3
    # Another process, which has not written to the group, makes the same links.
    assert [channel(api, chats=old).link(old, name) for name in (first, second)] == [
        "https://t.me/c/1234567890/1",
        "https://t.me/c/1234567890/2",
    ]


@pytest.mark.parametrize(
    ("trouble", "remedy"),
    [
        (refused(403, "Forbidden: bot was kicked from the supergroup chat"), "Add the bot to the chat"),
        (refused(400, "Bad Request: chat not found"), "Add the bot to the chat"),
        (refused(400, "Bad Request: message thread not found"), "Correct `topic`"),
        (refused(401, "Unauthorized"), f"Check the token in {TOKEN_VARIABLE}"),
        (html(404, "Not Found"), f"Check the token in {TOKEN_VARIABLE}"),
    ],
)
@pytest.mark.parametrize("picture", [None, png()])
def test_a_chat_that_refuses_is_named_with_the_remedy(
    api: BotApi, trouble: Trouble, remedy: str, picture: bytes | None
) -> None:
    api.answer_next(trouble)
    with pytest.raises(ChannelError, match=f"chat {CHAT} refused") as caught:
        channel(api).send(CHAT, message(picture=picture))
    assert remedy in str(caught.value)
    assert not isinstance(caught.value, ChannelUnavailableError)
    assert len(api.requests) == 1


TROUBLES = {
    "refused": [refused(403, f"Forbidden: {TOKEN}")],
    "dropped": [dropped()] * 4,
    "gateway": [html(502, TOKEN)] * 4,
    "not json": [html(200, TOKEN)] * 4,
    "slow down": [too_many(600)],
}


@pytest.mark.parametrize("name", TROUBLES)
def test_neither_token_nor_text_leaks(
    api: BotApi, pauses: list[float], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    for logger in ("TeleBot", "urllib3.connectionpool", "urllib3"):
        caplog.set_level(logging.DEBUG, logger=logger)
    api.answer_next(*TROUBLES[name])
    telegram = channel(api)
    with pytest.raises(ChannelError) as caught:
        telegram.send(CHAT, message(html=SECRET))
    error: BaseException | None = caught.value
    shown = "".join(traceback.format_exception(caught.value)) + repr(telegram) + str(vars(telegram)) + caplog.text
    while error is not None:
        shown += repr(error)
        error = error.__cause__ or error.__context__
    assert TOKEN not in shown
    assert TOKEN.split(":")[1] not in shown
    assert SECRET not in shown


def test_nothing_leaks_when_all_goes_well(api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    for logger in (None, "TeleBot", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=logger)
    channel(api).send(CHAT, message(html=SECRET))
    assert TOKEN not in caplog.text
    assert SECRET not in caplog.text


def test_no_server_is_one_clear_error(api: BotApi, pauses: list[float]) -> None:
    telegram = create("telegram", chats=CHAT, api_url="http://127.0.0.1:9")
    with pytest.raises(ChannelUnavailableError, match=r"no answer \(ConnectionError\).*check the network"):
        telegram.send(CHAT, message())
    assert pauses == list(PAUSES_SECONDS)


def test_each_channel_sends_to_its_own_server(api: BotApi) -> None:
    with BotApi() as other:
        ours, others = channel(api), channel(other)
        for telegram, text in ((ours, "one"), (others, "two"), (ours, "three")):
            telegram.send(CHAT, message(text))
        assert [[sent.text for sent in server.sent] for server in (api, other)] == [["one", "three"], ["two"]]


def test_the_logs_of_other_programs_stay(api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    channel(api).send(CHAT, message())
    caplog.set_level(logging.DEBUG, logger="urllib3.connectionpool")
    logging.getLogger("urllib3.connectionpool").warning("Connection pool is full")
    assert "Connection pool is full" in caplog.text


@pytest.mark.parametrize("token", [None, "", "  "])
def test_a_missing_token_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    if token is not None:
        monkeypatch.setenv(TOKEN_VARIABLE, token)
    with pytest.raises(SettingsError, match=f"set the environment variable {TOKEN_VARIABLE}"):
        create("telegram", chats=CHAT)


def test_a_malformed_token_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "hunter2 /../")
    with pytest.raises(SettingsError, match="not a token") as caught:
        create("telegram", chats=CHAT)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, "set `chats`"),
        ({"chats": " , "}, "set `chats`"),
        ({"chats": "everyone"}, "chat 'everyone' is neither a number nor an @name"),
        ({"chats": CHAT, "topic": "general"}, "topic 'general' is not a number"),
        ({"chats": CHAT, "api_url": "api.telegram.org"}, "not an http"),
        ({"chats": CHAT, "api_url": "https://[telegram"}, "not an http"),
        ({"chats": CHAT, "api_url": "https://api..telegram.org"}, "not an http"),
        ({"chats": CHAT, "api_url": f"https://{'a' * 64}.org"}, "not an http"),
        ({"chats": CHAT, "api_url": "https://api.telegram.org:https"}, "not an http"),
        ({"chats": CHAT, "api_url": "https://:443"}, "not an http"),
        ({"chats": CHAT, "chat": "1"}, "has no setting 'chat'; it has: chats, topic, api_url"),
    ],
)
def test_impossible_settings_are_named(api: BotApi, settings: dict[str, str], error: str) -> None:
    with pytest.raises(SettingsError, match=error):
        create("telegram", **settings)


def test_chats_and_links(api: BotApi) -> None:
    telegram = channel(api, chats=f" {CHAT}, @feed_pulse,,77 ")
    assert telegram.addresses() == [CHAT, "@feed_pulse", "77"]
    assert telegram.link(CHAT, "9") == "https://t.me/c/1234567890/9"
    assert telegram.link("@feed_pulse", "9") == "https://t.me/feed_pulse/9"
    assert telegram.link("77", "9") == ""
    assert channel(api, topic="7").link(CHAT, "9") == "https://t.me/c/1234567890/7/9"


def test_channels_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pigeon.py").write_text(
        "from dataclasses import dataclass\n"
        "from reporting.channels.base import Channel\n"
        "from reporting.channels.outbox.channel import Outbox\n"
        "@dataclass(frozen=True)\n"
        "class Pigeon(Channel):\n"
        "    loft: str\n"
        "    def addresses(self): return [self.loft]\n"
        "    def send(self, address, message): return message.key\n"
        "    def link(self, address, message_id): return ''\n"
    )
    monkeypatch.setattr(channels, "__path__", [*channels.__path__, str(tmp_path)])
    assert create("pigeon", loft="roof").send("roof", Message("k", "t", "h")) == "k"
    with pytest.raises(SettingsError, match="needs the setting 'loft'"):
        create("pigeon")
    with pytest.raises(SettingsError, match="'owl' is unknown; choose one of: outbox, pigeon, telegram"):
        create("owl")
