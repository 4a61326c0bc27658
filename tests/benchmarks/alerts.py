"""The quality of alerts on labelled weeks of demo noise, which are checked as in production.

``python -m tests.benchmarks.alerts`` prints the table of docs/figures.md: every labelled incident of every seed through
the checks, bands and incidents that `CheckAlerts` runs; between them are outages of five minutes. Beside it stand the
usual bot (a slot against the same slot of the day before, 30 %; and an interquartile range of the last five points) and
an ideal detector, which knows the true rate of every slot and slice and may raise as many false alarms.
"""

import argparse
import math
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.alerts.backtest.playback import Playback
from pipeline.alerts.detection import monitors
from pipeline.alerts.incidents import Incident, current_rules
from pipeline.alerts.root_cause.explanation import Explanation, explain
from pipeline.demo.scenario import LabelledIncident
from pipeline.slots import Part
from tests.benchmarks._playing import play, table
from tests.benchmarks._worlds import CHECKED_DAYS, VALUES, WARM_UP_DAYS, World, make_world
from tests.pipeline.configuration import configured

SLOT = timedelta(minutes=15)
PROMPT_SLOTS = 2
ENOUGH_EVENTS = 400
BRIEF_EVENTS = 150
SEEDS = (1, 2, 3, 4, 5)
REPEATS_WITHIN = timedelta(days=4)
"""A message about a lasting shift's metrics within this time counts as its repetition, a later one as false."""
ECHOES = (timedelta(days=1), timedelta(days=7))
BY_CHANCE = tuple(timedelta(days=days) for days in (2, 3, 4, 5, 6))
"""Lags without echoes: the messages at these lags are those expected by chance."""


@dataclass(frozen=True)
class Alarm:
    """A message that notified people: its slot, and the parts that it was about."""

    slot: datetime
    opened: datetime
    parts: tuple[Part, ...]
    cause: Explanation | None = None


@dataclass
class Case:
    """A labelled incident and the alarms about it."""

    label: LabelledIncident
    world: World
    alarms: list[Alarm] = field(default_factory=list)
    outcome: str = ""
    last_cause: Explanation | None = None
    is_ideal: bool = False

    @property
    def start(self) -> datetime:
        return self.label.start.astimezone(UTC).replace(tzinfo=None)

    @property
    def end(self) -> datetime:
        return self.label.end.astimezone(UTC).replace(tzinfo=None)

    @property
    def expected(self) -> float:
        """Expected events of its first slot, of its kind and in its slice, without the incident."""
        return float(true_rate(self.world, self.label)[self.world.slot_of(self.label.start)])

    @property
    def is_prompt(self) -> bool:
        """Whether people were notified by the end of its second slot."""
        return any(alarm.slot < self.start + PROMPT_SLOTS * SLOT for alarm in self.alarms)

    @property
    def kind(self) -> str:
        """Its row of the table."""
        if self.label in self.world.lasting:
            return "lasting level shift"
        if self.label in self.world.brief:
            amount = f"{BRIEF_EVENTS} or more" if self.expected >= BRIEF_EVENTS else f"fewer than {BRIEF_EVENTS}"
            return f"outage of 5 minutes, {amount} expected a slot"
        where = "" if self.label.dimension == "total" else " of a slice"
        what = "outage" if self.label.size == -1 else "drop or spike"
        amount = f"{ENOUGH_EVENTS} or more" if self.expected >= ENOUGH_EVENTS else f"fewer than {ENOUGH_EVENTS}"
        return f"{what}{where}, {amount} expected a slot"


def true_rate(world: World, label: LabelledIncident) -> NDArray[np.float64]:
    """Expected events of a slice in every slot, without incidents; (T,)."""
    rates, people = world.rates, world.people
    whole = {"views": rates.views, "likes": rates.views * rates.ctr, "messages": rates.messages}[label.events]
    cumulative = people.writing if label.events == "messages" else people.reading
    activity = np.diff(cumulative, prepend=0.0)
    if label.dimension == "total":
        return whole
    if label.dimension == "os":
        other = np.where(people.two_devices, 0.3, 0.0)
        is_ios = np.where(people.os == 1, 1 - other, other)
        share = activity @ (is_ios if label.dimension_value == "iOS" else 1 - is_ios)
    else:
        share = activity[getattr(people, label.dimension).astype(str) == label.dimension_value].sum()
    return whole * float(share)


def ideal(world: World, label: LabelledIncident, series: int, false_a_week: float = 1.0) -> bool:
    """Whether a detector that knows the true rate finds the incident within two slots, at the given false alarm rate.

    It tests the affected slice in each of the two slots and in their sum, and shares its false alarms among `series`.
    """
    events = {"views": "views", "likes": "likes", "messages": "messages_sent"}[label.events]
    row = VALUES[label.dimension].index(label.dimension_value)
    counts = world.counts[events, label.dimension][row]
    rate = true_rate(world, label)
    at = world.slot_of(label.start)
    tail = false_a_week / (7 * 96 * series * 2)
    seen = [
        (counts[at], rate[at]),
        (counts[at + 1], rate[at + 1]),
        (counts[at : at + 2].sum(), rate[at : at + 2].sum()),
    ]
    return any(poisson_tail(int(count), float(expected)) < tail / 2 for count, expected in seen)


