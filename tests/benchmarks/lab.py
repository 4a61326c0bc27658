"""Duration of a comparison in the lab: ``python -m tests.benchmarks.lab [SERIES [POINTS]]``.

`compare` runs every method on 200 labelled series of 2,500 points, on two cores at most. The bar is two minutes on an
idle machine; on a busy one compare CPU time / 2 with it. The output also shows where the time goes and the memory of
the largest process: a worker holds one series at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors import lab
from detectors.lab import compare
from detectors.lab.compare import Comparison, prepare
from detectors.lab.ranking import rank

SERIES, POINTS, PERIOD, CORES, BAR_SECONDS = 200, 2500, 96, 2, 120


@dataclass(frozen=True)
class Spent:
    """CPU seconds of this process and of its workers, and wall clock seconds."""

    ours: float
    workers: float
    wall: float

    @classmethod
    def now(cls) -> Spent:
        while multiprocessing.active_children():  # their CPU time is known after they end
            time.sleep(0.01)
        ours, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return cls(ours.ru_utime + ours.ru_stime, workers.ru_utime + workers.ru_stime, time.perf_counter())

    def since(self, before: Spent) -> Spent:
        return Spent(self.ours - before.ours, self.workers - before.workers, self.wall - before.wall)

    @property
    def cpu(self) -> float:
        return self.ours + self.workers


def made_up(series: int, points: int) -> list[lab.Series]:
    """Counts with a daily shape and injected, labelled incidents."""
    rng = np.random.default_rng(0)
    shape = 300 + 200 * np.sin(2 * np.pi * np.arange(points) / PERIOD)
    values = rng.poisson(np.broadcast_to(shape, (series, points))).astype(float)
    return [case.series for case in prepare(lab.from_array(values, period=PERIOD), seed=0, copies=1)]


def where_the_time_goes(comparison: Comparison, compared: Spent, reported: Spent) -> None:
    costs = comparison.costs()
    total = compared.cpu + reported.cpu
    for row in sorted(costs, key=lambda row: -float(row["detecting_seconds"])):
        seconds = row["detecting_seconds"]
        print(f"  {row['detector']:28} {seconds:7.1f} s {seconds / total:6.1%}")
    scoring = sum(row["scoring_seconds"] for row in costs)
    measured = sum(row["detecting_seconds"] for row in costs) + scoring
    before = time.process_time()
    rank(comparison.results)
    ranking = time.process_time() - before
    parts = {
        "scoring": scoring,
        "workers: start-up, pickling": compared.workers - measured,
        "ranking with its intervals": ranking,
        "this process, the rest of it": compared.ours - ranking,
        "report of 12 series": reported.cpu,
    }
    for name, seconds in parts.items():
        print(f"  {name:28} {seconds:7.1f} s {seconds / total:6.1%}")


def main(arguments: Sequence[str]) -> None:
    count = int(arguments[0]) if arguments else SERIES
    points = int(arguments[1]) if len(arguments) > 1 else POINTS
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    series = made_up(count, points)
    with tempfile.TemporaryDirectory() as folder:
        start = Spent.now()
        comparison = compare(series, out=folder)
        compared = Spent.now().since(start)
        comparison.write(folder)
        start = Spent.now()
        lab.write_report(comparison, folder)
        reported = Spent.now().since(start)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    cpu, wall = compared.cpu + reported.cpu, compared.wall + reported.wall
    print(
        f"{len(comparison.candidates)} detectors x {count} series x {points} points, {len(comparison.results)} results"
    )
    print(f"wall {wall:.0f} s, CPU {cpu:.0f} s: {cpu / CORES:.0f} s on {CORES} idle cores (bar {BAR_SECONDS})")
    where_the_time_goes(comparison, compared, reported)
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    print(f"memory: largest worker {peaks[0]:.0f} MiB, this process {peaks[1]:.0f} MiB; files {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main(sys.argv[1:])
