"""Cross-validates the rough scale of robust bands: ``python -m tests.benchmarks.floor FOLDER``.

`detectors.statistics.robust_scale` takes a quantile as the scale where the median deviation is below a share of it.
Each alternative (share, quantile, and a guard by the past quantile of the score) is scored on the labelled series of a
folder (see `tests.benchmarks.detection`), with the extremes of minutes. Correlated series form a group: one is left out
at a time, the alternative and the threshold are chosen on the other groups, and the group left out is scored.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors import statistics
from detectors.arrays import Array
from detectors.lab.scoring import Outcome, count_outcomes, pooled, strength
from tests.benchmarks.detection import Labelled, read, score

FILES = ("kpi_15min.csv.gz", "wsd_15min.csv.gz")
CORRELATED = 0.4
"""Series are of one group if their residuals or their labels are correlated more than this."""
NEVER, ZERO = np.nan, 1e12
THRESHOLDS = np.exp(np.linspace(np.log(0.4), np.log(4), 33))
CHOICES = {
    "no rough scale": (NEVER, 0.99, 0.0),
    "median deviation 0, 99 %": (ZERO, 0.99, 0.0),
    **{f"under 1/{share}, 99 %": (float(share), 0.99, 0.0) for share in (200, 100, 50, 20)},
    "under 1/100, 97 %": (100.0, 0.97, 0.0),
    "under 1/100, 99.5 %": (100.0, 0.995, 0.0),
    "guard by the past 99 % quantile": (NEVER, 0.99, 1.0),
    "guard by half of it": (NEVER, 0.99, 2.0),
}
"""Share, quantile, and the score that a guard takes as usual (0: no guard)."""
Outcomes = list[list[Outcome]]
"""By threshold and series; the first threshold is 1, the method's own."""
Chosen = NDArray[np.bool_]


def residuals(values: Array, period: int) -> Array:
    """Return the clipped robust deviations from the median of the same slot, for whole days."""
    days = values[: len(values) // period * period].reshape(-1, period)
    rest = (days - np.nanmedian(days, axis=0)).ravel()
    scale = 1.4826 * np.nanmedian(np.abs(rest)) or np.nanquantile(np.abs(rest), 0.95) or 1.0
    return np.clip(rest / scale, -3, 3).astype(np.float64)


def correlation(left: NDArray[np.floating], right: NDArray[np.floating]) -> float:
    known = ~np.isnan(left) & ~np.isnan(right)
    a, b = left[known], right[known]
    return float(np.corrcoef(a, b)[0, 1]) if a.size and a.std() and b.std() else 0.0


def groups(series: list[Labelled]) -> list[NDArray[np.intp]]:
    """Return the connected components of correlated series."""
    group = np.arange(len(series))
    rests = [residuals(one.values[0], one.period) for one in series]
    for i, first in enumerate(series):
        for j, second in enumerate(series[:i]):
            _, a, b = np.intersect1d(first.stamps[: rests[i].size], second.stamps[: rests[j].size], return_indices=True)
            if a.size < 7 * first.period:
                continue
            alike = abs(correlation(rests[i][a], rests[j][b]))
            if max(alike, correlation(first.labels[a] + 0.0, second.labels[b] + 0.0)) >= CORRELATED:
                group[group == group[i]] = group[j]
    return [np.flatnonzero(group == number) for number in np.unique(group)]


def guarded(scores: Array, period: int, usual: float) -> Array:
    """Divide the scores of a series by their 99 % quantile of the past two weeks, where it is above `usual`."""
    sizes = np.minimum(np.abs(scores), 1e9)[np.newaxis]
    divided = scores.copy()
    for start, stop, history in statistics.past_days(sizes, period, 14):
        (far,) = statistics.quantiles(history.reshape(1, -1), 0.99)
        divided[start:stop] /= np.fmax(1.0, far / usual)
    return divided


def outcomes(series: list[Labelled], choice: tuple[float, float, float]) -> Outcomes:
    statistics._ROUGH, statistics._FAR_TAIL, usual = choice
    scores, _ = score("ensemble", series)
    if usual:
        scores = [guarded(one, item.period, usual) for one, item in zip(scores, series, strict=True)]
    labels = [item.labels[item.unscored :] for item in series]
    sizes = [strength(one) for one in scores]
    return [count_outcomes(labels, [size > at for size in sizes]) for at in (1.0, *THRESHOLDS)]


def f1(scored: Outcomes, threshold: int, chosen: Chosen) -> float:
    return pooled([one for one, is_chosen in zip(scored[threshold], chosen, strict=True) if is_chosen]).f1


def best(scored: Outcomes, chosen: Chosen) -> int:
    """Return the number of the threshold with the best F1 on the chosen series."""
    return max(range(1, len(scored)), key=lambda at: f1(scored, at, chosen))


def rows(by_choice: dict[str, dict[str, Outcomes]], by_file: dict[str, list[NDArray[np.intp]]]) -> Iterator[str]:
    """Yield a row for each alternative: at the method's threshold, and at a threshold chosen on the other groups."""
    for name, by_name in by_choice.items():
        cells = []
        for file, members in by_file.items():
            scored = by_name[file]
            count = len(scored[0])
            held = []
            for group in members:
                at = best(scored, ~np.isin(np.arange(count), group))
                held += [scored[at][i] for i in group]
            for total in (pooled(scored[0]), pooled(held)):
                cells.append(f"{total.f1:.3f} ({total.false_per_week(96):.2f})")
        yield f"| {name} | {' | '.join(cells)} |"


def chosen(by_choice: dict[str, dict[str, Outcomes]], by_file: dict[str, list[NDArray[np.intp]]]) -> Counter[str]:
    """Count how often each alternative is the best on all groups but one, in the mean F1 of the files."""
    counts: Counter[str] = Counter()
    for file, members in by_file.items():
        for group in members:
            values = {}
            for name, by_name in by_choice.items():
                kept = {
                    other: np.ones(len(scored[0]), dtype=bool)
                    if other != file
                    else ~np.isin(np.arange(len(scored[0])), group)
                    for other, scored in by_name.items()
                }
                values[name] = sum(f1(by_name[other], best(by_name[other], kept[other]), kept[other]) for other in kept)
            counts[max(values, key=lambda name: values[name])] += 1
    return counts


def main(folder: Path) -> None:
    """Print the table and the choices."""
    series = {file: read(folder / file, (), "minute") for file in FILES}
    by_file = {file: groups(items) for file, items in series.items()}
    print({file: f"{len(series[file])} series in {len(members)} groups" for file, members in by_file.items()})
    by_choice = {
        name: {file: outcomes(items, choice) for file, items in series.items()} for name, choice in CHOICES.items()
    }
    print(*rows(by_choice, by_file), sep="\n")
    print("chosen on all groups but one:", dict(chosen(by_choice, by_file)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
