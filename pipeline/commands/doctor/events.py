"""Checks of the source: its columns and their types, and whether recent rows have the values that metrics count."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from pipeline.alerts import detection
from pipeline.commands.doctor import views
from pipeline.commands.doctor.report import note, of_error, ok, wrong
from pipeline.commands.doctor.rights import where_events_are
from pipeline.core import clock, settings
from pipeline.core.errors import SourceError, TerminalError
from pipeline.core.metrics import COUNTED, FEED, MESSAGES
from pipeline.etl import ages
from pipeline.warehouse import connections
from pipeline.warehouse.source import AHEAD, LEAST_TIME, source
from pipeline.warehouse.source.table import read_tables
from pipeline.warehouse.statements import statement
from reporting.channels.base import Finding

RECENT_DAYS = 7
SHOWN_ACTIONS = 8
SEVERAL = 1000
LIMITS = (158, 159, 241, 307)
"""ClickHouse's codes of a statement that reads more than the server allows at once."""
STALE = timedelta(hours=1)
AHEAD_TEXT = "a time in the future"
MANY = 0.01
"""With more than this share of rows in the future, of all or of a day, times are likely those of another zone."""
ZONE_STEP = 1800
"""Offsets of zones are whole half-hours, nearly all; in seconds. The newest row is less ahead by its age."""
SKEW = 60


def columns() -> Iterator[Finding]:
    """Check that both tables have the columns that are needed, in types that can be read."""
    try:
        events = source()
    except SourceError as error:
        text, _, remedy = str(error).partition("\n")
        yield wrong(text, "\n".join([*_columns(), remedy]))
        return
    yield ok(f"source: the columns and types of {events.feed} and {events.messages} fit; recipient: {events.recipient}")


def _columns() -> Iterator[str]:
    """Say which columns both tables have."""
    for table in read_tables(connections.source(), settings.SourceSettings()).values():
        yield f"{table.name} has: {', '.join(map(' '.join, table.types.items()))}"


def values() -> Iterator[Finding]:
    """Check the times of both tables and the actions of the feed."""
    events = source()
    for kind in (FEED, MESSAGES):
        table = events.table(kind)
        try:
            times = _read_times(kind)
        except TerminalError as error:
            if error.code not in LIMITS:  # the tasks read less at once
                raise
            yield note(f"source: the times of {table} were not checked: {str(error).splitlines()[0]}")
            if kind == FEED:
                yield from _actions(clock.utcnow())
            continue
        if not times.rows:
            text, remedy = f"source: {table} has no rows", "Set [source] to the tables that the application writes."
            yield wrong(text, remedy) if kind == FEED else note(text, remedy)
            continue
        yield from _judge_times(kind, times)
        if kind == FEED and times.newest:
            yield from _actions(clock.from_epoch(times.newest))
            yield from _ages(clock.from_epoch(times.newest))
            yield from _history(times)


class Times(NamedTuple):
    """A row of sql/doctor_times.sql."""

    rows: int
    without: int
    old: int
    ahead: int
    oldest: int
    newest: int
    recent: int
    near: int
    nearest: int


def _read_times(kind: str) -> Times:
    events = source()
    bound = {"least": clock.epoch(LEAST_TIME), "most": clock.epoch(clock.utcnow() + AHEAD)}
    sql = statement("doctor_times", table=events.table(kind), time=events.column(kind, "time"))
    (row,) = events.engine.query(sql, bound)
    return Times(*row)


def _history(times: Times) -> Iterator[Finding]:
    """Compare the days that detectors need with those that they get; not every method says how many it needs."""
    needed = max((getattr(monitor.detector, "min_days", 0) for monitor in detection.monitors()), default=0)
    read = settings.AlertSettings().history_days
    days = (times.newest - times.oldest) // 86_400
    if read < needed:
        text = f"[alerts] history_days = {read}, and a detector needs {needed} days: it would never alert"
        yield wrong(text, f"Set [alerts] history_days = {2 * needed}, or a smaller min_days in detector_params.")
    elif days < needed:
        yield note(f"alerts: there are {days} days of events; the detector is silent until there are {needed}")


