"""Claims of a message: of several machines one is the sender, whatever the order of their statements."""

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.warehouse import claims
from pipeline.warehouse.claims import TAKEN_OVER_SECONDS, TableClaim, machine, shown_versions
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.engines import Engine
from reporting import delivery
from reporting.errors import ChannelError
from reporting.message import Message
from tests.patience import HANGS_SECONDS
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place
from tests.pipeline.warehouse.test_delivery_log import POST, Chats

MACHINES = ("anna", "boris", "clara")
MOST_TURNS = 3_000
SCHEDULES = st.lists(st.integers(0, len(MACHINES) - 1), max_size=60)


class KilledError(BaseException):
    """Stands for SIGKILL: nothing that the machine does afterwards arrives."""


@dataclass
class Table:
    """The table in memory. Each statement and each pause of a machine, a thread, waits for its turn."""

    killed_at: Mapping[str, int] = field(default_factory=dict)
    pause: int = 0
    rows: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    now: int = 0
    turns: dict[str, int] = field(default_factory=dict)
    _parked: set[str] = field(default_factory=set)
    _ended: set[str] = field(default_factory=set)
    _chosen: str = ""
    _condition: threading.Condition = field(default_factory=threading.Condition)

    def turn(self) -> None:
        name = threading.current_thread().name
        with self._condition:
            self._parked.add(name)
            self._condition.notify_all()
            assert self._condition.wait_for(lambda: self._chosen == name, HANGS_SECONDS)
            self._chosen = ""
            self._parked.remove(name)
            self.turns[name] = self.turns.get(name, 0) + 1
            if self.is_killed(name):
                raise KilledError

    def is_killed(self, name: str) -> bool:
        return self.turns.get(name, 0) >= self.killed_at.get(name, MOST_TURNS)

    def execute(self, _: str, params: Mapping[str, Sequence[str]], *, idempotent: bool) -> None:
        if self.is_killed(threading.current_thread().name):
            return
        self.turn()
        assert idempotent
        for item, state, version in zip(params["items"], params["states"], params["versions"], strict=True):
            self.rows[item] = state, version, self.now

    def query(self, *_: object) -> list[tuple[str, str, str, int]]:
        self.turn()
        return [(item, state, version, self.now - at) for item, (state, version, at) in self.rows.items()]

    def sleep(self, _: float) -> None:
        self.turn()
        self.now += self.pause

    def end(self) -> None:
        with self._condition:
            self._ended.add(threading.current_thread().name)
            self._condition.notify_all()

    def run(self, names: Collection[str], schedule: Iterator[int]) -> None:
        """Let one machine at a time do its next step, in the order of the schedule."""
        for number in range(MOST_TURNS):
            with self._condition:
                assert self._condition.wait_for(
                    lambda: not self._chosen and self._parked | self._ended == set(names), HANGS_SECONDS
                )
                waiting = sorted(self._parked)
                if not waiting:
                    return
                self._chosen = waiting[next(schedule, number) % len(waiting)]
                self._condition.notify_all()
                assert self._condition.wait_for(lambda: not self._chosen, HANGS_SECONDS)
        raise AssertionError("the machines wait for each other for ever")


@dataclass
class Sender:
    """Machines that want to send one message: what was sent, and whether two were senders at once."""

    table: Table
    sent: list[str] = field(default_factory=list)
    sending: set[str] = field(default_factory=set)
    most: int = 0

    def send(self) -> None:
        name = threading.current_thread().name
        try:
            with TableClaim("key", "chats", "first", name).held() as claim:
                if self.sent:
                    return
                self.sending.add(name)
                self.most = max(self.most, len(self.sending))
                self.table.turn()
                self.sent.append(name)
                self.sending.remove(name)
                claim.done(f"id-{name}", (len(self.sent),))
        except KilledError:
            self.sending.discard(name)
        finally:
            self.table.end()

    def play(self, names: Sequence[str], schedule: Sequence[int]) -> None:
        with (
            patch.object(claims, "open_warehouse", lambda: self.table),
            patch.object(claims, "writer", lambda: self.table),
            patch.object(claims, "catch_up", lambda _: None),
            patch.object(claims, "full_name", lambda table: f"test.{table}"),
            patch.object(time, "sleep", self.table.sleep),
        ):
            threads = [threading.Thread(target=self.send, name=name) for name in names]
            for thread in threads:
                thread.start()
            self.table.run(names, iter(schedule))
            for thread in threads:
                thread.join(HANGS_SECONDS)


