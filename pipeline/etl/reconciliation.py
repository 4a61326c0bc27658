"""Reconciliation: checks that a day's rows add up to the source.

Summed over the values of any one dimension (``unknown`` is a value too), a loaded day has these invariants:

- views and likes equal those of feed_actions;
- messages_received and messages_sent both equal the rows of message_actions;
- users_received and users_sent both equal its distinct (sender, recipient) pairs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pipeline.core import clock
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.warehouse.markers import RawRows
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import ATTRIBUTES, VALUES, open_warehouse

RAW_QUARTER_SECONDS = 900  # the quarter of sql/raw_rows.sql


@dataclass(frozen=True)
class RawDay:
    """The numbers of a day in the source."""

    rows: RawRows
    views: int
    likes: int
    pairs: int
    """Distinct (sender, recipient) pairs."""

    @property
    def sums(self) -> dict[str, tuple[str, int]]:
        """By column of `VALUES`: the description and the value of the number that its sum must equal."""
        messages = ("rows of message_actions", self.rows.messages)
        pairs = ("distinct (sender, recipient) pairs of message_actions", self.pairs)
        views, likes = ("views in feed_actions", self.views), ("likes in feed_actions", self.likes)
        return dict(zip(VALUES, (views, likes, messages, messages, pairs, pairs), strict=True))


@dataclass(frozen=True)
class Difference:
    """An invariant that does not hold."""

    loaded_name: str
    loaded: int
    raw_name: str
    raw: int

    def __str__(self) -> str:
        return (
            f"{self.loaded_name} is {self.loaded:,}, {self.raw_name}: {self.raw:,} "
            f"(difference {self.loaded - self.raw:+,})"
        )


def count_raw(day: date) -> RawDay:
    """Count a day of the zone in the source."""
    events = source()
    sql = statement(
        "raw_day",
        feed=events.feed,
        messages=events.messages,
        pair=events.pair.sql,
        action=events.column(FEED, "action"),
        feed_time=events.column(FEED, "time"),
        message_time=events.column(MESSAGES, "time"),
    )
    ((feed, views, likes, messages, pairs),) = events.engine.query(sql, bounds(day, day))
    return RawDay(RawRows(feed, messages), views, likes, pairs)


def rows_by_day(first: date, last: date) -> dict[date, RawRows]:
    """Count the source's rows on every day of the zone from `first` to `last`, in one query."""
    quarters = rows_by_slot(clock.day_bounds(first)[0], clock.day_bounds(last)[1])
    rows_of_days = {}
    for day in clock.days(first, last):
        rows = [quarters[slot] for slot in clock.day_slots(day) if slot in quarters]
        rows_of_days[day] = RawRows(sum(row.feed for row in rows), sum(row.messages for row in rows))
    return rows_of_days


def rows_by_slot(start: datetime, end: datetime) -> dict[datetime, RawRows]:
    """Count the source's rows from `start` to before `end` by slot, all naive UTC; slots without rows are absent."""
    events = source()
    sql = statement(
        "raw_rows",
        feed=events.feed,
        messages=events.messages,
        feed_time=events.column(FEED, "time"),
        message_time=events.column(MESSAGES, "time"),
    )
    return {
        clock.from_epoch(quarter * RAW_QUARTER_SECONDS): RawRows(feed, messages)
        for quarter, feed, messages in events.engine.query(sql, {"start": str(start), "end": str(end)})
    }


def differences(table: str, day: date, raw: RawDay) -> list[Difference]:
    """Compare the sums of a day's rows in `table` (``database.table``) with the source, for each dimension."""
    rows = open_warehouse().query(statement("slice_sums", table=table), {"date": str(day)})
    sums = {dimension: dict(zip(VALUES, values, strict=True)) for dimension, *values in rows}
    return [
        Difference(f"sum({column}) by {dimension}", loaded, *raw.sums[column])
        for dimension in ATTRIBUTES
        for column in VALUES
        if (loaded := sums.get(dimension, {}).get(column, 0)) != raw.sums[column][1]
    ]


def moved(loaded: RawRows, current: RawRows) -> str:
    """Describe how the source's row counts changed since a load; '' if they are equal."""
    pairs = {"feed_actions": (loaded.feed, current.feed), "message_actions": (loaded.messages, current.messages)}
    return ", ".join(
        f"{table} {before:,} -> {after:,} rows ({after - before:+,})"
        for table, (before, after) in pairs.items()
        if before != after
    )


def bounds(first: date, last: date) -> Mapping[str, object]:
    """Return the parameters ``start`` and ``end`` for the days of the zone from `first` to `last`."""
    return {"start": str(clock.day_bounds(first)[0]), "end": str(clock.day_bounds(last)[1])}


def listed(differences: Iterable[Difference], most: int = 3) -> str:
    """Describe the first few differences."""
    texts = [str(item) for item in differences]
    more = [f"and {len(texts) - most} more"] if len(texts) > most else []
    return "; ".join(texts[:most] + more)
