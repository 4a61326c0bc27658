"""What the doctor says of Telegram and the outbox, and the test message."""

from collections.abc import Iterator

import pytest

from tests.pipeline.commands.doctor.place import Place
from tests.servers.bot_api import CHAT, TOKEN, BotApi

OTHER = "-1002"


@pytest.fixture
def api(on_server: Place) -> Iterator[BotApi]:
    with BotApi((CHAT, OTHER)) as server:
        on_server.environment["FEEDPULSE_TELEGRAM_TOKEN"] = TOKEN
        on_server.sections["alerts"] = {"channels": "telegram,outbox"}
        on_server.sections["telegram"] = {"chats": f"{CHAT},{OTHER}", "api_url": server.url}
        yield server


def test_nothing_is_sent_unasked(on_server: Place, api: BotApi) -> None:
    code, out = on_server.run()
    assert code == 0, out
    assert "the token is that of the bot @feedpulse_bot" in out
    assert f"chat {OTHER} (Team): the bot may send messages and photos" in out
    assert (api.sent, (on_server.directory / "var").exists()) == ([], False)


def test_a_test_message_goes_to_every_address(on_server: Place, api: BotApi) -> None:
    on_server.sections["report"] = {"language": "ru"}
    code, out = on_server.run("--send")
    assert code == 0, out
    assert [(sent.chat, sent.photo is not None) for sent in api.sent] == [(CHAT, True), (OTHER, True)]
    assert api.sent[0].text.startswith("Проверка связи\n")
    assert "https://t.me/c/" in out
    (text,) = (on_server.directory / "var" / "outbox").glob("test-*.txt")
    assert text.read_text().startswith("Проверка связи\n")
    assert on_server.engine.query(f"EXISTS TABLE {on_server.sections['warehouse']['database']}.deliveries") == [(0,)]


def test_one_that_is_refused_does_not_keep_the_others_from_theirs(
    on_server: Place, api: BotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reporting.channels.telegram.Telegram.examine", lambda _: iter(()))
    api.chat(CHAT).status = "kicked"
    found = on_server.wrong("--send")
    assert "bot was kicked from the supergroup chat" in found
    assert [sent.chat for sent in api.sent] == [OTHER]


def test_a_chat_that_refuses_photos_is_noticed(on_server: Place, api: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.chat(CHAT).permissions = {"can_send_photos": False}
    assert "the bot may not send photos" in on_server.wrong()
    monkeypatch.setattr("reporting.channels.telegram.Telegram.examine", lambda _: iter(()))
    (found,) = on_server.notes("--send")
    assert "picture refused" in found


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("", "set the environment variable FEEDPULSE_TELEGRAM_TOKEN"),
        ("not-a-token", "FEEDPULSE_TELEGRAM_TOKEN is not a token like 123456:ABC..."),
        ("123456:AAanother", "Unauthorized (401)"),
    ],
)
def test_a_token_that_is_wrong(on_server: Place, api: BotApi, token: str, says: str) -> None:
    if token:
        on_server.environment["FEEDPULSE_TELEGRAM_TOKEN"] = token
    else:
        del on_server.environment["FEEDPULSE_TELEGRAM_TOKEN"]
    assert says in on_server.wrong()


def test_a_chat_that_does_not_exist(on_server: Place, api: BotApi) -> None:
    api.update(
        message={"message_id": 1, "date": 1, "chat": {"id": -1005, "type": "group", "title": "Us"}, "text": "/hi"}
    )
    on_server.sections["telegram"]["chats"] = "-1009"
    assert "chat not found" in (found := on_server.wrong())
    assert "The bot has heard from: -1005 (Us)." in found
