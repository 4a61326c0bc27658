"""Send a message once: to every address of every channel, remembered in ``deliveries``."""

import contextlib
import fcntl
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import settings
from pipeline.core.errors import SettingsError
from pipeline.core.process import once
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import DELIVERIES, full_name, open_warehouse

if TYPE_CHECKING:
    from reporting.channels.base import Channel
    from reporting.message import Message


@dataclass(frozen=True)
class Delivered:
    """What came of a message."""

    addresses: tuple[str, ...]
    """``channel:address`` of every place that has it now."""
    link: str
    """Where to look at it; '' if no channel has such an address."""
    refusals: tuple[Exception, ...] = ()
    """What the addresses said that would not take it."""


@once
def channels(setting: str, names: str) -> "dict[str, Channel]":
    """Make the channels that a setting names, each from its section of luigi.cfg.

    Raises
    ------
    SettingsError, reporting.errors.ReportingError
        If there is no such channel, or its settings are wrong.
    """
    from reporting.channels.base import create

    wanted = settings.names(names)
    if not wanted:
        raise SettingsError(f"{setting} is empty: name a channel, for example outbox.")
    return {name: create(name, **settings.options(name)) for name in wanted}


def deliver(message: "Message", to: "Mapping[str, Channel]") -> Delivered:
    """Send a message to every address that does not have it yet.

    An address that refuses does not keep the others from getting it; the first refusal is raised at the end. A kill
    between sending and recording repeats the message once: a late duplicate is better than silence.

    Parameters
    ----------
    message : Message
        Its key is what "the same message" means.
    to : mapping of str to Channel
        By name.
    """
    found = offer(message, to)
    if found.refusals:
        raise found.refusals[0]
    return found


def offer(message: "Message", to: "Mapping[str, Channel]") -> Delivered:
    """Send a message as `deliver` does; refusals are raised only where nobody has it, else returned, as of edits."""
    return _to_all(to, lambda name, channel, address: _send_once(message, name, address, channel.send))


def edit(message: "Message", to: "Mapping[str, Channel]") -> Delivered:
    """Make a message that was delivered say this now, at every address that has it; the others are left alone.

    An edit that is repeated changes nothing, so it needs no record; where a new message took over from one that could
    not be edited, that one is remembered instead.
    """

    def edit_one(name: str, channel: "Channel", address: str) -> str | None:
        with _lock(f"{name}:{address}"):
            before = _sent(message.key, name).get(address)
            if before is None:
                return None
            after = channel.edit(address, before, message)
            if after != before:
                _record(message.key, name, address, "sent", after)
            return after

    return _to_all(to, edit_one)


def reply(message: "Message", to_key: str, to: "Mapping[str, Channel]") -> Delivered:
    """Answer the message of a key, once, at every address that has it."""

    def reply_one(name: str, channel: "Channel", address: str) -> str | None:
        answered = _sent(to_key, name).get(address)
        if answered is None:
            return None

        def answer(at: str, answer: "Message") -> str:
            return channel.reply(at, answered, answer)

        return _send_once(message, name, address, answer)

    return _to_all(to, reply_one)


def _to_all(to: "Mapping[str, Channel]", act: "Callable[[str, Channel, str], str | None]") -> Delivered:
    refusals: list[Exception] = []
    reached, link = [], ""
    for name, channel in to.items():
        for address in channel.addresses():
            try:
                message_id = act(name, channel, address)
            except Exception as refusal:  # whatever one address does, the next is still tried
                refusals.append(refusal)
                continue
            if message_id is not None:
                reached.append(f"{name}:{address}")
                link = link or channel.link(address, message_id)
    if refusals and not reached:
        raise refusals[0]
    return Delivered(tuple(reached), link, tuple(refusals))


def _send_once(message: "Message", name: str, address: str, send: "Callable[[str, Message], str]") -> str:
    with _lock(f"{name}:{address}"):
        sent = _sent(message.key, name)
        if address in sent:
            return sent[address]
        _record(message.key, name, address, "pending", "")
        message_id = send(address, message)
        _record(message.key, name, address, "sent", message_id)
        return message_id


def _sent(key: str, channel: str) -> dict[str, str]:
    """By address, the id of a message that was sent."""
    rows = open_warehouse().query(
        statement("sent_deliveries", deliveries=full_name(DELIVERIES)), {"key": key, "channel": channel}
    )
    return {str(address): str(message_id) for address, message_id in rows}


def _record(key: str, channel: str, address: str, state: str, message_id: str) -> None:
    open_warehouse().insert(
        full_name(DELIVERIES),
        {
            "message_key": [key],
            "channel": [channel],
            "address": [address],
            "state": [state],
            "message_id": [message_id],
            "at": [datetime.now(UTC).replace(tzinfo=None, microsecond=0)],
        },
    )


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    """Hold the machine's lock of one address: of two runs at once the second finds the message sent."""
    folder = Path(settings.DeliverySettings().lock_path)
    path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = path.open("a")
    except OSError as error:
        raise SettingsError(
            f"[delivery] lock_path = {folder}: cannot write there ({error.strerror}); "
            "name a directory that you may write to."
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
