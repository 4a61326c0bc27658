"""A round loads an empty database with killed runs to the end, and compares it with an undisturbed run."""

import contextlib
import itertools
import random
from ast import literal_eval
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.errors import TerminalError
from pipeline.warehouse.tables import DAILY_METRICS, DAILY_TOTALS, TABLE_UPDATES
from tests.process.project import Project, make_project
from tests.soak.attempts import LUIGI, WORKER, Attempt, HangError, Kill, attempt
from tests.soak.engines import ENGINES, LiveEngine
from tests.soak.events import AFTER, BEFORE, use

LOADING = "loading"
"""The first load of all days is killed."""
RELOADING = "reloading"
"""All days are loaded, then late rows arrive; loading them again is killed."""
ARRIVING = "arriving"
"""The first load is killed, and late rows arrive before it goes on."""
STORIES = (LOADING, RELOADING, ARRIVING)

_MOST_RERUNS = 5
_MARKER_COLUMNS = "update_id, done, feed_rows, message_rows"

Results = dict[str, list[str]]


@dataclass(frozen=True)
class Plan:
    """The plan of a round; it depends only on the seed and the number."""

    number: int
    engine: str
    story: str
    workers: int
    kills: tuple[Kill, ...]

    @property
    def victim(self) -> str:
        """The process to kill."""
        return self.kills[0].victim


@dataclass
class Report:
    """The result of a round."""

    attempts: list[Attempt] = field(default_factory=list)
    reruns: int = 0
    """Runs after a kill until one succeeded."""
    staging_found: int = 0
    """Kills that left tables of the killed run behind."""
    staging_left: set[str] = field(default_factory=set)
    """Tables of runs that remain at the end."""
    differences: list[str] = field(default_factory=list)
    """Differences from the undisturbed run, as text."""

    @property
    def kills(self) -> int:
        """Kills that hit a running process."""
        return sum(run.hit for run in self.attempts)

    @property
    def kills_in_task(self) -> int:
        """Kills during a task."""
        return sum(run.in_task for run in self.attempts)

    @property
    def codes(self) -> Counter[int]:
        """The exit codes of killed runs."""
        return Counter(run.code for run in self.attempts if run.hit)

    @property
    def figures(self) -> tuple[int, ...]:
        """The numbers that the table of a soak sums."""
        return (
            self.kills,
            self.kills_in_task,
            sum(run.hung for run in self.attempts),
            self.staging_found,
            self.reruns,
            len(self.differences),
            len(self.staging_left),
        )

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.differences or self.staging_left)


def plan(seed: int, number: int) -> Plan:
    """Plan a round: engines, victims and stories alternate, the rest is random."""
    rng = random.Random(f"{seed}.{number}")
    engine = tuple(ENGINES)[number % 2]
    victim = (LUIGI, WORKER, ENGINES[engine].process)[number // 2 % 3]
    workers = rng.choice((2, 4) if victim == WORKER else (1, 2, 4))
    kills = tuple(
        Kill(victim, rng.random(), rng.choice((0.0, 0.5, 4.0)), rng.getrandbits(32)) for _ in range(rng.choice((1, 2)))
    )
    return Plan(number, engine, STORIES[number // 6 % 3], workers, kills)


class World:
    """An engine and the results of an undisturbed run.

    Parameters
    ----------
    engine : Engine
        The engine, running.
    directory : Path
        Directory for projects.
    """

    def __init__(self, engine: LiveEngine, directory: Path) -> None:
        self.engine = engine
        self._directory = directory
        self._numbers = itertools.count()
        project = self.new_project()
        undisturbed = attempt(project, engine, workers=2)
        assert undisturbed.code == 0, undisturbed.log
        self._seconds = {2: undisturbed.seconds}  # of a whole load, by the number of workers
        self.reference = results(project)
        assert all(self.reference.values()), self.reference

    def new_project(self) -> Project:
        """Make a project with all days to load, late rows included."""
        project = make_project(self._directory / f"project{next(self._numbers)}", self.engine.warehouse)
        use(project, AFTER)
        return project

    def play(self, round_plan: Plan) -> Report:
        """Play a round."""
        report = Report()
        project = self.new_project()
        try:
            self._disturb(project, round_plan, report)
            self._finish(project, round_plan, report)
        except HangError as hang:
            report.differences.append(str(hang))
        with contextlib.suppress(TerminalError):  # 18.16 keeps a database with files of a table that a kill cut off
            self.engine.warehouse.execute(f"DROP DATABASE IF EXISTS {project.database}", idempotent=True)
        return report

    def _disturb(self, project: Project, round_plan: Plan, report: Report) -> None:
        if round_plan.story != LOADING:
            use(project, BEFORE)
        if round_plan.story == RELOADING:
            first = attempt(project, self.engine, round_plan.workers)
            self._seconds[round_plan.workers] = first.seconds
            if first.code:
                report.differences.append(f"the first load ended with {first.code}:\n{first.log[-3000:]}")
            use(project, AFTER)
        seconds = self._seconds.get(round_plan.workers, self._seconds[2])
        for kill in round_plan.kills:
            done = attempt(project, self.engine, round_plan.workers, kill, kill.moment * seconds)
            report.reruns += any(run.hit for run in report.attempts)
            report.attempts.append(done)
            report.staging_found += done.hit and bool(project.leftovers())
            use(project, AFTER)

    def _finish(self, project: Project, round_plan: Plan, report: Report) -> None:
        """Run until a run succeeds; then kill the engine once more, because completed work must survive a kill."""
        for _ in range(_MOST_RERUNS):
            done = attempt(project, self.engine, round_plan.workers)
            report.reruns += 1
            if done.code == 0:
                break
        else:
            report.differences.append(f"{_MOST_RERUNS} runs after the last kill end with {done.code}:\n{done.log}")
        self.engine.kill()
        self.engine.revive()
        report.differences += differences(results(project), self.reference)
        report.staging_left = project.leftovers()


def results(project: Project) -> Results:
    """Return the result rows, and the markers without their times of writing.

    An invalidated marker counts as one that was never written: attributes of a day that a later day created are
    invalidated together with the day.
    """
    markers = project.rows(TABLE_UPDATES, _MARKER_COLUMNS)
    return {
        DAILY_METRICS: project.rows(DAILY_METRICS),
        DAILY_TOTALS: project.rows(DAILY_TOTALS),
        TABLE_UPDATES: [row for row in markers if literal_eval(row)[1]],
    }


def differences(actual: Results, reference: Results) -> list[str]:
    """Return which rows are missing or surplus."""
    lines = []
    for table, rows in reference.items():
        missing, extra = Counter(rows) - Counter(actual[table]), Counter(actual[table]) - Counter(rows)
        for what, some in (("missing", missing), ("too many", extra)):
            if some:
                lines.append(f"{table}: {some.total()} rows {what}, as {next(iter(some))}")
    return lines


@contextlib.contextmanager
def worlds(directory: Path, *engines: str) -> Iterator[dict[str, World]]:
    """Start engines, each with an undisturbed run."""
    with contextlib.ExitStack() as stack:
        made = {}
        for name in engines:
            place = directory / name
            place.mkdir(parents=True)
            made[name] = World(stack.enter_context(ENGINES[name](place)), place)
        yield made
