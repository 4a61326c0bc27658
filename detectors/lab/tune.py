"""Chooses the detector and the sensitivity that keep a budget of messages a week.

The history is replayed through the detectors and the rules of `detectors.episodes`. Each opening of an incident is a
message. Series whose incidents open at the same time share a message. Updates of an open incident are not counted.
Detector and sensitivity are chosen on the earlier part of the history and validated on the later part.
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
from detectors.lab.candidates import Candidate, candidates, code_digest, versions
from detectors.lab.compare import Case, digest, first_scored, prepare, unsuited_of
from detectors.lab.inject import Incident
from detectors.lab.outcomes import messages, rules, sided
from detectors.lab.parallel import Store, run_all
from detectors.lab.ranking import FEWEST_SERIES
from detectors.lab.readers import collect
from detectors.lab.scoring import Points, Rules, bootstrap
from detectors.lab.series import Series, detect
from detectors.lab.tuning import Choice, Line, Message, Part, Tuning
from detectors.registry import find

LEAST_DAYS = 10
"""Minimum history after the warm-up, in days. On less history the choice would be random."""
EARLIER = 0.6
"""Fraction of the scored history on which the choice is made."""
LIMITS: Array = 2.0 ** (np.arange(-16, 49) / 8)
"""Band widths to try, relative to the unchanged detector: 1/4 to 64."""
RESULTS = "tune.jsonl"
_WIDER, _ATTEMPTS = 1.12, 8


@dataclass(frozen=True)
class Replay:
    """The task of a worker: one candidate on one history, original or with injected incidents."""

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
    """For each limit: the columns at which messages are sent, and for each incident whether a message is in time."""
    bounds = detect(task.detector, task.series)
    score = sided(bounds.score, task.series.direction)[task.first :]
    judged = int(np.count_nonzero(~np.isnan(score)))
    sent = [messages(score, limit, task.rules) + task.first for limit in task.limits]
    in_time = [[_is_in_time(incident, columns, task.rules) for incident in task.incidents] for columns in sent]
    return {"sent": [columns.tolist() for columns in sent], "in_time": in_time, "judged": judged}


def _is_in_time(incident: Incident, columns: Points, given: Rules) -> bool:
    """Whether one of the messages is in time for the incident."""
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

    Messages are counted on the original history, over all series together. Recall is measured on its labels or, for
    series without labels, on incidents injected into copies.

    Parameters
    ----------
    budget
        Messages a week.
    recovery
        Number of good points in a row that end an incident; by default one hour of points.
    data, detectors, seed, warmup_days, copies, period, zone, workers, out
        As in `detectors.lab.compare`.

    Raises
    ------
    DetectorError
        Data or detectors cannot be used, or the history is too short.
    """
    if not budget > 0:
        raise DetectorError(f"the budget must be more than 0 messages a week, not {budget:g}")
    series = collect(data, period=period, zone=zone)
    cuts = [_cut(item, warmup_days) for item in series]
    injected = prepare(series, seed=seed, warmup_days=warmup_days, copies=copies)
    asked = {str(candidate): candidate for candidate in candidates(detectors)}
    unsuited = unsuited_of(asked, series) if detectors is None else {}
    stage = _Stage(series, cuts, injected, recovery)
    suited = {name: candidate for name, candidate in asked.items() if name not in unsuited}
    choices, failures = _choose(stage, suited, budget, Store(Path(out) / RESULTS if out is not None else None), workers)
    count = max(case.copy for case in injected) + 1
    origin = {"data": digest(series), "budget": budget, "seed": seed, "detectors": list(asked), "copies": count}
    origin |= {"versions": versions()}
    sent = stage.sent_by(choices[0].candidate) if choices else []
    return Tuning(budget, choices, unsuited | failures, sent, series, cuts, _alike(choices, seed), origin)


