"""Sub-slots: the parts of a slot of which the least and the greatest are measured.

An incident of a few minutes hardly moves a slot, but it empties or fills a sub-slot. Sub-slots of every length are
measured. How many events a metric has tells which length its checks use, so that a metric that grows has a history.
"""

from pipeline.core import clock
from pipeline.warehouse.statements import Fragment

LENGTHS = {"1 minute": 1, "3 minutes": 3, "5 minutes": 5}
"""Minutes of a sub-slot, by the dimension of its rows in ``slot_metrics``; the shortest first."""
ENOUGH_EVENTS = 50
"""A sub-slot is long enough if it has so many events on average; with fewer, chance alone empties it."""
SLOT_MINUTES = clock.SLOT.seconds // 60

SHORTEST = next(iter(LENGTHS))
NUMBERS = {name: SLOT_MINUTES // minutes for name, minutes in LENGTHS.items()}
"""Number of sub-slots of a slot, by dimension."""


def slices(time: str) -> list[str]:
    """SQL tuples (dimension, minute of the slot at which it begins) of the sub-slots that an event belongs to."""
    second = f"modulo(toUInt32(toUnixTimestamp(assumeNotNull({time}))), 900)"
    return [f"('{name}', toString(intDiv({second}, {60 * minutes}) * {minutes}))" for name, minutes in LENGTHS.items()]


def every() -> list[str]:
    """The same tuples of all sub-slots of a slot."""
    return [f"('{name}', '{i * minutes}')" for name, minutes in LENGTHS.items() for i in range(NUMBERS[name])]


def chosen(events: str) -> Fragment:
    """SQL that chooses the shortest length that has enough events, from an average number of events of a slot."""
    cases = (f"{events} >= {number} * %(enough)s, '{name}'" for name, number in NUMBERS.items())
    return Fragment(f"multiIf({', '.join(cases)}, '')")
