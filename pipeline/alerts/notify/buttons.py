"""Reads presses of buttons from the channels, records and answers them."""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.alerts.incidents import State, actions, store
from pipeline.alerts.incidents.actions import ButtonData
from pipeline.alerts.incidents.store import RecordedPress
from pipeline.core import clock, settings
from pipeline.warehouse.tables import installation_id
from reporting.errors import ReportingError

if TYPE_CHECKING:
    from reporting.channels.base import Channel, Page, Press

UNREADABLE, FOREIGN, REFUSED, UNKNOWN, REPEATED = "unreadable", "foreign", "refused", "unknown", "repeated"
"""Why a press is not applied. A press is repeated if the person pressed the same button again just after it."""

LEFT_FOR = timedelta(minutes=5)
"""How long a press is left in the queue for the installation that it belongs to, which reads it each minute."""
ANSWERING_SECONDS = 10
"""Time for the answers of one run: an answer is shown only within seconds after the press."""
MOST_FAILURES = 3

_DECLARATIONS = {"new normal": "new_normal", "false alarm": "false_alarm"}
"""The button of each mark."""

LOGGER = logging.getLogger(__name__)


@dataclass
class Polled:
    """What people have pressed since the last poll."""

    incidents: set[str] = field(default_factory=set)
    """Ids of the incidents whose buttons were pressed."""
    foreign: int = 0
    """Presses that belong to another installation or another program."""
    is_left: bool = False
    """Whether presses are left in a queue, so that waiting for one would end at once."""
    failure: ReportingError | None = None
    """Why a queue could not be read to its end; for the caller to raise once the presses that were read are shown."""


class _Answers:
    """Answers presses: each person and button once, and within `ANSWERING_SECONDS` of a run."""

    def __init__(self) -> None:
        self._left = float(ANSWERING_SECONDS)
        self._given: set[tuple[str, str]] = set()

    def give(self, channel: "Channel", rows: Sequence[RecordedPress], presses: "Sequence[Press]") -> None:
        """Answer the presses of a page, the newest first: if the newer ones are too old, the older ones are too."""
        failures, began = 0, time.monotonic()
        pressed = any(row.incident_id for row in rows)
        state = store.load_state(clock.last_closed_slot() + clock.SLOT) if pressed else State()
        for row, press in zip(reversed(rows), reversed(presses), strict=True):
            if failures >= MOST_FAILURES or time.monotonic() - began >= self._left:
                break
            if press.answer and row.action != REPEATED and (press.person, press.data) not in self._given:
                self._given.add((press.person, press.data))
                failures += not channel.answer_press(press, _text(row, state))
        self._left -= time.monotonic() - began


def _text(row: RecordedPress, state: State) -> str:
    from reporting.alerts import compose_answer, compose_refusal  # imports what draws; a check imports this module

    language = settings.ReportSettings().language
    if not row.incident_id:
        return compose_refusal(row.action, language)  # type: ignore[arg-type]
    incident = next((item for item in state.incidents if item.incident_id == row.incident_id), None)
    metrics = {member.metric for member in incident.members} if incident else {row.incident_id.partition(":")[0]}
    # Of an incident whose message was sent just now nothing is stored but the presses.
    own = actions.muting(state.actions.get(row.incident_id, ()), row.at) if incident is None else None
    held = own or state.mute_of(metrics, row.at)
    muted_until = clock.to_local(held.end) if held else None
    is_over = incident is not None and incident.ended and row.action != _DECLARATIONS.get(incident.mark)
    return compose_answer(row.action, clock.to_local(row.at), language, muted_until, is_over=is_over)  # type: ignore[arg-type]


def poll_buttons(channels: "Mapping[str, Channel]") -> Polled:
    """Record, answer and confirm every press that is not confirmed.

    The queue is read in pages. A page is confirmed after it is recorded, so a killed run loses no press; a press that
    is read twice is told by its queue and its number. A killed run may lose answers.

    Presses of another installation on the same bot stay in the queue for `LEFT_FOR`, while a page holds the whole
    queue: the other one loses what we confirm, and Telegram can confirm only the beginning of a queue.
    """
    polled, answers = Polled(), _Answers()
    for name, channel in channels.items():
        try:
            _read_queue(name, channel, polled, answers)
        except ReportingError as failure:
            polled.failure = failure
    return polled


