"""How sensitive, for so many messages a week: the history replayed through detectors and the rules of episodes.

A message is what opens an incident, as `detectors.episodes` has it; series whose incidents open at the same moment
share one. That an incident goes on or has ended is told below its message and is not counted. The sensitivity and the
detector are chosen on the earlier part of the history and validated on the later one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array
from detectors.base import Detector
from detectors.episodes import episodes
from detectors.errors import DetectorError
from detectors.lab.candidates import Candidate, candidates, code_digest, config, versions
from detectors.lab.compare import Case, digest, first_scored, prepare
from detectors.lab.inject import Incident
from detectors.lab.outcomes import messages, rules, sided
from detectors.lab.parallel import Store, run_all
from detectors.lab.ranking import FEWEST_SERIES
from detectors.lab.readers import collect
from detectors.lab.scoring import Points, Rules, bootstrap
from detectors.lab.series import Series

LEAST_DAYS = 10
"""Of history after the warm-up: what is chosen on less is chance."""
EARLIER = 0.6
"""Share of the scored history that the choice is made on."""
LIMITS: Array = 2.0 ** (np.arange(-16, 49) / 8)
"""Widths of the band that are tried, in those of the detector as it is: a quarter to 64."""
RESULTS = "tune.jsonl"
_WIDER, _ATTEMPTS = 1.12, 8


@dataclass(frozen=True)
class Part:
    """What a candidate did on a part of the history."""

    per_week: float
    """Messages a week, of all series together."""
    caught: int
    """Incidents that a message told of in time."""
    incidents: int
    by_series: tuple[tuple[int, int], ...]
    """Caught and incidents of each series."""

    @property
    def recall(self) -> float:
        """Share of the incidents that a message told of in time."""
        return self.caught / self.incidents if self.incidents else np.nan


@dataclass(frozen=True)
class Choice:
    """A candidate with its band as wide as the budget needs."""

    candidate: Candidate
    earlier: Part
    later: Part


@dataclass(frozen=True)
class Line:
    """A series in a message; NaN = the method only scores."""

    series: str
    value: float
    expected: float
    lower: float
    upper: float
    last: datetime
    """Its last anomalous point, wall clock."""


@dataclass(frozen=True)
class Message:
    """A message that would have been sent, at the wall clock of the point that it tells of."""

    moment: datetime
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Tuning:
    """What `tune` found.

    Parameters
    ----------
    choices
        Candidates that keep the budget on the earlier part, the best recall there first.
    failures
        By candidate, why it is not among them.
    messages
        Of the best, over the whole scored history.
    series
        The history as it was.
    cuts
        By series, the first scored column and the first of the later part.
    """

    budget: float
    choices: list[Choice]
    failures: dict[str, str]
    messages: list[Message]
    series: list[Series]
    cuts: list[tuple[int, int]]
    alike: list[str]
    origin: dict[str, Any]

    @property
    def best(self) -> Choice | None:
        """The choice; None if nothing keeps the budget."""
        return self.choices[0] if self.choices else None

    def config(self) -> str:
        """Return the sections of luigi.cfg that make the alerts run like this; empty if nothing keeps the budget."""
        return config(self.best.candidate, self.series) if self.best else ""


@dataclass(frozen=True)
class Replay:
    """What a worker is given: a history as it was, or one with incidents."""

    candidate: str
    detector: Detector
    series: Series
    incidents: tuple[Incident, ...]
    first: int
    rules: Rules
    limits: tuple[float, ...]

    @property
    def key(self) -> str:
        """SHA-256 of everything that the result depends on."""
        parts = (self.series.digest, self.incidents, self.first, self.rules, self.limits, self.detector)
        origin = (code_digest(type(self.detector)), sorted(versions().items()))
        return hashlib.sha256(repr((parts, origin)).encode()).hexdigest()


def replay(task: Replay) -> dict[str, Any]:
    """At each limit: the columns at which messages go out, and which incidents they tell of in time."""
    bounds = task.detector.detect(task.series.values, task.series.denominator)
    score = sided(bounds.score, task.series.direction)[task.first :]
    sent = [messages(score, limit, task.rules) + task.first for limit in task.limits]
    told = [[_tells(one, columns, task.rules) for one in task.incidents] for columns in sent]
    return {"sent": [columns.tolist() for columns in sent], "told": told}


def _tells(incident: Incident, columns: Points, given: Rules) -> bool:
    at = np.searchsorted(columns, incident.start - given.slack)
    return bool(at < columns.size and columns[at] < incident.start + incident.within)


def tune(
    data: Any,
    budget: float,
    detectors: Iterable[Any] | None = None,
    *,
    seed: int = 0,
    warmup_days: float | None = None,
    copies: int | None = None,
    recovery: int | None = None,
    period: int = 96,
    zone: str | None = None,
    workers: int | None = None,
    out: str | Path | None = None,
) -> Tuning:
    """Choose a detector and its sensitivity for a budget of messages.

    Messages are counted on the history as it was, all series together. Recall is of its labels or, where it has none,
    of incidents put into copies of it.

    Parameters
    ----------
    budget
        Messages a week.
    recovery
        Good points in a row that end an incident; by default an hour's.
    data, detectors, seed, warmup_days, copies, period, zone, workers, out
        As in `detectors.lab.compare`.

    Raises
    ------
    DetectorError
        Data or detectors that cannot be used, or too short a history.
    """
    if not budget > 0:
        raise DetectorError(f"the budget must be more than 0 messages a week, not {budget:g}")
    series = collect(data, period=period, zone=zone)
    cuts = [_cut(one, warmup_days) for one in series]
    injected = prepare(series, seed=seed, warmup_days=warmup_days, copies=copies)
    asked = {str(one): one for one in candidates(detectors)}
    stage = _Stage(series, cuts, injected, recovery)
    store = Store(Path(out) / RESULTS if out is not None else None)
    with store.open():
        scanned, failures = stage.scan(asked, store, workers)
        choices: list[Choice] = []
        for name, candidate in asked.items():
            if name in failures:
                continue
            found = _within_budget(stage, candidate, scanned[name], budget, store, workers)
            if isinstance(found, str):
                failures[name] = found
            elif not found.earlier.caught:
                failures[name] = f"as {found.candidate} it keeps the budget, but tells of no incident in time"
            else:
                choices.append(found)
    # Of two with the same recall, the quieter.
    choices.sort(key=lambda one: (-one.earlier.recall, one.earlier.per_week, str(one.candidate)))
    origin = {
        "data": digest(series),
        "budget": budget,
        "seed": seed,
        "detectors": list(asked),
        "copies": max(case.copy for case in injected) + 1,
        "versions": versions(),
    }
    sent = stage.sent_by(choices[0].candidate) if choices else []
    return Tuning(budget, choices, failures, sent, series, cuts, _alike(choices, seed), origin)


def _cut(series: Series, warmup_days: float | None) -> tuple[int, int]:
    first = first_scored(series, warmup_days)
    scored = series.values.size - first
    if scored < LEAST_DAYS * series.period:
        raise DetectorError(
            f"{series.name}: the history is too short: {series.values.size / series.period:.1f} days, of which "
            f"{first / series.period:.1f} are the detectors' warm-up; at least {LEAST_DAYS} days must follow it"
        )
    return first, first + round(EARLIER * scored)


class _Stage:
    """The history and its copies, on which candidates are replayed."""

    def __init__(
        self, series: Sequence[Series], cuts: Sequence[tuple[int, int]], injected: Sequence[Case], recovery: int | None
    ) -> None:
        self.series = series
        self.cuts = {one.name: cut for one, cut in zip(series, cuts, strict=True)}
        plain = [Case(one, (), first) for one, (first, _) in zip(series, cuts, strict=True)]
        self.cases = plain + list(injected)
        self.recovery = recovery

    def rules(self, series: Series) -> Rules:
        """Those of the alerts: one message an incident."""
        return replace(rules(series.period, self.recovery), repeat=series.values.size + 1)

    def tasks(self, candidate: Candidate, limits: Sequence[float]) -> list[Replay]:
        """One for each case, in their order."""
        return [
            Replay(
                str(candidate),
                candidate.detector(case.series),
                case.series,
                case.incidents,
                case.first,
                self.rules(case.series),
                tuple(limits),
            )
            for case in self.cases
        ]

    def scan(
        self, asked: Mapping[str, Candidate], store: Store, workers: int | None
    ) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
        """Replay every candidate at all limits; results in the order of the cases, and why a candidate failed."""
        tasks: dict[str, list[Replay]] = {}
        failures: dict[str, str] = {}
        for name, candidate in asked.items():
            try:
                tasks[name] = self.tasks(candidate, LIMITS.tolist() if candidate.adjustable else [1.0])
            except DetectorError as refusal:
                failures[name] = str(refusal)
        items = {task.key: task for group in tasks.values() for task in group}
        errors = run_all(replay, items, store, workers=workers, what="replay")
        for key, error in errors.items():
            failures.setdefault(items[key].candidate, f"{items[key].series.name}: {error}")
        done = {name: group for name, group in tasks.items() if name not in failures}
        return {name: [store.found[task.key] for task in group] for name, group in done.items()}, failures

    def run(self, candidate: Candidate, store: Store, workers: int | None) -> list[dict[str, Any]] | str:
        """Replay a candidate as it is; its error if it fails."""
        try:
            tasks = self.tasks(candidate, [1.0])
        except DetectorError as refusal:
            return str(refusal)
        items = {task.key: task for task in tasks}
        errors = run_all(replay, items, store, workers=workers, what=str(candidate))
        return next(iter(errors.values())) if errors else [store.found[task.key] for task in tasks]

    def part(self, results: Sequence[dict[str, Any]], limit: int, *, later: bool) -> Part:
        """Count messages and what they told of in one part, at the limit of that number."""
        moments: dict[datetime, list[str]] = defaultdict(list)
        counts = {one.name: [0, 0] for one in self.series}
        weeks = {}
        for number, (case, result) in enumerate(zip(self.cases, results, strict=True)):
            name, period = case.series.name, case.series.period
            first, cut = self.cuts[name]
            start, stop = (cut, case.series.values.size) if later else (first, cut)
            weeks[name] = (stop - start) / period / 7
            if number < len(self.series):
                for column in result["sent"][limit]:
                    if start <= column < stop:
                        moments[case.series.moment(column)].append(name)
                continue
            for incident, told in zip(case.incidents, result["told"][limit], strict=True):
                if start <= incident.start < stop:
                    counts[name][0] += told
                    counts[name][1] += 1
        # A message of several series is shared between them, so series of different lengths add up.
        per_week = sum(1 / len(names) / weeks[name] for names in moments.values() for name in names)
        by_series = tuple((caught, total) for caught, total in counts.values())
        caught, total = (sum(column) for column in zip(*by_series, strict=True))
        return Part(per_week, caught, total, by_series)

    def sent_by(self, candidate: Candidate) -> list[Message]:
        """Messages of a candidate over the scored history, in order."""
        lines: dict[datetime, list[Line]] = defaultdict(list)
        for series in self.series:
            bounds = candidate.detector(series).detect(series.values, series.denominator)
            first, _ = self.cuts[series.name]
            score = sided(bounds.score, series.direction)[first:]
            known = np.flatnonzero(~np.isnan(score)) + first
            flags = np.abs(score[known - first]) > 1
            for one in episodes(flags, gap=self.rules(series).gap):
                at = int(known[one.start])
                band = bounds[at]
                numbers = (float(series.values[at]), float(band.expected), float(band.lower), float(band.upper))
                last = series.moment(int(known[one.end]))
                lines[series.moment(at)].append(Line(series.name, *numbers, last))
        return [Message(moment, tuple(found)) for moment, found in sorted(lines.items())]


def _within_budget(
    stage: _Stage,
    candidate: Candidate,
    scanned: Sequence[dict[str, Any]],
    budget: float,
    store: Store,
    workers: int | None,
) -> Choice | str:
    """Widen the band until the earlier part keeps the budget, and see what it does then; or why that cannot be."""
    limits = LIMITS if candidate.adjustable else np.ones(1)
    rates = [stage.part(scanned, i, later=False).per_week for i in range(limits.size)]
    over = np.flatnonzero(np.array(rates) > budget)
    # From above: a band so narrow that one incident never ends sends one message, and is no use.
    place = int(over[-1]) + 1 if over.size else 0
    if place == limits.size:
        return f"{min(rates):.1f} messages a week at its quietest"
    if not candidate.adjustable:
        return Choice(candidate, stage.part(scanned, 0, later=False), stage.part(scanned, 0, later=True))
    factor = float(limits[place])
    for _ in range(_ATTEMPTS):
        # Not every band is as wide as its parameter says, so the detector itself has the last word.
        adjusted = candidate.scaled(factor)
        results = stage.run(adjusted, store, workers)
        if isinstance(results, str):
            return f"{adjusted}: {results}"
        earlier = stage.part(results, 0, later=False)
        if earlier.per_week <= budget:
            return Choice(adjusted, earlier, stage.part(results, 0, later=True))
        factor *= _WIDER
    return f"{earlier.per_week:.1f} messages a week as {adjusted}"


def _alike(choices: Sequence[Choice], seed: int) -> list[str]:
    """Those whose recall on the earlier part cannot be told from the best one's; empty where nothing can be said."""
    if not choices or len(choices[0].earlier.by_series) < FEWEST_SERIES:
        return []
    tables = [np.array(one.earlier.by_series) for one in choices]

    def recall(table: NDArray[np.int64], drawn: Points) -> float:
        caught, total = table[drawn].sum(axis=0)
        return float(caught / total) if total else np.nan

    found = []
    for one, table in zip(choices[1:], tables[1:], strict=True):

        def behind(drawn: Points, table: NDArray[np.int64] = table) -> float:
            return recall(tables[0], drawn) - recall(table, drawn)

        if bootstrap(behind, len(table), seed=seed)[0] <= 0:
            found.append(str(one.candidate))
    return found
