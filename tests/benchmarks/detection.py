"""Accuracy of the detectors on labelled real series: ``python -m tests.benchmarks.detection FOLDER [METHOD ...]``.

The folder (or the environment variable FEEDPULSE_SERIES) holds CSV files, gzipped or not, with the columns series,
timestamp (Unix seconds), value (empty = missing) and label. The series are not part of the project. Every method runs
with its default parameters. "F1" is at the best single threshold for the method on the chosen series of a file, "as it
is" at the threshold of the detector. ``--series`` chooses series by name, so that series on which a choice was made and
series on which none was are scored apart. ``--extremes minute`` gives the columns least_minute and greatest_minute to
the methods that take extremes. `tests.benchmarks.evidence` writes the tables of the documentation.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# This folder has a `detectors.py`, which a script would import instead.
sys.path[0] = str(Path(__file__).parents[2])

import detectors  # noqa: E402
from detectors.base import Array  # noqa: E402
from detectors.lab.scoring import best_threshold, bootstrap, count_outcomes, pooled, strength, vus_pr  # noqa: E402

METHODS = ("ensemble", "seasonal", "holt_winters", "ewma", "difference", "stl", "sigma", "iqr", "mad", "day_ago")
WITHOUT_COUNTS = {"day_ago": {"min_change": 0.0}}
UNSCORED_DAYS = {"kpi_15min": 14, "wsd_15min": 7}


@dataclass(frozen=True)
class Labelled:
    """A series with its moments and labels, its points in a day, and the number of first points that are not scored.

    `values` has one row, or three rows with the least and the greatest value within each slot.
    """

    stamps: Array
    values: Array
    labels: NDArray[np.bool_]
    period: int
    unscored: int


def read(path: Path, chosen: Sequence[str] = (), extremes: str = "") -> list[Labelled]:
    """Read the chosen series of a file, in its order. Nothing chosen means all."""
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    columns = ["timestamp", "label", "value", *([f"least_{extremes}", f"greatest_{extremes}"] if extremes else [])]
    stem = path.name.split(".")[0]
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as stream:
        for row in csv.DictReader(stream):
            rows[row["series"]].append(tuple(float(row[column] or "nan") for column in columns))
    labelled = []
    for name in select(list(rows), chosen):
        stamps, labels, *values = np.array(rows[name]).T
        period = round(86_400 / float(np.median(np.diff(stamps))))
        unscored = UNSCORED_DAYS[stem] * period if stem in UNSCORED_DAYS else min(int(0.15 * len(stamps)), 750)
        labelled.append(Labelled(stamps, np.array(values), labels.astype(bool), period, unscored))
    return labelled


def select(names: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """Return the names that are chosen: each element of `chosen` is a name or a range ``FIRST..LAST`` in file order."""
    if not chosen:
        return list(names)
    wanted: set[str] = set()
    for item in chosen:
        first, _, last = item.partition("..")
        if first in names and (last or first) in names:
            wanted.update(names[names.index(first) : names.index(last or first) + 1])
    return [name for name in names if name in wanted]


def score(method: str, series: Sequence[Labelled]) -> tuple[list[Array], float]:
    """Return the signed scores of the scored part of each series, and CPU seconds per 10,000 points."""
    scores: list[Array] = [np.empty(0)] * len(series)
    groups: dict[int, list[int]] = defaultdict(list)
    for number, one in enumerate(series):
        groups[one.period].append(number)
    seconds = 0.0
    for period, numbers in groups.items():
        detector = detectors.create(method, period=period, **WITHOUT_COUNTS.get(method, {}))
        longest = max(len(series[i].labels) for i in numbers)
        together = np.full((len(series[0].values), len(numbers), longest), np.nan)
        for row, i in enumerate(numbers):
            together[:, row, : len(series[i].labels)] = series[i].values
        started = time.process_time()
        extremes = (together[1], together[2]) if len(together) > 1 else None
        batch_scores = detector.detect(together[0], None, extremes).score
        seconds += time.process_time() - started
        for row, i in enumerate(numbers):
            scores[i] = batch_scores[row, series[i].unscored : len(series[i].labels)]
    return scores, seconds / sum(len(item.labels) for item in series) * 1e4


def line(method: str, series: Sequence[Labelled]) -> str:
    """Return a row of the table."""
    scores, seconds = score(method, series)
    labels = [item.labels[item.unscored :] for item in series]
    volumes = np.array([vus_pr(truth, strength(one)) for truth, one in zip(labels, scores, strict=True)])
    limit = best_threshold(labels, scores)
    at_best = count_outcomes(labels, [strength(score) >= limit for score in scores])
    counts = np.array([outcome.counts for outcome in at_best])

    def f1(drawn: NDArray[np.intp]) -> float:
        events, caught, _, _, false, _ = counts[drawn].sum(axis=0)
        return float(2 * caught / (events + caught + false))

    def volume(drawn: NDArray[np.intp]) -> float:
        return float(np.nanmean(volumes[drawn]))

    everything = np.arange(len(series))
    cells = [f"{method:13}"]
    for statistic in (volume, f1):
        low, high = bootstrap(statistic, len(series))
        cells.append(f"{statistic(everything):.3f} [{low:.2f}, {high:.2f}]")
    for outcomes in (at_best, count_outcomes(labels, [np.abs(score) > 1 for score in scores])):
        total = pooled(outcomes)
        weeks = sum(outcome.points / item.period / 7 for outcome, item in zip(outcomes, series, strict=True))
        delays = [outcome.delay * 1440 / s.period for outcome, s in zip(outcomes, series, strict=True)]
        minutes = sum(delays) / total.caught if total.caught else np.nan
        cells.append(f"{total.f1:.2f} {total.recall:6.2f} {total.false / weeks:6.2f} {minutes:5.1f}")
    return " | ".join([*cells, f"{limit:6.2f}", f"{seconds:.3f}"])


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.detection", description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("FEEDPULSE_SERIES", ""))
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=f"default: {' '.join(METHODS)}")
    parser.add_argument(
        "--series",
        default="",
        metavar="NAME,FIRST..LAST",
        help="only these series; a range is in the order of the file; a file without any of them is skipped",
    )
    parser.add_argument("--extremes", default="", choices=("", "minute", "5_minutes"))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Print a table for each file."""
    options = parse(arguments)
    paths = sorted(Path(options.folder).glob("*.csv*")) if options.folder else []
    if not paths:
        print("no labelled series: pass their folder or set FEEDPULSE_SERIES; nothing is measured")
        return 0
    for path in paths:
        if options.extremes and path.name.split(".")[0] not in UNSCORED_DAYS:
            continue  # the file has no extremes
        series = read(path, [name for name in options.series.split(",") if name], options.extremes)
        if not series:
            continue
        print(f"\n{path.name}: {len(series)} series")
        print("                                                      |  at the best threshold        |  as it is")
        print(
            "method        | VUS-PR, 95 % of series | event F1, 95 %  | F1 recall false/wk minutes | "
            "F1 recall false/wk minutes | limit | s/10k points"
        )
        for method in options.methods or METHODS:
            if options.extremes and not detectors.create(method).takes_extremes:
                continue
            print(line(method, series), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
