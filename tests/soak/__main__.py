"""``python -m tests.soak --kills 200``: kill runs of the daily load and compare every result."""

import argparse
import itertools
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from tests.soak.engines import ENGINES
from tests.soak.rounds import Plan, Report, plan, worlds

_HEADER = ("engine", "victim", "kills", "in a task", "hung", "staging found", "reruns", "differences", "staging left")
_LINE = "{:<9} {:<7} {:>6} {:>10} {:>5} {:>14} {:>7} {:>12} {:>13}"


def main() -> int:
    """Play rounds; return 1 if any result differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="number of kills that must hit a running process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, help="play this round of the seed only")
    arguments = parser.parse_args()
    done: list[tuple[Plan, Report]] = []
    try:
        with tempfile.TemporaryDirectory(prefix="soak-") as directory:
            for played in play(Path(directory), arguments.seed, arguments.kills, arguments.round):
                done.append(played)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    finally:
        print(_table(done))
    return int(not done or any(report.failed for _, report in done))


def play(directory: Path, seed: int, kills: int, only: int | None) -> Iterator[tuple[Plan, Report]]:
    """Play rounds until `kills` kills hit, or the round `only`."""
    numbers = itertools.count() if only is None else iter([only])
    engines = ENGINES if only is None else [plan(seed, only).engine]
    with worlds(directory, *engines) as ready, tqdm(total=kills, unit="kill", disable=None) as progress:
        hit = 0  # without a terminal, tqdm does not count
        for number in numbers:
            planned = plan(seed, number)
            report = ready[planned.engine].play(planned)
            hit += report.kills
            progress.update(report.kills)
            if report.failed:
                tqdm.write(_failure(seed, planned, report))
            yield planned, report
            if hit >= kills:
                return


def _failure(seed: int, planned: Plan, report: Report) -> str:
    again = f"python -m tests.soak --seed {seed} --round {planned.number}"
    what = f"round {planned.number} ({planned.engine}, {planned.story}, {planned.victim}, {planned.workers} workers)"
    staging = [f"staging left: {', '.join(sorted(report.staging_left))}"] if report.staging_left else []
    return "\n  ".join([f"{what} differs; again: {again}", *report.differences, *staging])


def _table(done: list[tuple[Plan, Report]]) -> str:
    groups: dict[tuple[str, str], list[Report]] = defaultdict(list)
    for planned, report in done:
        groups[planned.engine, planned.victim].append(report)
    everything = [report for _, report in done]
    lines = [_LINE.format(*_HEADER)]
    lines += [_LINE.format(*names, *_sums(reports)) for names, reports in sorted(groups.items())]
    lines += [_LINE.format("all", "", *_sums(everything))] if everything else []
    codes: Counter[int] = sum((report.codes for report in everything), Counter())
    ends = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
    stories = Counter(planned.story for planned, _ in done)
    lines.append(f"{len(done)} rounds ({', '.join(f'{story}: {count}' for story, count in stories.items())})")
    lines.append(f"exit codes of the runs that were hit: {ends}")
    return "\n".join(lines)


def _sums(reports: list[Report]) -> list[int]:
    return [sum(column) for column in zip(*(report.figures for report in reports), strict=True)]


if __name__ == "__main__":
    sys.exit(main())
