"""A bot that several installations or programs share: said once, with the remedy."""

from collections.abc import Iterator

import pytest

from reporting.channels.telegram.channel import Telegram
from tests.process.conftest import MakeProject
from tests.process.project import Project
from tests.process.saying import supervised_here
from tests.servers.bot_api import CHAT, TOKEN, BotApi, conflict


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    monkeypatch.setattr(Telegram, "sleep", staticmethod(lambda _: None))
    with BotApi() as server:
        yield server


@pytest.fixture
def project(new_project: MakeProject, api: BotApi) -> Project:
    project = new_project("embedded")
    project.environment["FEEDPULSE_TELEGRAM_TOKEN"] = TOKEN
    project.configure(alerts={"channels": "telegram"}, telegram={"chats": CHAT, "api_url": api.url})
    return project


@pytest.mark.parametrize("language", ["en", "ru"])
def test_presses_of_another_installation_are_said_once(project: Project, api: BotApi, language: str) -> None:
    project.configure(report={"language": language})
    for _ in range(3):
        api.forge("acknowledge|views:2026-11-12T0900|0000dead")
        finished = supervised_here(project, "Presses")
        assert finished.code == 0, finished.log
    (told,) = api.sent
    says, remedy = told.text.split("\n")
    assert {"en": "uses the same bot", "ru": "тот же бот"}[language] in says
    assert "a bot of its own for each feedpulse" in remedy
    assert len(api.answers) == 3


def test_another_reader_of_the_queue_is_said_once(project: Project, api: BotApi) -> None:
    for _ in range(7):
        api.answer_next(*[conflict()] * 3)
        finished = supervised_here(project, "Presses")
        assert finished.code == 30, finished.log
    (told,) = api.sent
    assert told.text.startswith("feedpulse: Presses failed\ntelegram: the bot's queue of presses refused: Conflict")
    assert "a bot of its own for each feedpulse" in told.text
