"""``feedpulse replay``: what people would have heard, had history been checked as luigi.cfg says now.

Days of the past go through the same checks, bands and life of incidents as `CheckAlerts`, into an outbox of their own.
Nothing is sent, and no table but ``slot_metrics`` is written (where days were never measured).
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.alerts.backtest.playback import Playback, Played
from pipeline.alerts.detection.monitors import monitors
from pipeline.alerts.evaluation import SlotState
from pipeline.alerts.incidents import calendar, rules
from pipeline.alerts.incidents.incident import Incident, NoticeKind
from pipeline.alerts.notify import compose
from pipeline.alerts.root_cause.explanation import explain
from pipeline.core import clock, settings
from pipeline.core.overrides import from_file
from pipeline.slots import history, measure

if TYPE_CHECKING:
    from reporting.channels.outbox.channel import Outbox


@dataclass(frozen=True)
class Heard:
    """One message that would have made a sound."""

    slot: datetime
    """After which it would have been sent, naive UTC."""
    kind: NoticeKind
    incident: Incident
    title: str


@dataclass(frozen=True)
class Replayed:
    """What a configuration would have told."""

    name: str
    days: int
    heard: tuple[Heard, ...]
    incidents: tuple[Incident, ...]
    """Those that people would have heard of, as they ended; those still open last."""

    @property
    def messages_a_week(self) -> float:
        """Messages that make a sound: posts and replies."""
        return 7 * len(self.heard) / self.days


def replay(first: date, last: date, folder: Path, against: Path | None = None) -> None:
    """Play days and print what people would have heard; with another configuration, what it would change.

    Parameters
    ----------
    first, last : date
        Days of the zone, both inclusive.
    folder : Path
        The outboxes' directory; what an earlier replay left there is replaced.
    against : Path, optional
        Another luigi.cfg: its [alerts], [metric.NAME] and [calendar] are compared with ours.

    Raises
    ------
    FeedpulseError
        If the days are not over, nothing was measured, or a configuration is wrong.
    """
    clock.require_closed_day(last)
    measure_history(first, last)
    found = [play(first, last, "luigi.cfg", folder / "ours")]
    _print(found[0], folder / "ours")
    if against is not None:
        with from_file(against):
            found.append(play(first, last, against.name, folder / "theirs"))
            _print(found[1], folder / "theirs")
        _compare(*found)


def measure_history(first: date, last: date) -> None:
    """Measure the slots of the days, and of those before that the detectors look at, where that was never done."""
    from tqdm import tqdm

    start = first - timedelta(days=settings.AlertSettings().history_days)
    days = clock.days(start, last)
    with tqdm(total=len(days), unit="day", disable=None, leave=False) as bar:
        measure.measure_days(days, lambda _: bar.update())


def play(first: date, last: date, name: str, folder: Path | None = None) -> Replayed:
    """Play days as the settings say now.

    Parameters
    ----------
    first, last : date
        Days of the zone whose slots are measured.
    name : str
        Of the configuration.
    folder : Path, optional
        Write the messages there.
    """
    from tqdm import tqdm

    planned = calendar.entries()
    watched = monitors()
    playback = Playback(
        watched,
        rules.current_rules(),
        lambda slot, check: calendar.planned(planned, slot, check),
        calendar.is_quiet,
        calendar.adjustments(planned),
    )
    outbox = _outbox(folder) if folder else None
    heard: list[Heard] = []
    told: dict[str, Incident] = {}
    days = clock.days(first, last)
    for day in tqdm(days, unit="day", disable=None, leave=False):
        section = settings.AlertSettings()
        day_slots = clock.day_slots(day)
        metrics = [watch.metric for watch in watched]
        series = history.read(metrics, day_slots[-1], section.history_days, section.slice_volume)
        for played in playback.play(series, day_slots):
            for kind, incident in played.told:
                told[incident.incident_id] = incident
                if kind == "edit":
                    continue
                title = _write(played, kind, incident, playback, outbox)
                heard.append(Heard(played.series.slot, kind, incident, title))
    return Replayed(name, len(days), tuple(heard), tuple(told.values()))


def _outbox(folder: Path) -> "Outbox":
    from reporting.channels.outbox.channel import Outbox

    shutil.rmtree(folder, ignore_errors=True)
    return Outbox(str(folder))


def _write(played: Played, kind: NoticeKind, incident: Incident, playback: Playback, outbox: "Outbox | None") -> str:
    """Compose the message; with an outbox, write it there. Returns what it says in a line."""
    checks = {check.part: check for check in played.checks}
    by_metric = {watch.metric.name: watch for watch in playback.watched}
    moment = SlotState(played.series, checks, by_metric, played.adjustments)
    if outbox is None:
        return ""
    is_silent = incident.silent_since is not None
    explanation = None if is_silent else explain(played.series, incident, checks)
    (address,) = outbox.addresses()
    key = compose.message_key(incident)
    if kind == "post":
        message = compose.compose_post(incident, moment, explanation, ())
        outbox.send(address, message)
        return message.title
    outbox.edit(address, key, compose.compose_post(incident, moment, explanation, ()))
    reply = compose.compose_reply(incident, kind, moment, explanation, ())
    outbox.reply(address, key, reply)
    return reply.title


def _print(found: Replayed, folder: Path) -> None:
    days = "1 day" if found.days == 1 else f"{found.days} days"
    print(f"{found.name}: {len(found.heard)} messages in {days}, {found.messages_a_week:.1f} a week")
    for heard in found.heard:
        at = clock.to_local(heard.slot + clock.SLOT)
        print(f"  {at:%Y-%m-%d %H:%M}  {'' if heard.kind == 'post' else '  reply: '}{heard.title}")
    if found.heard:
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
    """Whether one of the others is about the same metrics at the same time."""
    metrics = {member.metric for member in incident.members}
    return any(
        metrics & {member.metric for member in other.members}
        and other.opened <= incident.last_anomaly + clock.SLOT
        and incident.opened <= other.last_anomaly + clock.SLOT
        for other in others
    )
