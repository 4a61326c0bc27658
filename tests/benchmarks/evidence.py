"""The tables of docs/detectors/evidence.md: ``python -m tests.benchmarks.evidence FOLDER [FILE]``.

Scores `ensemble` and `seasonal` on the labelled series of a folder (see `tests.benchmarks.detection`), with and without
extremes, and replaces the tables between the two marks in the file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array
from detectors.lab.scoring import Outcome, best_threshold, bootstrap, count_outcomes, pooled, strength, vus_pr
from tests.benchmarks.detection import Labelled, read, score

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
FILES = {"KPI": ("kpi_15min.csv.gz", "05f10d3a"), "WSD": ("wsd_15min.csv.gz", "wsd057")}
"""File of a data set, and the first of its series that are new since 2026-11-29."""
HEADER = (
    "| method | input | VUS-PR | best F1 | false | delay | own F1 | false | delay |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def cells(
    series: Sequence[Labelled], labels: Sequence[NDArray[np.bool_]], scores: Sequence[Array], limit: float
) -> str:
    """Return event F1, false notifications a week and series, and minutes of delay at a threshold."""
    total: Outcome = pooled(count_outcomes(labels, [size > limit for size in scores]))
    period = series[0].period
    return f"{total.f1:.3f} | {total.false_per_week(period):.2f} | {total.mean_delay * 1440 / period:.1f}"


def mean_of(volumes: Array, drawn: NDArray[np.intp]) -> float:
    """Return the mean of the drawn series."""
    return float(np.nanmean(volumes[drawn]))


def rows(series: Sequence[Labelled], scored: dict[tuple[str, str], list[Array]], chosen: slice) -> Iterator[str]:
    """Yield a row for each method and input, for some of the series."""
    some = series[chosen]
    labels = [item.labels[item.unscored :] for item in some]
    for (method, given), all_scores in scored.items():
        sizes = [strength(part) for part in all_scores[chosen]]
        volumes = np.array([vus_pr(truth, size) for truth, size in zip(labels, sizes, strict=True)])
        low, high = bootstrap(partial(mean_of, volumes), len(volumes))
        limit = np.nextafter(best_threshold(labels, sizes), 0)
        best, own = (cells(some, labels, sizes, float(at)) for at in (limit, 1.0))
        yield f"| `{method}` | {given} | {np.nanmean(volumes):.3f} [{low:.2f}, {high:.2f}] | {best} | {own} |"


def tables(folder: Path) -> Iterator[str]:
    """Yield the lines of all tables."""
    for name, (file, first_new) in FILES.items():
        scored: dict[tuple[str, str], list[Array]] = {}
        for given, extremes in (("slots", ""), ("and 5 minutes", "5_minutes"), ("and minutes", "minute")):
            series = read(folder / file, (), extremes)
            for method in ("ensemble", "seasonal"):
                scored[method, given] = score(method, series)[0]
        new = len(series) - len(read(folder / file, [f"{first_new}..{last_name(folder / file)}"]))
        for part, chosen in (("all", slice(None)), ("old", slice(new)), ("new", slice(new, None))):
            yield f"\n{name}, {part} {len(series[chosen])} series:\n\n{HEADER}"
            yield from rows(series, scored, chosen)


def last_name(path: Path) -> str:
    """Return the name of the last series of a file."""
    import gzip

    with gzip.open(path, "rt") as stream:
        return stream.readlines()[-1].partition(",")[0]


def main(arguments: Sequence[str]) -> None:
    """Replace the tables in the file."""
    file = Path(arguments[1] if len(arguments) > 1 else Path(__file__).parents[2] / "docs/detectors/evidence.md")
    before, _, rest = file.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    file.write_text(f"{before}{BEGIN}\n" + "\n".join(tables(Path(arguments[0]))).strip() + f"\n\n{END}{after}")


if __name__ == "__main__":
    main(sys.argv[1:])
