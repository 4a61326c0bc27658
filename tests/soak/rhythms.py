"""Plays days of a source that is loaded in a rhythm, with the demo's incidents, and prints every message as a list.

``python -m tests.soak.rhythms [NAME ...] [--days 3]`` plays the rhythms of `RHYTHMS`, all by default. Rows are inserted
when their load is due, `Alerts` runs every 15 minutes as cron runs it, and what supervision says comes with it.
"""

import argparse
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import luigi

from pipeline.core import clock
from pipeline.demo.events import Columns, generate
from pipeline.demo.load import create_tables
from pipeline.demo.scenario import LabelledIncident, Scenario, default_incidents
from pipeline.tasks import Alerts, CheckAlerts
from pipeline.tasks.supervision import loads, memory, watch
from pipeline.tasks.supervision.notes import Notes
from pipeline.tasks.supervision.scheduling import Done
from pipeline.warehouse.engines import EmbeddedEngine
from tests.conftest import end_owner
from tests.pipeline.alerts.place import Site

SLOT = clock.SLOT
FIRST_DAY = date(2026, 11, 9)
HISTORY_DAYS = 8
TABLES = ("feed_actions", "message_actions")
NOON = timedelta(hours=15)
"""The demo's incidents of a day end by this local time."""

Loaded = Callable[[datetime], datetime]
"""By the time of a run, up to when events are in the source (naive UTC)."""


