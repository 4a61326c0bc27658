"""Send a message once: to every address of every channel, remembered in ``deliveries``."""

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import settings
from pipeline.errors import SettingsError
from pipeline.tables import DELIVERIES, full_name, warehouse
from pipeline.warehouse import statement

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
    refusals: list[Exception] = []
    reached, link = [], ""
    for name, channel in to.items():
        for address in channel.addresses():
            try:
                message_id = _send_once(message, name, channel, address)
            except Exception as refusal:  # whatever one address does, the next is still tried
                refusals.append(refusal)
                continue
            reached.append(f"{name}:{address}")
            link = link or channel.link(address, message_id)
    if refusals:
        raise refusals[0]
    return Delivered(tuple(reached), link)


def _send_once(message: "Message", name: str, channel: "Channel", address: str) -> str:
    with _lock(f"{name}:{address}"):
        rows = warehouse().query(
            statement("sent_deliveries", deliveries=full_name(DELIVERIES)), {"key": message.key, "channel": name}
        )
        sent = dict(rows)
        if address in sent:
            return str(sent[address])
        _record(message.key, name, address, "pending", "")
        message_id = channel.send(address, message)
        _record(message.key, name, address, "sent", message_id)
        return message_id


def _record(key: str, channel: str, address: str, state: str, message_id: str) -> None:
    warehouse().insert(
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
    folder = Path(settings.delivery().lock_path)
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
