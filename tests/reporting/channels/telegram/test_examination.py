"""What `examine` finds: the bot's token, its chats, and its rights there."""

from collections.abc import Iterator

import pytest

from reporting.channels import Finding
from reporting.channels.telegram import Telegram
from tests.servers.bot_api import CHAT, TOKEN, TOPIC, BotApi, dropped, html

GROUP = "-42"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", TOKEN)
    with BotApi((CHAT, GROUP, "@news", "77")) as server:
        yield server


def examined(api: BotApi, chats: str = CHAT, topic: str = "") -> list[Finding]:
    return list(Telegram(chats=chats, topic=topic, api_url=api.url).examine())


def last(api: BotApi, chats: str = CHAT, topic: str = "") -> Finding:
    return examined(api, chats, topic)[-1]


def test_all_is_well(api: BotApi) -> None:
    found = examined(api, f"{CHAT},{GROUP},@news,77")
    assert [finding.level for finding in found] == ["ok"] * 6
    assert "@feedpulse_bot" in found[0].text
    assert f"chat {CHAT} (Team): the bot may send messages and photos" in found[2].text
    assert api.sent == []
    assert last(api, topic=str(TOPIC)).level == "ok"
    assert api.sent == []


@pytest.mark.parametrize("chat", [CHAT, GROUP, "@news", "77"])
def test_what_it_finds_is_what_happens_to_a_message(api: BotApi, chat: str) -> None:
    """The server's own refusals agree with the findings in each state of a chat."""
    from reporting.errors import ChannelError
    from reporting.message import Message

    channel = Telegram(chats=chat, api_url=api.url)
    states: list[dict[str, object]] = [{}, {"status": "kicked"}, {"status": "left"}]
    if chat != "77":
        states += [
            {"status": "restricted", "rights": {"is_member": True, "can_send_messages": False}},
            {"permissions": {"can_send_messages": False}},
            {"status": "administrator", "rights": {"can_post_messages": False}},
        ]
    for state in states:
        room = api.chat(chat)
        before = dict(vars(room))
        vars(room).update(state)
        found = list(channel.examine())[-1].level
        try:
            channel.send(chat, Message("k", "t", "text"))
            arrives = True
        except ChannelError:
            arrives = False
        assert (found == "ok") == arrives, (state, found)
        vars(room).update(before)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"status": "kicked"}, "bot was kicked from the supergroup chat (403)"),
        ({"status": "left"}, "bot is not a member"),
        ({"status": "left", "username": "team"}, "the bot is not in it"),
        ({"status": "restricted", "rights": {"is_member": False}}, "the bot is not in it"),
        (
            {"status": "restricted", "rights": {"is_member": True, "can_send_photos": False}},
            "the bot may not send photos",
        ),
        ({"permissions": {"can_send_messages": False, "can_send_photos": False}}, "may not send messages and photos"),
    ],
)
def test_a_chat_that_takes_no_messages(api: BotApi, state: dict[str, object], says: str) -> None:
    vars(api.chat(CHAT)).update(state)
    found = last(api)
    assert found.level == "wrong"
    assert says in found.text
    assert found.remedy


def test_a_channel_needs_an_administrator(api: BotApi) -> None:
    room = api.chat("@news")
    room.rights = {"can_post_messages": False}
    assert "the bot may not send posts" in last(api, "@news").text
    room.status = "member"
    assert last(api, "@news").level == "wrong"


def test_an_administrator_of_a_channel_has_only_the_rights_that_are_named(api: BotApi) -> None:
    api.chat("@news").rights = {}
    found = last(api, "@news")
    assert "the bot may not send posts" in found.text
    assert found.remedy == "Make the bot an administrator of the channel, with the right to post messages."
    api.chat("@news").status = "member"
    assert last(api, "@news").remedy == found.remedy


@pytest.mark.parametrize(
    ("chat", "meant"), [(CHAT.removeprefix("-"), f"negative: {CHAT}."), ("4001", "negative: -4001 or -1004001.")]
)
def test_the_number_of_a_group_without_its_minus(api: BotApi, chat: str, meant: str) -> None:
    assert meant in (remedy := last(api, chat).remedy)
    assert "press Start" in remedy
    assert "negative" not in last(api, "-1009").remedy


def test_a_chat_that_does_not_exist_names_those_that_the_bot_sees(api: BotApi) -> None:
    other = {"id": -1005, "type": "supergroup", "title": "Analysts"}
    left = {"id": -1006, "type": "supergroup", "title": "Left"}
    api.update(message={"message_id": 1, "date": 1, "chat": other, "text": "hi"})
    api.update(my_chat_member={"chat": left, "date": 1, "new_chat_member": {"status": "kicked"}})
    waiting = list(api.updates)
    found = last(api, "-1009")
    assert found.level == "wrong"
    assert "chat not found" in found.text
    assert "-1005 (Analysts)" in found.remedy
    assert "-1006" not in found.remedy
    assert api.updates == waiting
    api.updates.clear()
    assert "begins with /" in last(api, "-1009").remedy


def test_a_press_is_not_swallowed(api: BotApi) -> None:
    api.press_elsewhere(CHAT)
    assert len(examined(api)) == 3
    (press,) = Telegram(chats=CHAT, api_url=api.url).presses(0).presses
    assert press.data == "ack"


def test_a_webhook_takes_the_presses(api: BotApi) -> None:
    api.webhook = True
    found = examined(api)[1]
    assert (found.level, "webhook" in found.text) == ("wrong", True)


def test_a_wrong_token_and_a_server_that_is_away(api: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    for trouble, says in ((dropped(), "no answer (ConnectionError)"), (html(502, "Bad Gateway"), "HTTP 502")):
        api.answer_next(trouble)
        (found,) = examined(api)
        assert (found.level, says in found.text) == ("wrong", True)
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", "123456:BBother-token")
    (found,) = examined(api)
    assert (found.level, "Unauthorized (401)" in found.text) == ("wrong", True)
    assert "FEEDPULSE_TELEGRAM_TOKEN" in found.remedy
    assert "BBother" not in found.text + found.remedy


def test_a_topic(api: BotApi) -> None:
    assert "message thread not found" in last(api, topic="9").text
    api.chat(CHAT).is_forum = False
    assert "has no topics" in last(api, topic=str(TOPIC)).text


def test_a_group_that_became_a_supergroup(api: BotApi) -> None:
    api.migrate(GROUP, "-1008")
    found = examined(api, GROUP)
    assert [finding.level for finding in found] == ["ok", "ok", "note", "ok"]
    assert found[2].remedy == "Set `chats` in [telegram] to -1008."
