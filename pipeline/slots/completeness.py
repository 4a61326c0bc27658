"""Late data: recounts the newest slots on every run and learns how long after its end a slot still receives rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.core import clock
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.core.process import once
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import SLOT_COUNTS, full_name, insert, open_warehouse

RECOUNTED_SLOTS = 8
"""Every run recounts this many of the newest slots, so it notices rows up to two hours late."""
SILENT_SLOTS = 96
"""Every run also recounts the empty slots among this many newest ones: rows of the night may arrive in the morning."""
LEARNT_DAYS = 14
LEAST_SLOTS = 96
"""Until this many slots were counted, a slot counts as complete when it closes."""

TABLES = (FEED, MESSAGES)
Counts = dict[str, dict[datetime, int]]


@dataclass(frozen=True)
class Completeness:
    """The result of a recount.

    Attributes
    ----------
    changed : tuple of datetime
        Slots whose number of rows changed since the previous count.
    silent_since : mapping
        By source table whose newest slot has no rows: the end of its last slot with rows, naive UTC.
    lag_seconds : mapping
        By source table: how long after its end a slot still receives rows, in 99 of 100 slots.
    """

    changed: tuple[datetime, ...]
    silent_since: Mapping[str, datetime]
    lag_seconds: Mapping[str, int]
    counts: tuple[tuple[str, datetime, int], ...] = ()
    """Source table, slot and number of rows of every slot that is new or has changed."""

    def silent_at(self, slot: datetime) -> dict[str, datetime]:
        """Return the tables without rows in a slot and after it, with the end of their last slot with rows."""
        return {table: since for table, since in self.silent_since.items() if since <= slot}


@once
def recount(newest: datetime) -> Completeness:
    """Recount the newest slots, once per process. Call `remember` after late slots were checked again.

    Parameters
    ----------
    newest : datetime
        The last closed slot, naive UTC.
    """
    recent = {newest - back * clock.SLOT for back in range(RECOUNTED_SLOTS)}
    before: Counts = {table: {} for table in TABLES}
    bound = {"start": str(newest - (SILENT_SLOTS - 1) * clock.SLOT), "until": _counted_until()}
    for table, slot, rows in open_warehouse().query(
        statement("newest_counts", slot_counts=full_name(SLOT_COUNTS)), bound
    ):
        before[table][slot] = rows
    silent = {slot for counts in before.values() for slot, rows in counts.items() if not rows and slot <= newest}
    slots = sorted(recent | silent)
    now = {table: _count(table, slots) for table in TABLES}
    grown = [(table, slot) for table in TABLES for slot in slots if before[table].get(slot, -1) != now[table][slot]]
    changed = sorted({slot for table, slot in grown if slot in before[table]})
    return Completeness(
        tuple(changed),
        {table: at for table in TABLES if (at := _silence(table, now[table]))},
        lag_seconds(newest),
        tuple((table, slot, now[table][slot]) for table, slot in grown),
    )


def remember(completeness: Completeness) -> None:
    """Save the counts. Call it last: after a failure the next run must detect the late slots again."""
    if not completeness.counts:
        return
    insert(
        SLOT_COUNTS,
        {
            "slot": [slot for _, slot, _ in completeness.counts],
            "source_table": [table for table, _, _ in completeness.counts],
            "counted_at": [clock.utcnow().replace(microsecond=0)] * len(completeness.counts),
            "rows": [rows for _, _, rows in completeness.counts],
            "lag_seconds": [completeness.lag_seconds.get(table, 0) for table, _, _ in completeness.counts],
        },
    )


@once
def lag_seconds(newest: datetime) -> dict[str, int]:
    """Read how long after its end a slot still receives rows, by source table, as known before this run's recount."""
    rows = open_warehouse().query(
        statement("ingestion_lag", slot_counts=full_name(SLOT_COUNTS)),
        {"start": str(newest - timedelta(days=LEARNT_DAYS)), "until": _counted_until()},
    )
    return {table: lag for table, lag, slots in rows if slots >= LEAST_SLOTS}


def has_rows_after(slot: datetime) -> bool:
    """Whether most of the later slots that were ever counted have rows: they were over, whatever the clock says now."""
    sql = statement("future_counts", slot_counts=full_name(SLOT_COUNTS))
    ((counted, with_rows),) = open_warehouse().query(sql, {"slot": str(slot)})
    return bool(2 * with_rows > counted)


def newest_settled_slot() -> datetime:
    """Compute the newest slot that should have all of its rows, naive UTC."""
    newest = clock.last_closed_slot()
    waiting = max(lag_seconds(newest).values(), default=0)
    # Rounded down: a run starts some seconds after a slot ends, so 15 minutes and some seconds mean one slot, not two.
    return newest - waiting // round(clock.SLOT.total_seconds()) * clock.SLOT


def _counted_until() -> str:
    return str((clock.utcnow() + clock.SKEW).replace(microsecond=0))


def _count(table: str, slots: list[datetime]) -> dict[datetime, int]:
    events = source()
    rows = events.engine.query(
        statement("count_slots", source=events.table(table), time=events.column(table, "time")),
        {"start": str(slots[0]), "end": str(slots[-1] + clock.SLOT)},
    )
    counts = {clock.from_epoch(seconds): count for seconds, count in rows}
    return {slot: counts.get(slot, 0) for slot in slots}


def _silence(table: str, counts: Mapping[datetime, int]) -> datetime | None:
    """Return since when a table has no rows; None if its newest slot has some."""
    newest = max(counts)
    if counts[newest]:
        return None
    last = max((slot for slot, rows in counts.items() if rows), default=None)
    if last is None:
        rows = open_warehouse().query(
            statement("last_slot_with_rows", slot_counts=full_name(SLOT_COUNTS)), {"source_table": table}
        )
        seconds = rows[0][0] if rows else 0
        last = clock.from_epoch(seconds) if seconds else min(counts) - clock.SLOT
    return last + clock.SLOT
