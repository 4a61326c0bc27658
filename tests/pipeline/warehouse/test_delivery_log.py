"""A message is sent once and recorded in the warehouse, also with repeated, concurrent and killed runs."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from pipeline.core.errors import TransientError
from pipeline.warehouse import delivery_log
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.engines.conversion import Columns
from pipeline.warehouse.tables import insert
from reporting import delivery
from reporting.channels.base import Channel
from reporting.errors import ChannelError
from reporting.message import Message
from tests.patience import HANGS_SECONDS
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place

LOG = TableDeliveryLog()
SPAWN = multiprocessing.get_context("spawn")
POST = Message("alert-1-views", "Views", "Views")
EDITED = Message("alert-1-views", "Views", "Views, edited")
REPLY = Message("alert-1-views-recovered", "Recovered", "Recovered")


@dataclass(frozen=True)
class Chats(Channel):
    """Chats as files, with a line for each received message."""

    folder: Path
    names: str = "first,second"
    refusing: str = ""
    killed_after: str = ""
    is_gone: bool = False

    def addresses(self) -> list[str]:
        return self.names.split(",")

    def send(self, address: str, message: Message) -> str:
        if address == self.refusing:
            raise ChannelError(f"{address} refuses")
        with (self.folder / address).open("a") as chat:
            chat.write(f"{message.plain}\n")
        if address == self.killed_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return f"{address}/{len(self.received(address))}"

    def edit(self, address: str, message_id: str, message: Message) -> str:
        return self.send(address, message) if self.is_gone else message_id

    def reply(self, address: str, message_id: str, message: Message) -> str:
        return self.send(address, Message(message.key, message.title, f"{message.html} to {message_id}"))

    def link(self, address: str, message_id: str) -> str:
        return ""

    def received(self, address: str) -> list[str]:
        chat = self.folder / address
        return chat.read_text().splitlines() if chat.exists() else []


@dataclass(frozen=True)
class Sections:
    """The settings that a new process needs."""

    warehouse: dict[str, str]
    locks: str

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        with configured(None, warehouse=self.warehouse, delivery={"lock_path": self.locks}):
            yield

    def deliver(self, chats: Chats) -> None:
        with self.used():
            delivery.deliver(POST, {"chats": chats}, LOG)

    def deliver_together(self, chats: Chats, barrier: Barrier) -> None:
        with self.used():
            # Both start at the same time, after all imports and connections.
            delivery.deliver(REPLY, {"chats": replace(chats, names=f"own-{os.getpid()}")}, LOG)
            barrier.wait(HANGS_SECONDS)
            delivery.deliver(POST, {"chats": chats}, LOG)

    def start(self, deliver: Callable[..., None], *arguments: object) -> "multiprocessing.process.BaseProcess":
        process = SPAWN.Process(target=deliver, args=arguments)
        process.start()
        return process


@pytest.fixture
def sections(warehouse: Engine, tmp_path: Path) -> Iterator[Sections]:
    with fresh_database(warehouse) as database:
        made = Sections({**place(warehouse), "database": database}, str(tmp_path / "locks"))
        with made.used():
            yield made


def states(warehouse: Engine, sections: Sections) -> list[tuple[str, str]]:
    table = f"{sections.warehouse['database']}.deliveries"
    return warehouse.query(f"SELECT address, state FROM {table} FINAL ORDER BY address, state")


def test_a_message_is_sent_once_and_a_refusal_keeps_nobody_else_from_it(
    sections: Sections, warehouse: Engine, tmp_path: Path
) -> None:
    with pytest.raises(ChannelError, match="first refuses"):
        delivery.deliver(POST, {"chats": Chats(tmp_path, refusing="first")}, LOG)
    assert states(warehouse, sections) == [("first", "pending"), ("second", "pending"), ("second", "sent")]
    chats = Chats(tmp_path)
    for _ in range(2):
        delivered = delivery.deliver(POST, {"chats": chats}, LOG)
        assert delivered.addresses == ("chats:first", "chats:second")
    assert ("first", "sent") in states(warehouse, sections)
    assert (chats.received("first"), chats.received("second")) == (["Views"], ["Views"])


def test_a_kill_between_sending_and_recording_repeats_one_message_once(
    sections: Sections, warehouse: Engine, tmp_path: Path
) -> None:
    killed = sections.start(sections.deliver, Chats(tmp_path, killed_after="first"))
    killed.join(HANGS_SECONDS)
    assert killed.exitcode == -signal.SIGKILL
    assert states(warehouse, sections) == [("first", "pending")]
    chats = Chats(tmp_path)
    for _ in range(3):
        delivery.deliver(POST, {"chats": chats}, LOG)
    assert (chats.received("first"), chats.received("second")) == (["Views", "Views"], ["Views"])


def test_that_a_message_was_sent_is_recorded_when_the_server_is_back(
    sections: Sections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = iter([True] * 3)

    def insert_later(table: str, columns: Columns) -> None:
        if columns["state"] == ["sent"] and next(broken, False):
            raise TransientError("the connection broke during a statement")
        insert(table, columns)

    monkeypatch.setattr(delivery_log, "insert", insert_later)
    monkeypatch.setattr(delivery_log, "RECORD_PAUSES_SECONDS", (0.0,) * 5)
    chats = Chats(tmp_path, names="first")
    for _ in range(2):
        delivery.deliver(POST, {"chats": chats}, LOG)
    assert next(broken, None) is None
    assert chats.received("first") == ["Views"]


def test_of_senders_at_once_one_sends(sections: Sections, tmp_path: Path) -> None:
    chats, barrier = Chats(tmp_path, names="first"), SPAWN.Barrier(2)
    senders = [sections.start(sections.deliver_together, chats, barrier) for _ in range(2)]
    for sender in senders:
        sender.join(HANGS_SECONDS)
    assert [sender.exitcode for sender in senders] == [0, 0]
    assert chats.received("first") == ["Views"]


def test_a_reply_answers_the_message_that_replaced_a_deleted_one(sections: Sections, tmp_path: Path) -> None:
    chats = Chats(tmp_path, names="first")
    delivery.edit(EDITED, {"chats": chats}, LOG)  # never sent, so there is nothing to edit
    delivery.reply(REPLY, POST.key, {"chats": chats}, LOG)
    assert chats.received("first") == []
    delivery.deliver(POST, {"chats": chats}, LOG)
    delivery.edit(EDITED, {"chats": Chats(tmp_path, names="first", is_gone=True)}, LOG)
    for _ in range(2):
        delivery.edit(EDITED, {"chats": chats}, LOG)
        delivery.reply(REPLY, POST.key, {"chats": chats}, LOG)
    assert chats.received("first") == ["Views", "Views, edited", "Recovered to first/2"]
