"""Messages that the real commands send to a strict Bot API server."""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from PIL import Image

from pipeline.warehouse.tables import DELIVERIES, SLOT_CHECKS
from tests.process.conftest import MakeProject
from tests.process.project import NOON, OUTAGE_END, OUTAGE_START, Project, moment
from tests.servers.bot_api import CHAT, TOKEN, BotApi, refused, too_many

SLOT = timedelta(minutes=15)
OTHER_CHAT = "@feed_news"
FORBIDDEN = refused(403, "Forbidden: bot is not a member of the supergroup chat")


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi(chats=(CHAT, OTHER_CHAT)) as server:
        yield server


@pytest.fixture
def project(new_project: MakeProject, api: BotApi) -> Project:
    """A project that sends to one chat, and logs at the lowest level."""
    project = new_project("embedded")
    project.environment["FEEDPULSE_TELEGRAM_TOKEN"] = TOKEN
    project.configure(
        report={"channels": "telegram"},
        alerts={"channels": "telegram", "metrics": "messages_sent,messenger_users"},
        telegram={"chats": CHAT, "api_url": api.url},
        core={"log_level": "DEBUG"},
    )
    return project


def test_the_report_arrives_once_with_its_picture(project: Project, api: BotApi) -> None:
    for _ in range(2):
        finished = project.task("Morning")
        assert finished.code == 0, finished.log
        assert TOKEN not in finished.log
    (report,) = api.sent
    assert report.chat == CHAT
    assert "11" in report.text.splitlines()[0]
    assert report.photo is not None
    with Image.open(io.BytesIO(report.photo)) as picture:
        assert min(picture.size) > 300
    assert TOKEN not in "".join(project.rows(DELIVERIES))


def test_an_incident_is_one_message_and_its_replies(project: Project, api: BotApi) -> None:
    posted: list[tuple[datetime, int | None]] = []
    edits: list[int] = []
    now = OUTAGE_START - SLOT
    while now <= OUTAGE_END + 6 * SLOT:
        before = len(api.sent)
        finished = project.task("Alerts", *moment(now))
        assert finished.code == 0, finished.log
        posted += [(now, sent.reply_to) for sent in api.sent[before:]]
        edits += [api.sent[0].edits] if api.sent else []
        now += SLOT
    (post, *_) = api.sent
    # An alert for silence needs a slot without rows that ended 15 minutes ago; silence of an hour gets a reply. Four
    # normal slots in a row end the incident.
    assert posted == [
        (OUTAGE_START + SLOT, None),
        (OUTAGE_START + 4 * SLOT, post.id),
        (OUTAGE_END + 4 * SLOT, post.id),
    ]
    # Edited at every slot of the outage and at its end; not edited in the normal slots before the end, nor after it.
    assert edits == [0, 1, 2, 3, 3, 3, 3, 4, 4, 4]
    assert post.photo is not None
    assert "12:00" in post.text  # the start, in local time
    assert not post.buttons  # no action is left


def test_after_downtime_old_slots_are_recorded_and_not_alarmed(project: Project, api: BotApi) -> None:
    stopped = NOON - timedelta(hours=5)
    for now, hours in ((stopped, "1"), (NOON, "24")):
        project.configure(alerts={"catch_up_hours": hours})
        finished = project.task("Alerts", *moment(now))
        assert finished.code == 0, finished.log
    missed = [stopped + i * SLOT for i in range(20)]
    verdicts = project.warehouse.query(
        f"SELECT slot, verdict FROM {project.database}.{SLOT_CHECKS} FINAL "
        "WHERE metric = 'messages_sent' AND slot >= toDateTime(%(stopped)s, 'UTC') ORDER BY slot",
        {"stopped": str(stopped)},
    )
    assert verdicts == [(slot, "anomaly" if OUTAGE_START <= slot < OUTAGE_END else "ok") for slot in missed]
    assert api.sent == []


def test_a_chat_that_refuses_keeps_nobody_else_from_it(project: Project, api: BotApi) -> None:
    project.configure(telegram={"chats": f"{CHAT}, {OTHER_CHAT}"})
    api.answer_next(FORBIDDEN)
    finished = project.task("Morning")
    assert finished.code == 30, finished.log
    lines = [line for line in finished.errors.splitlines() if CHAT in line]
    assert len(lines) == 1
    assert "bot is not a member" in lines[0]
    assert "Add the bot to the chat" in lines[0]
    assert "Traceback" not in finished.log
    report, told = api.sent
    assert (report.chat, report.photo is not None) == (OTHER_CHAT, True)
    assert (told.chat, told.photo, "Morning failed" in told.text, CHAT in told.text) == (OTHER_CHAT, None, True, True)

    again = project.task("Morning")
    assert again.code == 0, again.log
    assert [(sent.chat, sent.photo is not None) for sent in api.sent[2:]] == [(CHAT, True), (OTHER_CHAT, False)]
    assert "Morning works again" in api.sent[-1].text
    assert api.sent[-1].reply_to == told.id


def test_being_asked_to_slow_down_costs_a_pause(project: Project, api: BotApi) -> None:
    api.answer_next(too_many(1))
    finished = project.task("Morning")
    assert finished.code == 0, finished.log
    assert [(sent.chat, sent.photo is not None) for sent in api.sent] == [(CHAT, True)]


def test_a_wrong_token_is_named_by_its_variable_and_never_shown(project: Project, api: BotApi) -> None:
    project.environment["FEEDPULSE_TELEGRAM_TOKEN"] = "654321:wrong-and-secret"
    finished = project.task("Morning")
    assert finished.code == 30, finished.log
    assert "FEEDPULSE_TELEGRAM_TOKEN" in finished.log
    assert "wrong-and-secret" not in finished.log
    assert "Traceback" not in finished.log
    assert api.sent == []
    assert "daily_report" not in "".join(project.rows("table_updates"))