def _choose(
    stage: _Stage, asked: Mapping[str, Candidate], budget: float, store: Store, workers: int | None
) -> tuple[list[Choice], dict[str, str]]:
    """Candidates within the budget, best recall first, and the reason for each other candidate."""
    found: dict[str, Choice | str] = {}
    with store.open():
        scanned, failures = stage.scan(asked, store, workers)
        # The band's width is not always proportional to the parameter: such candidates are replayed with the new one.
        factors: dict[str, float] = {}
        for name, results in scanned.items():
            chosen = _from_scan(stage, asked[name], results, budget)
            if isinstance(chosen, float):
                factors[name] = chosen
            else:
                found[name] = chosen
        for _ in range(_ATTEMPTS):
            tried = stage.run({name: asked[name].scaled(factor) for name, factor in factors.items()}, store, workers)
            for name, choice in tried.items():
                found[name] = choice
                if isinstance(choice, str) or choice.earlier.per_week <= budget:
                    del factors[name]
                else:
                    factors[name] *= _WIDER
        for name in factors:
            choice = found[name]
            if isinstance(choice, Choice):
                found[name] = f"{choice.earlier.per_week:.1f} messages a week as {choice.candidate}"
    choices = [choice for choice in found.values() if isinstance(choice, Choice) and choice.earlier.caught]
    for name, choice in found.items():
        if isinstance(choice, str):
            failures[name] = choice
        elif not choice.earlier.caught:
            failures[name] = f"as {choice.candidate} it keeps the budget, but catches no incident in time"
    # With equal recall, the candidate with fewer messages comes first.
    choices.sort(key=lambda choice: (-choice.earlier.recall, choice.earlier.per_week, str(choice.candidate)))
    return choices, failures


def _cut(series: Series, warmup_days: float | None) -> tuple[int, int]:
    first = first_scored(series, warmup_days)
    scored = series.values.size - first
    if scored < LEAST_DAYS * series.period:
        raise DetectorError(
            f"{series.name}: the history is too short: {series.values.size / series.period:.1f} days, of which "
            f"{first / series.period:.1f} are the detectors' warm-up; at least {LEAST_DAYS} days must follow it"
        )
    return first, first + round(EARLIER * scored)


def limits_of(candidate: Candidate) -> list[float]:
    """Return the limits of the score at which the candidate equals ``scaled(factor)`` for each factor of `LIMITS`."""
    return [candidate.limit(factor) for factor in LIMITS.tolist()] if candidate.adjustable else [1.0]


class _Stage:
    """The history and its copies, on which candidates are replayed."""

    def __init__(
        self, series: Sequence[Series], cuts: Sequence[tuple[int, int]], injected: Sequence[Case], recovery: int | None
    ) -> None:
        self.series = series
        self.cuts = {item.name: cut for item, cut in zip(series, cuts, strict=True)}
        plain = [Case(item, (), first) for item, (first, _) in zip(series, cuts, strict=True)]
        self.cases = plain + list(injected)
        self.recovery = recovery

    def rules(self, series: Series) -> Rules:
        """The rules of the alerts: one message per incident."""
        return replace(rules(series.period, self.recovery), repeat=series.values.size + 1)

    def tasks(self, candidate: Candidate, limits: Sequence[float]) -> list[Replay]:
        """One task per case, in the order of the cases."""
        name, kept = str(candidate), tuple(limits)

        def task(case: Case) -> Replay:
            detector, given = candidate.detector(case.series), self.rules(case.series)
            return Replay(name, detector, case.series, case.incidents, case.first, given, kept)

        return [task(case) for case in self.cases]

    def scan(
        self, asked: Mapping[str, Candidate], store: Store, workers: int | None
    ) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
        """Replay every candidate at all limits: results by candidate in the order of the cases, and failures."""
        tasks: dict[str, list[Replay]] = {}
        failures: dict[str, str] = {}
        for name, candidate in asked.items():
            try:
                tasks[name] = self.tasks(candidate, limits_of(candidate))
            except DetectorError as refusal:
                failures[name] = str(refusal)
        items = {task.key: task for group in tasks.values() for task in group}
        errors = run_all(replay, items, store, workers=workers, what="replay")
        for key, error in errors.items():
            failures.setdefault(items[key].candidate, f"{items[key].series.name}: {error}")
        done = {name: group for name, group in tasks.items() if name not in failures}
        return {name: [store.results[task.key] for task in group] for name, group in done.items()}, failures

    def run(self, candidates: Mapping[str, Candidate], store: Store, workers: int | None) -> dict[str, Choice | str]:
        """Replay candidates at limit 1 only. The result of each, or its error."""
        tasks: dict[str, list[Replay]] = {}
        found: dict[str, Choice | str] = {}
        for name, candidate in candidates.items():
            try:
                tasks[name] = self.tasks(candidate, [1.0])
            except DetectorError as refusal:
                found[name] = f"{candidate}: {refusal}"
        items = {task.key: task for group in tasks.values() for task in group}
        errors = run_all(replay, items, store, workers=workers, what="adjust") if items else {}
        for name, group in tasks.items():
            error = next((errors[task.key] for task in group if task.key in errors), None)
            found[name] = (
                f"{candidates[name]}: {error}"
                if error is not None
                else self.choice(candidates[name], [store.results[task.key] for task in group], 0)
            )
        return found

    def choice(self, candidate: Candidate, results: Sequence[dict[str, Any]], limit: int) -> Choice:
        """Make the choice of a candidate from results at a limit."""
        earlier, after = (self.part(results, limit, later=later) for later in (False, True))
        return Choice(candidate, earlier, after, self.judged(results))

    def part(self, results: Sequence[dict[str, Any]], limit: int, *, later: bool) -> Part:
        """Count messages and caught incidents in one part of the history, at ``LIMITS[limit]``."""
        moments: dict[datetime, list[str]] = defaultdict(list)
        counts = {item.name: [0, 0] for item in self.series}
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
            for incident, in_time in zip(case.incidents, result["in_time"][limit], strict=True):
                if start <= incident.start < stop:
                    counts[name][0] += in_time
                    counts[name][1] += 1
        # A message of several series counts as a fraction for each, so that rates over different lengths can be added.
        per_week = sum(1 / len(names) / weeks[name] for names in moments.values() for name in names)
        by_series = tuple((caught, total) for caught, total in counts.values())
        caught, total = (sum(column) for column in zip(*by_series, strict=True))
        return Part(per_week, caught, total, by_series)

    def judged(self, results: Sequence[dict[str, Any]]) -> float:
        """Share of the scored values of the original history that have a score."""
        known = sum(int(np.count_nonzero(~np.isnan(item.values[self.cuts[item.name][0] :]))) for item in self.series)
        return float(sum(result["judged"] for result in results[: len(self.series)]) / max(known, 1))

    def sent_by(self, candidate: Candidate) -> list[Message]:
        """Messages of a candidate over the scored history, in order of time."""
        lines: dict[datetime, list[Line]] = defaultdict(list)
        for series in self.series:
            bounds = detect(candidate.detector(series), series)
            first, _ = self.cuts[series.name]
            score = sided(bounds.score, series.direction)[first:]
            known = np.flatnonzero(~np.isnan(score)) + first
            flags = np.abs(score[known - first]) > 1
            for episode in episodes(flags, gap=self.rules(series).gap):
                at = int(known[episode.start])
                band = bounds[at]
                numbers = (float(series.values[at]), float(band.expected), float(band.lower), float(band.upper))
                last = series.moment(int(known[episode.end]))
                lines[series.moment(at)].append(Line(series.name, *numbers, last))
        return [Message(moment, tuple(together)) for moment, together in sorted(lines.items())]


