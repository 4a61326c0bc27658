"""The state of an installation, as `feedpulse status` and the status page show it. Reads only; creates nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from pipeline.alerts import detection, learning
from pipeline.alerts.incidents import State, store
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import Incident
from pipeline.alerts.learning import Lack
from pipeline.core import clock, settings
from pipeline.core.metrics import BY_NAME, FEED, MESSAGES
from pipeline.etl import results
from pipeline.slots import completeness
from pipeline.slots.rhythm import Rhythm, prompt
from pipeline.tasks.daily import days_to_load
from pipeline.tasks.etl import DailyMetrics
from pipeline.tasks.retention import UNDROPPED
from pipeline.tasks.roots import ROOTS
from pipeline.warehouse import runs, tables
from pipeline.warehouse.ownership import Inspection
from pipeline.warehouse.runs import LastRun, Run
from pipeline.warehouse.source import AHEAD, LEAST_TIME, source
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import (
    DAILY_TOTALS,
    DELIVERIES,
    INCIDENT_ACTIONS,
    INCIDENTS,
    RUNS,
    SLOT_CHECKS,
    SLOT_COUNTS,
    SLOT_METRICS,
    TABLE_UPDATES,
    full_name,
    open_warehouse,
)
from reporting.channels import create
from reporting.decoration import optional
from reporting.errors import ReportingError

RUNS_SINCE = timedelta(days=30)
BY_HAND = timedelta(days=1)
"""A failure of a task that cron does not run is a problem this long: nothing may ever run that task again."""
UNSENT_SINCE = timedelta(days=7)
UNSENT_AFTER = timedelta(minutes=5)
"""A message that is not sent this long after the attempt hangs."""
UNDROPPED_DAYS = 3
"""A failure to drop old months is a problem when it stays this long."""
SLOT_LATE = timedelta(hours=1)
"""All is not well if no slot that ended less than this ago (and the known lag) is checked."""


@dataclass(frozen=True)
class Days:
    """The days that `Daily` keeps loaded."""

    first: date
    last: date
    loaded: int
    missing: tuple[date, ...]
    """Days that are not loaded, or will be loaded again; yesterday only once its report is due."""


@dataclass(frozen=True)
class Slots:
    """The newest slot that was checked, when slots have their rows, by source table, and which metrics lack history."""

    newest: datetime
    lag_seconds: dict[str, int]
    rhythms: Mapping[str, Rhythm] = field(default_factory=dict)
    learning: tuple[Lack, ...] = ()


@dataclass(frozen=True)
class Open:
    """An open incident."""

    incident: Incident
    acknowledged_by: tuple[str, ...]
    mute: Action | None
    """The mute that holds for it."""


@dataclass(frozen=True)
class Unsent:
    """A message that hangs: recorded as about to be sent, and not as sent."""

    key: str
    channel: str
    address: str
    tried: datetime


class Problem(NamedTuple):
    """Something that is not well, and what it is about."""

    kind: Literal["unreadable", "days", "run", "unchecked", "stalled", "incident", "unsent", "undropped"]
    days: tuple[date, ...] = ()
    run: Run | None = None
    at: datetime | None = None
    """The newest slot that was checked."""
    incident: Open | None = None
    message: Unsent | None = None
    error: str = ""
    """Why the state cannot be read."""


@dataclass(frozen=True)
class Health:
    """What `read` found; a part is None or empty if there is nothing about it."""

    days: Days | None = None
    runs: dict[str, LastRun] = field(default_factory=dict)
    slots: Slots | None = None
    incidents: tuple[Open, ...] = ()
    mutes: Mapping[str, Action] = field(default_factory=dict)
    """By metric, the mute that holds, whether by a button or by command."""
    unsent: tuple[Unsent, ...] = ()
    is_grown: bool = False
    """Whether old months could not be dropped on each of the last `UNDROPPED_DAYS`."""
    wrong_times: dict[str, int] = field(default_factory=dict)
    """By source table, rows that lie before `LEAST_TIME` or in the future: no loaded day counts them."""
    no_actions: date | None = None
    """The newest day, if it is loaded and has rows in the feed of which none is a view or a like."""

    def problems(self) -> Iterator[Problem]:
        """Say what is not well."""
        now = clock.utcnow()
        ran = set(self.runs)
        if self.days and self.days.missing and (settings.load_start() or ran & {"Daily", "Morning"}):
            yield Problem("days", days=self.days.missing)
        for root, last in self.runs.items():
            counts = root in ROOTS or now - last.run.began < BY_HAND
            if counts and last.run.outcome not in (runs.OK, runs.ALREADY_RUNNING):
                yield Problem("run", run=last.run)
        if self.slots is None:
            if ran & {"Alerts"}:
                yield Problem("unchecked")
        elif now - self.slots.newest - clock.SLOT > SLOT_LATE + self.lag:
            yield Problem("stalled", at=self.slots.newest)
        for item in self.incidents:
            if item.incident.notified and not (item.acknowledged_by or item.mute or item.incident.mark):
                yield Problem("incident", incident=item)
        for message in self.unsent:
            yield Problem("unsent", message=message)
        if self.is_grown:
            yield Problem("undropped")

    @property
    def lag(self) -> timedelta:
        """How long after its end a slot is checked at the latest."""
        rhythms = prompt(self.slots.rhythms.values()) if self.slots else []
        return max((rhythm.patience for rhythm in rhythms if rhythm.arrivals), default=0) * clock.SLOT


def read(*, with_source: bool = True) -> Health:
    """Read the state of the installation.

    Parameters
    ----------
    with_source : bool
        Whether to look for wrong times in the source, for which its tables are read.

    Raises
    ------
    FeedpulseError
        The warehouse does not answer, is not ours, or has nothing in it yet.
    """
    with tables.reading(TABLE_UPDATES):
        found = tables.inspect()
        state = _state(found)
        return Health(
            _days(),
            _runs(found),
            _slots(found),
            tuple(_incidents(state)),
            _mutes(state),
            tuple(_unsent(found)),
            _is_grown(found),
            (optional("times of the source", _wrong_times) or {}) if with_source else {},
            optional("actions of the newest day", lambda: _no_actions(found)),
        )


def _days() -> Days:
    wanted = days_to_load()
    done = set(DailyMetrics.bulk_complete(wanted))
    due = clock.report_deadline(wanted[-1])
    missing = [day for day in wanted if day not in done and (day != wanted[-1] or not due or clock.utcnow() >= due)]
    return Days(wanted[0], wanted[-1], len(done), tuple(missing))


def _runs(found: Inspection) -> dict[str, LastRun]:
    return runs.newest(clock.utcnow() - RUNS_SINCE) if _has(found, RUNS) else {}


def _slots(found: Inspection) -> Slots | None:
    newest = store.last_checked_slot() if _has(found, SLOT_CHECKS) else None
    if newest is None:
        return None
    rhythms = completeness.rhythms(clock.last_closed_slot()) if _has(found, SLOT_COUNTS) else {}
    lacks = learning.lacking(newest, detection.monitors()) if _has(found, SLOT_METRICS) else []
    return Slots(newest, completeness.lags(rhythms), rhythms, tuple(lacks))


def _state(found: Inspection) -> State:
    """Read the incidents after the newest slot that was checked, and what people did about them."""
    newest = store.last_checked_slot() if _has(found, SLOT_CHECKS, INCIDENTS, INCIDENT_ACTIONS) else None
    return store.load_state(newest + clock.SLOT) if newest else State()


def _incidents(state: State) -> Iterator[Open]:
    for incident in state.current:
        if incident.ended:
            continue
        people = [action.person for action in state.about(incident) if action.kind == "acknowledge"]
        mute = state.mute_of({member.metric for member in incident.members}, clock.utcnow())
        yield Open(incident, tuple(dict.fromkeys(people)), mute)


def _mutes(state: State) -> dict[str, Action]:
    found = {name: state.mute_of({name}, clock.utcnow()) for name in BY_NAME}
    return {name: mute for name, mute in found.items() if mute}


def _unsent(found: Inspection) -> Iterator[Unsent]:
    if not _has(found, DELIVERIES):
        return
    bound = {"since": str(clock.utcnow() - UNSENT_SINCE)}
    for row in open_warehouse().query(statement("status_unsent", deliveries=full_name(DELIVERIES)), bound):
        message = Unsent(*row)
        if clock.utcnow() - message.tried > UNSENT_AFTER and _is_configured(message):
            yield message


def _is_configured(message: Unsent) -> bool:
    """Whether a run may still send it: its chat may have been taken out of the configuration."""
    used = settings.names(f"{settings.AlertSettings().channels},{settings.ReportSettings().channels}")
    if message.channel not in used:
        return False
    try:
        return message.address in create(message.channel, **settings.options(message.channel)).addresses()
    except ReportingError:  # such as a token that this shell does not have
        return True


def _is_grown(found: Inspection) -> bool:
    if not _has(found, RUNS):
        return False
    bound = {"since": str(clock.utcnow() - timedelta(days=UNDROPPED_DAYS)), "did": UNDROPPED}
    ((days,),) = open_warehouse().query(statement("status_undropped", runs=full_name(RUNS)), bound)
    return int(days) >= UNDROPPED_DAYS


def _wrong_times() -> dict[str, int]:
    events = source()
    bound = {"least": str(LEAST_TIME), "most": str(clock.utcnow() + AHEAD)}
    counts = {
        events.table(kind): events.engine.query(
            statement("status_wrong_times", table=events.table(kind), time=events.column(kind, "time")), bound
        )[0][0]
        for kind in (FEED, MESSAGES)
    }
    return {table: count for table, count in counts.items() if count}


def _no_actions(found: Inspection) -> date | None:
    newest = days_to_load()[-1]
    return newest if _has(found, DAILY_TOTALS) and results.has_no_action(newest) else None


def worst(incident: Incident) -> float:
    """Return the greatest relative deviation of an incident as its messages tell it: that of one slot, signed.

    `Incident.worst` is that of the numbers which were checked, and these may be of two slots together.
    """
    changes = [
        member.worst_value / member.worst_expected - 1
        for member in incident.shown
        if member.worst_at and member.worst_expected > 0
    ]
    return max(changes, key=abs, default=incident.worst)


def _has(found: Inspection, *names: str) -> bool:
    """Whether tables exist: those of a release before this one may lack some."""
    return not set(names) & set(found.missing)
