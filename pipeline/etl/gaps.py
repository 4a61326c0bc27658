"""Finds the days that lack rows in a source table: all rows, those of some hours, or more than half of the usual ones.

A day is compared with the same weekday of the last four weeks. If fewer than two of them are known, it is compared with
the six days before it. If fewer than two of those are known either, only an empty day and a day that broke off count.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Literal

from pipeline.core import clock
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.etl import reconciliation

COMPARED_WEEKS = 4
LEAST_DAYS = 2
"""Minimum number of days to compare with."""
LEAST_SLOTS = 8
LEAST_ROWS = 20
LEAST_SHARE = 0.03
"""An empty stretch counts if it lasts two hours, and usually has this many rows and this share of the day's rows."""
STRAY_SHARE = 0.02
"""A slot with at most this share of its usual rows is empty: single rows come from devices with a wrong clock."""
LEAST_SLOTS_ALONE = 12
"""With nothing to compare with, a day broke off if its last three hours or more are empty."""
FEW_OF_WEEKDAY = 0.5
"""A day with less than this share of the usual rows of its weekday lacks rows."""
FEW_OF_NEIGHBOURS = 0.25
"""The same for the days before it, among which a weekend is lower."""
LEAST_ROWS_A_DAY = 100
"""A table with fewer rows a day is never compared by their number."""

Counts = Mapping[datetime, int]
"""Rows of one table by slot; empty slots are absent."""

Kind = Literal["empty", "broken off", "stretch", "few"]


@dataclass(frozen=True)
class Gap:
    """Rows that a source table lacks on a day.

    Attributes
    ----------
    kind : {"empty", "broken off", "stretch", "few"}
        The day has no rows, none from `start` to its end, none from `start` to `end`, or far fewer than usual.
    start, end : datetime
        Where rows are missing, naive UTC.
    rows : int
        Rows of the day.
    usual : int
        Rows of a usual day; 0 if unknown.
    is_late : bool
        Whether the table has no rows since the gap began, so that the load may be late. Rows after the gap mean that
        its own rows will not come with the next load.
    """

    kind: Kind
    start: datetime
    end: datetime
    rows: int
    usual: int
    is_late: bool


def find_gaps(first: date, last: date) -> dict[str, dict[date, Gap]]:
    """Find the gaps of the days of the zone from `first` to `last`, by source table; one query."""
    start, now = clock.day_bounds(first - timedelta(weeks=COMPARED_WEEKS))[0], clock.utcnow().replace(microsecond=0)
    end = min(now, clock.day_bounds(last + timedelta(days=1))[1])
    rows = reconciliation.rows_by_slot(start, end)
    tables = {
        FEED: {slot: counted.feed for slot, counted in rows.items() if counted.feed},
        MESSAGES: {slot: counted.messages for slot, counted in rows.items() if counted.messages},
    }
    days = clock.days(first, last)
    return {
        table: {day: gap for day in days if (gap := gap_of_day(day, counts)) is not None}
        for table, counts in tables.items()
    }


def late_tables(day: date, tables: Collection[str]) -> dict[str, Gap]:
    """Return the gaps of a day in those of `tables` whose rows may still come: the table was alive before.

    One query of the rows since the end of the day answers if there are some, as on any usual morning.
    """
    since = reconciliation.rows_by_slot(clock.day_bounds(day)[1], clock.utcnow().replace(microsecond=0))
    seen = {FEED: any(row.feed for row in since.values()), MESSAGES: any(row.messages for row in since.values())}
    if all(seen[table] for table in tables):
        return {}
    gaps = find_gaps(day, day)
    found = {table: gaps[table][day] for table in tables if day in gaps[table]}
    return {table: gap for table, gap in found.items() if gap.is_late and (gap.rows or gap.usual)}


def gap_of_day(day: date, counts: Counts) -> Gap | None:
    """Find the gap of a day in one table; None if it has its rows.

    Parameters
    ----------
    day : datetime.date
        A day of the zone.
    counts : mapping
        Rows of the table by slot, without empty slots, for four weeks before the day and as long after it as is known.
    """
    slots, (start, end) = clock.day_slots(day), clock.day_bounds(day)
    rows, usual = _rows(slots, counts), _usual(day, counts)

    def gap(kind: Kind, since: datetime, until: datetime) -> Gap:
        newer = _until_newest(end if kind == "few" else since, counts)
        is_late = _rows(newer, counts) <= STRAY_SHARE * usual.rows(newer)
        return Gap(kind, since, until, rows, round(usual.a_day), is_late)

    if not rows:
        has_neighbours = any(_rows(clock.day_slots(other), counts) for other in _neighbours(day))
        is_usual = usual.is_of_weekday and not usual.a_day and has_neighbours
        return None if is_usual else gap("empty", start, end)
    if stretch := _greatest_stretch(slots, counts, usual):
        until = stretch[-1] + clock.SLOT
        return gap("broken off" if until == end else "stretch", stretch[0], until)
    is_few = usual.a_day >= LEAST_ROWS_A_DAY and rows < usual.few * usual.a_day
    return gap("few", start, end) if is_few else None


