"""Compares detectors on series by the incidents that each catches and the false messages that it sends."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.errors import DetectorError
from detectors.lab.candidates import Candidate, candidates, code_digest, versions
from detectors.lab.inject import Incident, inject
from detectors.lab.inject import copies as copies_needed
from detectors.lab.outcomes import Result, Task, labelled, rules, run
from detectors.lab.parallel import Store, run_all
from detectors.lab.ranking import Row, rank
from detectors.lab.readers import collect
from detectors.lab.series import Series

if TYPE_CHECKING:
    import pandas

MOST_WARMUP_DAYS = 14.0
RESULTS, RANKING, SCORES, COSTS = "results.jsonl", "ranking.csv", "scores.csv", "costs.csv"


@dataclass(frozen=True)
class Case:
    """A series to score, or a copy of it with injected incidents."""

    series: Series
    incidents: tuple[Incident, ...]
    first: int
    """First column that is scored."""
    copy: int = 0


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`.

    Parameters
    ----------
    rows
        The ranking, best first.
    results
        One per candidate and case, in the order of candidates and series.
    failures
        For each candidate that is not ranked, the reason.
    cases
        The series and copies that were scored.
    candidates
        The candidates by name.
    origin
        What determines the result: versions, seed, parameters and the digest of the data.
    """

    rows: list[Row]
    results: list[Result]
    failures: dict[str, str]
    cases: list[Case]
    candidates: dict[str, Candidate]
    origin: dict[str, Any]
    point_adjusted: bool = False
    """Whether to show the point-adjusted F1 as well."""

    @property
    def series(self) -> list[Series]:
        """The series, each with one of its copies if incidents were injected."""
        return list({case.series.name: case.series for case in self.cases}.values())

    @property
    def verdict(self) -> str:
        """One or two sentences: the best candidate, and those that do not differ significantly from it."""
        return verdict(self.rows)

    def scores(self) -> list[dict[str, Any]]:
        """One row per candidate and case."""
        return [
            {
                "detector": result.candidate,
                "series": result.series,
                "copy": result.copy,
                "points": result.points,
                "events": len(result.hits),
                "caught": sum(hit.delay >= 0 for hit in result.hits),
                "messages": result.sent,
                "false": result.false,
                "repeats": result.repeats,
                "echoes": result.echoes,
                "vus_pr": result.vus,
            }
            for result in self.results
        ]

    def ranking(self) -> list[dict[str, Any]]:
        """One row per candidate, best first."""
        return [
            {
                "detector": row.candidate,
                "event_f1": row.f1,
                "event_f1_low": row.f1_interval[0],
                "event_f1_high": row.f1_interval[1],
                "not_different_from_best": np.nan if np.isnan(row.behind[0]) else int(row.like_the_best),
                "vus_pr": row.vus,
                "vus_pr_low": row.vus_interval[0],
                "vus_pr_high": row.vus_interval[1],
                "recall": row.recall,
                "precision": row.precision,
                "false_per_week": row.false_per_week,
                "delay_minutes": row.delay_minutes,
                "events": row.events,
                "caught": row.caught,
                "messages": row.sent,
                "repeats": row.repeats,
                "echoes": row.echoes,
                **({"point_adjusted_f1": row.adjusted_f1} if self.point_adjusted else {}),
            }
            for row in self.rows
        ]

    def costs(self) -> list[dict[str, Any]]:
        """CPU seconds of each candidate. They differ from run to run."""
        spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        lengths = {(case.series.name, case.copy): case.series.values.size for case in self.cases}
        for result in self.results:
            for i, number in enumerate((lengths[result.series, result.copy], result.seconds, result.scoring_seconds)):
                spent[result.candidate][i] += number
        return [
            {
                "detector": name,
                "seconds_per_10000_points": seconds / points * 1e4,
                "detecting_seconds": seconds,
                "scoring_seconds": scoring,
            }
            for name, (points, seconds, scoring) in spent.items()
        ]

    def to_frame(self) -> pandas.DataFrame:
        """Return the ranking as a DataFrame, one row per candidate."""
        import pandas as pd

        return pd.DataFrame(self.ranking())

    def write(self, folder: str | Path) -> None:
        """Write ranking.csv, scores.csv and costs.csv into a folder."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, table in ((RANKING, self.ranking()), (SCORES, self.scores()), (COSTS, self.costs())):
            write_csv(place / name, table)


def compare(
    data: Any,
    detectors: Iterable[Any] | None = None,
    *,
    seed: int = 0,
    warmup_days: float | None = None,
    copies: int | None = None,
    period: int = 96,
    zone: str | None = None,
    workers: int | None = None,
    out: str | Path | None = None,
    point_adjusted: bool = False,
) -> Comparison:
    """Compare detectors on series.

    Series with labels are scored against them. Incidents are injected into copies of the others
    (`detectors.lab.inject`).

    Parameters
    ----------
    data, period, zone
        As in `detectors.lab.readers.collect`: paths, arrays, DataFrames, Series.
    detectors
        As in `detectors.lab.candidates.candidates`: names, pairs (name, parameters), detectors. None means all methods.
    seed
        Seed of the injected incidents and of the bootstrap.
    warmup_days
        Days at the start of each series that are not scored; by default half of it, at most 14.
    copies
        Copies of each series without labels; by default enough for about four incidents of each kind and size.
    workers
        Number of processes; by default one per core.
    out
        A folder for the results. A killed comparison resumes from them.
    point_adjusted
        Also show the point-adjusted F1. It counts all points of an incident as detected if one of them is flagged.

    Raises
    ------
    DetectorError
        Data or detectors cannot be used.
    """
    series = collect(data, period=period, zone=zone)
    chosen = {str(candidate): candidate for candidate in candidates(detectors)}
    unsuited = unsuited_of(chosen, series) if detectors is None else {}
    cases = prepare(series, seed=seed, warmup_days=warmup_days, copies=copies)
    asked = {name: candidate for name, candidate in chosen.items() if name not in unsuited}
    results, failures = _run_all(cases, asked, Store(Path(out) / RESULTS if out is not None else None), workers)
    failures = unsuited | failures
    origin = _origin(series, cases, chosen, seed, warmup_days)
    return Comparison(rank(results, seed=seed), results, failures, cases, chosen, origin, point_adjusted)


def _run_all(
    cases: Sequence[Case], chosen: Mapping[str, Candidate], store: Store, workers: int | None
) -> tuple[list[Result], dict[str, str]]:
    """Results of the candidates that succeeded on every case, and the error of each other candidate."""
    tasks, failures = _tasks(cases, chosen)
    with store.open():
        errors = run_all(_run, tasks, store, workers=workers, what="compare")
    for key, error in errors.items():
        failures.setdefault(tasks[key].candidate, f"{tasks[key].series.name}: {error}")
    results = [Result.from_json(store.results[key]) for key, task in tasks.items() if task.candidate not in failures]
    return results, failures


def _origin(
    series: Sequence[Series], cases: Sequence[Case], chosen: Iterable[str], seed: int, warmup_days: float | None
) -> dict[str, Any]:
    """What determines the result of a comparison."""
    return {
        "data": digest(series),
        "series": len(series),
        "points": sum(item.values.size for item in series),
        "detectors": list(chosen),
        "seed": seed,
        "warmup_days": "half of a series, at most 14" if warmup_days is None else warmup_days,
        "copies": max((case.copy + 1 for case in cases if case.series.labels is not None), default=1),
        "labels": _labels(series),
        "versions": versions(),
    }


def prepare(
    series: Sequence[Series], *, seed: int, warmup_days: float | None = None, copies: int | None = None
) -> list[Case]:
    """Make a case of each labelled series, and `copies` cases with injected incidents of each other series.

    Parameters are as in `compare`. Raises `DetectorError` if there is no incident to catch.
    """
    firsts = [first_scored(item, warmup_days) for item in series]
    bare = [(item, first) for item, first in zip(series, firsts, strict=True) if item.labels is None]
    count = copies if copies is not None else copies_needed(*zip(*bare, strict=True)) if bare else 1
    if count < 1:
        raise DetectorError(f"copies must be at least 1, not {count}")
    cases, deal = [], 0
    for item, first in zip(series, firsts, strict=True):
        if item.labels is not None:
            cases.append(Case(item, tuple(labelled(item, first)), first))
            continue
        for copy in range(count):
            changed, incidents = inject(item, first, seed=seed, copy=copy, deal=deal)
            deal += len(incidents)
            cases.append(Case(changed, tuple(incidents), first, copy))
    if not any(case.incidents for case in cases):
        longest = max(item.values.size / item.period for item in series)
        raise DetectorError(
            "no incident to catch: no label is 1 after the warm-up, and no incident could be injected; the history has "
            f"{longest:.1f} days: give a longer one, or a shorter --warmup"
        )
    return cases


def first_scored(series: Series, warmup_days: float | None) -> int:
    """Return the first column of a series that is scored."""
    if warmup_days is None:
        return min(round(MOST_WARMUP_DAYS * series.period), series.values.size // 2)
    first = round(warmup_days * series.period)
    if not 0 <= first < series.values.size:
        raise DetectorError(
            f"{series.name}: {series.values.size / series.period:.1f} days, {warmup_days:g} of them unscored; "
            "give a longer history or a shorter --warmup"
        )
    return first


def unsuited_of(chosen: Mapping[str, Candidate], series: Sequence[Series]) -> dict[str, str]:
    """For each candidate that is not for the rate of a series, the reason."""
    reasons = {
        name: next((reason for item in series if (reason := candidate.unsuited(item))), None)
        for name, candidate in chosen.items()
    }
    return {name: reason for name, reason in reasons.items() if reason}


def digest(series: Sequence[Series]) -> str:
    """Return the SHA-256 of the data."""
    return hashlib.sha256("".join(item.digest for item in series).encode()).hexdigest()


def task_key(task: Task) -> str:
    """Return the SHA-256 of everything that a result depends on."""
    parts = (
        task.series.digest,
        task.copy,
        task.incidents,
        task.first,
        task.candidate,
        task.detector,
        rules(task.series.period),
        code_digest(type(task.detector)),
        sorted(versions().items()),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def verdict(rows: Sequence[Row]) -> str:
    """Return one or two sentences: the best candidate, and those that do not differ significantly from it."""
    if not rows:
        return "No detector could be ranked."
    best, *others = rows
    alike = [row.candidate for row in others if row.like_the_best]
    if not others:
        return f"{best.candidate}: event F1 {best.f1:.2f}."
    if np.isnan(best.behind[0]):
        return (
            f"{best.candidate} has the highest event F1, {best.f1:.2f}. There are too few series for a test of "
            "significance: the order is only a hint."
        )
    if not alike:
        return f"{best.candidate} is best: event F1 {best.f1:.2f}; all others are significantly worse."
    return f"{best.candidate} has the highest event F1, {best.f1:.2f}. Not different from it: {', '.join(alike)}."


def write_csv(path: Path, table: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with a header, NaN as an empty cell. The file is replaced atomically."""
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(table[0] if table else [])
        for row in table:
            writer.writerow(["" if isinstance(cell, float) and np.isnan(cell) else cell for cell in row.values()])
    part.replace(path)


def _run(task: Task) -> Mapping[str, Any]:
    return run(task).to_json()


def _tasks(cases: Sequence[Case], chosen: Mapping[str, Candidate]) -> tuple[dict[str, Task], dict[str, str]]:
    """Tasks by key, in the order of candidates and cases, and the errors of candidates that do not fit a series."""
    tasks: dict[str, Task] = {}
    failures: dict[str, str] = {}
    for name, candidate in chosen.items():
        for case in cases:
            try:
                # Injected incidents do not change the kind of a series.
                detector = candidate.detector(case.series)
            except DetectorError as error:
                failures.setdefault(name, f"{case.series.name}: {error}")
                continue
            task = Task(name, detector, case.series, case.copy, case.incidents, case.first)
            tasks[task_key(task)] = task
    return {key: task for key, task in tasks.items() if task.candidate not in failures}, failures


def _labels(series: Sequence[Series]) -> str:
    given = sum(item.labels is not None for item in series)
    if given == len(series):
        return "labels of the data"
    return "injected" if not given else f"labels of the data in {given} series, injected into the others"
