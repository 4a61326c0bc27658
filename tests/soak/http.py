"""``python -m tests.soak.http --cuts 60``: a proxy cuts connections by HTTP at random bytes.

A round loads days, checks a slot with an incident, and sends a report and an alert, with a server behind the proxy.
Runs that fail are repeated, as by cron, and in the end without cuts. Every table must equal that of a round without
cuts, and every message must be sent exactly once.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from pipeline.warehouse.engines import HttpEngine
from tests.process.project import Project, load_events, make_project
from tests.servers.bot_api import CHAT, TOKEN, BotApi
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.http_proxy import Cut, CuttingProxy
from tests.soak.rounds import differences

ROOTS = ("Daily", "Alerts", "Morning")
_TRIES_WITH_CUTS = 4
_TRIES = 4
_OF_RUNS = ("feedpulse: Daily", "feedpulse: Alerts", "feedpulse: Morning")
"""Messages that a run failed, or works again."""

_HEADER = (
    "rounds",
    "connections",
    "cut requests",
    "cut answers",
    "failed runs",
    "differences",
    "sent twice",
    "tables left",
)
_LINE = "{:>6} {:>11} {:>12} {:>11} {:>11} {:>11} {:>10} {:>11}"


@dataclass
class Report:
    """What a round came to."""

    connections: int = 0
    cut_requests: int = 0
    cut_answers: int = 0
    failed_runs: int = 0
    differences: list[str] = field(default_factory=list)
    sent_twice: list[str] = field(default_factory=list)
    tables_left: set[str] = field(default_factory=set)

    @property
    def cuts(self) -> int:
        """Connections that were cut."""
        return self.cut_requests + self.cut_answers

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.differences or self.sent_twice or self.tables_left)

    @property
    def figures(self) -> list[int]:
        """Its columns in the table."""
        told = [self.connections, self.cut_requests, self.cut_answers, self.failed_runs]
        return [*told, len(self.differences), len(self.sent_twice), len(self.tables_left)]


@dataclass
class World:
    """A server behind a proxy, and a bot; each round has a project of its own."""

    directory: Path
    proxy: CuttingProxy
    api: BotApi
    reference: dict[str, list[str]] = field(default_factory=dict)
    """The tables of a run without cuts."""
    messages: Counter[str] = field(default_factory=Counter)
    """The messages of a run without cuts."""

    def play(self, seed: int | None, *, workers: int = 1, share: float = 0.12) -> Report:
        """Play a round whose connections are cut, each with a probability of `share`; without a seed, none is."""
        project = self._project()
        began, before = len(self.proxy.passed), len(self.api.sent)
        self.proxy.cut_requests = self.proxy.cut_answers = 0
        report = Report()
        rng = random.Random(seed)
        self.proxy.next_cut = Cut if seed is None else lambda: _a_cut(rng, share)
        for root in ROOTS:
            report.failed_runs += self._run(project, root, workers, _TRIES_WITH_CUTS)[1]
        self.proxy.next_cut = Cut
        for root in ROOTS:
            code, failed = self._run(project, root, workers, _TRIES)
            report.failed_runs += failed
            if code:
                report.differences.append(f"{root} ends with {code} without cuts")
        report.connections = len(self.proxy.passed) - began
        report.cut_requests, report.cut_answers = self.proxy.cut_requests, self.proxy.cut_answers
        texts = [message.text for message in self.api.sent[before:]]
        sent = Counter(text for text in texts if not text.startswith(_OF_RUNS))
        if not self.reference:
            self.reference, self.messages = project.results(), sent
        report.differences += differences(project.results(), self.reference)
        report.differences += [f"not sent: {text}" for text in self.messages - sent]
        report.sent_twice = list(sent - self.messages)
        report.tables_left = project.leftovers()
        project.warehouse.execute(f"DROP DATABASE IF EXISTS {project.database}", idempotent=True)
        return report

    def _project(self) -> Project:
        project = make_project(self.directory / f"project{len(self.proxy.passed)}", HttpEngine(self.proxy.url))
        project.environment["FEEDPULSE_TELEGRAM_TOKEN"] = TOKEN
        project.configure(
            report={"channels": "outbox,telegram"},
            alerts={"channels": "outbox,telegram"},
            telegram={"chats": CHAT, "api_url": self.api.url},
        )
        return project

    def _run(self, project: Project, root: str, workers: int, tries: int) -> tuple[int, int]:
        """Run a root until it succeeds; return the last exit code, and how many runs failed."""
        for number in range(tries):
            code = project.task(root, "--workers", str(workers)).code
            if code == 0:
                return 0, number
        return code, tries


def _a_cut(rng: random.Random, share: float) -> Cut:
    """Return where to cut a connection: most answers are short, some are long."""
    if rng.random() > share:
        return Cut()
    count = int(10 ** rng.uniform(0, 5))
    return Cut(request=count % 3000) if rng.random() < 0.4 else Cut(answer=count)


@contextmanager
def world_in(directory: Path) -> Iterator[World]:
    """Start the servers, with events, and play a round without cuts."""
    with ExitStack() as stack:
        server = stack.enter_context(ClickHouseServer(directory / "server"))
        load_events(HttpEngine(f"http://{server.host}:{server.http_port}"))
        proxy = stack.enter_context(CuttingProxy(server.http_port))
        world = World(directory, proxy, stack.enter_context(BotApi()))
        undisturbed = world.play(None)
        assert not undisturbed.failed, undisturbed
        assert not undisturbed.failed_runs, undisturbed
        assert len(world.messages) >= 2, world.messages
        yield world


def main() -> int:
    """Play rounds until as many connections were cut; return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.http", description=__doc__)
    parser.add_argument("--cuts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    reports: list[Report] = []
    with (
        tempfile.TemporaryDirectory(prefix="soak-http-") as directory,
        world_in(Path(directory)) as world,
        tqdm(total=arguments.cuts, unit="cut", disable=None) as progress,
    ):
        while sum(report.cuts for report in reports) < arguments.cuts:
            seed = arguments.seed * 1000 + len(reports)
            report = world.play(seed, workers=1 + len(reports) % 2)
            reports.append(report)
            progress.update(report.cuts)
            print(f"round {seed}: {report.figures}", flush=True)
            for line in (*report.differences, *report.sent_twice, *report.tables_left):
                print(f"  {line}", flush=True)
    print(_LINE.format(*_HEADER))
    print(_LINE.format(len(reports), *(sum(column) for column in zip(*(r.figures for r in reports), strict=True))))
    return int(any(report.failed for report in reports))


if __name__ == "__main__":
    sys.exit(main())
