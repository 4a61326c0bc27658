"""The rhythm in which a source table is loaded, learnt from when its slots were first seen with rows. Pure.

Times are numbers of slots: a slot has the number of quarters of an hour since 1970 at its start, and a time that of the
slot that contains it. A table whose newest slot has rows at its end is a stream. Any other is loaded: its slots receive
rows together, later. A run sees that a slot has rows at most one slot after it is so.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

DAY = 96
RECENT = 2 * DAY
"""The newest slots, each of which is known. Of older ones those that had rows at their end are only a number."""
LEAST_SLOTS = 96
"""Until this many slots of a stream were counted, a slot counts as complete when it closes."""
GROWTH = 8
"""A slot that grows for more slots than this was not late but lost for a time."""
LEARNT_LOADS = 24
UNUSUAL_LOADS = 10
"""One load of so many may be later than the rhythm."""
UNKNOWN = RECENT
"""A table of which no run has seen a load for so long has none. Before, nobody is alarmed: the first may be due."""
SLOW = DAY // 2
"""A table that is later than this is checked by day, not by slot."""
LEAST_LOADS = 3
"""People are told of a rhythm after so many loads."""
LEAST_ENDS = 4
"""Until this many loads were seen, the newest slot of a load may be a part of a slot."""


@dataclass(frozen=True)
class Arrival:
    """What was counted of a slot."""

    slot: int
    counted: int
    """When it was first counted."""
    seen: int
    """When it was first counted with rows; 0 for never."""
    grown: int
    """When its count last changed within `GROWTH` after that."""
    changed: int
    """When its count last changed."""
    rows: int
    """Its newest count."""
    slots: int = 1
    """How many older slots this stands for, which had rows at their end and never changed; its `slot` is then 0."""

    @property
    def end(self) -> int:
        """The end of the slot."""
        return self.slot + 1

    @property
    def is_observed(self) -> bool:
        """Whether it was counted at its end, so that `seen` is when it arrived."""
        return self.counted <= self.end

    @property
    def delay(self) -> int:
        """How long after its end it was seen."""
        return self.seen - self.end if self.seen else 0

    def counted_again(self, rows: int, now: int) -> "Arrival":
        """Return what is known after another count."""
        if rows == self.rows:
            return self
        if not self.seen:
            return replace(self, seen=now, grown=now, changed=now, rows=rows)
        return replace(self, grown=now if now - self.seen <= GROWTH else self.grown, changed=now, rows=rows)


def first_counted(slot: int, rows: int, now: int) -> Arrival:
    """Return what is known of a slot after its first count."""
    seen = now if rows else 0
    return Arrival(slot, now, seen, seen, seen, rows)


@dataclass(frozen=True)
class Load:
    """The slots that were first seen with rows together, after the newest one with rows before."""

    seen: int
    slots: tuple[Arrival, ...]

    @property
    def delay(self) -> int:
        """How long after its end the first of its slots was seen."""
        return self.seen - self.slots[0].end


@dataclass(frozen=True)
class Rhythm:
    """When the slots of a source table have their rows.

    Parameters
    ----------
    arrivals : mapping
        By slot what was counted of it; of older slots only what is not usual for a stream.
    plain : int
        The number of the other slots of the last weeks.
    now : int
        The time.
    delay : int or None
        How long after its end a slot is first seen with rows, at most, unless a load is late; 0 for a stream. None
        while nothing is known.
    others : sequence of Rhythm
        Those of tables that are loaded together with this one: what arrives there says that a load has come.
    begun : int
        When a slot was first counted. While no load was seen, the slots since then wait for the first one.
    """

    arrivals: Mapping[int, Arrival]
    plain: int
    now: int
    delay: int | None
    others: Sequence["Rhythm"] = ()
    begun: int = 0

    @property
    def is_loaded(self) -> bool:
        """Whether it is known that slots arrive later than at their end."""
        return bool(self.delay)

    @property
    def lateness(self) -> int:
        """How old a slot without rows may be that receives some; `UNKNOWN` while nothing is known."""
        return UNKNOWN if self.delay is None else self.delay

    @property
    def is_slow(self) -> bool:
        """Whether it is loaded so rarely that days are checked, not slots."""
        return (self.delay or 0) > SLOW

    @property
    def patience(self) -> int:
        """How long after its end a slot without rows is waited for."""
        if not self.delay:
            return self.lateness + self.tail
        return self.delay + self.tail + min(4, 1 + self.delay // 16)  # a load that is a little late is no outage

    @cached_property
    def tail(self) -> int:
        """How long a slot receives more rows, in 99 of 100 slots: after its end, or in a load after it was seen."""
        if not self.is_loaded:
            return self._growth() if self.has_tail else 0
        inner = [arrival.grown - arrival.seen for load in self.loads for arrival in load.slots[:-1]]
        return _in_99_of_100(inner, 0) if inner else 0

    def _growth(self) -> int:
        """How long after its end a slot of a stream receives rows; slots that arrived in loads do not count."""
        if not any(arrival.is_observed and arrival.grown > arrival.end for arrival in self.arrivals.values()):
            return 0
        loaded = {arrival.slot for load in self.loads if len(load.slots) > 2 for arrival in load.slots}
        growth = {
            arrival.slot: max(0, arrival.grown - arrival.end) if arrival.grown - arrival.end <= GROWTH else 0
            for arrival in self.arrivals.values()
            if arrival.is_observed and arrival.slot not in loaded
        }
        newest = [slots for slot, slots in growth.items() if slot >= self.now - RECENT]
        return min(_in_99_of_100(list(growth.values()), self.plain), max(newest, default=0))

    @property
    def has_tail(self) -> bool:
        """Whether enough slots were counted to know the tail."""
        if self.is_loaded:
            return bool(self.loads)
        return self.plain + sum(arrival.is_observed for arrival in self.arrivals.values()) >= LEAST_SLOTS

    @cached_property
    def loads(self) -> list[Load]:
        """The loads that were observed, the oldest first."""
        return list(_loads(self.arrivals))

    @property
    def waits(self) -> bool:
        """Whether slots with rows wait for more of them."""
        return self.tail > 0 or (self.is_loaded and self.ends_within_slots)

    def risen(self, after: int, times: float) -> list[int]:
        """The slots with rows after a slot that have so many times the rows that they had a day before."""
        waiting = [arrival for slot, arrival in self.arrivals.items() if after < slot < self.now and arrival.rows]
        before = {arrival.slot: self.arrivals.get(arrival.slot - DAY) for arrival in waiting}
        return [item.slot for item in waiting if (old := before[item.slot]) and 0 < times * old.rows < item.rows]

    @property
    def interval(self) -> int:
        """The usual time between two loads; 0 if it is not known."""
        times = [load.seen for load in self.loads[-LEAST_LOADS - 1 :]]  # those before may be of another rhythm
        between = sorted(after - before for before, after in pairwise(times))
        return between[len(between) // 2] if between else 0

    @property
    def is_known(self) -> bool:
        """Whether enough loads were seen to tell people of the rhythm."""
        return len(self.loads) >= LEAST_LOADS

    @property
    def is_overdue(self) -> bool:
        """Whether the next load should be there."""
        return bool(self.newest) and self.now > self.newest + 1 + self.patience

    @property
    def newest(self) -> int:
        """The newest slot with rows; 0 if there is none."""
        return max((slot for slot, arrival in self.arrivals.items() if arrival.seen), default=0)

    @cached_property
    def ends_within_slots(self) -> bool:
        """Whether the newest slot of a load is a part of a slot, which the next load completes; or may be one."""
        ends = [load.slots[-1] for load in self.loads[:-1]]
        return len(ends) < LEAST_ENDS or UNUSUAL_LOADS * sum(end.changed > end.seen for end in ends) > len(ends)

    def ready(self, slot: int) -> int:
        """When a slot can be checked, as far as it is known now: it has its rows, or they are overdue."""
        if self.delay is None and slot < self.begun:
            return slot + 1
        latest = slot + 1 + self.patience
        if self.delay == 0:
            return latest
        if self.now >= latest and self._is_usual_pause(slot):
            latest = self.now + 1
        first = slot + 1 if self.is_loaded and self.ends_within_slots else slot
        passed = [rhythm.passed[first] for rhythm in (self, *self.others) if first in rhythm.passed]
        return min([latest, *(at + self.tail for at in passed)])

    def could_be_checked(self, slot: int) -> int:
        """When a slot could be checked for the first time; of a slot that no run observed, when it should have been."""
        arrival = self.arrivals.get(slot)
        if self.is_loaded and not (arrival and arrival.is_observed):
            return slot + 1 + self.patience
        return self.ready(slot)

    @cached_property
    def passed(self) -> dict[int, int]:
        """By slot of the last days, when it, or one after it, was first seen with rows."""
        passed, first = {}, 0
        for slot in range(self.now, self.now - RECENT - DAY, -1):
            arrival = self.arrivals.get(slot)
            if arrival and arrival.seen:
                first = min(first or arrival.seen, arrival.seen)
            if first:
                passed[slot] = first
        return passed

    def is_loaded_with(self, other: "Rhythm") -> bool:
        """Whether the loads of another table came together with those of this one."""
        times = {load.seen for load in other.loads}
        own = self.loads[-LEARNT_LOADS:]
        common = sum(load.seen in times for load in own)
        is_known = self.is_loaded and self.delay == other.delay and len(own) >= LEAST_LOADS
        return is_known and UNUSUAL_LOADS * (len(own) - common) <= len(own)

    def _is_usual_pause(self, slot: int) -> bool:
        """Whether the slot of this time was seen as late on earlier days: no load at night, or at the weekend."""
        age = self.now - slot - 1

        def was_late(days: int) -> bool:
            arrival = self.arrivals.get(slot - days * DAY)
            return arrival is not None and arrival.is_observed and arrival.delay > age

        return sum(map(was_late, (1, 2, 3))) >= 2 or (was_late(7) and was_late(14))


def learn(arrivals: Iterable[Arrival], now: int) -> Rhythm:
    """Learn the rhythm of a table from what was counted of its slots until `now`."""
    known = {arrival.slot: arrival for arrival in arrivals if arrival.slot}
    plain = sum(arrival.slots for arrival in arrivals if not arrival.slot)
    newest = [known[slot] for slot in range(now - LEARNT_LOADS - 1, now) if slot in known]
    if len(newest) >= LEARNT_LOADS and all(arrival.seen == arrival.end for arrival in newest):
        return Rhythm(known, plain, now, 0)  # what the loads would say, at less cost
    delay = _usual_delay(list(_loads(known)), now)
    begun = min((arrival.counted for arrival in known.values()), default=now)
    return Rhythm(known, plain, now, 0 if delay is None and now - begun > UNKNOWN else delay, begun=begun)


def newest_ready(rhythms: Collection[Rhythm], newest: int, now: int) -> int:
    """The newest slot, up to `newest`, that can be checked, as all before it can be.

    A table that is loaded once a day keeps no other waiting.
    """
    rhythms = prompt(rhythms)

    def is_ready(slot: int) -> bool:
        return all(rhythm.ready(slot) <= now for rhythm in rhythms)

    is_stream = all(rhythm.delay == 0 for rhythm in rhythms)
    waited = max((rhythm.tail for rhythm in rhythms), default=0) if is_stream else RECENT
    waiting = (slot for slot in range(newest - waited, newest + 1) if not is_ready(slot))
    return next(waiting, newest + 1) - 1


def prompt(rhythms: Collection[Rhythm]) -> list[Rhythm]:
    """The rhythms that decide when a slot is checked: those that are not slow, or all if all are."""
    return [rhythm for rhythm in rhythms if not rhythm.is_slow] or list(rhythms)


def together(rhythms: Mapping[str, Rhythm]) -> dict[str, Rhythm]:
    """Relate the tables of a source: one without a load so far is thought to be loaded with the slowest other one."""
    known = [rhythm for rhythm in rhythms.values() if rhythm.delay is not None]
    slowest = max(known, key=lambda rhythm: rhythm.lateness, default=None)
    return {
        table: slowest
        if slowest and rhythm.delay is None
        else replace(rhythm, others=[other for other in known if other is not rhythm and rhythm.is_loaded_with(other)])
        for table, rhythm in rhythms.items()
    }


def _loads(arrivals: Mapping[int, Arrival]) -> Iterator[Load]:
    """Yield the loads that were observed from their first slot on, with a run shortly before."""
    by_time: dict[int, list[Arrival]] = {}
    for arrival in sorted(arrivals.values(), key=lambda known: known.slot):
        if arrival.seen:
            by_time.setdefault(arrival.seen, []).append(arrival)
    frontier = 0
    for seen, slots in sorted(by_time.items()):
        new = tuple(arrival for arrival in slots if arrival.slot > frontier)
        if not new:
            continue
        frontier = new[-1].slot
        before = arrivals.get(seen - 2)  # the slot that ended when the run before this one was due
        load = Load(seen, new)
        if all(arrival.is_observed for arrival in new) and (not load.delay or (before and before.is_observed)):
            yield load
        elif new[-1].is_observed and not new[-1].delay:
            yield Load(seen, new[-1:])


def _usual_delay(loads: Sequence[Load], now: int) -> int | None:
    """The delay of all but few of the newest loads; at least that of every load of the last day."""
    if not loads:
        return None
    newest = sorted((load.delay for load in loads[-LEARNT_LOADS:]), reverse=True)
    unusual = max(1, len(newest) // UNUSUAL_LOADS) if len(newest) > 1 else 0
    of_day = [load.delay for load in loads if load.seen > now - DAY]
    return max(newest[unusual], min(of_day, default=0))


def _in_99_of_100(numbers: Sequence[int], zeros: int) -> int:
    at = int(0.99 * (len(numbers) + zeros))
    return 0 if at < zeros else sorted(numbers)[at - zeros]
