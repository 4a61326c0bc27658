"""Late data: recounts the newest slots on every run and learns how long after its end a slot still receives rows."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.core import clock
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.core.process import once
from pipeline.slots.rhythm import RECENT, Arrival, Rhythm, first_counted, learn, newest_ready, prompt, together
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import SLOT_COUNTS, full_name, insert, open_warehouse

RECOUNTED_SLOTS = 8
"""Every run recounts this many of the newest slots, so it notices rows up to two hours late; of a loaded table more."""
SILENT_SLOTS = 96
"""Every run also recounts the empty slots among this many newest ones: rows of the night may arrive in the morning."""
LEARNT_DAYS = 14

TABLES = (FEED, MESSAGES)
SLOT_SECONDS = round(clock.SLOT.total_seconds())
Rhythms = dict[str, Rhythm]


@dataclass(frozen=True)
class Completeness:
    """The result of a recount.

    Attributes
    ----------
    changed : tuple of datetime
        Slots whose number of rows changed since the previous count.
    silent_since : mapping
        By source table whose newest slot has no rows: the end of its last slot with rows, naive UTC.
    rhythms : mapping
        By source table, when its slots have their rows.
    """

    changed: tuple[datetime, ...]
    silent_since: Mapping[str, datetime]
    rhythms: Mapping[str, Rhythm]
    counts: tuple[tuple[str, datetime, int], ...] = ()
    """Source table, slot and number of rows of every slot that is new or has changed."""
    newest: datetime = datetime.min
    """The last closed slot."""

    @property
    def waits(self) -> bool:
        """Whether slots with rows wait for more of them."""
        return any(rhythm.waits for rhythm in self.rhythms.values())

    def noticeable(self, settled: datetime, times: float) -> dict[datetime, set[str]]:
        """Return the slots after `settled` with so many times the rows of the day before, with their tables."""
        found: dict[datetime, set[str]] = {}
        for table, rhythm in self.rhythms.items():
            for slot in rhythm.risen(_number(settled), times):
                found.setdefault(slot_at(slot), set()).add(table)
        return found

    @property
    def slow(self) -> set[str]:
        """The source tables that are not checked by slot: they are loaded about once a day, and another is not."""
        slow = {table for table, rhythm in self.rhythms.items() if rhythm.is_slow}
        return slow if len(slow) < len(self.rhythms) else set()

    @property
    def lag_seconds(self) -> dict[str, int]:
        """By source table: how long a slot still receives rows, in 99 of 100 slots."""
        return lags(self.rhythms)

    def is_unchecked(self, slot: datetime) -> bool:
        """Whether no earlier run has checked a slot, as `note` has read."""
        newest = _noted().get(self.newest)
        return newest is None or slot > newest

    def late(self, slot: datetime, oldest: datetime) -> list[datetime]:
        """Return the slots before `slot` that changed after a check, or are older than `oldest`, and not checked."""
        before = [changed for changed in self.changed if changed < slot]
        return [changed for changed in before if changed < oldest or not self.is_unchecked(changed)]

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
    before = _arrivals(newest)
    slots = _slots_to_count(newest)
    now = {table: _count(table, slots) for table in TABLES}
    after = {table: dict(before[table]) for table in TABLES}
    counts, changed = [], set()
    for table, slot in ((table, slot) for table in TABLES for slot in slots):
        number, rows = _number(slot), now[table][slot]
        known = before[table].get(number)
        if known is None or known.rows != rows:
            after[table][number] = known.counted_again(rows, _now()) if known else first_counted(number, rows, _now())
            counts.append((table, slot, rows))
            changed |= {slot} if known else set()
    silences = {table: at for table in TABLES if (at := _silence(table, now[table]))}
    return Completeness(tuple(sorted(changed)), silences, _learnt(after), tuple(counts), newest)


def _slots_to_count(newest: datetime) -> list[datetime]:
    """The newest slots, more of them if they arrive late, and the empty ones of a day."""
    before = _arrivals(newest)
    late = max(rhythm.lateness for rhythm in rhythms(newest).values())
    recent = range(_number(newest) - RECOUNTED_SLOTS - min(late, SILENT_SLOTS) + 1, _number(newest) + 1)
    old = range(_number(newest) - SILENT_SLOTS - late + 1, recent[0])
    empty = {slot for counts in before.values() for slot, known in counts.items() if slot in old and not known.rows}
    return list(map(slot_at, sorted({*recent, *empty})))


def note(completeness: Completeness, newest_checked: Callable[[], datetime | None]) -> None:
    """Save the counts of slots that were not checked yet, once per process: when they arrived is learnt from this.

    Parameters
    ----------
    completeness : Completeness
        The result of the recount.
    newest_checked : callable
        Reads the newest slot that was checked.
    """
    noted = _noted()
    if completeness.newest not in noted:
        # Without a change all counts are new, and those of slots that were not checked.
        noted[completeness.newest] = newest_checked() if completeness.changed else None
        _save(completeness, set(filter(completeness.is_unchecked, (slot for _, slot, _ in completeness.counts))))


def remember(completeness: Completeness) -> None:
    """Save the other counts. Call it last: after a failure the next run must detect the late slots again."""
    _save(completeness, {slot for _, slot, _ in completeness.counts})


def is_remembered(completeness: Completeness) -> bool:
    """Whether this process has saved all counts of a recount."""
    return _saved(completeness.newest).issuperset(slot for _, slot, _ in completeness.counts)


@once
def _noted() -> dict[datetime, datetime | None]:
    """By the newest slot of a recount whose counts were noted, the newest slot that was checked before."""
    return {}


@once
def _saved(newest: datetime) -> set[datetime]:
    """The slots whose counts of this recount are saved."""
    return set()


def _save(completeness: Completeness, slots: Collection[datetime]) -> None:
    saved = _saved(completeness.newest)
    counts = [count for count in completeness.counts if count[1] in slots and count[1] not in saved]
    if not counts:
        return
    lag = completeness.lag_seconds
    insert(
        SLOT_COUNTS,
        {
            "slot": [slot for _, slot, _ in counts],
            "source_table": [table for table, _, _ in counts],
            "counted_at": [clock.utcnow().replace(microsecond=0)] * len(counts),
            "rows": [rows for _, _, rows in counts],
            "lag_seconds": [lag.get(table, 0) for table, _, _ in counts],
        },
    )
    saved.update(slots)


def rhythms(newest: datetime) -> Rhythms:
    """Learn when the slots of each source table have their rows, as known before this run's recount."""
    return _learnt(_arrivals(newest))


