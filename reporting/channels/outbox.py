"""Messages as files in a directory, with a page that shows them: nothing to register, nothing leaves the machine."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from reporting import page
from reporting.channels.base import Channel
from reporting.errors import ChannelError, ReportingError
from reporting.message import Message

# A year of alerts stays quick to open; older messages remain as files.
_MESSAGES_ON_PAGE = 200


@dataclass(frozen=True)
class Outbox(Channel):
    """Write each message to `path`: ``<key>.json``, ``<key>.txt``, ``<key>.png``, and all of them to ``index.html``.

    A message whose key was written before replaces it. Files appear whole or not at all, and one lock per directory
    makes any number of processes take turns; a killed one leaves nothing locked.
    """

    path: str = "var/outbox"
    """The directory; it is made when the first message is written."""

    def addresses(self) -> list[str]:
        """Return the directory."""
        return [self.path]

    def send(self, address: str, message: Message) -> str:
        """Write `message` into the directory `address` and return its key."""
        directory = Path(address)
        try:
            with _locked(directory):
                _write_message(directory, message)
                _write(directory / "index.html", page.render(_newest(directory)).encode())
        except OSError as error:
            raise ChannelError(
                f"outbox: cannot write to {directory}: {error.strerror}. "
                "Set `path` in [outbox] to a directory that you may write to."
            ) from None
        return message.key

    def link(self, address: str, message_id: str) -> str:
        """Return the place of the message on the page."""
        return f"{(Path(address).absolute() / 'index.html').as_uri()}#{quote(message_id)}"


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_message(directory: Path, message: Message) -> None:
    """Write the files of `message`; the .json, which the page is made from, comes last."""
    picture = directory / f"{message.key}.png"
    if message.picture is None:
        picture.unlink(missing_ok=True)
    else:
        _write(picture, message.picture)
    _write(directory / f"{message.key}.txt", f"{message.plain}\n".encode())
    record = {
        "key": message.key,
        "title": message.title,
        "html": message.html,
        "picture": message.picture is not None,
        "written_at": datetime.now(UTC).isoformat(),
    }
    _write(directory / f"{message.key}.json", json.dumps(record, ensure_ascii=False, indent=1).encode())


def _write(path: Path, content: bytes) -> None:
    """Write through a file beside `path`, so that a reader sees the old content or the new one."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)


def _newest(directory: Path) -> list[page.Entry]:
    """Return the newest messages, newest first; a file that is not a message of ours is passed over."""
    entries = []
    for path in directory.glob("[!.]*.json"):
        try:
            record = json.loads(path.read_bytes())
            Message(record["key"], record["title"], record["html"])
            written_at = datetime.fromisoformat(record["written_at"]).astimezone()
            picture = path.with_suffix(".png").name if record["picture"] else None
            entries.append(page.Entry(record["key"], record["title"], record["html"], picture, written_at))
        except (ValueError, KeyError, TypeError, ReportingError):
            continue
    entries.sort(key=lambda entry: (entry.written_at, entry.key), reverse=True)
    return entries[:_MESSAGES_ON_PAGE]
