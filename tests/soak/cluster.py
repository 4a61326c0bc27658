"""``python -m tests.soak.cluster --kills 60``: kill servers of a cluster while the commands of a day run on it.

A round plays a day with an outage, from an empty warehouse: `Daily`, `Morning` and the `Alerts` that post an incident,
escalate and close it. During each run one of the two servers is killed at a random moment, and comes back at once,
later, or after the run was repeated on the other server. At the end both servers must have the rows of an undisturbed
run on a plain server, and the chat each message once.
"""

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from pipeline.core import clock
from pipeline.core.errors import TerminalError
from pipeline.warehouse.engines import ServerEngine
from tests.patience import HANGS_SECONDS
from tests.process.project import OUTAGE_END, OUTAGE_START, Project, finish, load_events, make_project, moment
from tests.servers.bot_api import CHAT, TOKEN, BotApi
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.cluster import NAME, Cluster
from tests.soak.rounds import Results, differences
from tests.soak.rounds import results as of_days

STEPS = (
    ("Daily",),
    ("Morning",),
    ("Alerts", *moment(OUTAGE_START - clock.SLOT)),
    ("Alerts", *moment(OUTAGE_START + clock.SLOT)),
    ("Alerts", *moment(OUTAGE_START + 4 * clock.SLOT)),
    ("Alerts", *moment(OUTAGE_END + 4 * clock.SLOT)),
)
OUTAGES_SECONDS = (0.0, 2.0, 10.0, None)
"""How long a killed server stays away; None: until the run was repeated."""
IN_USE = 0.7
"""How often the server is killed that the run uses, and not the other one."""
PATIENCE_SECONDS = 20
"""How long a server waits for rows that the killed one has."""
_MOST_RERUNS = 6
_POLL_SECONDS = 0.005
_HEADER = ("command", "kills", "in use", "failed", "refused", "reruns", "differences", "sent twice")
_LINE = "{:<8} {:>6} {:>7} {:>7} {:>8} {:>7} {:>12} {:>11}"

Chat = Counter[str]


@dataclass
class Report:
    """The figures of the runs of one command."""

    kills: int = 0
    """Kills of a server during a run."""
    in_use: int = 0
    """Those of the server that the run used."""
    failed: int = 0
    """Runs that ended with an error because of a kill."""
    refused: int = 0
    """Those of them that refused to go on: a server lacked rows of the killed one."""
    reruns: int = 0
    """Runs after those until one succeeded."""
    differences: list[str] = field(default_factory=list)
    sent_twice: int = 0

    @property
    def figures(self) -> tuple[int, ...]:
        """The numbers of a line of the table."""
        return (
            *(self.kills, self.in_use, self.failed, self.refused, self.reruns),
            *(len(self.differences), self.sent_twice),
        )


class Round:
    """A day on the cluster, from an empty warehouse.

    Parameters
    ----------
    cluster : Cluster
        Both servers are running.
    directory : Path
        A new directory.
    api : BotApi
        The chat.
    dice : random.Random
        Decides what is killed, and when.
    """

    def __init__(self, cluster: Cluster, directory: Path, api: BotApi, dice: random.Random) -> None:
        self._cluster, self._dice = cluster, dice
        first, second = dice.sample(cluster.nodes, 2)
        self.project = make_project(directory, first.engine)
        configure(self.project, api)
        self.project.configure(
            warehouse={
                "cluster": NAME,
                "alt_hosts": f"{second.host}:{second.port}",
                "query_timeout_seconds": str(PATIENCE_SECONDS),
            }
        )

    def play(self, seconds: dict[tuple[str, ...], float]) -> Iterator[tuple[str, Report]]:
        """Play the day; yield the report of each step."""
        for step in STEPS:
            report = Report()
            yield step[0], self._step(step, seconds[step], report)

    def _step(self, step: tuple[str, ...], seconds: float, report: Report) -> Report:
        is_used, outage = self._dice.random() < IN_USE, self._dice.choice(OUTAGES_SECONDS)
        with _log(self.project) as log:
            run = self.project.start_task(*step, stdout=log, stderr=subprocess.STDOUT)
            used = _used(run, self._cluster.nodes)
            victim = next(node for node in self._cluster.nodes if (node is used) == is_used)
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(self._dice.uniform(0, 0.8 * seconds))
            if run.poll() is None:
                report.kills += 1
                report.in_use += is_used
                victim.kill()
            if outage is not None:
                time.sleep(outage)
                _revive(victim)
            code = run.wait(HANGS_SECONDS)
        try:
            while code and report.reruns < _MOST_RERUNS:
                report.failed += 1
                report.refused += "lacks rows that another server" in _text(self.project)
                if report.reruns >= 1:
                    _revive(victim)
                report.reruns += 1
                with _log(self.project) as log:
                    code = self.project.start_task(*step, stdout=log, stderr=subprocess.STDOUT).wait(HANGS_SECONDS)
        finally:
            _revive(victim)
        if code:
            report.differences.append(f"{' '.join(step)} ends with {code}:\n{_text(self.project)[-3000:]}")
        return report

    def end(self) -> Iterator[str]:
        """Repeat the last run without a kill, which drops what killed servers have kept; yield what is wrong."""
        done = self.project.task(*STEPS[-1])
        if done.code:
            yield f"a run without a kill ends with {done.code}:\n{done.log[-3000:]}"
        if left := self.project.leftovers():
            yield f"scratch tables left: {', '.join(sorted(left))}"

    def drop(self) -> None:
        """Drop the tables on each server."""
        for node in self._cluster.nodes:
            with contextlib.suppress(TerminalError):  # 18.16 keeps a database with files of a table that a kill cut off
                node.engine.execute(f"DROP DATABASE IF EXISTS {self.project.database}", idempotent=True)

    def results(self) -> list[Results]:
        """Return the rows of each server, after it has fetched those of the other."""
        found = []
        for node in self._cluster.nodes:
            project = Project(self.project.directory, node.engine, self.project.sections)
            for table in project.tables():
                node.engine.execute(f"SYSTEM SYNC REPLICA {project.database}.{table}", idempotent=True)
            found.append(results(project))
        return found


