"""Sends a message to every address of every channel, once, and edits or answers what was sent.

Deliveries are recorded in a `DeliveryLog`. If a process is killed between sending and recording, the next run sends the
message again: a duplicate is better than a lost message.

A sender claims a message at an address, so of several processes and machines one sends or edits it at a time. An edit
that shows an older state than the message is left out.
"""

import itertools
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from reporting.channels.base import Channel
from reporting.message import Message

Channels = Mapping[str, Channel]
"""Channels by name."""

Version = tuple[int, ...]
"""What a message shows: numbers that only grow, such as the slot of an incident and the number of its presses."""


class Claim(Protocol):
    """The right to send or edit a message at an address. Without `done` nothing was sent or edited."""

    @property
    def shown(self) -> Version:
        """What the channel last confirmed that the message shows; () if that is unknown."""

    @property
    def copies(self) -> Collection[str]:
        """The ids of every copy that is known. Two machines send a copy each if one is silent for very long."""

    def done(self, message_id: str, shown: Version, gone: Collection[str] = ()) -> None:
        """Record that the channel confirmed the message with this id, what it shows, and the copies that are gone."""


class DeliveryLog(Protocol):
    """Stores sent messages by key of the message, name of the channel and address."""

    def sent(self, key: str, channel: str) -> Mapping[str, str]:
        """Return the id of the sent message by address."""

    def record_pending(self, key: str, channel: str, address: str) -> None:
        """Record that the message is about to be sent."""

    def record_sent(self, key: str, channel: str, address: str, message_id: str) -> None:
        """Record the id of the message; it replaces an earlier one."""

    def claim(self, key: str, channel: str, address: str) -> AbstractContextManager[Claim]:
        """Claim a message at an address: another sender waits, then reads that the message was sent."""


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


def deliver_again(message: Message, to: Channels, log: DeliveryLog) -> Delivered:
    """Send a message once more to every address. Later edits reach both copies; refusals are handled as in `offer`."""

    def send(name: str, channel: Channel, address: str) -> str:
        with log.claim(message.key, name, address) as claim:
            message_id = channel.send(address, message)
            log.record_sent(message.key, name, address, message_id)
            claim.done(message_id, message.version)
            return message_id

    return _to_all(to, send)


def edit(message: Message, to: Channels, log: DeliveryLog) -> Delivered:
    """Edit a delivered message at every address that has it; other addresses are left alone.

    A message that shows a newer state than `message` is left alone: a number of its version is greater. What the
    message shows then is recorded, so it never goes back, whoever edits last. If the channel sent a new message because
    the old one could not be edited, the new id is recorded. Refusals are handled as in `offer`.
    """
    return _to_all(to, lambda name, channel, address: _edit_one(message, name, channel, address, log))


def edit_once(message: Message, edit_key: str, to: Channels, log: DeliveryLog) -> Delivered:
    """Edit a delivered message as `edit` does, but only once at each address; `edit_key` names this edit in the log."""
    return _to_all(to, lambda name, channel, address: _edit_one(message, name, channel, address, log, edit_key))


def is_older(version: Version, shown: Version) -> bool:
    """Whether a number of a version is less than what a message shows."""
    return any(mine < theirs for mine, theirs in itertools.zip_longest(version, shown, fillvalue=0))


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
    sent = log.sent(message.key, name)
    if address in sent:
        return sent[address]
    with log.claim(message.key, name, address) as claim:
        sent = log.sent(message.key, name)  # by another sender meanwhile
        if address in sent:
            return sent[address]
        log.record_pending(message.key, name, address)
        message_id = send(address, message)
        log.record_sent(message.key, name, address, message_id)
        claim.done(message_id, message.version)
        return message_id


def _edit_one(
    message: Message, name: str, channel: Channel, address: str, log: DeliveryLog, edit_key: str = ""
) -> str | None:
    """Edit a message and its copies; only once if there is an `edit_key`."""
    if address not in log.sent(message.key, name):
        return None
    with log.claim(message.key, name, address) as claim:
        before = log.sent(message.key, name)[address]
        is_stale = message.version and is_older(message.version, claim.shown)
        if is_stale or (edit_key and address in log.sent(edit_key, name)):
            return before
        after = channel.edit(address, before, message)
        if after != before:
            log.record_sent(message.key, name, address, after)
        if edit_key:
            log.record_sent(edit_key, name, address, after)
        others = [copy for copy in claim.copies if copy not in (before, after)]
        gone = [copy for copy in others if not channel.edit_copy(address, copy, message)]
        claim.done(after, message.version, [*gone, before] if after != before else gone)
        return after
