"""Says in the channels what is wrong with feedpulse itself: once while it stays, and again when it is over.

A note is standing from when something is wrong until it works. `memory` keeps the standing notes: the kind of what is
wrong, the messages that said it, and those of the kinds before it.
"""

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pipeline.core import settings
from pipeline.tasks.supervision.memory import State
from reporting import supervision

if TYPE_CHECKING:
    from reporting import Message
    from reporting.channels import Channel
    from reporting.texts.base import Texts

RETRY_SECONDS = 3600
"""How often an address that refused is tried again."""

_OF_ALERTS = ("Alerts", "Presses", "Weekly", "WeeklySummary", "CheckAlerts", "SlotMetrics", "SlotHistory")

_LOG = logging.getLogger(__name__)


class Notes:
    """The standing notes.

    Parameters
    ----------
    state : dict
        The content of the memory; changed in place.
    root : str
        The root task of the run, which decides the channels: those of ``[alerts]`` or of ``[report]``.
    """

    def __init__(self, state: State, root: str) -> None:
        self._standing: State = state.setdefault("notes", {})
        self._counts: State = state.setdefault("counts", {})
        self._root = root

    def stands(self, key: str) -> bool:
        """Whether the note is standing."""
        return key in self._standing

    def put(
        self, key: str, kind: str, say: "Callable[[Texts], str]", cause: str = "", *, patience: int = 1, group: str = ""
    ) -> None:
        """Say that something is wrong, unless it was said before.

        Parameters
        ----------
        key : str
            The name of the note.
        kind : str
            What is wrong. Each kind is said once until it works again: two causes may alternate for hours.
        say : callable
            Returns the headline in the language of the texts.
        cause : str
            The line below it.
        patience : int
            At how many calls in a row the note is said.
        group : str
            Notes of one group and kind are said once for all.
        """
        counted, times = self._counts.get(key, (kind, 0))
        times = times + 1 if counted == kind else 1
        self._counts[key] = [kind, times]
        if times < patience:
            return
        before = self._standing.get(key, {})
        if before.get("kind") != kind:
            said = before.get("said", {})
            if before:
                said[before["kind"]] = before["sent"]
            before = {
                "kind": kind,
                "group": group,
                "sent": said.pop(kind, []),
                "said": said,
                "earlier": _merged(before),
                "shared": False,
                "tried": 0,
            }
        note = self._standing[key] = before
        if group and (note["shared"] or not note["sent"]):
            others = self._said(key, kind, group)
            if others:
                note.update(sent=others, shared=True)
            elif note["shared"]:  # the one that said it works again, this one does not
                note.update(sent=[], shared=False, earlier=_merged(note))
        if not note["shared"]:
            self._send(note, supervision.compose(_key(key), say(self._words()), cause), only_new=True)

    def lift(self, key: str, say: "Callable[[Texts], str]", *, is_news: bool = True, has_sent: bool = False) -> None:
        """Say to everybody who was told that it works again.

        Parameters
        ----------
        key : str
            The name of the note; nothing happens unless it stands.
        say : callable
            Returns the text in the language of the texts.
        is_news : bool
            Whether it is said also if another note of the group said what was wrong.
        has_sent : bool
            Whether the run has sent messages: then no address refuses any more. Otherwise a note that an address
            refuses stands until the address accepts the text.
        """
        self._counts.pop(key, None)
        note = self._standing.get(key)
        if note is None:
            return
        message = supervision.compose(_key(key), say(self._words()))
        is_refused = note["kind"].startswith("channel:") and note["sent"] and not has_sent
        if is_refused and not self._is_reached(note, message):
            return
        del self._standing[key]
        is_news = is_news or not note["shared"] or bool(note["earlier"])
        note["sent"] = _merged(note)
        if note["sent"] and is_news:
            self._send(note, message, only_new=False)

    def forget(self, key: str) -> None:
        """End a note without a word: the next `put` says it anew."""
        self._standing.pop(key, None)
        self._counts.pop(key, None)

    def _said(self, key: str, kind: str, group: str) -> list[list[str]]:
        """The messages of another note of the group that says the same, or has said it."""
        for other, note in self._standing.items():
            is_own = other != key and (note["group"], note["shared"]) == (group, False)
            sent = note["sent"] if note["kind"] == kind else note.get("said", {}).get(kind)
            if is_own and sent:
                return list(sent)
        return []

    def _is_reached(self, note: State, message: "Message") -> bool:
        """Whether all addresses that refused accept a message again; asked once an hour, until each has it once."""
        if 0 <= time.time() - note["tried"] < RETRY_SECONDS:
            return False
        note["tried"] = time.time()
        reached = note.setdefault("reached", [])
        told = [[name, address] for name, address, _ in note["sent"]]
        missing = [(n, c, a) for n, c, a in self._addresses() if [n, a] not in told + reached]
        accepted = [[name, address] for name, channel, address in missing if _sent_to(name, channel, address, message)]
        reached += accepted
        return len(accepted) == len(missing)

    def _send(self, note: State, message: "Message", *, only_new: bool) -> None:
        """Send to the addresses that do not have the note yet, or to those who have it, as a reply."""
        note["tried"] = time.time()
        told = {(name, address): message_id for name, address, message_id in note["sent"]}
        for name, channel, address in self._addresses():
            before = told.get((name, address))
            # The address that refuses is what the others are told of.
            refuses = only_new and note["kind"] in (f"channel: {name}", f"channel: {name}: chat {address}")
            if (before is None) != only_new or refuses:
                continue
            if message_id := _sent_to(name, channel, address, message, before or ""):
                note["sent"].append([name, address, message_id])

    def _addresses(self) -> "Iterator[tuple[str, Channel, str]]":
        """The name, the channel and each address of the channels that can be made."""
        from reporting.channels import create

        for section in ("alerts", "report") if self._root in _OF_ALERTS else ("report", "alerts"):
            made = []
            for name in settings.names(_setting(section, "channels", "outbox")):
                try:
                    made.append((name, create(name, **settings.options(name))))
                except Exception as error:
                    _LOG.debug("channel %s cannot be made: %s", name, error)
            if made:
                yield from ((name, channel, address) for name, channel in made for address in channel.addresses())
                return

    def _words(self) -> "Texts":
        return supervision.words(_setting("report", "language", "en"))


