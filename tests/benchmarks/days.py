"""What the check of days finds at which noise, and how often it is wrong.

``python -m tests.benchmarks.days`` prints the tables of docs/figures.md.
"""

import argparse
import sys
from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import UTC, date, timedelta
from unittest import mock

import numpy as np
from numpy.typing import NDArray

import detectors
from pipeline.alerts.daily import Steps
from pipeline.alerts.detection import monitors
from pipeline.alerts.detection.days import SLICE_SENSITIVITY, DaySeries
from pipeline.alerts.incidents import Incident, Notice, State, current_rules
from pipeline.alerts.incidents.days import received
from pipeline.alerts.incidents.incident import Member, make_id
from pipeline.core import clock
from pipeline.core.metrics import BY_NAME
from pipeline.demo.scenario import LabelledIncident
from pipeline.slots import Part
from tests.benchmarks._playing import table
from tests.benchmarks._worlds import CHECKED_DAYS, WARM_UP_DAYS, World, make_world
from tests.benchmarks.alerts import true_rate
from tests.pipeline.configuration import configured

WEEK = np.array([1.0, 1.02, 1.03, 1.02, 1.05, 0.86, 0.82])
NOISES = (0.01, 0.02, 0.03, 0.05)
WEEKS = (4, 6, 8, 16)
DRIFT, DRIFT_DAYS, LOW = -0.03, 4, -0.12
MOVED = (("views", "likes"), ("messages_sent",))
DRIFT_STARTS = range(WARM_UP_DAYS + 7, WARM_UP_DAYS + 26, 3)
"""Days of a world on which a drift begins: before the lasting shifts, with five to seven weeks of history."""
TOTALS, SLICES = 6, 45
"""As many as the demo has."""
KINDS = {"normal": 0.0, "heavy tails (t of 5 degrees of freedom)": 5.0, "each day like the one before (AR 0.6)": -0.6}


def days(rng: np.random.Generator, series: int, count: int, noise: float, kind: float = 0.0) -> NDArray[np.float64]:
    """Counts of days whose noise after the weekday is known; `kind` is a value of `KINDS`."""
    errors = rng.standard_normal((series, count))
    if kind > 0:
        errors = rng.standard_t(kind, (series, count)) / np.sqrt(kind / (kind - 2))
    for day in range(1, count if kind < 0 else 0):
        errors[:, day] = -kind * errors[:, day - 1] + np.sqrt(1 - kind**2) * errors[:, day]
    values: NDArray[np.float64] = np.round(200_000 * WEEK[np.arange(count) % 7] * np.exp(noise * errors))
    return values


def found(rng: np.random.Generator, series: int, weeks: int, noise: float, factors: NDArray[np.float64]) -> float:
    """The share of series that are flagged on one of the days after `weeks`, which `factors` multiply."""
    values = days(rng, series, 7 * weeks + len(factors), noise)
    values[:, 7 * weeks :] = np.round(values[:, 7 * weeks :] * factors)
    scores = detectors.create("weekday", period=1, kind="count").detect(values).score[:, 7 * weeks :]
    return float((scores < -1).any(axis=1).mean())


def false_flags(rng: np.random.Generator, series: int, kind: float, sensitivity: float) -> float:
    """Flags a week and series on healthy days, of series of 4 to 16 weeks."""
    detector = detectors.create("weekday", period=1, kind="count", sensitivity=sensitivity)
    scores = detector.detect(days(rng, series, 16 * 7, 0.02, kind)).score[:, 28:]
    return float((np.abs(scores) > 1).mean() * 7)


def series_of(world: World) -> DaySeries:
    """The days of a world. Numbers of users are sums over slots here, which have the noise of a day, too."""
    parts, numerators, denominators = table(world)
    chosen = [row for row, part in enumerate(parts) if _is_checked(part)]
    by_day = [array[chosen].reshape(len(chosen), -1, 96).sum(axis=2) for array in (numerators, denominators)]
    is_count = np.array([BY_NAME[parts[row].metric].kind == "count" for row in chosen])
    by_day[1][is_count] = 1.0
    first = world.scenario.first_day
    span = tuple(clock.days(first, first + timedelta(days=world.scenario.days - 1)))
    return DaySeries(tuple(parts[row] for row in chosen), span, by_day[0], by_day[1])


def drifting(series: DaySeries, moved: Container[str], start: int) -> DaySeries:
    """Let some counts drift for some days."""
    days, factors = slice(start, start + DRIFT_DAYS), np.power(1 + DRIFT, np.arange(1.0, DRIFT_DAYS + 1))
    numerators, denominators = series.numerators.copy(), series.denominators.copy()
    for row, part in enumerate(series.parts):
        for array, counted in zip((numerators, denominators), _counted(part), strict=True):
            array[row, days] *= factors if counted in moved else 1.0
    return replace(series, numerators=numerators, denominators=denominators)


