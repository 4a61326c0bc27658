"""The cost of catching up 96 missed slots, and of a quiet check, against another commit.

``python -m tests.benchmarks.catching_up WORKTREE [--rounds 3] [--engine embedded|server]``: the worktree is that of the
other commit, ``git worktree add ../before aa88336``.

Both run the same days on the same events, in turns, each in a database of its own, and must write the same results. It
prints the medians of the rounds: statements, CPU of the process beyond them, CPU of the engine, and the ratios.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pipeline.core import clock
from pipeline.demo.load import create_tables, load
from pipeline.demo.scenario import Scenario
from tests.benchmarks.checks import DAYS, MIDNIGHT, TODAY, Place
from tests.benchmarks.etl import MeasuredEngine, engines

QUIET_CHECKS = 8
NUMBERS = ", ".join(f"toString({name})" for name in ("value", "expected", "lower", "upper", "score"))
CHECKED = f"slot, metric, dimension, dimension_value, detector, {NUMBERS}, verdict"
DAY = timedelta(days=1)


class Cost(NamedTuple):
    """The cost of a run."""

    statements: float
    process: float
    engine: float
    wall: float

    def __str__(self) -> str:
        return (
            f"{self.statements:.0f} statements, CPU {self.process:.2f} s beyond them, {self.engine:.2f} s in the "
            f"engine, {self.wall:.1f} s in all"
        )


def run(engine: MeasuredEngine, place: Place, now: datetime) -> Cost:
    """Run `Alerts` at a moment."""
    start, inside = time.perf_counter(), engine.cpu_seconds()
    process, statements, _ = place.check(now)
    return Cost(statements, process, engine.cpu_seconds() - inside, time.perf_counter() - start)


def in_turns(engine: MeasuredEngine, places: Sequence[Place], moments: Sequence[datetime]) -> None:
    """Print the cost of `Alerts` at some moments in each place, and the ratio of the second to the first."""
    costs: list[list[Cost]] = [[], []]
    for number, now in enumerate(moments):
        for which in (0, 1) if number % 2 else (1, 0):
            costs[which].append(run(engine, places[which], now))
    medians = [Cost(*map(statistics.median, zip(*each, strict=True))) for each in costs]
    for name, median in zip(("before", "now"), medians, strict=True):
        print(f"  {name}: {median}")
    ratios = [
        statistics.median(now[i] / before[i] for before, now in zip(*costs, strict=True))
        for i in range(len(Cost._fields))
    ]
    print("  now/before: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in zip(Cost._fields, ratios, strict=True)))


def require_equal(engine: MeasuredEngine, databases: Sequence[str]) -> None:
    """Stop if both wrote other results."""
    before, now = (
        engine.warehouse.query(
            f"SELECT {CHECKED} FROM {database}.slot_checks FINAL ORDER BY slot, metric, dimension, dimension_value"
        )
        for database in databases
    )
    assert before == now, f"{len(before)} and {len(now)} rows, {len(set(before) ^ set(now))} differ"
    print(f"  {len(now):,} equal rows of slot_checks")


def measure(engine: MeasuredEngine, tree: Path, rounds: int) -> None:
    """Print everything for an engine."""
    with tempfile.TemporaryDirectory() as name:
        scenario = Scenario(first_day=TODAY - timedelta(days=DAYS + 1), days=DAYS + 2 + rounds, incidents=())
        create_tables(engine.warehouse, "bench_demo")
        load(engine.warehouse, "bench_demo", scenario)
        databases, places = ("bench_before", "bench_now"), []
        for database, code in zip(databases, (tree.resolve(), None), strict=True):
            folder = Path(name) / database
            folder.mkdir()
            places.append(Place(folder, engine, database, code))
            places[-1].run("SlotHistory", "--date", str(TODAY), "--clock-now", f"{MIDNIGHT:%Y-%m-%dT%H:%M}")
        newest = MIDNIGHT + timedelta(hours=9)
        print(f"{engine.name}: 96 missed slots", flush=True)
        in_turns(engine, places, [newest + i * DAY for i in range(rounds)])
        newest += (rounds - 1) * DAY
        print(f"{engine.name}: a quiet check", flush=True)
        in_turns(engine, places, [newest + (i + 1) * clock.SLOT for i in range(QUIET_CHECKS)])
        require_equal(engine, databases)


def main() -> None:
    """Measure on each engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path, help="a worktree of the commit to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=("embedded", "server", "both"), default="embedded")
    options = parser.parse_args()
    with engines(options.engine) as each:
        for engine in each:
            measure(engine, options.tree, options.rounds)


if __name__ == "__main__":
    main()