def configure(project: Project, api: BotApi) -> None:
    """Let a project send the report and the alerts of one metric to the chat."""
    project.environment["FEEDPULSE_TELEGRAM_TOKEN"] = TOKEN
    project.configure(
        report={"channels": "telegram"},
        alerts={"channels": "telegram", "metrics": "messages_sent,messenger_users"},
        telegram={"chats": CHAT, "api_url": api.url},
    )


def results(project: Project) -> Results:
    """Return what loads and checks have written."""
    return {**project.results(), **of_days(project)}


def chat(api: BotApi) -> Chat:
    """Return the first line of each message, and how often it was sent; not what feedpulse says of failed runs."""
    titles = (f"{'reply' if sent.reply_to else 'post'}: {sent.text.splitlines()[0]}" for sent in api.sent)
    return Counter(title for title in titles if ": feedpulse: " not in title)


def reference(server: ClickHouseServer, directory: Path) -> tuple[Results, Chat, dict[tuple[str, ...], float]]:
    """Play the day undisturbed on a plain server.

    Returns rows, messages, and the seconds of each step from its first connection on.
    """
    engine = ServerEngine(host=server.host, port=server.port)
    seconds: dict[tuple[str, ...], float] = {}
    load_events(engine)
    with BotApi() as api:
        project = make_project(directory, engine)
        configure(project, api)
        for step in STEPS:
            run = project.start_task(*step)
            _used(run, [server])
            began = time.monotonic()
            done = finish(run)
            assert done.code == 0, done.log
            seconds[step] = time.monotonic() - began
        assert all(results(project).values())
        assert chat(api).total() == len(STEPS) - 2, chat(api)
        return results(project), chat(api), seconds


def play(directory: Path, seed: int, kills: int, only: int | None = None) -> dict[str, Report]:
    """Play rounds until `kills` servers were killed, or the round `only`; return the figures by command."""
    total: dict[str, Report] = defaultdict(Report)
    with ClickHouseServer(directory / "plain") as plain:
        rows, messages, seconds = reference(plain, directory / "reference")
    with Cluster(directory / "cluster") as cluster, tqdm(total=kills, unit="kill", disable=None) as progress:
        for node in cluster.nodes:
            load_events(node.engine)
        number = only or 0
        while True:
            dice = random.Random(f"{seed}.{number}")  # noqa: S311  not a secret
            with BotApi() as api:
                played = Round(cluster, directory / f"round{number}", api, dice)
                for name, report in played.play(seconds):
                    _add(total[name], report)
                    progress.update(report.kills)
                where = f"seed {seed}, round {number}"
                total["all"].differences += [f"{where}: {line}" for line in played.end()]
                _compare(total["all"], played, rows, chat(api), messages, where)
                played.drop()
            number += 1
            if only is not None or sum(report.kills for report in total.values()) >= kills:
                return total


def _compare(report: Report, played: Round, rows: Results, sent: Chat, messages: Chat, where: str) -> None:
    for node, found in enumerate(played.results(), 1):
        report.differences += [f"{where}, server {node}: {line}" for line in differences(found, rows)]
    report.differences += [f"{where}: not sent: {message}" for message in messages - sent]
    report.sent_twice += (sent - messages).total()
    for message in sent - messages:
        print(f"{where}: sent again: {message}", file=sys.stderr)


def _add(total: Report, report: Report) -> None:
    for name, value in vars(report).items():
        setattr(total, name, getattr(total, name) + value)


def _used(run: "subprocess.Popen[str]", servers: Sequence[ClickHouseServer]) -> ClickHouseServer:
    """Wait until a run has a connection to a server; return that server, or the first one if the run has ended."""
    ports = {f"0100007F:{server.port:04X}": server for server in servers}
    while run.poll() is None:
        with contextlib.suppress(OSError):
            rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            sockets = {f"socket:[{row[9]}]": ports[row[2]] for row in rows if row[2] in ports}
            for path in Path(f"/proc/{run.pid}/fd").iterdir():
                if used := sockets.get(str(path.readlink())):
                    return used
        time.sleep(_POLL_SECONDS)
    return servers[0]


def _revive(node: ClickHouseServer) -> None:
    if not node.is_running:
        node.start()


@contextlib.contextmanager
def _log(project: Project) -> Iterator[int]:
    with (project.directory / "run.log").open("w") as log:
        yield log.fileno()


def _text(project: Project) -> str:
    return (project.directory / "run.log").read_text(encoding="utf-8", errors="replace")


def table(reports: dict[str, Report]) -> str:
    """Return the figures as text."""
    everything = Report()
    for report in reports.values():
        _add(everything, report)
    lines = [_LINE.format(*_HEADER)]
    lines += [_LINE.format(name, *report.figures) for name, report in reports.items() if name != "all"]
    return "\n".join([*lines, _LINE.format("all", *everything.figures), *everything.differences])


def main() -> int:
    """Play rounds; return 1 if anything differed or was sent twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.cluster", description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, help="play this round of the seed only")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-") as directory:
        reports = play(Path(directory), arguments.seed, arguments.kills, arguments.round)
    print(table(reports))
    return int(any(report.differences or report.sent_twice for report in reports.values()))


if __name__ == "__main__":
    sys.exit(main())