def lags(learnt: Mapping[str, Rhythm]) -> dict[str, int]:
    """How many seconds a slot of each source table still receives rows; tables of which it is not known are absent."""
    return {table: rhythm.tail * SLOT_SECONDS for table, rhythm in learnt.items() if rhythm.has_tail}


def _learnt(arrivals: Mapping[str, Mapping[int, Arrival]]) -> Rhythms:
    return together({table: learn(arrivals[table].values(), _now()) for table in TABLES})


@once
def _arrivals(newest: datetime) -> dict[str, dict[int, Arrival]]:
    """Read what was counted of the slots of each source table."""
    rows = open_warehouse().query(
        statement("arrivals", slot_counts=full_name(SLOT_COUNTS)),
        {
            "start": str(newest - timedelta(days=LEARNT_DAYS)),
            "recent": _number(newest) - RECENT,
            "until": _counted_until(),
        },
    )
    arrivals: dict[str, dict[int, Arrival]] = {table: {} for table in TABLES}
    for table, slot, *counted in rows:
        arrivals[table][slot] = Arrival(slot, *counted)
    return arrivals


def has_rows_after(slot: datetime) -> bool:
    """Whether most of the later slots that were ever counted have rows: they were over, whatever the clock says now."""
    sql = statement("future_counts", slot_counts=full_name(SLOT_COUNTS))
    ((counted, with_rows),) = open_warehouse().query(sql, {"slot": str(slot)})
    return bool(2 * with_rows > counted)


def newest_settled_slot() -> datetime:
    """Compute the newest slot that should have all of its rows, naive UTC."""
    newest = clock.last_closed_slot()
    return slot_at(newest_ready(recount(newest).rhythms.values(), _number(newest), _now()))


def could_be_checked(slot: datetime) -> datetime | None:
    """When a slot could be checked first, naive UTC; None if the source is loaded too rarely, or none was seen yet."""
    learnt = prompt(recount(clock.last_closed_slot()).rhythms.values())
    if any(rhythm.is_slow or rhythm.delay is None for rhythm in learnt):
        return None
    return slot_at(max(rhythm.could_be_checked(_number(slot)) for rhythm in learnt))


def _now() -> int:
    """The slot that contains the time of this run: a run starts some seconds after a slot ends."""
    return _number(clock.floor_to_slot(clock.utcnow()))


def _number(slot: datetime) -> int:
    return clock.epoch(slot) // SLOT_SECONDS


def slot_at(number: int) -> datetime:
    """Return the slot with a number of `Rhythm`, naive UTC."""
    return clock.from_epoch(number * SLOT_SECONDS)


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