def _setting(section: str, name: str, default: str) -> str:
    """Return a setting, also if another one of its section cannot be read."""
    cls = {"alerts": settings.AlertSettings, "report": settings.ReportSettings}[section]
    try:
        with warnings.catch_warnings():  # Luigi's of an unknown setting, which may be the very cause
            warnings.simplefilter("ignore")
            return str(getattr(cls(), name))
    except Exception:
        return settings.options(section).get(name, default)


def _merged(note: State) -> list[list[str]]:
    """Return the last message to each address that was told, of this kind or of one before it."""
    last = {
        (name, address): message_id for name, address, message_id in (*note.get("earlier", ()), *note.get("sent", ()))
    }
    return [[name, address, message_id] for (name, address), message_id in last.items()]


def is_unattended() -> bool:
    """Whether nobody sees the output of this run; a person at a terminal needs no message."""
    return not sys.stderr.isatty()


def _sent_to(name: str, channel: "Channel", address: str, message: "Message", answered: str = "") -> str:
    """Send and return the id; '' if the address refuses, which must not keep the others from the message."""
    try:
        return channel.reply(address, answered, message) if answered else channel.send(address, message)
    except Exception as error:
        _LOG.warning("%s:%s was not told (%s)", name, address, type(error).__name__)
        return ""


def _key(key: str) -> str:
    """Return the unique key of a message: a file name."""
    return f"feedpulse-{key.replace(':', '-')}-{time.time_ns() // 1_000_000}"