def every(minutes: int, after: int = 5) -> Loaded:
    """Loads of all events until then, every so many minutes since midnight UTC, visible some minutes later."""

    def loaded(now: datetime) -> datetime:
        seconds = clock.epoch(now) - 60 * after
        return clock.from_epoch(seconds // (60 * minutes) * 60 * minutes)

    return loaded


def stream(now: datetime) -> datetime:
    """Events are there at once."""
    return now


def nightly(now: datetime) -> datetime:
    """The day before (in Moscow), from 03:05 on."""
    local = now + timedelta(hours=3) - timedelta(hours=3, minutes=5)
    return datetime.combine(local.date(), datetime.min.time()) - timedelta(hours=3)


def changing(now: datetime) -> datetime:
    """A stream on the first day, then hourly loads."""
    changed = datetime(2026, 11, 10)
    return now if now < changed else max(changed, every(60)(now))


def with_a_missing_load(now: datetime) -> datetime:
    """Hourly loads, of which one of the second day is missing; the next one brings its events."""
    usual = every(60)(now)
    missing = datetime(2026, 11, 10, 16)
    return missing - timedelta(hours=1) if usual == missing else usual


RHYTHMS: Mapping[str, Loaded] = {
    "stream": stream,
    "half an hour": every(30),
    "hour": every(60),
    "four hours": every(240),
    "night": nightly,
    "changing": changing,
    "missing load": with_a_missing_load,
}


ALLOWED: Mapping[str, tuple[datetime, datetime]] = {
    "changing": (datetime(2026, 11, 10), datetime(2026, 11, 10, 3)),
    "missing load": (datetime(2026, 11, 10, 15), datetime(2026, 11, 10, 16)),
}
"""Slots, from and to, of which "No data" is told: until a new rhythm is learnt, and those of a missing load."""
BY_DAY = ("night",)
"""Rhythms in which days are checked, not slots."""


def incidents_of(day: date) -> tuple[LabelledIncident, ...]:
    """The demo's spike, drop and outage, in the morning of a day."""
    end = datetime.combine(day, datetime.min.time(), UTC) - timedelta(hours=3) + NOON
    _, *of_day = default_incidents(end)
    return tuple(of_day)


@dataclass(frozen=True)
class Heard:
    """A message, when it came."""

    at: datetime
    key: str
    text: str

    @property
    def opened(self) -> datetime | None:
        """The first slot of the incident; None for what supervision says."""
        slot = self.key[:16]
        return None if self.key.startswith("feedpulse") else datetime.strptime(slot, "%Y-%m-%dT%H%MZ")

    @property
    def is_post(self) -> bool:
        """Whether it is the message of an incident, not an answer to it."""
        return self.key.count("-") == 3

    def __str__(self) -> str:
        return f"{clock.to_local(self.at):%d %H:%M}  {self.key:<45} {self.text}"


class Play:
    """A source with history, and the events that are still to be loaded.

    Parameters
    ----------
    site : Site
        Where it is played.
    days : int
        Days after the history.
    """

    def __init__(self, site: Site, days: int, incidents: Sequence[LabelledIncident]) -> None:
        self.site = site
        scenario = Scenario(
            first_day=FIRST_DAY - timedelta(days=HISTORY_DAYS),
            days=HISTORY_DAYS + days,
            views_per_day=200_000,  # the scale of the demo, whose incidents they are
            incidents=tuple(incidents),
        )
        self._events: dict[str, list[Columns]] = {table: [] for table in TABLES}
        for day in generate(scenario):
            self._events["feed_actions"].append(day.feed_actions)
            self._events["message_actions"].append(day.message_actions)
        create_tables(site.warehouse, site.database)
        self._until = 0

    def load(self, until: datetime) -> None:
        """Insert the events that are not loaded yet, up to a time."""
        end = clock.epoch(until)
        for table, days in self._events.items():
            for columns in days:
                due = (columns["time"] >= self._until) & (columns["time"] < end)
                if due.any():
                    rows = {name: column[due] for name, column in columns.items()}
                    rows["time"] = rows["time"].astype("datetime64[s]")
                    self.site.warehouse.insert(f"{self.site.database}.{table}", rows)
        self._until = max(self._until, end)

    def run(self, loaded: Loaded, first: datetime, last: datetime) -> Iterator[Heard]:
        """Run `Alerts` a minute after each quarter of an hour, from one time to another; yield the messages."""
        now = first
        while now <= last:
            at = now + timedelta(minutes=1)
            self.load(loaded(at))
            before = self.site.messages()
            self._alert(at)
            for key, text in self.site.messages().items():
                if key not in before:
                    yield Heard(at, key.removeprefix("alert-"), text.splitlines()[0])
            now += SLOT

    def _alert(self, now: datetime) -> None:
        done: list[Done] = []

        def collect(task: luigi.Task) -> None:
            assert isinstance(task, CheckAlerts)
            done.append(Done("CheckAlerts", task.to_str_params(), dict(task._did or {})))

        CheckAlerts.event_handler(luigi.Event.SUCCESS)(collect)
        try:
            with self.site.at(now):
                built = luigi.build([Alerts()], local_scheduler=True, log_level="WARNING", detailed_summary=True)
                assert built.status.name == "SUCCESS", built.summary_text
                with memory.opened() as state:
                    notes = Notes(state, "Alerts")
                    watch.watch_history(notes, done)
                    loads.watch_learning(notes, done)
                    loads.watch_rhythm(notes)
        finally:
            CheckAlerts.remove_event_handler(luigi.Event.SUCCESS, collect)


def play(warehouse: EmbeddedEngine, folder: Path, loaded: Loaded, days: int) -> list[Heard]:
    """Play some days of a rhythm, with the demo's incidents on each of them."""
    dates = [FIRST_DAY + timedelta(days=day) for day in range(days)]
    with made_site(warehouse, folder) as site:
        playing = Play(site, days, [incident for day in dates for incident in incidents_of(day)])
        first = datetime.combine(FIRST_DAY, datetime.min.time()) - timedelta(hours=3) + SLOT
        return list(playing.run(loaded, first, first + timedelta(days=days) - SLOT))


def unexpected(name: str, heard: Sequence[Heard], days: int) -> list[str]:
    """Return what should have been told and was not, or not in the first run after its load, and what was more."""
    alerts = [(message.opened, message) for message in heard if message.opened]
    labelled = [incident for day in range(days) for incident in incidents_of(FIRST_DAY + timedelta(days=day))]
    spans = [(incident.start.replace(tzinfo=None), incident.end.replace(tzinfo=None)) for incident in labelled]
    allowed = ALLOWED.get(name)
    outside = [
        f"not an incident: {message}"
        for opened, message in alerts
        if not any(start <= opened < end for start, end in ([allowed] if allowed else []) + spans)
    ]
    if name in BY_DAY:
        return [f"told: {message}" for _, message in alerts]
    wanted = [*spans, *([allowed] if allowed else [])]
    missing = [
        f"never told: {start} to {end}" for start, end in wanted if not any(start <= at < end for at, _ in alerts)
    ]
    late = [
        f"not in the first run after its load: {message}"
        for opened, message in alerts
        if message.is_post and message.at != _first_run(RHYTHMS[name], opened)
        if not (allowed and allowed[0] <= opened < allowed[1])
    ]
    return [*missing, *late, *outside]


def _first_run(loaded: Loaded, slot: datetime) -> datetime:
    """The first run, a minute after a quarter of an hour, that finds a slot loaded."""
    run = slot + SLOT + timedelta(minutes=1)
    while loaded(run) < slot + SLOT:
        run += SLOT
    return run


@contextmanager
def made_site(warehouse: EmbeddedEngine, folder: Path, **alerts: str) -> Iterator[Site]:
    """Make a site of a new database, which is dropped at the end."""
    name = f"rhythm_{uuid.uuid4().hex[:12]}"
    # A history that grows: an incident at the same time each day leaves slots enough of it.
    metrics = "feed_users,messenger_users,views,likes,ctr,messages_sent"
    chosen = {"metrics": metrics, "history_days": "28", "catch_up_hours": "24", **alerts}
    try:
        yield Site(warehouse, name, folder, alerts=chosen)
    finally:
        warehouse.execute(f"DROP DATABASE IF EXISTS {name}", idempotent=True)


def main() -> None:
    """Play the rhythms that are named, and print what people read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*RHYTHMS, []], metavar="NAME")
    parser.add_argument("--days", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = EmbeddedEngine(f"{folder}/warehouse")
        try:
            for number, name in enumerate(options.names or RHYTHMS):
                heard = play(engine, Path(folder) / str(number), RHYTHMS[name], options.days)
                print(f"{name}: {len(heard)} messages", *heard, sep="\n  ", flush=True)
                print(*(f"  !! {what}" for what in unexpected(name, heard, options.days)), sep="\n", flush=True)
        finally:
            end_owner(engine)


if __name__ == "__main__":
    main()