def poisson_tail(count: int, expected: float) -> float:
    """The one-sided probability of a count at least this far from its expectation."""
    below = count < expected
    terms = range(count + 1) if below else range(count, count + 60 + int(20 * math.sqrt(expected)))
    logs = np.array([n * math.log(expected) - expected - math.lgamma(n + 1) for n in terms])
    return float(np.exp(logs).sum())


def play_checks(world: World, *, with_slices: bool = True) -> tuple[list[Case], list[Alarm]]:
    """Play a world; return its incidents with their alarms, and the false alarms."""
    cases = [Case(label, world) for label in (*world.scenario.incidents, *world.brief)]
    false_alarms: list[Alarm] = []
    playback = Playback(monitors(), current_rules())
    for played in play(world, with_slices, playback):
        series, results = played.evaluation.series, played.evaluation.results
        for notice in played.notices:
            kind, incident = notice.kind, notice.incident
            owner = _owner(cases, incident, series.slot if kind == "worse" else incident.opened)
            cause = explain(series, incident, results) if kind in ("post", "close") else None
            if kind in ("post", "worse"):
                alarm = Alarm(series.slot, incident.opened, tuple(m.part for m in incident.members), cause)
                (owner.alarms if owner else false_alarms).append(alarm)
            if owner and kind == "close":
                owner.outcome, owner.last_cause = incident.outcome, cause
    parts = len(table(world, with_slices)[0])
    shown = [item for item in cases if with_slices or item.label.dimension == "total"]
    for item in shown:
        item.is_ideal = ideal(world, item.label, parts)
    return shown, false_alarms


def usual_bot(world: World) -> tuple[list[Case], list[Alarm]]:
    """The common bot: alerts at every slot 30 % off the day before, or outside an IQR of the last five points."""
    cases = [Case(label, world) for label in (*world.scenario.incidents, *world.brief)]
    false_alarms: list[Alarm] = []
    with configured():
        parts, numerators, denominators = table(world, with_slices=False)
    # The usual bot takes a ratio without denominator as 0.
    values = np.divide(numerators, denominators, out=np.zeros_like(numerators), where=denominators > 0)
    first = datetime.fromtimestamp(int(world.rates.start[0]), UTC).replace(tzinfo=None)
    for row, part in enumerate(parts):
        series = values[row]
        for t in range(WARM_UP_DAYS * 96, len(series)):
            window = series[t - 5 : t]
            low, high = np.percentile(window, [25, 75])
            spread = 3 * (high - low)
            before = series[t - 96]
            if abs(series[t] - before) > 0.3 * before or not low - spread <= series[t] <= high + spread:
                slot = first + t * SLOT
                alarm = Alarm(slot, slot, (part,))
                owner = next((h for h in cases if h.start <= slot < h.end and part.metric in h.label.metrics), None)
                (owner.alarms if owner else false_alarms).append(alarm)
    return cases, false_alarms


def _owner(cases: Sequence[Case], incident: Incident, called: datetime) -> Case | None:
    """The labelled incident that a message is about: it has its metrics, and lasts or has just ended at `called`."""
    metrics = {member.metric for member in incident.members}
    matches = [
        item
        for item in cases
        if item.start - SLOT <= called < min(item.end, item.start + REPEATS_WITHIN) + 2 * SLOT
        and incident.last_anomaly >= item.start
        and metrics & set(item.label.metrics)
        and (item.label not in item.world.lasting or _has_its_direction(incident, item.label))
    ]
    # A lasting shift can explain much that follows it, so any other match is preferred.
    return min(matches, key=lambda item: (item.label in item.world.lasting, abs(called - item.start)), default=None)


def _has_its_direction(incident: Incident, label: LabelledIncident) -> bool:
    return any(member.metric in label.metrics and member.sign * label.size > 0 for member in incident.totals)


def names_slice(item: Case, cause: Explanation | None) -> bool:
    """Whether an explanation names the labelled slice first."""
    named = cause.cause if cause else None
    return named is not None and (named.dimension, named.values[0]) == (
        item.label.dimension,
        item.label.dimension_value,
    )


def rows(ours: Sequence[Case], theirs: Sequence[Case]) -> Iterator[tuple[str, ...]]:
    """The table's rows by kind of incident."""
    kinds = sorted({item.kind for item in ours})
    for kind in kinds:
        chosen = [item for item in ours if item.kind == kind]
        usual = [item for item in theirs if item.kind == kind]
        counts = [len(item.alarms) for item in chosen]
        yield (
            kind,
            str(len(chosen)),
            percent(sum(item.is_prompt for item in chosen), len(chosen)),
            percent(sum(item.is_ideal for item in chosen), len(chosen)),
            percent(sum(item.is_prompt for item in usual), len(usual)),
            percent(sum(bool(count) for count in counts), len(counts)),
            f"{max(counts)}",
            f"{sum(len(item.alarms) for item in usual) / len(usual):.1f}",
        )


