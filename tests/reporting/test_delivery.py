"""Sending once to every address, with a log in memory."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from reporting.channels.base import Channel
from reporting.delivery import (
    Channels,
    Delivered,
    DeliveryLog,
    Version,
    deliver,
    edit,
    edit_once,
    lacking,
    offer,
    record_edit,
    reply,
)
from reporting.errors import ChannelError, ChannelUnavailableError
from reporting.message import Message

POST = Message("alert-1-views", "Views", "Views")
EDITED = Message("alert-1-views", "Views", "Views, edited")
REPLY = Message("alert-1-views-recovered", "Recovered", "Recovered")
Event = tuple[str, ...]


@dataclass
class MemoryClaim:
    """A claim of an address, which keeps what the message shows in `versions`."""

    versions: dict[Event, Version]
    place: Event
    copies: Collection[str] = ()

    @property
    def shown(self) -> Version:
        return self.versions.get(self.place, ())

    def done(self, message_id: str, shown: Version, gone: Collection[str] = ()) -> None:
        self.versions[self.place] = shown or self.shown


@dataclass
class MemoryLog:
    """What was sent; `events` also holds what the chats did."""

    events: list[Event] = field(default_factory=list)
    ids: dict[tuple[str, str, str], str] = field(default_factory=dict)
    held: set[tuple[str, str]] = field(default_factory=set)
    versions: dict[Event, Version] = field(default_factory=dict)

    def sent(self, key: str, channel: str) -> Mapping[str, str]:
        return {place: number for (name, at, place), number in self.ids.items() if (name, at) == (key, channel)}

    def record_pending(self, key: str, channel: str, address: str) -> None:
        self.events.append(("pending", address))

    def record_sent(self, key: str, channel: str, address: str, message_id: str) -> None:
        self.ids[key, channel, address] = message_id
        self.events.append(("sent", address, message_id))

    @contextlib.contextmanager
    def claim(self, key: str, channel: str, address: str) -> Iterator[MemoryClaim]:
        assert (channel, address) not in self.held
        self.held.add((channel, address))
        try:
            yield MemoryClaim(self.versions, (key, channel, address))
        finally:
            self.held.remove((channel, address))


@dataclass(frozen=True)
class Chats(Channel):
    """Chats that number their messages in the order of `events`."""

    log: MemoryLog
    names: str = "first,second"
    refusing: tuple[str, ...] = ()
    is_gone: bool = False

    def addresses(self) -> list[str]:
        return self.names.split(",")

    def send(self, address: str, message: Message) -> str:
        assert ("chats", address) in self.log.held
        if address in self.refusing:
            raise ChannelError(f"{address} refuses")
        self.log.events.append(("shown", address, message.plain))
        return str(len(self.log.events))

    def edit(self, address: str, message_id: str, message: Message) -> str:
        if self.is_gone or address in self.refusing:
            return self.send(address, message)
        self.log.events.append(("edited", address, message_id, message.plain))
        return message_id

    def reply(self, address: str, message_id: str, message: Message) -> str:
        return self.send(address, Message(message.key, message.title, f"{message.html} to {message_id}"))

    def link(self, address: str, message_id: str) -> str:
        return "" if address == "first" else f"https://chat.example/{address}/{message_id}"


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


def chats(log: MemoryLog, *refusing: str, names: str = "first,second", is_gone: bool = False) -> Channels:
    return {"chats": Chats(log, names, refusing, is_gone)}


def test_the_log_is_written_before_and_after_a_send(log: MemoryLog) -> None:
    checked: DeliveryLog = log
    delivered = deliver(POST, chats(log), checked)
    assert log.events == [
        ("pending", "first"), ("shown", "first", "Views"), ("sent", "first", "2"),
        ("pending", "second"), ("shown", "second", "Views"), ("sent", "second", "5"),
    ]  # fmt: skip
    # The link is that of the first address that has one.
    assert delivered == Delivered(("chats:first", "chats:second"), "https://chat.example/second/5")


def test_a_message_is_sent_once_to_each_address_of_each_channel(log: MemoryLog) -> None:
    deliver(POST, chats(log), log)
    before = list(log.events)
    assert deliver(POST, chats(log), log).addresses == ("chats:first", "chats:second")
    assert log.events == before
    # A third address is new; the same address of another channel is another address.
    deliver(POST, chats(log, names="first,third"), log)
    assert log.events[len(before) :] == [("pending", "third"), ("shown", "third", "Views"), ("sent", "third", "8")]
    assert log.sent(POST.key, "other") == {}


def test_deliver_tries_every_address_and_raises_the_first_refusal(log: MemoryLog) -> None:
    with pytest.raises(ChannelError, match="first refuses"):
        deliver(POST, chats(log, "first", "third", names="first,second,third"), log)
    assert log.sent(POST.key, "chats") == {"second": "3"}
    deliver(POST, chats(log, names="first,second,third"), log)
    assert [event for event in log.events if event[0] == "shown"] == [
        ("shown", "second", "Views"), ("shown", "first", "Views"), ("shown", "third", "Views"),
    ]  # fmt: skip


def test_addresses_that_lack_a_message(log: MemoryLog) -> None:
    deliver(POST, chats(log, names="first"), log)
    both = {**chats(log), "other": Chats(log, "first")}
    assert lacking(POST.key, both, log) == ["chats:second", "other:first"]
    assert lacking(POST.key, chats(log, names="first"), log) == []


def test_offer_raises_only_if_no_address_has_the_message(log: MemoryLog) -> None:
    delivered = offer(POST, chats(log, "first"), log)
    assert (delivered.addresses, [str(refusal) for refusal in delivered.refusals]) == (
        ("chats:second",),
        ["first refuses"],
    )
    # `second` has it from before, so a refusal of `first` is returned again.
    assert offer(POST, chats(log, "first"), log).addresses == ("chats:second",)
    with pytest.raises(ChannelError, match="first refuses"):
        offer(REPLY, chats(log, "first", "second"), log)


def test_any_failure_at_one_address_leaves_the_others(log: MemoryLog, monkeypatch: pytest.MonkeyPatch) -> None:
    original_send = Chats.send

    def send(self: Chats, address: str, message: Message) -> str:
        if address == "first":
            raise ChannelUnavailableError("later") if message is POST else ZeroDivisionError("a bug")
        return original_send(self, address, message)

    monkeypatch.setattr(Chats, "send", send)
    for message, error in ((POST, ChannelUnavailableError), (REPLY, ZeroDivisionError)):
        assert [type(refusal) for refusal in offer(message, chats(log), log).refusals] == [error]
    assert [event[2] for event in log.events if event[0] == "shown"] == ["Views", "Recovered"]


def test_what_was_never_sent_is_neither_edited_nor_answered(log: MemoryLog) -> None:
    assert edit(EDITED, chats(log), log) == Delivered((), "")
    assert reply(REPLY, POST.key, chats(log), log) == Delivered((), "")
    assert log.events == []


def test_an_edit_is_not_recorded_unless_a_new_message_took_over(log: MemoryLog) -> None:
    deliver(POST, chats(log, names="second"), log)
    for _ in range(2):
        assert edit(EDITED, chats(log), log).addresses == ("chats:second",)
    assert log.events[3:] == [("edited", "second", "2", "Views, edited")] * 2
    delivered = edit(EDITED, chats(log, is_gone=True), log)
    assert log.events[5:] == [("shown", "second", "Views, edited"), ("sent", "second", "6")]
    assert delivered.link == "https://chat.example/second/6"


def test_an_edit_with_a_name_is_made_once_at_each_address(log: MemoryLog) -> None:
    deliver(POST, chats(log, names="first,second"), log)
    del log.events[:]
    refused = edit_once(EDITED, "edit-1", chats(log, "first", names="first,second,third"), log)
    assert (refused.addresses, [str(error) for error in refused.refusals]) == (("chats:second",), ["first refuses"])
    for _ in range(2):
        edited = edit_once(EDITED, "edit-1", chats(log, names="first,second,third"), log)
        assert edited.addresses == ("chats:first", "chats:second")
    assert [event for event in log.events if event[0] == "edited"] == [
        ("edited", "second", "5", "Views, edited"), ("edited", "first", "2", "Views, edited"),
    ]  # fmt: skip
    assert lacking("edit-1", chats(log, names="first,second,third"), log) == ["chats:third"]


def test_an_address_that_got_the_message_with_the_edit_is_not_edited(log: MemoryLog) -> None:
    deliver(EDITED, chats(log, names="first"), log)
    record_edit(POST.key, "edit-1", ["chats:first", "chats:second"], chats(log), log)
    before = list(log.events)
    edit_once(EDITED, "edit-1", chats(log), log)
    assert log.events == before


def test_a_named_edit_that_is_sent_anew_takes_over(log: MemoryLog) -> None:
    deliver(POST, chats(log, names="first"), log)
    edit_once(EDITED, "edit-1", chats(log, names="first", is_gone=True), log)
    assert log.sent(POST.key, "chats") == log.sent("edit-1", "chats") == {"first": "4"}


def test_a_reply_is_sent_once_to_what_took_over(log: MemoryLog) -> None:
    deliver(POST, chats(log, names="first"), log)
    edit(EDITED, chats(log, is_gone=True), log)
    for _ in range(2):
        assert reply(REPLY, POST.key, chats(log), log).addresses == ("chats:first",)
    shown = [event for event in log.events if event[0] == "shown"]
    assert shown == [
        ("shown", "first", "Views"),
        ("shown", "first", "Views, edited"),
        ("shown", "first", "Recovered to 4"),
    ]
