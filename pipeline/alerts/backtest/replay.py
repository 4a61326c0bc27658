"""``feedpulse replay``: the messages that people would have received under the current luigi.cfg.

Past days go through the same checks, bands and incidents as in `CheckAlerts`. The messages are written to a separate
outbox. Nothing is sent, and nothing is written to the warehouse: days that were never measured are refused.
"""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import slots
from pipeline.alerts.backtest.playback import Playback, Played
from pipeline.alerts.detection import monitors
from pipeline.alerts.incidents import Incident, Notice, current_rules
from pipeline.alerts.incidents.incident import NoticeKind
from pipeline.alerts.root_cause.explanation import explain
from pipeline.core import clock, settings
from pipeline.core.errors import SettingsError
from pipeline.core.overrides import from_file
from pipeline.slots import measure

if TYPE_CHECKING:
    from reporting.channels.outbox.channel import Outbox


@dataclass(frozen=True)
class Sent:
    """One message with a sound that would have been sent."""

    slot: datetime
    """The slot after which it would have been sent, naive UTC."""
    kind: NoticeKind
    incident: Incident
    title: str


@dataclass(frozen=True)
class Replayed:
    """The messages that a configuration would have sent."""

    name: str
    days: int
    messages: tuple[Sent, ...]
    incidents: tuple[Incident, ...]
    """The incidents that people would have been notified of, each as of its last notice."""

    @property
    def messages_a_week(self) -> float:
        """Messages with a sound (posts and replies) per week."""
        return 7 * len(self.messages) / self.days


def replay(first: date, last: date, folder: Path, against: Path | None = None) -> None:
    """Play days and print the messages that would have been sent. With another configuration, print the differences.

    Parameters
    ----------
    first, last : date
        Local days, both inclusive.
    folder : Path
        The directory of the outboxes. Outboxes of an earlier replay are replaced.
    against : Path, optional
        Another luigi.cfg to compare with the current one. Only its [alerts], [metric.NAME] and [calendar] are used.

    Raises
    ------
    FeedpulseError
        If the days are not over or not measured, or a configuration is invalid.
    """
    clock.require_closed_day(last)
    _require_measured(first, last)
    ours = play(first, last, "luigi.cfg", folder / "ours")
    _print(ours, folder / "ours")
    if against is not None:
        with from_file(against):
            theirs = play(first, last, against.name, folder / "theirs")
            _print(theirs, folder / "theirs")
        _compare(ours, theirs)


def _with_history(first: date, last: date) -> list[date]:
    """Return the days, and the history that the detectors need before them."""
    return clock.days(first - timedelta(days=settings.AlertSettings().history_days), last)


def _require_measured(first: date, last: date) -> None:
    wanted = _with_history(first, last)
    missing = sorted(measure.unmeasured(wanted, measure.first_slots(wanted)))
    if missing:
        after, days = missing[-1] + timedelta(days=1), (missing[-1] - missing[0]).days + 1
        raise SettingsError(
            f"a replay writes nothing, and slots from {missing[0]} to {missing[-1]} are not measured: "
            f"`feedpulse run SlotHistory --date {after} --alerts-history-days {days}` measures them."
        )


def measure_history(first: date, last: date) -> None:
    """Measure the days and the history that the detectors need before them. Skips days that are already measured."""
    from tqdm import tqdm

    days = _with_history(first, last)
    with tqdm(total=len(days), unit="day", disable=None, leave=False) as bar:
        measure.measure_days(days, lambda _: bar.update())


def play(first: date, last: date, name: str, folder: Path | None = None, most: float = math.inf) -> Replayed:
    """Play days under the current settings.

    Parameters
    ----------
    first, last : date
        Local days whose slots are measured.
    name : str
        The name of the configuration.
    folder : Path, optional
        The directory of an outbox for the messages. By default no messages are composed.
    most : float
        With more messages than this the replay ends after the day that sends them.
    """
    from tqdm import tqdm

    playback = Playback(monitors(), current_rules())
    metrics = [monitor.metric for monitor in playback.monitors]
    section = settings.AlertSettings()
    outbox = _outbox(folder) if folder else None
    messages: list[Sent] = []
    notified: dict[str, Incident] = {}
    days = clock.days(first, last)
    played_days = 0
    for day in tqdm(days, unit="day", disable=None, leave=False):
        if len(messages) > most:
            break
        played_days += 1
        day_slots = clock.day_slots(day)
        series = slots.read(metrics, day_slots[-1], section.history_days, section.slice_volume)
        for played in playback.play(series, day_slots):
            notified |= {notice.incident.incident_id: notice.incident for notice in played.notices}
            sent = [notice for notice in played.notices if notice.kind != "edit"]
            titles = _write(played, sent, outbox) if outbox is not None and sent else [""] * len(sent)
            messages += [
                Sent(played.evaluation.series.slot, notice.kind, notice.incident, title)
                for notice, title in zip(sent, titles, strict=True)
            ]
    return Replayed(name, played_days, tuple(messages), tuple(notified.values()))


def _outbox(folder: Path) -> "Outbox":
    from reporting.channels.outbox.channel import Outbox

    shutil.rmtree(folder, ignore_errors=True)
    return Outbox(str(folder))


def _write(played: Played, notices: Sequence[Notice], outbox: "Outbox") -> list[str]:
    """Write the messages of notices to the outbox. Returns their titles."""
    from pipeline.alerts.notify import compose
    from reporting import alerts

    evaluation, language = played.evaluation, settings.ReportSettings().language
    explanations = {
        notice.incident.incident_id: explain(evaluation.series, notice.incident, evaluation.results)
        for notice in notices
        if notice.incident.silent_since is None
    }
    (address,) = outbox.addresses()
    titles = []
    for notice, alert in zip(notices, compose.alerts(notices, evaluation, explanations), strict=True):
        message = alerts.compose(alert, language)
        if notice.kind == "post":
            outbox.send(address, message)
        else:
            outbox.edit(address, message.key, message)
            message = alerts.compose_reply(alert, language)
            outbox.reply(address, alert.message_key, message)
        titles.append(message.title)
    return titles


def _print(replayed: Replayed, folder: Path) -> None:
    days = "1 day" if replayed.days == 1 else f"{replayed.days} days"
    print(f"{replayed.name}: {len(replayed.messages)} messages in {days}, {replayed.messages_a_week:.1f} a week")
    for sent in replayed.messages:
        at = clock.to_local(sent.slot + clock.SLOT)
        print(f"  {at:%Y-%m-%d %H:%M}  {'' if sent.kind == 'post' else '  reply: '}{sent.title}")
    if replayed.messages:
        print(f"  with pictures: {folder / 'index.html'}")


def _compare(ours: Replayed, theirs: Replayed) -> None:
    difference = theirs.messages_a_week - ours.messages_a_week
    print(f"\n{theirs.name} against {ours.name}: {difference:+.1f} messages a week")
    for name, mine, other in ((ours.name, ours, theirs), (theirs.name, theirs, ours)):
        for incident in mine.incidents:
            if not overlaps(incident, other.incidents):
                start = clock.to_local(incident.opened)
                print(f"  only {name}: {start:%Y-%m-%d %H:%M}  {incident.members[0].metric} {incident.worst:+.0%}")


def overlaps(incident: Incident, others: Sequence[Incident]) -> bool:
    """Whether one of the other incidents shares a metric with an incident and overlaps it in time."""
    metrics = {member.metric for member in incident.members}
    return any(
        metrics & {member.metric for member in other.members}
        and other.opened <= incident.last_anomaly + clock.SLOT
        and incident.opened <= other.last_anomaly + clock.SLOT
        for other in others
    )