@dataclass(frozen=True)
class _Usual:
    """The rows of the days that a day is compared with: for each day, its rows by local time of day."""

    days: Sequence[Mapping[time, int]]
    is_of_weekday: bool

    @property
    def few(self) -> float:
        """The share of the usual rows below which a day has few."""
        return FEW_OF_WEEKDAY if self.is_of_weekday else FEW_OF_NEIGHBOURS

    @property
    def a_day(self) -> float:
        """Rows of a usual day; 0 if unknown."""
        return median(sum(day.values()) for day in self.days) if self.days else 0.0

    def rows(self, slots: Iterable[datetime]) -> float:
        """Usual rows at the local times of day of some slots; 0 if unknown."""
        times = {_time_of_day(slot) for slot in slots}
        return median(sum(day.get(at, 0) for at in times) for day in self.days) if self.days else 0.0

    def is_empty(self, slot: datetime, counts: Counts) -> bool:
        """Whether a slot has no rows, or only stray ones."""
        rows = counts.get(slot, 0)
        return not rows or rows <= STRAY_SHARE * self.rows([slot])


def _usual(day: date, counts: Counts) -> _Usual:
    first = _first_day(counts) if counts else day
    weekdays = [day - timedelta(weeks=back) for back in range(1, COMPARED_WEEKS + 1)]
    known = [other for other in weekdays if other >= first]
    if is_of_weekday := len(known) >= LEAST_DAYS:
        days = known
    else:
        days = [other for other in _neighbours(day) if _rows(clock.day_slots(other), counts)]
    profiles = [_profile(other, counts) for other in days]
    return _Usual(profiles if len(profiles) >= LEAST_DAYS else [], is_of_weekday)


def _first_day(counts: Counts) -> date:
    """Return the day with the first rows that are not stray: a young source may have rows with a time of weeks ago."""
    stray = STRAY_SHARE * median(counts.values())
    return clock.to_local(min(slot for slot, rows in counts.items() if rows > stray)).date()


def _neighbours(day: date) -> list[date]:
    return [day - timedelta(days=back) for back in range(1, 7)]


def _profile(day: date, counts: Counts) -> dict[time, int]:
    rows: dict[time, int] = {}
    for slot in clock.day_slots(day):
        at = _time_of_day(slot)
        rows[at] = rows.get(at, 0) + counts.get(slot, 0)
    return rows


def _greatest_stretch(slots: Sequence[datetime], counts: Counts, usual: _Usual) -> Sequence[datetime]:
    """Return the slots of the empty stretch that lacks most rows; none if no stretch lacks enough."""
    stretches = _stretches(slots, counts, usual)
    if usual.days:
        rows, stretch = max(
            ((usual.rows(item), item) for item in stretches if len(item) >= LEAST_SLOTS), default=(0, [])
        )
        return stretch if rows >= max(LEAST_ROWS, LEAST_SHARE * usual.a_day) else []
    *_, last = [], *stretches
    before = slots[: len(slots) - len(last)]
    if last[-1:] != [*slots[-1:]] or len(last) < LEAST_SLOTS_ALONE:
        return []
    return last if _rows(before, counts) / len(before) * len(last) >= LEAST_ROWS_A_DAY else []


def _until_newest(start: datetime, counts: Counts) -> list[datetime]:
    """Return the slots from `start` to the newest one with rows."""
    newest = max(counts, default=datetime.min)
    return [start + i * clock.SLOT for i in range((newest - start) // clock.SLOT + 1)]


def _stretches(slots: Sequence[datetime], counts: Counts, usual: _Usual) -> list[list[datetime]]:
    """Return the runs of empty slots."""
    stretches: list[list[datetime]] = [[]]
    for slot in slots:
        if usual.is_empty(slot, counts):
            stretches[-1].append(slot)
        else:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


def _time_of_day(slot: datetime) -> time:
    return clock.to_local(slot).time()


def _rows(slots: Iterable[datetime], counts: Counts) -> int:
    return sum(counts.get(slot, 0) for slot in slots)
