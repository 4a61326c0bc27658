"""Writes messages as files into a directory, with a page that shows them."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from reporting import files
from reporting.channels.base import Channel, Finding
from reporting.channels.outbox import page
from reporting.errors import ChannelError, ReportingError, SettingsError
from reporting.message import Button, Message

# Keeps the page quick to open; older messages remain as files.
_MESSAGES_ON_PAGE = 200


@dataclass(frozen=True)
class Outbox(Channel):
    """Writes messages into a directory: ``<key>.json``, ``<key>.txt`` and ``<key>.png`` each, and ``index.html``.

    A message sent again replaces the one with the same key. An edited message keeps its earlier versions in its
    ``.json``. Files are replaced atomically. A file lock allows one writer at a time; it is released if its process is
    killed.
    """

    path: str = "var/outbox"
    """Directory; the first message creates it."""

    keep_days: str = "400"
    """A message is deleted when it and its replies were last written more than this many days ago; 0 keeps all."""

    def __post_init__(self) -> None:
        if not self.keep_days.isdecimal():
            raise SettingsError(f"outbox: keep_days {self.keep_days!r} is not a number of days; correct it in [outbox]")

    def addresses(self) -> list[str]:
        """Return the directory."""
        return [self.path]

    def send(self, address: str, message: Message) -> str:
        """Write `message` into the directory `address` and return its key."""
        with self._writing(address) as directory:
            _write_message(directory, message)
        return message.key

    def edit(self, address: str, message_id: str, message: Message) -> str:
        """Rewrite a message and keep the earlier version; if it does not exist, write a new one."""
        with self._writing(address) as directory:
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
        """Write `message` as a reply to another one, or as a separate message if that does not exist."""
        with self._writing(address) as directory:
            answered = _read(directory / f"{message_id}.json")
            # A reply to a reply is shown below the first message.
            root = (answered.reply_to or answered.key) if answered else ""
            _write_message(directory, message, reply_to=root)
        return message.key

    def link(self, address: str, message_id: str) -> str:
        """Return the URL of the message on the page."""
        return f"{(Path(address).absolute() / 'index.html').as_uri()}#{quote(message_id)}"

    def examine(self) -> Iterator[Finding]:
        """Check that the directory, or the directory in which it will be made, can be written."""
        directory = Path(self.path).absolute()
        there = next(path for path in (directory, *directory.parents) if path.exists())
        if not there.is_dir():
            problem = f"{there} is not a directory"
        elif not os.access(there, os.W_OK | os.X_OK):
            problem = f"this user may not write into {there}"
        else:
            yield Finding(
                "ok", f"outbox: {directory}" + ("" if there == directory else ", made with the first message")
            )
            return
        remedy = "Set `path` in [outbox] to a directory that you may write to."
        yield Finding("wrong", f"outbox: cannot write to {directory}: {problem}", remedy)

    @contextmanager
    def _writing(self, address: str) -> Iterator[Path]:
        """Hold the lock of a directory; at the end rewrite its page and delete old messages."""
        directory = Path(address)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            # Where a group shares the directory, each of its users may lock it.
            with files.locked(directory / ".lock", group=bool(directory.stat().st_mode & 0o020)):
                files.clear_temporary(directory)
                yield directory
                entries = _entries(directory)
                kept = sum(not self._is_old(entry) for entry in entries)
                # Before the files go: the page never names a picture that is not there.
                files.replace(directory / "index.html", page.render(entries[: min(kept, _MESSAGES_ON_PAGE)]).encode())
                for entry in entries[kept:]:
                    _delete(directory, entry)
        except OSError as error:
            raise ChannelError(
                f"outbox: cannot write to {directory}: {error.strerror}. "
                "Set `path` in [outbox] to a directory that you may write to."
            ) from None

    def _is_old(self, entry: page.Entry) -> bool:
        days = int(self.keep_days)
        return days > 0 and datetime.now(UTC) - entry.touched_at > timedelta(days=days)


@dataclass(frozen=True)
class _Record(page.Entry):
    """A message as read from its .json; `reply_to` is the key of the message that it replies to, or ""."""

    reply_to: str = ""


def _write_message(directory: Path, message: Message, earlier: Sequence[page.Version] = (), reply_to: str = "") -> None:
    """Write the files of `message`; the .json is last, because the page is made from it."""
    picture = directory / f"{message.key}.png"
    if message.picture is None:
        picture.unlink(missing_ok=True)
    else:
        files.replace(picture, message.picture)
    files.replace(directory / f"{message.key}.txt", f"{message.plain}\n".encode())
    record = {
        "key": message.key,
        "title": message.title,
        "html": message.html,
        "picture": message.picture is not None,
        "buttons": [button.label for button in message.buttons],
        "reply_to": reply_to,
        "written_at": datetime.now(UTC).isoformat(),
        "earlier": [{"html": version.html, "written_at": version.written_at.isoformat()} for version in earlier],
    }
    files.replace(directory / f"{message.key}.json", json.dumps(record, ensure_ascii=False, indent=1).encode())


def _is_shown(directory: Path, record: _Record, message: Message) -> bool:
    """Return whether the record has the picture and the buttons of `message`."""
    picture = (directory / record.picture).read_bytes() if record.picture else None
    return picture == message.picture and list(record.buttons) == [button.label for button in message.buttons]


def _read(path: Path) -> _Record | None:
    """Read a .json; return None if there is none or it is not a message of an outbox."""
    try:
        record, picture = json.loads(path.read_bytes()), path.with_suffix(".png")
        texts = [record["html"], *(version["html"] for version in record.get("earlier", []))]
        for html in texts:
            Message(record["key"], record["title"], html)
        return _Record(
            key=record["key"],
            title=record["title"],
            html=record["html"],
            picture=picture.name if record["picture"] and picture.is_file() else None,
            written_at=datetime.fromisoformat(record["written_at"]).astimezone(),
            buttons=tuple(Button(label, "-").label for label in record.get("buttons", [])),
            earlier=tuple(
                page.Version(version["html"], datetime.fromisoformat(version["written_at"]).astimezone())
                for version in record.get("earlier", [])
            ),
            reply_to=str(record.get("reply_to", "")),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, ReportingError):
        return None


def _delete(directory: Path, entry: page.Entry) -> None:
    """Delete the files of a message and its replies; each .json is last, so that a killed deletion goes on."""
    for message in (*entry.replies, entry):
        for suffix in ("png", "txt", "json"):
            (directory / f"{message.key}.{suffix}").unlink(missing_ok=True)


def _entries(directory: Path) -> list[page.Entry]:
    """Return the messages with their replies, the last written first."""
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
    return entries
