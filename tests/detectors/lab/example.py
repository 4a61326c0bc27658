"""Uses the lab from Python, as in a notebook: ``python -m tests.detectors.lab.example FOLDER``."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from detectors import lab
from detectors.lab import compare, tune


def history() -> pd.DataFrame:
    """A month of three synthetic hourly metrics. Replace it with your file or query."""
    rng = np.random.default_rng(1)
    index = pd.date_range("2026-10-01", periods=30 * 24, freq="h", tz="Europe/Moscow")
    shape = 2 + np.sin(2 * np.pi * np.asarray(index.hour) / 24)
    return pd.DataFrame({name: rng.poisson(level * shape) for name, level in METRICS.items()}, index=index)


METRICS = {"views": 2000, "likes": 400, "messages": 150}


def main(folder: Path) -> None:
    series = lab.from_frame(history(), zone="Europe/Moscow")

    comparison = compare(series, ["sigma multiplier=3,4", "ewma", ("difference", {"multiplier": 4})], workers=1)
    print(pd.DataFrame(comparison.ranking())[["detector", "event_f1", "recall", "false_per_week"]].round(2))
    print(comparison.verdict)

    lab.tradeoff_figure(comparison.rows).savefig(folder / "tradeoff.png")
    case = comparison.cases[0]
    best = comparison.candidates[comparison.rows[0].candidate]
    figure, summary = lab.series_figure(case.series, best, case.incidents, case.first)
    figure.savefig(folder / "series.png")
    print(f"{case.series.name}: {summary}")
    lab.write_report(comparison, folder, plots=1, workers=1)

    tuned = tune(series, 3, ["sigma", "ewma"], workers=1)
    for message in tuned.messages:
        print(message.moment, *(f"{line.series} {line.value:.0f}" for line in message.lines))
    print(tuned.config())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
