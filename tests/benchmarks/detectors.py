"""Speed of the detectors: ``python tests/benchmarks/detectors.py [ROUNDS]``.

Each bar is a ratio of CPU seconds to a loop, which its line names. Both compute the same statistic, and the outputs are
checked to be equal. Rounds alternate and medians are compared, so that noise of the machine affects both alike. Batches
run with numba, if it is installed, and with numpy (`detectors.compilation.kernels_for`). Compilation is timed apart.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# This folder has a `detectors.py`, which a script would import instead.
sys.path[0] = str(Path(__file__).parents[2])

import detectors  # noqa: E402
from detectors import compilation  # noqa: E402
from detectors.base import Array  # noqa: E402
from detectors.statistics import past_mean_and_deviation, past_median_and_deviation, past_quantiles  # noqa: E402

ROUNDS = int(sys.argv[1]) if __name__ == "__main__" and len(sys.argv) > 1 else 7
PERIOD, DAYS, WINDOW = 96, 28, 96
COLUMNS = PERIOD * DAYS


def alternated(*functions: Callable[[], Any]) -> list[float]:
    """Median CPU seconds of each function; rounds alternate between them."""
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(ROUNDS):
        for function, spent in zip(functions, seconds, strict=True):
            started = time.process_time()
            function()
            spent.append(time.process_time() - started)
    return [float(np.median(spent)) for spent in seconds]


def against_a_loop(
    name: str, bar: float, values: Array, batch: Callable[[Array], Array], loop: Callable[[Array], Array], looped: int
) -> None:
    """Compare a batch over all series with a loop over the first `looped` series, per series."""
    actual = batch(values)[:looped]
    wanted = np.stack([loop(series) for series in values[:looped]])
    np.testing.assert_allclose(actual, wanted, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(with_numpy(batch, values)[:looped], wanted, rtol=1e-9, atol=1e-9)
    ours, plain, theirs = alternated(
        lambda: batch(values),
        lambda: with_numpy(batch, values),
        lambda: [loop(series) for series in values[:looped]],
    )
    ours, plain, theirs = ours / len(values), plain / len(values), theirs / looped
    ratios = f"{theirs / ours:6.1f} times (bar {bar:g}), with numpy {theirs / plain:6.1f}"
    print(f"{name:58} {theirs * 1e6:10.0f} us {ours * 1e6:8.1f} us   {ratios}")


def with_numpy(batch: Callable[[Array], Array], values: Array) -> Array:
    """Call `batch` without the compiled loops."""
    usual, compilation.MIN_POINTS = compilation.MIN_POINTS, sys.maxsize
    try:
        return batch(values)
    finally:
        compilation.MIN_POINTS = usual


def rolling_z(values: Array) -> Array:
    mean, deviation, present = past_mean_and_deviation(values, WINDOW)
    return np.where(present == WINDOW, (values - mean) / deviation, np.nan)


def rolling_z_of_pandas(series: Array) -> Array:
    rolling = pd.Series(series).rolling(WINDOW)
    z: Array = (series - rolling.mean().shift().to_numpy()) / rolling.std().shift().to_numpy()
    return z


def rolling_iqr(values: Array) -> Array:
    first, third, present = past_quantiles(values, WINDOW, 1, 0.25, 0.75)
    return np.where(present == WINDOW, third - first, np.nan)


def rolling_iqr_of_pandas(series: Array) -> Array:
    rolling = pd.Series(series).rolling(WINDOW)
    return (rolling.quantile(0.75) - rolling.quantile(0.25)).shift().to_numpy()


def rolling_mad(values: Array) -> Array:
    _, deviation, present = past_median_and_deviation(values, WINDOW)
    return np.where(present == WINDOW, deviation, np.nan)


def rolling_mad_of_pandas(series: Array) -> Array:
    def one(window: Array) -> float:
        return float(np.median(np.abs(window - np.median(window))))

    return pd.Series(series).rolling(WINDOW).apply(one, raw=True).shift().to_numpy()


def same_slot_mad(values: Array) -> Array:
    return past_median_and_deviation(values, DAYS, PERIOD)[1]


def same_slot_mad_of_numpy(series: Array) -> Array:
    """All days of a slot at once: row d holds the days before day d, otherwise NaN."""
    result = np.full(COLUMNS, np.nan)
    before = np.tri(DAYS, k=-1, dtype=bool)[1:]
    middle = (np.arange(1, DAYS) - 1) / 2
    rows, low, high = np.arange(DAYS - 1), np.floor(middle).astype(int), np.ceil(middle).astype(int)

    def medians(table: Array) -> Array:
        ordered = np.sort(table, axis=1)  # NaN sorts last; much faster than nanmedian
        half: Array = (ordered[rows, low] + ordered[rows, high]) / 2
        return half

    for slot in range(PERIOD):
        history = np.where(before, series[slot::PERIOD], np.nan)
        result[slot + PERIOD :: PERIOD] = medians(np.abs(history - medians(history)[:, np.newaxis]))
    return result


def newest_of_many(method: str) -> None:
    """Compare the newest column of 100,000 series with numpy's sum over the array, which is stored slot by slot."""
    stored = np.random.default_rng(1).standard_normal((COLUMNS, 100_000), dtype=np.float32) + np.float32(100)
    detector = detectors.create(method, window=DAYS - 1)
    ours, theirs = alternated(lambda: detector.detect_last(stored.T), lambda: stored.sum())
    what = f"{method} detect_last, same slot, 100,000 x {COLUMNS} float32"
    print(f"{what:58} {theirs * 1e3:10.1f} ms {ours * 1e3:8.1f} ms   {ours / theirs:6.2f} of sum() (bar 0.5)")


