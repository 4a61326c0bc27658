"""Slot metrics read from the warehouse as series on the local wall clock."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from pipeline.core import clock
from pipeline.core.dimensions import DIMENSIONS
from pipeline.core.metrics import BY_NAME, Metric
from pipeline.core.process import once
from pipeline.slots import sub_slots
from pipeline.slots.counted import forget_uncounted
from pipeline.slots.series import SLICE_DAYS, SLOT_SECONDS, Array, Part, Series, SubSlots, lay_out, wall_columns
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import SLOT_METRICS, full_name, is_missing, open_warehouse

REREAD_SLOTS = 12
"""How many of the newest slots are read again, because late rows may change them; more than a run recounts."""


def measured(metrics: Sequence[Metric], dimension: str, start: datetime, end: datetime) -> dict[str, set[datetime]]:
    """Read which slots from `start` to `end` (naive UTC) have rows of a dimension, by metric."""
    slots: dict[str, set[datetime]] = {metric.name: set() for metric in metrics}
    sql = statement("measured_slots", slot_metrics=full_name(SLOT_METRICS))
    bound = {"metrics": tuple(slots), "dimension": dimension, "start": str(start), "end": str(end)}
    for name, epochs in open_warehouse().query(sql, bound):
        slots[name] = {clock.from_epoch(seconds) for seconds in epochs}
    return slots


def read(metrics: Sequence[Metric], slot: datetime, days: int, slice_volume: float | None = None) -> Series:
    """Read metrics for a slot's day, up to the slot, and for the days before it.

    Parameters
    ----------
    metrics : sequence of Metric
        Each has a row for its total, even if nothing was measured.
    slot : datetime
        The last column.
    days : int
        Whole days of the wall clock before the slot's day.
    slice_volume : float, optional
        Also read the slices with at least this many events per slot on average.
    """
    local = clock.to_local(slot)
    width = days * clock.SLOTS_A_DAY + (local.hour * 60 + local.minute) // 15 + 1
    # With a clock change these days may last an hour longer.
    start = slot - (width - 1) * clock.SLOT - timedelta(hours=1)
    epochs = np.arange(clock.epoch(start), clock.epoch(slot) + 1, SLOT_SECONDS)
    counted = _reader().read(tuple(metric.name for metric in metrics), start, slot, slice_volume)
    columns = wall_columns(epochs, width)
    numerators, denominators = (lay_out(array, columns, width) for array in counted.counts)
    forget_uncounted(counted.parts, numerators, denominators)
    inside = SubSlots(counted.sub_slots, *(lay_out(array, columns, width) for array in counted.inside))
    return Series(counted.parts, slot, numerators, denominators, columns, inside)


class Counted(NamedTuple):
    """Numbers of slots in real time."""

    parts: tuple[Part, ...]
    counts: Array
    """(2, S, G): numerators and denominators of the parts."""
    sub_slots: tuple[Part, ...]
    inside: Array
    """(3, R, G): numerators, denominators and minutes of the sub-slots."""

    def upto(self, column: int) -> "Counted":
        """Keep the first columns."""
        return self._replace(counts=self.counts[:, :, :column], inside=self.inside[:, :, :column])

    def before(self, other: "Counted") -> "Counted":
        """Append the columns of the same parts."""
        counts, inside = (
            np.concatenate(arrays, axis=2) for arrays in ((self.counts, other.counts), (self.inside, other.inside))
        )
        return self._replace(counts=counts, inside=inside)


class Reader:
    """Reads series for consecutive slots; keeps the numbers of the previous read except those of the newest slots.

    Without it a process that catches up a day would read the same history 96 times. The newest slots are read again
    because late rows may have changed them.
    """

    def __init__(self) -> None:
        self._key: object = None
        self._newest = datetime.min
        self._counted = Counted((), np.empty((2, 0, 0)), (), np.empty((3, 0, 0)))

    def read(self, metrics: tuple[str, ...], start: datetime, slot: datetime, slice_volume: float | None) -> Counted:
        """Read the slots from `start` to `slot`."""
        key = (open_warehouse(), full_name(SLOT_METRICS), metrics, slice_volume, clock.zone().key, start)
        if key == self._key:
            fresh = max(start, min(self._newest, slot - clock.SLOT) - REREAD_SLOTS * clock.SLOT)
            rows = _query(metrics, fresh, slot + clock.SLOT, None if slice_volume is None else 0, start)
            kept = self._counted.upto((fresh - start) // clock.SLOT)
            self._counted = kept.before(_counted(kept.parts, kept.sub_slots, rows, fresh, slot))
        else:
            least = None
            if slice_volume is not None:
                least = round(slice_volume * (slot + clock.SLOT - _slices_from(start, slot)) / clock.SLOT)
            rows = _query(metrics, start, slot + clock.SLOT, least, start)
            found = sorted(Part(*names) for *names, _, _, _ in rows if names[1] != "total")
            slices = [part for part in found if part.dimension not in sub_slots.LENGTHS]
            inside = tuple(part for part in found if part.dimension in sub_slots.LENGTHS)
            self._counted = _counted((*(Part(metric) for metric in metrics), *slices), inside, rows, start, slot)
        self._key, self._newest = key, slot
        return self._counted


@once
def _reader() -> Reader:
    return Reader()


def _counted(
    parts: tuple[Part, ...],
    inside: tuple[Part, ...],
    rows: Sequence[tuple[Any, ...]],
    start: datetime,
    slot: datetime,
) -> Counted:
    return Counted(parts, _filled(parts, rows, start, slot), inside, _inside(inside, rows, start, slot))


def _inside(parts: Sequence[Part], rows: Iterable[tuple[Any, ...]], start: datetime, slot: datetime) -> Array:
    position = {part: row for row, part in enumerate(parts)}
    counts = np.full((3, len(parts), (slot - start) // clock.SLOT + 1), np.nan)
    for *names, numerators, denominators, minutes in rows:
        row = position.get(Part(*names))
        if row is not None:
            for array, numbers in zip(counts, (numerators, denominators, minutes), strict=True):
                array[row, : len(numbers)] = numbers
    counts[counts < 0] = np.nan
    is_count = [BY_NAME[part.metric].kind == "count" for part in parts]
    counts[1, is_count] = np.where(np.isnan(counts[0, is_count]), np.nan, 1)
    return counts


def _filled(parts: Sequence[Part], rows: Iterable[tuple[Any, ...]], start: datetime, slot: datetime) -> Array:
    position = {part: row for row, part in enumerate(parts)}
    counts = np.full((2, len(parts), (slot - start) // clock.SLOT + 1), np.nan)
    slices_at = (_slices_from(start, slot) - start) // clock.SLOT
    for *names, numerators, denominators, _ in rows:
        part = Part(*names)
        row, first = position.get(part), 0 if part.is_total else slices_at
        if row is not None:
            counts[0, row, first : first + len(numerators)] = numerators
            counts[1, row, first : first + len(denominators)] = denominators
    counts[counts < 0] = np.nan
    # A slice without events in a measured slot is zero there.
    silent = np.isnan(counts[0]) & ~np.isnan(counts[0, [position[Part(part.metric)] for part in parts]])
    silent[:, :slices_at] = False
    counts[:, silent] = 0
    is_count = [BY_NAME[part.metric].kind == "count" for part in parts]
    counts[1, is_count] = np.where(np.isnan(counts[0, is_count]), np.nan, 1)
    return counts


def _slices_from(start: datetime, slot: datetime) -> datetime:
    """Return the first slot to read for slices: there are many, and their detector needs fewer days than totals do."""
    return max(start, slot - timedelta(days=SLICE_DAYS + 1, hours=1))


def _query(
    names: Sequence[str], start: datetime, end: datetime, least: int | None, since: datetime
) -> list[tuple[Any, ...]]:
    """Read rows of metric, dimension, value, numerators, denominators and minutes.

    The arrays have a number per slot, from `start` on (slices: from `_slices_from` on); -1 marks a missing slot. Only
    ratios have denominators, only sub-slots minutes. The whole days since `since` choose the length of sub-slots, which
    is therefore the same in all slots of a day.
    """
    dimensions = ["total", *sub_slots.LENGTHS]
    if least is not None:
        dimensions += [dimension.name for dimension in DIMENSIONS]
    is_early = is_missing(f"{SLOT_METRICS}.minute")
    return open_warehouse().query(
        statement(
            "slot_series",
            slot_metrics=full_name(SLOT_METRICS),
            minute=Fragment("toUInt8(0) AS minute" if is_early else "minute"),
            chosen=sub_slots.chosen("avg(numerator)"),
        ),
        {
            "metrics": tuple(names),
            "dimensions": tuple(dimensions),
            "lengths": tuple(sub_slots.LENGTHS),
            "enough": sub_slots.ENOUGH_EVENTS,
            "known_from": str(since),
            "known_to": str(clock.day_bounds(clock.to_local(end - clock.SLOT).date())[0]),
            "ratios": tuple(name for name, metric in BY_NAME.items() if metric.kind == "ratio"),
            "start": str(start),
            "slices_from": str(_slices_from(start, end - clock.SLOT)),
            "end": str(end),
            "least": least or 0,
        },
    )
