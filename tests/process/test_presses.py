"""`Presses`: it waits for presses, and tells of a bot that several installations or programs share."""

from collections.abc import Iterator
from functools import partial

import pytest

from pipeline.core import clock
from pipeline.warehouse.tables import INCIDENT_ACTIONS, RUNS
from reporting.channels.telegram.channel import Telegram
from tests.patience import wait_for
from tests.process.conftest import MakeProject
from tests.process.here import task_here
from tests.process.project import OUTAGE_START, Project, finish, moment
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


def is_shown(api: BotApi, query: str, name: str) -> bool:
    """Whether a press was answered and is on the message."""
    return query in api.answers and name in api.sent[0].text


def test_presses_that_come_are_answered_at_once_and_a_kill_loses_none(project: Project, api: BotApi) -> None:
    posted = moment(OUTAGE_START + clock.SLOT)
    page = project.directory / "page"
    project.configure(status={"path": str(page), "people": "true"})
    assert task_here(project, "Alerts", *posted).code == 0
    (sent,) = api.sent
    waiting = ("feedpulse", "run", "Presses", "--wait-minutes", "58", "--local-scheduler", *posted)

    first = project.start(*waiting)
    wait_for(lambda: api.longest_poll)
    for name in ("Anna", "Boris"):
        query = api.press(sent.id, sent.data("acknowledge"), first_name=name)
        wait_for(partial(is_shown, api, query, name))
    wait_for(lambda: "taken by Anna, Boris" in (page / "index.html").read_text(encoding="utf-8"))
    assert project.run(*waiting).code == 10  # one process waits
    first.kill()
    first.communicate()
    query = api.press(sent.id, sent.data("acknowledge"), first_name="Clara")

    second = project.start(*waiting)
    wait_for(partial(is_shown, api, query, "Clara"))
    second.terminate()
    finished = finish(second)
    assert finished.code == 0, finished.log
    assert "Presses: 1 button press read, " in finished.log
    assert project.rows(INCIDENT_ACTIONS, "person") == [repr((name,)) for name in ("Anna", "Boris", "Clara")]
    assert len(api.answers) == 3
    assert project.rows(RUNS, "root, outcome").count(repr(("Presses", "ok"))) == 1


@pytest.mark.parametrize("language", ["en", "ru"])
def test_presses_of_another_installation_are_said_once(project: Project, api: BotApi, language: str) -> None:
    project.configure(report={"language": language})
    for _ in range(3):
        api.forge("acknowledge|views:2026-11-12T0900|0000dead")
        # The press is left in the queue for its owner, so this run does not wait.
        finished = supervised_here(project, "Presses", "--wait-minutes", "58")
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