def _counted(part: Part) -> tuple[str, str]:
    metric = BY_NAME[part.metric]
    return (metric.name, "") if metric.kind == "count" else (metric.numerator, metric.denominator)


def play(world: World, series: DaySeries, checked: Sequence[date]) -> list[Notice]:
    """Check some days of a world whose labelled incidents slots have told; return the messages."""
    steps = Steps([_told(world, label) for label in world.scenario.incidents], State(), (), current_rules())
    messages: list[Notice] = []
    with mock.patch("pipeline.alerts.daily._lacking", return_value=[]):
        for day in checked:
            steps.step(series.upto(day), monitors(), is_fresh=True)
            due = [notice for notice in steps.notices.values() if notice.kind in ("post", "worse")]
            told = {notice.incident.incident_id: received(notice) for notice in due}
            current = tuple(told.get(incident.incident_id, incident) for incident in steps.state.current)
            steps.state, messages = replace(steps.state, current=current), [*messages, *due]
            steps.notices.clear()
    return messages


def _is_checked(part: Part) -> bool:
    """Whether a day of a part is checked: the slices of a day do not hold numbers of users."""
    return part.is_total or (part.dimension in ("os", "gender", "age") and bool(BY_NAME[part.metric].day_slice))


def _told(world: World, label: LabelledIncident) -> Incident:
    """A labelled incident as slots tell it, with what it really lost."""
    start, end = (moment.astimezone(UTC).replace(tzinfo=None) for moment in (label.start, label.end))
    span = slice(world.slot_of(label.start), world.slot_of(label.end))
    expected = float(true_rate(world, label)[span].sum())
    place = (label.dimension, label.dimension_value)
    sign = 1 if label.size > 0 else -1
    members = tuple(
        Member(metric, *place, start, end - clock.SLOT, sign, worst=label.size, observed=expected * (1 + label.size),
               expected=expected)
        for metric in label.metrics
    )  # fmt: skip
    is_lasting = label in world.lasting
    name = make_id(members[0].metric, start)
    return Incident(name, start, end - clock.SLOT, members, notified=True, ended=True,
                    outcome="new normal" if is_lasting else "recovered")  # fmt: skip


def drifts_told(world: World, series: DaySeries) -> list[bool]:
    """Put drifts into a world, one at a time; return which are told by the morning after their last day."""
    told = []
    for moved in MOVED:
        for start in DRIFT_STARTS:
            checked = series.days[start : start + DRIFT_DAYS]
            messages = play(world, drifting(series, moved, start), checked)
            members = [member for notice in messages for member in notice.incident.members]
            told.append(any(member.metric in moved and member.sign < 0 for member in members))
    return told


def play_worlds(seeds: Sequence[int]) -> int:
    """Print the false messages about days of some worlds, and how many drifts that are put into them are told."""
    false, told = 0, list[bool]()
    for seed in seeds:
        world = make_world(seed)
        with configured(clock={"timezone": "Europe/Moscow"}):  # as the worlds are made
            series = series_of(world)
            messages = play(world, series, series.days[WARM_UP_DAYS:])
            found = drifts_told(world, series)
        false, told = false + len(messages), told + found
        for notice in messages:
            incident = notice.incident
            print("   false:", incident.incident_id, [(*m.part, round(m.worst, 3)) for m in incident.members][:4])
        print(f"seed {seed}: {len(messages)} false messages, {sum(found)} of {len(found)} drifts told", flush=True)
    print(f"{false / (len(seeds) * CHECKED_DAYS / 7):.2f} false messages a week, {np.mean(told):.2f} of drifts told")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.days", description=__doc__)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--worlds", type=int, nargs="*", help="only play the worlds of tests.benchmarks.alerts")
    options = parser.parse_args(arguments)
    if options.worlds:
        return play_worlds(options.worlds)
    series = options.series
    rng = np.random.default_rng(16)
    drift = np.power(1 + DRIFT, np.arange(1.0, DRIFT_DAYS + 1))
    low = np.array([1 + LOW])
    for weeks in WEEKS:
        cells = [f"{found(rng, series, weeks, noise, factors):.2f}" for factors in (drift, low) for noise in NOISES]
        print(f"| {weeks} | {' | '.join(cells)} |", flush=True)
    for name, kind in KINDS.items():
        totals, slices = (false_flags(rng, 2 * series, kind, s) for s in (1.0, SLICE_SENSITIVITY))
        together = TOTALS * totals + SLICES * slices
        print(f"{name}: {totals:.5f} a week and total, {slices:.5f} a slice; {together:.3f} a week in all", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
