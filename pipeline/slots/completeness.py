"""Whether a slot's rows are all there: recounted at each run, so that it is known how long slots keep growing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.core import clock
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.core.process import once
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import SLOT_COUNTS, full_name, open_warehouse

RECOUNTED_SLOTS = 8
"""So many of the newest slots are counted again at each run: lateness of up to two hours is seen."""
SILENT_SLOTS = 96
"""Of so many the slots without any row are counted again too: what was not loaded at night may come in the morning."""
LEARNT_DAYS = 14
LEAST_SLOTS = 96
"""Before so many slots were watched a slot counts as complete when it closes."""

TABLES = (FEED, MESSAGES)
Counts = dict[str, dict[datetime, int]]


@dataclass(frozen=True)
class Completeness:
    """What the newest count found.

    Attributes
    ----------
    changed : tuple of datetime
        Slots that have other rows than the count before found.
    silent_since : mapping
        By source table without any row in its newest slots: the end of its last slot with rows, naive UTC.
    lag_seconds : mapping
        By source table, for how long after its end a slot keeps growing, in 99 of 100 slots.
    """

    changed: tuple[datetime, ...]
    silent_since: Mapping[str, datetime]
    lag_seconds: Mapping[str, int]
    counts: tuple[tuple[str, datetime, int], ...] = ()
    """Source table, slot and rows, of every slot that was never counted or has other rows now."""


@once
def recount(newest: datetime) -> Completeness:
    """Count the newest slots again, once a process; what grew is to be dealt with before it is remembered.

    Parameters
    ----------
    newest : datetime
        The last closed slot, naive UTC.
    """
    recent = {newest - back * clock.SLOT for back in range(RECOUNTED_SLOTS)}
    before: Counts = {table: {} for table in TABLES}
    bound = {"start": str(newest - (SILENT_SLOTS - 1) * clock.SLOT)}
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


def remember(found: Completeness) -> None:
    """Write what was counted: last, when late slots are judged again and told of, so that a failure repeats it."""
    if not found.counts:
        return
    open_warehouse().insert(
        full_name(SLOT_COUNTS),
        {
            "slot": [slot for _, slot, _ in found.counts],
            "source_table": [table for table, _, _ in found.counts],
            "counted_at": [clock.now().replace(tzinfo=None, microsecond=0)] * len(found.counts),
            "rows": [rows for _, _, rows in found.counts],
            "lag_seconds": [found.lag_seconds.get(table, 0) for table, _, _ in found.counts],
        },
    )


@once
def lag_seconds(newest: datetime) -> dict[str, int]:
    """By source table, for how long after its end a slot keeps growing; as known before this run's count."""
    rows = open_warehouse().query(
        statement("ingestion_lag", slot_counts=full_name(SLOT_COUNTS)),
        {"start": str(newest - timedelta(days=LEARNT_DAYS))},
    )
    return {table: lag for table, lag, slots in rows if slots >= LEAST_SLOTS}


def newest_settled_slot() -> datetime:
    """The newest slot that has stood so long that its rows are all there, naive UTC."""
    newest = clock.last_closed_slot()
    waiting = max(lag_seconds(newest).values(), default=0)
    # Growth was noticed by a run: one that came 15 minutes and some seconds later waits one slot, not two.
    return newest - waiting // round(clock.SLOT.total_seconds()) * clock.SLOT


def _count(table: str, slots: list[datetime]) -> dict[datetime, int]:
    events = source()
    rows = events.engine.query(
        statement("count_slots", source=events.table(table)),
        {"start": str(slots[0]), "end": str(slots[-1] + clock.SLOT)},
    )
    found = {clock.from_epoch(seconds): count for seconds, count in rows}
    return {slot: found.get(slot, 0) for slot in slots}


def _silence(table: str, counts: Mapping[datetime, int]) -> datetime | None:
    """Since when a table has no row at all; None when its newest slot has some."""
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
