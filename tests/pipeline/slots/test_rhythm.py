"""When slots are checked and found silent, for sources that are loaded in any rhythm; runs every 15 minutes, played."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from pipeline.slots.rhythm import DAY, RECENT, Arrival, Rhythm, first_counted, learn, newest_ready, together

HOUR = 4
START = 20_000 * DAY
"""The first run, at a midnight."""

Visible = Callable[[int], int]
"""By the time of a run, in slots, the end of the events that can be seen."""


@dataclass
class Played:
    """What runs from `START` on did."""

    checked: dict[int, int] = field(default_factory=dict)
    """By slot, the time of the run that checked it."""
    could: dict[int, int] = field(default_factory=dict)
    """By slot, since when it could have been checked."""
    empty: list[int] = field(default_factory=list)
    """The slots that had no rows when they were checked."""
    rhythm: Rhythm | None = None


def play(visible: Visible, days: float = 3, first: int = 0, rows: Callable[[int], int] = lambda _: 9) -> Played:
    """Run every 15 minutes from the slot `first` of the first day on."""
    arrivals: dict[int, Arrival] = {}
    played = Played()
    done = START + first - 1
    for now in range(START + first, START + first + round(days * DAY)):
        newest = now - 1
        late = played.rhythm.lateness if played.rhythm else RECENT
        empty = {slot for slot, known in arrivals.items() if not known.rows and slot > newest - DAY - late}
        for slot in {*range(newest - 7 - min(late, DAY), newest + 1), *empty}:
            count = rows(slot) if slot < visible(now) else 0
            known = arrivals.get(slot)
            arrivals[slot] = known.counted_again(count, now) if known else first_counted(slot, count, now)
        played.rhythm = learn(arrivals.values(), now)
        ready = newest_ready([played.rhythm], newest, now)
        for slot in range(done + 1, ready + 1):
            played.checked[slot] = now
            played.could[slot] = played.rhythm.could_be_checked(slot)
            # While no load was seen nobody is alarmed.
            is_empty = not arrivals[slot].rows and played.rhythm.delay is not None
            played.empty += [slot] if is_empty else []
        done = max(done, ready)
    return played


def every(slots: int, after: int = 1) -> Visible:
    """Loads at every so many slots; the run `after` slots later is the first to see one."""
    return lambda now: (now - after) // slots * slots


def stream(now: int) -> int:
    return now


def nightly(now: int) -> int:
    """The day before, from 03:15 on."""
    return every(DAY, 13)(now)


@pytest.mark.parametrize(
    ("visible", "delay", "first", "days"),
    [
        pytest.param(every(2), 2, 0, 3, id="half an hour"),
        pytest.param(every(HOUR), 4, 0, 3, id="an hour"),
        pytest.param(every(HOUR), 4, 2, 3, id="an hour, begun between two loads"),
        pytest.param(every(HOUR, 3), 6, 41, 3, id="an hour, half an hour later"),
        pytest.param(every(4 * HOUR), 16, 41, 3, id="four hours"),
        pytest.param(nightly, 108, 0, 5, id="a night"),
        pytest.param(nightly, 108, 41, 5, id="a night, begun in the morning"),
    ],
)
def test_slots_are_checked_in_the_first_run_after_their_load(
    visible: Visible, delay: int, first: int, days: float
) -> None:
    played = play(visible, days, first)
    assert played.rhythm
    assert played.rhythm.delay == delay
    assert played.rhythm.tail == 0
    assert played.empty == []
    arrived = {slot: next(now for now in range(slot + 1, slot + 200) if visible(now) > slot) for slot in played.checked}
    # While it is not known whether a load ends within a slot, its last slot waits for the next load.
    ends = {visible(now) - 1 for now in played.checked.values()} if delay > DAY else set()
    learnt = START + first + (3 if delay > DAY else 1) * DAY
    assert [slot for slot, now in played.checked.items() if now > max(learnt, arrived[slot]) and slot not in ends] == []
    assert all(played.could[slot] == now for slot, now in played.checked.items() if now > learnt)


def test_a_stream_is_checked_as_slots_end() -> None:
    played = play(stream)
    assert played.checked == {slot: slot + 1 for slot in played.checked}
    assert played.could == played.checked


def test_an_outage_of_a_stream_is_seen_at_once() -> None:
    outage = range(START + 40, START + 48)
    played = play(stream, rows=lambda slot: 0 if slot in outage else 9)
    assert played.empty == list(outage)
    assert played.checked == {slot: slot + 1 for slot in played.checked}


@pytest.mark.parametrize(("slots", "waited"), [(2, 3), (HOUR, 5), (4 * HOUR, 18)])
def test_a_missing_load_is_seen_when_it_is_overdue(slots: int, waited: int) -> None:
    """The load is lost, and what it should have brought comes with the next one."""
    lost = START + 2 * DAY
    usual = every(slots)
    played = play(lambda now: usual(lost if lost < now <= lost + slots else now))
    first, *_ = played.empty
    assert first == lost - slots
    assert played.checked[first] == first + 1 + waited
    assert len(played.empty) < slots
    assert all(slot < lost for slot in played.empty)
    assert played.rhythm
    assert played.rhythm.delay == slots


def test_one_load_that_is_late_changes_nothing_and_three_do() -> None:
    changed = START + DAY

    def visible(now: int) -> int:
        return max(changed, every(HOUR)(now)) if now >= changed else now

    played = play(visible, 2.5)
    assert played.rhythm
    assert played.rhythm.delay == HOUR
    hours = {(slot - changed) // HOUR for slot in played.empty}
    assert hours == {0, 1, 2}
    first = play(visible, 1 + 14 / DAY).rhythm  # the third load was seen
    assert first
    assert (first.delay, first.interval) == (HOUR, HOUR)


def test_a_source_that_becomes_a_stream_is_one_after_a_day() -> None:
    changed = START + 2 * DAY
    played = play(lambda now: now if now >= changed else every(HOUR)(now), 3)
    assert played.rhythm
    assert played.rhythm.delay == 0
    assert played.empty == []
    late = {slot for slot, now in played.checked.items() if now > slot + 1 and slot >= changed}
    assert late == set()


def test_a_pause_that_is_usual_at_its_time_of_day_is_no_outage() -> None:
    """Hourly loads from 06:05 to 22:05."""

    def visible(now: int) -> int:
        day, at = divmod(now - 1, DAY)
        loads = min(at // HOUR * HOUR, 88)
        return day * DAY + (loads if loads >= 24 else -8)

    played = play(visible, 6)
    nights = {(slot - START) // DAY for slot in played.empty}
    assert nights == {0, 1}


@pytest.mark.parametrize("part", [3, 9])
def test_the_last_slot_of_a_load_that_ends_within_it_waits_for_the_next_load(part: int) -> None:
    """Events are visible up to the middle of the last slot of each hour; then it has a part of its rows."""
    arrivals: dict[int, Arrival] = {}
    checked: dict[int, tuple[int, int]] = {}
    done = START - 1
    for now in range(START, START + 2 * DAY):
        end = every(HOUR)(now)
        for slot in range(now - 20, now):
            count = 9 if slot < end - 1 else part if slot == end - 1 else 0
            known = arrivals.get(slot)
            arrivals[slot] = known.counted_again(count, now) if known else first_counted(slot, count, now)
        rhythm = learn(arrivals.values(), now)
        ready = newest_ready([rhythm], now - 1, now)
        checked |= {slot: (now, arrivals[slot].rows) for slot in range(done + 1, ready + 1)}
        done = max(done, ready)
    after = {slot: found for slot, found in checked.items() if slot > START + DAY}
    assert {rows for _, rows in after.values()} == {9}
    waits = {slot % HOUR: now - slot - 1 for slot, (now, _) in after.items()}
    assert waits == ({0: 4, 1: 3, 2: 2, 3: 5} if part == 3 else {0: 4, 1: 3, 2: 2, 3: 1})


def test_the_lag_does_not_run_away() -> None:
    """Of a source that is loaded at five past the hour, the lag is the wait for the load, not for the checks."""
    played = play(every(HOUR), 4)
    assert played.rhythm
    assert (played.rhythm.delay, played.rhythm.tail, played.rhythm.patience) == (4, 0, 6 - 1)


def test_a_table_that_was_never_loaded_is_thought_to_be_as_the_other() -> None:
    known = learn([first_counted(START, 5, START + 1)], START + 1)
    new = learn([first_counted(START, 0, START + 1)], START + 1)
    assert new.delay is None
    assert newest_ready(together({"feed": known, "messages": new}).values(), START, START + 1) == START
    # Alone its newest slot is checked in the first run, without an alarm; the later ones wait for the first load.
    assert newest_ready([new], START, START + 1) == START
    later = learn([first_counted(START, 0, START + 1), first_counted(START + 1, 0, START + 2)], START + 2)
    assert newest_ready([later], START + 1, START + 2) == START
    assert play(lambda _: START - 8, 1.9).empty == []
    assert play(lambda _: START - 8, 2.2).empty != []
    hourly = play(every(HOUR)).rhythm
    assert hourly
    at = hourly.now
    both = together({"feed": hourly, "messages": learn([first_counted(START, 0, START + 1)], at)})
    assert newest_ready(both.values(), at - 1, at) == newest_ready([hourly], at - 1, at)


def test_a_table_without_rows_in_a_load_of_both_is_silent_at_once() -> None:
    """Both tables are loaded each hour; from an hour on the load brings nothing of one."""
    outage = START + 40
    known: list[dict[int, Arrival]] = [{}, {}]
    checked: dict[int, int] = {}
    done = START - 1
    for now in range(START, START + 60):
        for slot in range(now - 20, now):
            for arrivals, end in zip(known, (every(HOUR)(now), min(outage, every(HOUR)(now))), strict=True):
                rows = 9 if slot < end else 0
                before = arrivals.get(slot)
                arrivals[slot] = before.counted_again(rows, now) if before else first_counted(slot, rows, now)
        rhythms = together({str(i): learn(arrivals.values(), now) for i, arrivals in enumerate(known)})
        ready = newest_ready(rhythms.values(), now - 1, now)
        checked |= dict.fromkeys(range(done + 1, ready + 1), now)
        done = max(done, ready)
    assert {slot: checked[slot] for slot in range(outage - 4, outage + 8)} == {
        **dict.fromkeys(range(outage - 4, outage), outage + 1),
        **dict.fromkeys(range(outage, outage + 4), outage + 5),
        **dict.fromkeys(range(outage + 4, outage + 8), outage + 9),
    }
