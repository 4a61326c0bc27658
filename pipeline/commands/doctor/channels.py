"""Checks of the channels, each by its own `Channel.examine`, and the test message of ``--send``."""

import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

from pipeline.commands.doctor.report import ok, wrong
from pipeline.core import settings
from pipeline.tasks.channels import channels
from reporting import texts
from reporting.channels.base import Channel, Finding
from reporting.errors import ChannelError
from reporting.message import PNG_SIGNATURE, Message, escape


def examined() -> Iterator[Finding]:
    """Check every channel of report and alerts, each once."""
    for channel in _configured().values():
        yield from channel.examine()


def tested() -> Iterator[Finding]:
    """Send a test message with a picture to every address."""
    words = texts.load(settings.ReportSettings().language)
    key = f"test-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    message = Message(
        key, words.TEST_TITLE, f"<b>{escape(words.TEST_TITLE)}</b>\n{escape(words.TEST_TEXT)}", _picture()
    )
    refused = []
    for name, channel in _configured().items():
        for address in channel.addresses():
            try:
                link = channel.link(address, channel.send(address, message))
            except ChannelError as error:
                refused.append(wrong(f"test message to {name} {address}: {error}", ""))
                continue
            yield ok(f"test message to {name} {address} is sent{f': {link}' if link else ''}")
    yield from refused  # last: one that is refused must not keep the others from theirs


def _configured() -> dict[str, Channel]:
    return {
        **channels("[report] channels", settings.ReportSettings().channels),
        **channels("[alerts] channels", settings.AlertSettings().channels),
    }


def _picture() -> bytes:
    """Return a small grey picture: a chat may accept texts and refuse photos."""
    side = 64
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\xc0" * side) * side)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