def _judge_times(kind: str, times: Times) -> Iterator[Finding]:
    table = source().table(kind)
    kinds = {
        "no time": times.without,
        f"a time before {LEAST_TIME.year}": times.old,
        AHEAD_TEXT: times.ahead,
    }
    for what, count in kinds.items():
        text = f"source: {count:,} of {times.rows:,} rows of {table} have {what}"
        if count == times.rows or (what == AHEAD_TEXT and _is_shifted(times)):
            yield wrong(f"{text}: their times are likely those of another zone or unit", _shift_remedy(kind, times))
        elif count:
            yield note(f"{text}; they count in no day that is loaded")
    if times.newest:
        yield _age(table, clock.from_epoch(times.newest))


def _is_shifted(times: Times) -> bool:
    """Whether so many rows are in the future that clocks of some devices do not explain it."""
    return times.ahead > times.rows * MANY or times.near > (times.recent or times.rows) * MANY


def _shift_remedy(kind: str, times: Times) -> str:
    if now := settings.ClockSettings().now:
        return f"Empty [clock] now: with {now} in place of the clock, later rows are in the future."
    remedy = "`time` must be the moment itself, a DateTime: write it as UTC, or with the zone that it is in."
    ahead = times.nearest - clock.epoch(clock.utcnow())
    seconds = math.ceil((ahead - SKEW) / ZONE_STEP) * ZONE_STEP
    if not times.near:
        return remedy
    setting = "feed_table" if kind == FEED else "message_table"
    shift = f"{seconds / 3600:g} h"
    view = f"Or, if every time is {shift} ahead, make a view of the table, and set it as [source] {setting}:"
    return f"{remedy}\n{view}\n{views.with_shift(kind, seconds)}"


def _age(table: str, newest: datetime) -> Finding:
    age = clock.utcnow() - newest
    text = f"source: the newest row of {table} is of {clock.to_local(newest):%Y-%m-%d %H:%M} ({clock.zone()})"
    if age < STALE:
        return ok(f"{text}, {max(age, timedelta()) // timedelta(minutes=1)} min ago")
    text = f"{text}, {_hours(age)} ago"
    section = settings.SourceSettings()
    if table == f"{section.database}.{section.feed_table}" and newest < clock.day_bounds(clock.yesterday())[0]:
        others = where_events_are(source().engine, but=section.database)
        remedy = "Set [source] to the tables that the application writes now, or mend the load of these."
        return wrong(f"{text}: yesterday has no rows to report", f"{remedy}\n{others}".rstrip())
    return note(
        text, "If the application is running, its rows are loaded late, or their times are those of another zone."
    )


def _ages(newest: datetime) -> Iterator[Finding]:
    if error := ages.refusal(newest - timedelta(days=RECENT_DAYS), newest + timedelta(seconds=1)):
        yield of_error(error)


def _hours(age: timedelta) -> str:
    return f"{age.days} days" if age.days >= 2 else f"{age // timedelta(hours=1)} h"


def _actions(newest: datetime) -> Iterator[Finding]:
    events, table = source(), source().feed
    holes = {name: events.column(FEED, name) for name in ("action", "user_id", "time")}
    bound = {"start": str(newest - timedelta(days=RECENT_DAYS))}
    rows = events.engine.query(statement("doctor_actions", table=table, **holes), bound)
    counts = {str(name): int(count) for name, count, _ in rows}
    total = sum(counts.values())
    if not total:
        yield note(f"source: {table} has no rows in its last {RECENT_DAYS} days")
        return
    if total >= SEVERAL and max(users for *_, users in rows) == 1:
        yield note(f"source: {total:,} recent rows of {table} have one and the same user_id; is that column filled?")
    listed = ", ".join(f"{name!r} ({count / total:.1%})" for name, count in list(counts.items())[:SHOWN_ACTIONS])
    missing = [action for action in COUNTED if action not in counts]
    named = settings.action_names()
    said = " or ".join(repr(named[action]) for action in missing)
    text = f"source: `action` of {table} in its last {RECENT_DAYS} days: {listed}"
    if len(missing) == len(COUNTED):
        yield wrong(f"{text}; never {said}: views and likes would be 0", views.with_actions(counts))
    elif missing:
        yield note(f"{text}; never {said}, which would be 0")
    elif others := [name for name in counts if name not in COUNTED]:
        yield note(f"{text}; {', '.join(map(repr, others[:SHOWN_ACTIONS]))} make a user active and count as neither")
    else:
        yield ok(text)
