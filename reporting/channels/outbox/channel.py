"""Messages as files in a directory, with a page that shows them: nothing to register, nothing leaves the machine."""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from reporting.channels.base import Channel
from reporting.channels.outbox import page
from reporting.errors import ChannelError, ReportingError
from reporting.message import Button, Message

# A year of alerts stays quick to open; older messages remain as files.
_MESSAGES_ON_PAGE = 200


@dataclass(frozen=True)
class Outbox(Channel):
    """Write each message to `path`: ``<key>.json``, ``<key>.txt``, ``<key>.png``, and all of them to ``index.html``.

    A message whose key was written before replaces it; one that is edited keeps what it said before in its ``.json``.
    Files appear whole or not at all, and one lock per directory makes any number of processes take turns; a killed one
    leaves nothing locked.
    """

    path: str = "var/outbox"
    """The directory; it is made when the first message is written."""

    def addresses(self) -> list[str]:
        """Return the directory."""
        return [self.path]

    def send(self, address: str, message: Message) -> str:
        """Write `message` into the directory `address` and return its key."""
        with _writing(Path(address)) as directory:
            _write_message(directory, message)
        return message.key

    def edit(self, address: str, message_id: str, message: Message) -> str:
        """Rewrite a message, and keep what it said before; one that is not there is written anew."""
        with _writing(Path(address)) as directory:
            record = _read(directory / f"{message_id}.json")
            if record is None:
                _write_message(directory, message)
                return message.key
            earlier = record.earlier
            if record.html != message.html:
                earlier = (*earlier, page.Version(record.html, record.written_at))
            elif _is_shown(directory, record, message):
                return message_id
            _write_message(directory, replace(message, key=message_id), earlier, record.reply_to)
        return message_id

    def reply(self, address: str, message_id: str, message: Message) -> str:
        """Write `message` to be shown below another; where that is not there, by itself."""
        with _writing(Path(address)) as directory:
            answered = _read(directory / f"{message_id}.json")
            # An answer to an answer stands below the same message.
            root = (answered.reply_to or answered.key) if answered else ""
            _write_message(directory, message, reply_to=root)
        return message.key

    def link(self, address: str, message_id: str) -> str:
        """Return the place of the message on the page."""
        return f"{(Path(address).absolute() / 'index.html').as_uri()}#{quote(message_id)}"


@dataclass(frozen=True)
class _Record(page.Entry):
    """What is read of a message's .json; `reply_to` is the key of the message that it answers, or ""."""

    reply_to: str = ""


@contextmanager
def _writing(directory: Path) -> Iterator[Path]:
    """Be the only one to write into `directory`; the page is made anew at the end."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield directory
            _write(directory / "index.html", page.render(_newest(directory)).encode())
    except OSError as error:
        raise ChannelError(
            f"outbox: cannot write to {directory}: {error.strerror}. "
            "Set `path` in [outbox] to a directory that you may write to."
        ) from None


def _write_message(directory: Path, message: Message, earlier: Sequence[page.Version] = (), reply_to: str = "") -> None:
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
        "buttons": [button.label for button in message.buttons],
        "reply_to": reply_to,
        "written_at": datetime.now(UTC).isoformat(),
        "earlier": [{"html": said.html, "written_at": said.written_at.isoformat()} for said in earlier],
    }
    _write(directory / f"{message.key}.json", json.dumps(record, ensure_ascii=False, indent=1).encode())


def _write(path: Path, content: bytes) -> None:
    """Write through a file beside `path`, so that a reader sees the old content or the new one."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)


def _is_shown(directory: Path, record: _Record, message: Message) -> bool:
    """Whether picture and buttons of `message` are there already."""
    picture = (directory / record.picture).read_bytes() if record.picture else None
    return picture == message.picture and list(record.buttons) == [button.label for button in message.buttons]


def _read(path: Path) -> _Record | None:
    """Return the message of a .json, or None where there is none or it is not a message of ours."""
    try:
        record = json.loads(path.read_bytes())
        texts = [record["html"], *(said["html"] for said in record.get("earlier", []))]
        for html in texts:
            Message(record["key"], record["title"], html)
        return _Record(
            key=record["key"],
            title=record["title"],
            html=record["html"],
            picture=path.with_suffix(".png").name if record["picture"] else None,
            written_at=datetime.fromisoformat(record["written_at"]).astimezone(),
            buttons=tuple(Button(label, "-").label for label in record.get("buttons", [])),
            earlier=tuple(
                page.Version(said["html"], datetime.fromisoformat(said["written_at"]).astimezone())
                for said in record.get("earlier", [])
            ),
            reply_to=str(record.get("reply_to", "")),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, ReportingError):
        return None


def _newest(directory: Path) -> list[page.Entry]:
    """Return the newest messages with their replies, the last touched first; what is not ours is passed over."""
    records = {record.key: record for path in directory.glob("[!.]*.json") if (record := _read(path)) is not None}
    replies: dict[str, list[_Record]] = {}
    entries: list[page.Entry] = []
    for record in sorted(records.values(), key=lambda record: (record.written_at, record.key)):
        answered = records.get(record.reply_to)
        if answered is not None and not answered.reply_to:
            replies.setdefault(answered.key, []).append(record)
        else:
            entries.append(record)
    entries = [replace(entry, replies=replies.get(entry.key, ())) for entry in entries]
    entries.sort(key=lambda entry: (entry.touched_at, entry.key), reverse=True)
    return entries[:_MESSAGES_ON_PAGE]