def percent(part: int, whole: int) -> str:
    """Write a share."""
    return f"{100 * part / whole:.0f} %" if whole else "-"


def echoes(cases: Sequence[Case], false_alarms: Sequence[Alarm], lags: Sequence[timedelta] = ECHOES) -> int:
    """Count false alarms on the metrics of an incident and in its slots, a day or a week (or other lags) later."""
    brief = [item for item in cases if item.label not in item.world.lasting]
    return sum(
        any(
            item.start + echo - SLOT <= alarm.opened < item.end + echo
            and {part.metric for part in alarm.parts} & set(item.label.metrics)
            for item in brief
            for echo in lags
        )
        for alarm in false_alarms
    )


def load(seed: int, cache: Path | None) -> World:
    """A world, read from the cache directory if it is there."""
    path = cache / f"{seed}.pkl" if cache else None
    if path and path.exists():
        return World(*pickle.loads(path.read_bytes()))
    world = make_world(seed, has_brief=True)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = world.scenario, world.lasting, world.counts, world.brief, world.inside
        path.write_bytes(pickle.dumps(made))
    return world


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.alerts", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--cache", type=Path, help="a directory that keeps the worlds between runs")
    parser.add_argument("--totals", action="store_true", help="without slices, which takes a tenth of the time")
    parser.add_argument("--slots-only", action="store_true", help="without the sub-slots of slots")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of [alerts]")
    options = parser.parse_args(arguments)
    chosen: Mapping[str, str] = dict(pair.split("=", 1) for pair in options.set)
    ours: list[Case] = []
    theirs: list[Case] = []
    false: list[Alarm] = []
    echoed = usual_echoed = by_chance = 0
    usual_false: list[Alarm] = []
    for seed in options.seeds:
        world = load(seed, options.cache)
        if options.slots_only:
            world = replace(world, inside={})
        with configured(clock={"timezone": "UTC"}, alerts=chosen):
            cases, false_alarms = play_checks(world, with_slices=not options.totals)
        usual_cases, usual_false_alarms = usual_bot(world)
        echoed += echoes(cases, false_alarms)
        by_chance += echoes(cases, false_alarms, BY_CHANCE)
        usual_echoed += echoes(usual_cases, usual_false_alarms)
        ours += cases
        false += false_alarms
        theirs += usual_cases
        usual_false += usual_false_alarms
        print(f"seed {seed}: {len(cases)} incidents, {len(false_alarms)} false messages", file=sys.stderr, flush=True)
        for alarm in false_alarms:
            print("   false:", alarm.slot, [tuple(part) for part in alarm.parts][:4], file=sys.stderr)
        for item in cases:
            if not item.is_prompt or len(item.alarms) > 1:
                print("   late or repeated:", item.kind, item.label.events, item.label.dimension_value, item.label.size,
                      round(item.expected), [str(alarm.slot - item.start) for alarm in item.alarms], item.is_ideal,
                      file=sys.stderr)  # fmt: skip
            if item.label.dimension != "total" and item.alarms and not names_slice(item, item.last_cause):
                print("   cause:", item.label.events, item.label.dimension_value, item.label.size, round(item.expected),
                      item.alarms[0].cause, item.last_cause, file=sys.stderr)  # fmt: skip
    chance = by_chance * len(ECHOES) / len(BY_CHANCE)
    print_tables(ours, theirs, (len(false), len(usual_false)), (echoed, chance, usual_echoed), len(options.seeds))
    return 0


def print_tables(
    ours: Sequence[Case], theirs: Sequence[Case], false: tuple[int, int], echoed: tuple[int, float, int], seeds: int
) -> None:
    """Print what docs/figures.md shows."""
    weeks = seeds * CHECKED_DAYS / 7
    print(f"{len(ours)} labelled incidents in {weeks:.0f} weeks, {seeds} seeds; told within {PROMPT_SLOTS} slots:\n")
    header = ("incident", "number", "feedpulse", "ideal", "usual bot", "told at all", "most messages", "usual bot's")
    print("| " + " | ".join(header) + " |\n|" + " --- |" * len(header))
    for row in rows(ours, theirs):
        print("| " + " | ".join(row) + " |")
    sliced = [item for item in ours if item.label.dimension != "total" and item.alarms]
    at_first = sum(names_slice(item, item.alarms[0].cause) for item in sliced)
    at_last = sum(names_slice(item, item.last_cause) for item in sliced)
    lasting = [item for item in ours if item.label in item.world.lasting]
    print(
        f"\nfalse messages a week: {false[0] / weeks:.2f} (usual bot {false[1] / weeks:.1f})"
        f"\nechoes a day or a week later: {echoed[0]} (by chance {echoed[1]:.1f}, usual bot {echoed[2]})"
        f"\nslice named first: {percent(at_first, len(sliced))} in the first message, "
        f"{percent(at_last, len(sliced))} when it closes (of {len(sliced)} slice incidents told)"
        f"\nlasting level shifts: {len(lasting)}, messages each: {[len(item.alarms) for item in lasting]}, "
        f"closed as {sorted({item.outcome for item in lasting})}"
    )


if __name__ == "__main__":
    sys.exit(main())