@given(SCHEDULES, st.permutations(MACHINES))
def test_one_machine_sends_whatever_the_order_of_the_statements(schedule: list[int], names: list[str]) -> None:
    sender = Sender(Table())
    sender.play(names, schedule)
    assert len(sender.sent) == sender.most == 1


@given(SCHEDULES, st.integers(1, 8))
def test_another_machine_takes_over_from_one_that_was_killed(schedule: list[int], killed_at: int) -> None:
    sender = Sender(Table(killed_at={"anna": killed_at}, pause=TAKEN_OVER_SECONDS // 5))
    sender.play(MACHINES[:2], schedule)
    assert sender.sent
    # Both may have sent: a claim that waits for its turn for ten minutes is taken over too. Each that ends is known.
    assert ("copy id-boris" in sender.table.rows) == ("boris" in sender.sent)


@pytest.fixture
def used(warehouse: Engine, tmp_path: Path) -> Iterator[Path]:
    with (
        fresh_database(warehouse) as database,
        configured(
            None,
            warehouse={**place(warehouse), "database": database},
            delivery={"lock_path": str(tmp_path / "locks")},
        ),
    ):
        yield tmp_path


@dataclass(frozen=True)
class Copies(Chats):
    """Chats that also list the edits of copies."""

    gone: str = ""

    def edit(self, address: str, message_id: str, message: Message) -> str:
        if address == self.refusing:
            raise ChannelError(f"{address} refuses")
        return self._change(address, message_id, message)

    def edit_copy(self, address: str, message_id: str, message: Message) -> bool:
        self._change(address, message_id, message)
        return message_id != self.gone

    def _change(self, address: str, message_id: str, message: Message) -> str:
        with (self.folder / address).open("a") as chat:
            chat.write(f"{message_id}: {message.plain}\n")
        return message_id


def edited(text: str, slot: int, presses: int = 0) -> Message:
    return Message(POST.key, "Views", text, version=(slot, presses))


def test_a_copy_of_a_machine_that_was_silent_for_long_is_edited_until_it_is_gone(used: Path) -> None:
    log, chats = TableDeliveryLog(), Copies(used, names="first")
    with TableClaim(POST.key, "chats", "first", "silent").held() as silent:
        with patch.object(claims, "TAKEN_OVER_SECONDS", 0):
            delivery.deliver(POST, {"chats": chats}, log)
        silent.done("late", ())
    delivery.edit(edited("worse", 1), {"chats": chats}, log)
    gone = Copies(used, names="first", gone="late")
    for text in ("over", "corrected"):
        delivery.edit(edited(text, 2), {"chats": gone}, log)
    assert chats.received("first") == [
        "Views", "first/1: worse", "late: worse", "first/1: over", "late: over", "first/1: corrected",
    ]  # fmt: skip


def test_an_older_state_never_overwrites_a_newer_one(used: Path) -> None:
    log, chats = TableDeliveryLog(), Copies(used, names="first")
    delivery.deliver(edited("opened", 1), {"chats": chats}, log)
    states = [("over", 3, 1), ("worse", 2, 1), ("over, not pressed", 4, 0), ("end", 4, 1)]
    for message in (edited(*state) for state in states):
        assert delivery.edit(message, {"chats": chats}, log).addresses == ("chats:first",)
    assert chats.received("first") == ["opened", "first/1: over", "first/1: end"]
    assert shown_versions([POST.key, "alert-2-views"]) == {POST.key: {"chats:first": (4, 1)}}


def test_a_message_that_an_address_refused_to_edit_is_left_for_a_while(used: Path) -> None:
    log = TableDeliveryLog()
    delivery.deliver(edited("opened", 1), {"chats": Copies(used)}, log)
    delivery.edit(edited("worse", 2), {"chats": Copies(used, refusing="second")}, log)
    assert shown_versions([POST.key]) == {POST.key: {"chats:first": (2, 0)}}
    with patch.object(claims, "FAILURE_PAUSE_SECONDS", 0):
        assert shown_versions([POST.key]) == {POST.key: {"chats:first": (2, 0), "chats:second": (1, 0)}}


def test_what_a_machine_showed_whose_clock_was_ahead_does_not_count() -> None:
    assert claims.decode(claims.encode((4_000_000_000, 1))) == ()
    assert claims.decode(claims.encode((1_700_000_000, 1))) == (1_700_000_000, 1)
    assert claims.decode("") == ()


def test_processes_with_the_same_lock_files_are_one_machine(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here, again, there = (machine(tmp_path / name) for name in ("here", "here", "there"))
    assert here == again != there
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["machine.lock"]
