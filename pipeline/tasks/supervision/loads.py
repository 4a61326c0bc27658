"""Says once what the rhythm of loads makes impossible, that a load is missing, and from when on there are alerts."""

from collections.abc import Mapping, Sequence

from pipeline.alerts import detection, learning
from pipeline.core import clock
from pipeline.slots import completeness
from pipeline.slots.rhythm import Rhythm
from pipeline.tasks.supervision.notes import Notes
from pipeline.tasks.supervision.scheduling import Done
from pipeline.tasks.supervision.watch import newest_check
from pipeline.warehouse.source import table_name

TOLD_SLOTS = 2
"""People are told of slots that arrive at least so many slots late."""


def watch_rhythm(notes: Notes) -> None:
    """Say that alerts come late, or not at all, because of how rarely the source is loaded; once for each rhythm."""
    rhythms = completeness.recount(clock.last_closed_slot()).rhythms
    late = {table: rhythm for table, rhythm in rhythms.items() if (rhythm.delay or 0) >= TOLD_SLOTS}
    if not (late or notes.stands("rhythm")) or not all(rhythm.is_known for rhythm in rhythms.values()):
        return
    if not late:
        notes.lift("rhythm", lambda words: words.loaded_at_once(_names(rhythms)))
        return
    worst = max(late.values(), key=lambda rhythm: rhythm.delay or 0)
    interval, delay = worst.interval * clock.SLOT, ((worst.delay or 0) + worst.tail) * clock.SLOT
    notes.put(
        "rhythm",
        # Doublings: a rhythm that varies a little is the same.
        "rare" if worst.is_slow else f"about {2 ** (worst.delay or 0).bit_length()} slots",
        lambda words: (
            words.loaded_rarely(_names(late), words.duration(interval))
            if worst.is_slow
            else words.loaded_late(_names(late), words.duration(interval), words.duration(delay))
        ),
    )
    _watch_load(notes, {table: rhythm for table, rhythm in late.items() if rhythm.is_slow})


def watch_learning(notes: Notes, done: Sequence[Done]) -> None:
    """Say from when on there are alerts, if the history of metrics is still too short; and when it no longer is."""
    newest = newest_check(done)
    if newest is None:
        return
    slot, without = newest
    if not without:
        notes.lift("learning", lambda words: words.learnt())
    elif not notes.stands("learning") and not notes.stands("history"):
        lacks = learning.lacking(slot, [item for item in detection.monitors() if item.metric.name in without])
        if lacks:
            last = max(lack.checked_from for lack in lacks)
            notes.put("learning", "learning", lambda words: words.learning(last))


def _watch_load(notes: Notes, slow: Mapping[str, Rhythm]) -> None:
    """Say that a load of a source is missing whose slots are not checked: no incident tells it."""
    overdue = {table: rhythm for table, rhythm in slow.items() if rhythm.is_overdue}
    if not overdue:
        notes.lift("load", lambda words: words.load_came(_names(slow)))
        return
    last = max(rhythm.newest for rhythm in overdue.values())
    since = clock.to_local(completeness.slot_at(last + 1))
    moment, interval = f"{since:%H:%M}", max(rhythm.interval for rhythm in overdue.values()) * clock.SLOT
    notes.put(
        "load",
        "load",
        lambda words: words.load_is_missing(
            _names(overdue), f"{words.short_date(since.date())} {moment}", words.duration(interval)
        ),
    )


def _names(rhythms: Mapping[str, Rhythm]) -> str:
    return ", ".join(sorted(map(table_name, rhythms)))