def ensemble() -> None:
    rng = np.random.default_rng(2)
    detector = detectors.create("ensemble")
    six, long, many = (np.abs(rng.normal(100, 5, shape)) for shape in ((6, COLUMNS), (1, 10_000), (100, COLUMNS)))
    last, alone, batch = alternated(
        lambda: detector.detect_last(six), lambda: detector.detect(long), lambda: detector.detect(many)
    )
    print(f"ensemble detect_last, six metrics x 4 weeks {last * 1e3:8.1f} ms (bar 100)")
    print(f"ensemble detect, one series of 10,000 points {alone:7.3f} s (bar 0.2)")
    print(f"ensemble detect, per 10,000 points of 100 series {batch / many.size * 1e4:.3f} s (bar 0.2)")


def extremes(method: str) -> None:
    """Compare the three looks at one series of 10,000 points with the one look at its slots."""
    minutes = np.random.default_rng(3).normal(100, 5, (1, 10_000, 15))
    slots, inside = minutes.mean(axis=2), (minutes.min(axis=2), minutes.max(axis=2))
    detector = detectors.create(method)
    alone, both = alternated(lambda: detector.detect(slots), lambda: detector.detect(slots, None, inside))
    print(f"{method} detect with extremes, one series of 10,000 points {both:.3f} s: {both / alone:.2f} times (bar 2)")


def cpu_of_a_process(program: str, **environment: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, **environment})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start_up() -> None:
    programs = ("import detectors", "import numpy")
    spent = [[cpu_of_a_process(program) for program in programs] for _ in range(2 * ROUNDS + 1)]
    ours, theirs = np.median(spent, axis=0)
    print(f"import detectors {ours * 1e3:.0f} ms, numpy {theirs * 1e3:.0f} ms: {ours / theirs:.2f} times (bar 1.2)")

    # Cost of the first batch of a process, beyond the batch itself (0.1 s).
    batch = "detectors.create('mad', same_slot=False, window=96).detect(numpy.ones((100, 2688)))"
    with tempfile.TemporaryDirectory() as cache:
        program = f"import numpy, detectors; {batch}"
        first, *later = (cpu_of_a_process(program, NUMBA_CACHE_DIR=cache) for _ in range(ROUNDS))
    again = float(np.median(later))
    print(f"first batch: {again - ours:.1f} s more than the import; compiled the first time ever {first - ours:.1f} s")


def main() -> None:
    values = np.random.default_rng(0).normal(100, 5, (256, COLUMNS))
    print(f"pandas {pd.__version__}, numpy {np.__version__}, {len(values)} series of {COLUMNS} points")
    print(f"{'per series':58} {'the loop':>13} {'batch':>11}")
    against_a_loop("rolling z(96), pandas mean and std", 40, values, rolling_z, rolling_z_of_pandas, 20)
    against_a_loop("rolling IQR(96), pandas quantile", 30, values, rolling_iqr, rolling_iqr_of_pandas, 10)
    against_a_loop("rolling MAD(96), pandas apply", 150, values, rolling_mad, rolling_mad_of_pandas, 1)
    against_a_loop("same-slot MAD, numpy over slots", 25, values, same_slot_mad, same_slot_mad_of_numpy, 1)
    for method in ("mad", "iqr", "sigma"):
        newest_of_many(method)
    ensemble()
    for method in ("ensemble", "seasonal"):
        extremes(method)
    start_up()


if __name__ == "__main__":
    main()
