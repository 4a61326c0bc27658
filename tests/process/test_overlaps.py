"""Runs that overlap: two machines with one warehouse, and `Presses` while `Alerts` edits, with a strict Bot API."""

import contextlib
import fcntl
import random
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.patience import HANGS_SECONDS
from tests.process.conftest import MakeProject
from tests.process.project import OUTAGE_END, OUTAGE_START, TODAY, Project, finish, moment
from tests.servers.bot_api import CHAT, BotApi, dropped, slow
from tests.soak.overlaps import BEGINS, DISTURBED, ENDS, Overlaps, configure, play

SLOT = timedelta(minutes=15)
POSTED = OUTAGE_START + SLOT
ESCALATED = OUTAGE_START + 4 * SLOT
CLOSED = OUTAGE_END + 4 * SLOT
DRAWN_SECONDS = 4


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi(chats=(CHAT,)) as server:
        yield server


@pytest.fixture
def project(new_project: MakeProject, api: BotApi) -> Project:
    """A project on a server, which sends to one chat."""
    project = new_project("server")
    configure(project, api)
    return project


def check(project: Project, *times: datetime) -> None:
    """Check slots one after the other."""
    for now in times:
        finished = project.task("Alerts", *moment(now))
        assert finished.code == 0, finished.log


def at_once(project: Project, now: datetime, tmp_path: Path) -> None:
    """Check a slot on two machines, started in the same second: each has a lock directory of its own."""
    machines = [
        project.start_task("Alerts", *moment(now), "--no-lock", "--delivery-lock-path", str(tmp_path / name))
        for name in ("here", "there")
    ]
    for finished in map(finish, machines):
        assert finished.code == 0, finished.log


def test_two_machines_send_each_message_once(project: Project, api: BotApi, tmp_path: Path) -> None:
    check(project, OUTAGE_START - SLOT)
    # A slow answer, and one that is lost before the message is accepted.
    for now, trouble in ((POSTED, slow(3)), (ESCALATED, dropped()), (CLOSED, slow(3))):
        api.answer_next(trouble)
        at_once(project, now, tmp_path)
    post, *replies = api.sent
    assert [(reply.reply_to, reply.chat) for reply in replies] == [(post.id, CHAT)] * 2
    assert "recovered" in post.text.lower()
    assert not post.buttons


@pytest.mark.long
def test_an_edit_that_is_overtaken_by_the_end_is_left_out(project: Project, api: BotApi, tmp_path: Path) -> None:
    check(project, OUTAGE_START - SLOT, POSTED, OUTAGE_END + 3 * SLOT)
    (post,) = api.sent
    (_, acknowledge), *_ = post.buttons[0]
    api.press(post.id, acknowledge)
    with contextlib.ExitStack() as locks:
        for file in (project.directory / "locks").glob("*.lock"):
            fcntl.flock(locks.enter_context(file.open("a")), fcntl.LOCK_EX)
        presses = project.start_task("Presses", *moment(CLOSED), "--no-lock")
        began = time.monotonic()
        while not api.answers and time.monotonic() - began < HANGS_SECONDS:
            time.sleep(0.05)
        time.sleep(DRAWN_SECONDS)  # it has read the open incident, and waits for the chat
        # Elsewhere `Alerts` ends the incident.
        finished = project.task("Alerts", *moment(CLOSED), "--no-lock", "--delivery-lock-path", str(tmp_path / "there"))
        assert finished.code == 0, finished.log
    assert finish(presses).code == 0
    shown, *_ = api.sent
    assert "recovered" in shown.text.lower()
    assert "Anna" in shown.text
    assert not shown.buttons


FEW = (BEGINS + SLOT, ENDS + 4 * SLOT)


@pytest.mark.parametrize(
    ("seed", "disturbed"),
    [pytest.param(47, FEW, marks=pytest.mark.long), pytest.param(2, DISTURBED, marks=pytest.mark.long, id="a day")],
)
def test_disturbed_alerts_leave_the_chat_as_it_should_be(
    project: Project, api: BotApi, seed: int, disturbed: Sequence[timedelta]
) -> None:
    overlaps = Overlaps(project, api, random.Random(seed))
    play(overlaps, TODAY, disturbed)
    assert overlaps.differences() == []
