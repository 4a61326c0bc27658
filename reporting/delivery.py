"""Sends a message to every address of every channel, once, and edits or answers what was sent.

Deliveries are recorded in a `DeliveryLog`. If a process is killed between sending and recording, the next run sends the
message again: a duplicate is better than a lost message.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from reporting.channels.base import Channel
from reporting.message import Message

Channels = Mapping[str, Channel]
"""Channels by name."""


class DeliveryLog(Protocol):
    """Stores sent messages by key of the message, name of the channel and address."""

    def sent(self, key: str, channel: str) -> Mapping[str, str]:
        """Return the id of the sent message by address."""

    def record_pending(self, key: str, channel: str, address: str) -> None:
        """Record that the message is about to be sent."""

    def record_sent(self, key: str, channel: str, address: str, message_id: str) -> None:
        """Record the id of the message; it replaces an earlier one."""

    def lock(self, channel: str, address: str) -> AbstractContextManager[None]:
        """Lock the address: another sender waits, then reads that the message was sent."""


@dataclass(frozen=True)
class Delivered:
    """The result of a delivery, an edit or a reply.

    Attributes
    ----------
    addresses : tuple of str
        ``channel:address`` of every address that has the message now.
    link : str
        A URL that shows the message; '' if no channel has one.
    refusals : tuple of Exception
        The errors of the addresses that refused it.
    """

    addresses: tuple[str, ...]
    link: str
    refusals: tuple[Exception, ...] = ()


def deliver(message: Message, to: Channels, log: DeliveryLog) -> Delivered:
    """Send a message to every address that does not have it yet.

    Every address is tried. The first refusal is raised after the last address.

    Parameters
    ----------
    message : Message
        Messages with the same key are the same message.
    to : mapping of str to Channel
        Channels by name.
    log : DeliveryLog
        Record of the deliveries.
    """
    delivered = offer(message, to, log)
    if delivered.refusals:
        raise delivered.refusals[0]
    return delivered


def lacking(key: str, to: Channels, log: DeliveryLog) -> list[str]:
    """Return ``channel:address`` of every address that does not have the message with this key."""
    sent = {name: log.sent(key, name) for name in to}
    return [
        f"{name}:{address}"
        for name, channel in to.items()
        for address in channel.addresses()
        if address not in sent[name]
    ]


def offer(message: Message, to: Channels, log: DeliveryLog) -> Delivered:
    """Send a message as `deliver` does, but return refusals; the first is raised if no address has the message."""
    return _to_all(to, lambda name, channel, address: _send_once(message, name, address, channel.send, log))


def edit(message: Message, to: Channels, log: DeliveryLog) -> Delivered:
    """Edit a delivered message at every address that has it; other addresses are left alone.

    A repeated edit changes nothing, so edits are not recorded. If the channel sent a new message because the old one
    could not be edited, the new id is recorded. Refusals are handled as in `offer`.
    """

    def edit_one(name: str, channel: Channel, address: str) -> str | None:
        with log.lock(name, address):
            before = log.sent(message.key, name).get(address)
            if before is None:
                return None
            after = channel.edit(address, before, message)
            if after != before:
                log.record_sent(message.key, name, address, after)
            return after

    return _to_all(to, edit_one)


def edit_once(message: Message, edit_key: str, to: Channels, log: DeliveryLog) -> Delivered:
    """Edit a delivered message as `edit` does, but only once at each address; `edit_key` names this edit in the log."""

    def edit_one(name: str, channel: Channel, address: str) -> str | None:
        with log.lock(name, address):
            before = log.sent(message.key, name).get(address)
            if before is None or address in log.sent(edit_key, name):
                return before
            after = channel.edit(address, before, message)
            if after != before:
                log.record_sent(message.key, name, address, after)
            log.record_sent(edit_key, name, address, after)
            return after

    return _to_all(to, edit_one)


def record_edit(key: str, edit_key: str, addresses: Collection[str], to: Channels, log: DeliveryLog) -> None:
    """Record that the message with the key `key` was sent to some ``channel:address`` with an edit of `edit_once`."""
    for name in to:
        for address, message_id in log.sent(key, name).items():
            if f"{name}:{address}" in addresses:
                log.record_sent(edit_key, name, address, message_id)


def reply(message: Message, to_key: str, to: Channels, log: DeliveryLog) -> Delivered:
    """Answer the message with the key `to_key`, once, at every address that has it.

    Refusals are handled as in `offer`.
    """

    def reply_one(name: str, channel: Channel, address: str) -> str | None:
        answered = log.sent(to_key, name).get(address)
        if answered is None:
            return None
        return _send_once(message, name, address, lambda at, answer: channel.reply(at, answered, answer), log)

    return _to_all(to, reply_one)


def _to_all(to: Channels, act: Callable[[str, Channel, str], str | None]) -> Delivered:
    """Call `act` for every address; it returns the id of the message there, or None if there is none."""
    refusals: list[Exception] = []
    reached, link = [], ""
    for name, channel in to.items():
        for address in channel.addresses():
            try:
                message_id = act(name, channel, address)
            except Exception as refusal:  # a failure at one address must not stop the others
                refusals.append(refusal)
                continue
            if message_id is not None:
                reached.append(f"{name}:{address}")
                link = link or channel.link(address, message_id)
    if refusals and not reached:
        raise refusals[0]
    return Delivered(tuple(reached), link, tuple(refusals))


def _send_once(message: Message, name: str, address: str, send: Callable[[str, Message], str], log: DeliveryLog) -> str:
    with log.lock(name, address):
        sent = log.sent(message.key, name)
        if address in sent:
            return sent[address]
        log.record_pending(message.key, name, address)
        message_id = send(address, message)
        log.record_sent(message.key, name, address, message_id)
        return message_id