def _from_scan(
    stage: _Stage, candidate: Candidate, scanned: Sequence[dict[str, Any]], budget: float
) -> Choice | str | float:
    """Find the narrowest band whose messages keep the budget on the earlier part.

    Returns
    -------
    Choice, str or float
        The choice; or the reason for none; or the factor of the band's width with which to replay the candidate.
    """
    factors = LIMITS if candidate.adjustable else np.ones(1)
    rates = [stage.part(scanned, i, later=False).per_week for i in range(factors.size)]
    over = np.flatnonzero(np.array(rates) > budget)
    # Search from the widest band. With a useless, very narrow band one incident never ends, which is also one message.
    place = int(over[-1]) + 1 if over.size else 0
    if place == factors.size:
        return f"{min(rates):.1f} messages a week at its quietest"
    if not candidate.adjustable:
        return stage.choice(candidate, scanned, place)
    factor = float(factors[place])
    return stage.choice(candidate.scaled(factor), scanned, place) if find(candidate.name).proportional else factor


def _alike(choices: Sequence[Choice], seed: int) -> list[str]:
    """Candidates whose recall on the earlier part is not significantly worse than the best; empty with few series."""
    if not choices or len(choices[0].earlier.by_series) < FEWEST_SERIES:
        return []
    tables = [np.array(choice.earlier.by_series) for choice in choices]

    def recall(table: NDArray[np.int64], drawn: Points) -> float:
        caught, total = table[drawn].sum(axis=0)
        return float(caught / total) if total else np.nan

    alike = []
    for choice, table in zip(choices[1:], tables[1:], strict=True):

        def behind(drawn: Points, table: NDArray[np.int64] = table) -> float:
            return recall(tables[0], drawn) - recall(table, drawn)

        if bootstrap(behind, len(table), seed=seed)[0] <= 0:
            alike.append(str(choice.candidate))
    return alike
