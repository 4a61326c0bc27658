"""Slots of a day checked in one pass have exactly the results that each has with the history up to it."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from pipeline.alerts.detection import DayAhead, evaluate, monitors
from pipeline.core import clock
from pipeline.slots import Adjustment, Part, Series
from pipeline.slots.counted import forget_uncounted, not_counted_yet
from pipeline.slots.series import Array, SubSlots
from tests.pipeline.configuration import configured

DAYS = 16
MIDNIGHT = datetime(2026, 11, 1)
SLOTS = 60
PARTS = (
    Part("views"),
    Part("messages_sent"),
    Part("views", "country", "Malta"),
    Part("views", "country", "Russia"),
    Part("views", "country", "other"),
    Part("views", "os", "iOS"),
)
WIDTH = DAYS * 96 + SLOTS


def counts() -> Array:
    """Events of each part. Today Malta has none until slot 20, and nothing else of its rank is listed."""
    rng = np.random.default_rng(5)
    shape = 200 + 150 * np.sin(np.arange(WIDTH) / 96 * 2 * np.pi)
    malta, russia, other, ios, sent = (rng.poisson(shape * share) for share in (0.03, 0.7, 0.2, 0.4, 0.8))
    today = DAYS * 96
    malta[today - 96 : today + 20] = 0
    other[: 96 * 2] = 0
    ios[today + 40 :] = 0
    for total in (russia, sent):
        total[today + 50] += 40  # a full part speaks only for a slot that is above its expectation
    return np.array([malta + russia + other, sent, malta, russia, other, ios], dtype=float)


def sub_slots(numbers: Array) -> SubSlots:
    """Views in thirds of a slot, and messages in fifths. In slots 30 and 50 a part is empty, or full."""
    rng = np.random.default_rng(6)
    parts, rows = [], []
    for part, whole, (length, count) in zip(PARTS, numbers[:2], (("5 minutes", 3), ("3 minutes", 5)), strict=False):
        events = rng.multinomial(whole.astype(int), [1 / count] * count).T
        events[0, DAYS * 96 + 30] = 0
        events[1, DAYS * 96 + 50] *= 3
        parts += [Part(part.metric, length, side) for side in ("least", "greatest")]
        rows += [events.min(axis=0), events.max(axis=0)]
    numerators = np.array(rows, dtype=float)
    numerators[:, ::50] = np.nan
    return SubSlots(tuple(parts), numerators, np.ones_like(numerators), np.full_like(numerators, 5))


def series(numbers: Array, columns: int) -> Series:
    """The series as it is read for the slot of the last of so many columns."""
    numerators, denominators = numbers[:, :columns].copy(), np.ones((len(numbers), columns))
    forget_uncounted(PARTS, numerators, denominators)
    slot = MIDNIGHT + (columns - 1 - DAYS * 96) * clock.SLOT
    return Series(PARTS, slot, numerators, denominators, np.arange(columns), sub_slots(numbers).between(0, columns))


def at(slot: int) -> datetime:
    return MIDNIGHT + slot * clock.SLOT


@pytest.mark.parametrize("first", [0, 12])
def test_each_slot_is_checked_as_if_it_were_the_last(first: int) -> None:
    planned = [Adjustment("messages_sent", at(25), at(30)), Adjustment(PARTS[0], datetime.min, at(-600), 1.2)]
    whole = series(counts(), WIDTH)
    with configured(clock={"timezone": "UTC"}, alerts={"metrics": "views,messages_sent", "detector": "seasonal"}):
        ahead = DayAhead(whole, monitors(), planned, at(first))
        verdicts, spoke = set(), set()
        for slot in range(first, SLOTS):
            # An incident that begins in slot 40 changes what is known of iOS from then on.
            adjustments = [*planned, *([Adjustment(PARTS[5], at(40), at(slot))] if slot > 40 else [])]
            alone = evaluate(series(counts(), DAYS * 96 + slot + 1), monitors(), adjustments)
            together = ahead.evaluate(at(slot), adjustments)
            assert list(map(repr, together)) == list(map(repr, alone)), slot
            verdicts |= {(result.dimension_value, result.verdict) for result in alone}
            spoke |= {(result.metric, slot, result.sub_slot.side) for result in alone if result.sub_slot}
    assert spoke >= {
        (metric, *what) for metric in ("views", "messages_sent") for what in ((30, "least"), (50, "greatest"))
    }
    assert {("Malta", "no data"), ("Malta", "ok"), ("iOS", "anomaly"), ("all", "ok")} <= verdicts


def test_a_value_is_counted_from_its_first_event_on() -> None:
    whole = series(counts(), WIDTH)
    not_yet = not_counted_yet(PARTS, whole.numerators, whole.denominators)
    for slot in range(SLOTS):
        upto = series(counts(), DAYS * 96 + slot + 1)
        np.testing.assert_array_equal(not_yet[:, slot], np.isnan(upto.numerators[:, -1]), err_msg=str(slot))
    assert not_yet.any()
    assert not not_yet[:, -1].any()


def test_slots_of_a_repeated_hour_are_not_in_order() -> None:
    whole = series(counts(), WIDTH)
    again = Series(PARTS, whole.slot, whole.numerators, whole.denominators, np.r_[whole.columns, whole.columns[-4:]])
    assert whole.is_in_order(8)
    assert not again.is_in_order(8)
    assert whole.upto(whole.slot - timedelta(hours=1)).is_in_order(8)
