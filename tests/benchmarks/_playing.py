"""A benchmark's world as the series that the checks read, and as messages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.alerts.backtest.playback import Playback, Played
from pipeline.alerts.detection import monitors
from pipeline.alerts.detection.inside import SIDES
from pipeline.alerts.incidents import current_rules
from pipeline.core import clock, settings
from pipeline.core.metrics import METRICS
from pipeline.slots import Part, Series
from pipeline.slots.series import SubSlots
from pipeline.slots.sub_slots import ENOUGH_EVENTS, NUMBERS
from tests.benchmarks._worlds import VALUES, WARM_UP_DAYS, World

HISTORY_DAYS = 28


def table(world: World, with_slices: bool = True) -> tuple[tuple[Part, ...], np.ndarray, np.ndarray]:
    """All parts of a world: numerators and denominators (S, T)."""
    least = settings.AlertSettings().slice_volume
    parts, numerators, denominators = [], [], []
    for metric in METRICS:
        kind = metric.kind
        for dimension, values in VALUES.items():
            counts = world.counts["likes" if kind == "ratio" else metric.name, dimension]
            of = world.counts["views", dimension] if kind == "ratio" else np.ones_like(counts)
            for row, value in enumerate(values):
                if dimension == "total" or (with_slices and counts[row].mean() >= least):
                    parts.append(Part(metric.name, dimension, value))
                    numerators.append(counts[row])
                    denominators.append(of[row])
    return tuple(parts), np.array(numerators, dtype=float), np.array(denominators, dtype=float)


def sub_slots(world: World) -> SubSlots:
    """The least and the greatest sub-slots of a world, of the lengths that the events of its first days choose."""
    parts, rows = [], []
    for metric in METRICS:
        events = world.counts["likes" if metric.kind == "ratio" else metric.name, "total"][
            0, : WARM_UP_DAYS * 96
        ].mean()
        length = next((name for name, number in NUMBERS.items() if events >= number * ENOUGH_EVENTS), None)
        if length:
            parts += [Part(metric.name, length, side) for side in SIDES.values()]
            rows += list(world.inside[metric.name, length])
    numerators, denominators = np.array(rows, dtype=float).transpose(1, 0, 2)
    return SubSlots(tuple(parts), numerators, denominators, np.zeros_like(numerators))


def play(world: World, with_slices: bool = True, playback: Playback | None = None) -> Iterator[Played]:
    """The checked days of a world (in a zone without clock changes), slot by slot."""
    inside = sub_slots(world) if world.inside else None
    parts, numerators, denominators = table(world, with_slices)
    playback = playback or Playback(monitors(), current_rules())
    first = datetime.fromtimestamp(int(world.rates.start[0]), UTC).replace(tzinfo=None)
    for day in range(WARM_UP_DAYS, world.scenario.days):
        start, stop = (day - HISTORY_DAYS) * 96, (day + 1) * 96
        slots = [first + timedelta(days=day) + i * clock.SLOT for i in range(96)]
        series = Series(
            parts,
            slots[-1],
            numerators[:, start:stop],
            denominators[:, start:stop],
            np.arange(stop - start),
            inside and inside.between(start, stop),
        )
        yield from playback.play(series, slots)