def _read_queue(name: str, channel: "Channel", polled: Polled, answers: _Answers) -> None:
    since, page = 1, channel.presses()
    while page.last >= since:
        since = _read_page(name, channel, page, polled, answers)
        if since <= page.last:
            polled.is_left = True
            if since > page.presses[0].update:
                channel.presses(since)
            return
        page = channel.presses(since)


def _read_page(name: str, channel: "Channel", page: "Page", polled: Polled, answers: _Answers) -> int:
    """Record and answer the new presses of a page. Returns the number before which everything may be confirmed."""
    if not page.presses:
        return page.last + 1
    queue = f"{name}:{page.queue}" if page.queue else name
    recorded = store.load_presses(sorted({queue, name}), [press.update for press in page.presses])
    before = recorded[queue]
    new = [press for press in page.presses if press.update not in before and not _is_early(press, recorded[name])]
    rows = _judged(new)
    store.save_presses(queue, rows)
    _log(rows, new)
    answers.give(channel, rows, new)
    polled.foreign += sum(row.action == FOREIGN for row in rows)
    now = clock.utcnow()
    left = [row.update for row in (*before.values(), *rows) if row.action == FOREIGN and abs(now - row.at) < LEFT_FOR]
    since = min(left) if left and not page.is_full else page.last + 1
    # Presses that a killed run has recorded may not be on the messages yet.
    applied = [*rows, *(row for row in before.values() if row.update < since)]
    polled.incidents |= {row.incident_id for row in applied if row.incident_id}
    return since


def _is_early(press: "Press", early: Mapping[int, RecordedPress]) -> bool:
    """Whether an earlier release, which did not record the bot, has recorded this press."""
    row, data = early.get(press.update), actions.read_button(press.data)
    return row is not None and (row.action, row.incident_id, row.person) == (
        data.kind if data else "",
        data.incident_id if data else "",
        press.user,
    )


def _judged(presses: "Sequence[Press]") -> list[RecordedPress]:
    """Decide about each press of a page whether it is applied."""
    own = installation_id()[: actions.ID_LENGTH]
    read = [actions.read_button(press.data) for press in presses]
    known = store.known_incidents({data.incident_id for data in read if data and data.installation in ("", own)})
    now = clock.utcnow().replace(microsecond=0)
    last: set[tuple[str, str, str]] = set()
    rows = []
    for press, data in reversed(list(zip(presses, read, strict=True))):
        reason = _reason(press, data, own, known)
        if not reason and data:
            pressed = (press.person, data.kind, data.incident_id)
            reason = REPEATED if pressed in last else ""
            last.add(pressed)
        action, incident_id = (data.kind, data.incident_id) if data and not reason else (reason, "")
        rows.append(RecordedPress(press.update, action, incident_id, press.user, now))
    return rows[::-1]


def _reason(press: "Press", data: ButtonData | None, own: str, known: set[str]) -> str:
    """Return why a press is not applied; '' if it is."""
    if press.standing == "unreadable":
        return UNREADABLE
    is_ours = data is not None and data.installation == own
    if press.standing == "elsewhere" and not is_ours:
        return FOREIGN
    if data and data.installation and not is_ours:
        return FOREIGN
    if press.standing != "ok":
        return REFUSED
    return "" if data and data.incident_id in known else UNKNOWN


def _log(rows: Sequence[RecordedPress], presses: "Sequence[Press]") -> None:
    """Log what was pressed; what is not applied in one line a reason. The data of a press may say anything."""
    reasons = Counter(row.action for row in rows if not row.incident_id and row.action != REPEATED)
    for row, press in zip(rows, presses, strict=True):
        if row.incident_id:
            LOGGER.info("%r pressed %s below %s", row.person, row.action, row.incident_id)
        elif count := reasons.pop(row.action, 0):
            what = (row.action, count, row.person, press.data)
            LOGGER.warning("presses not applied, %s: %d, the first by %r: %r", *what)
