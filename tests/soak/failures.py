"""``python -m tests.soak.failures``: a week in which everything around feedpulse fails once, and what people read.

Real commands run hourly, as cron runs them, with a simulated clock: against a real ClickHouse server, luigid and a
strict Bot API server. The output lists each message at the simulated time of its arrival.
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from tqdm import tqdm

from pipeline.demo.load import create_tables, load
from pipeline.demo.scenario import LabelledIncident, Scenario
from pipeline.warehouse.engines import ServerEngine
from tests.process.luigid import Luigid
from tests.process.project import SOURCE_DATABASE, Finished, Project, make_project
from tests.servers.bot_api import CHAT, TOKEN, BotApi, Sent
from tests.servers.clickhouse import ClickHouseServer

ZONE = ZoneInfo("Europe/Moscow")
FIRST_DAY = date(2026, 11, 9)
HISTORY_DAYS = 8
DAYS = 7
SECOND_CHAT = "-1009876543210"
HOUR = timedelta(hours=1)
DISK_MIB = 400


def at(day: int, hour: int) -> datetime:
    """Return an hour of the local day number `day` (from 0), naive UTC."""
    local = datetime.combine(FIRST_DAY + timedelta(days=day), datetime.min.time(), ZONE) + timedelta(hours=hour)
    return local.astimezone(UTC).replace(tzinfo=None)


INCIDENT = LabelledIncident("drop", at(5, 14).replace(tzinfo=UTC), at(5, 16).replace(tzinfo=UTC), "views", -0.6)
"""Happens while the bot is not in the chat."""

SCENARIO = Scenario(
    first_day=FIRST_DAY - timedelta(days=HISTORY_DAYS),
    days=HISTORY_DAYS + DAYS,
    users=800,
    views_per_day=24_000,
    messages_per_day=12_000,
    incidents=(INCIDENT,),
)


@dataclass(frozen=True)
class Failure:
    """Something that is broken from `begins` to `ends`, naive UTC."""

    what: str
    begins: datetime
    ends: datetime
    fail: Callable[[], None]
    mend: Callable[[], None]
    is_repeated: bool = False
    """Whether it must be made again before each run."""


@dataclass
class Chats:
    """Lists what is new in the chats and in the outbox."""

    api: BotApi
    outbox: Path
    _seen: dict[tuple[str, int], Sent] = field(default_factory=dict)
    _pages: set[str] = field(default_factory=set)

    def news(self) -> Iterator[str]:
        """Yield a line for each message or edit since the last call."""
        for sent in self.api.sent:
            before = self._seen.get((sent.chat, sent.id))
            self._seen[sent.chat, sent.id] = sent
            if before is None:
                kind = "reply" if sent.reply_to else "message"
            elif before.text.splitlines()[0] != sent.text.splitlines()[0]:
                kind = "edit"
            else:
                continue
            name = "chat 1" if sent.chat == CHAT else "chat 2"
            yield f"{name} {kind}: {_beginning(sent.text)}"
        texts = {page.stem: page.read_text() for page in self.outbox.glob("*.txt")}
        new = sorted(texts.keys() - self._pages, key=lambda name: (self.outbox / f"{name}.txt").stat().st_mtime_ns)
        yield from (f"outbox message: {_beginning(texts[name])}" for name in new)
        self._pages |= texts.keys()


@dataclass
class Week:
    """The project and everything around it."""

    project: Project
    server: ClickHouseServer
    luigid: Luigid
    api: BotApi
    disk: Path

    def failures(self) -> list[Failure]:
        """Return what fails, in order of time."""
        return [
            Failure("the ClickHouse server is away", at(1, 10), at(1, 12), self.server.stop, self.server.start),
            Failure("the password was rotated", at(2, 9), at(2, 12), lambda: self._rotate("new"), self._use_new),
            Failure("luigid is killed", at(3, 14), at(4, 9), self._kill_luigid, self._start_luigid),
            Failure(
                "the server's disk is full", at(4, 16), at(4, 18), self._fill_disk, self._empty_disk, is_repeated=True
            ),
            Failure("the bot is not in chat 1", at(5, 13), at(5, 18), self._leave, self._join),
        ]

    def run(self, now: datetime, *command: str) -> Finished:
        """Run a root with luigid, at a simulated time."""
        self.project.configure(clock={"now": f"{now:%Y-%m-%dT%H:%M}"})
        return self.project.run("feedpulse", "run", *command, *self.luigid.arguments)

    def _rotate(self, password: str) -> None:
        users = self.server.directory / "users.xml"
        before = users.read_text()
        after = before.replace(escape(ClickHouseServer.PASSWORD), password)
        assert after != before
        users.write_text(after)
        self.server.restart()

    def _use_new(self) -> None:
        self.project.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = "new"  # noqa: S105

    def _kill_luigid(self) -> None:
        self.luigid.__exit__(None, None, None)

    def _start_luigid(self) -> None:
        self.luigid.__enter__()

    def _fill_disk(self) -> None:
        # To the last byte; what the server frees meanwhile is filled before the next run.
        for size in (65_536, 512, 1):
            with contextlib.suppress(OSError), (self.disk / "filling").open("ab", buffering=0) as filling:
                while filling.write(bytes(size)):
                    pass

    def _empty_disk(self) -> None:
        (self.disk / "filling").unlink()

    def _leave(self) -> None:
        self.api.chats.remove(CHAT)

    def _join(self) -> None:
        self.api.chats.append(CHAT)


def play(week: Week, first: int, hours: int) -> Iterator[tuple[datetime, str]]:
    """Run the week; yield (time, line) for each failure, message and exit code that is not 0."""
    failures, chats = week.failures(), Chats(week.api, week.project.outbox)
    for number in tqdm(range(first, first + hours), unit="hour", disable=None):
        now = at(0, 0) + number * HOUR + timedelta(minutes=5)
        for failure in failures:
            if failure.ends == now - timedelta(minutes=5):
                failure.mend()
                yield now, f"-- mended: {failure.what}"
            if failure.begins == now - timedelta(minutes=5):
                failure.fail()
                yield now, f"-- {failure.what}"
            elif failure.is_repeated and failure.begins < now < failure.ends:
                failure.fail()
        local = now.replace(tzinfo=UTC).astimezone(ZONE)
        roots = [
            ["Alerts"],
            *([["Daily"]] if local.hour == 5 else []),
            *([["Morning"]] if 9 <= local.hour <= 12 else []),
        ]
        for root in roots:
            finished = week.run(now, *root)
            if finished.code:
                yield now, f"{root[0]} exits with {finished.code}: {_last_error(finished.log)}"
            for line in chats.news():
                yield now, line


def _beginning(text: str) -> str:
    return " | ".join([line for line in text.splitlines() if line.strip()][:3])


def _last_error(log: str) -> str:
    errors = [line for line in log.splitlines() if "ERROR" in line or "CRITICAL" in line or "Error" in line]
    return (errors or [""])[-1][:200]


@contextlib.contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """Mount a small file system in memory; needs root."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


@contextlib.contextmanager
def week_in(directory: Path) -> Iterator[Week]:
    """Make the servers and the project."""
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(small_disk(directory / "disk"))
        server = ClickHouseServer(disk / "server")
        stack.enter_context(server)
        engine = ServerEngine(host=server.host, port=server.port)
        create_tables(engine, SOURCE_DATABASE)
        load(engine, SOURCE_DATABASE, SCENARIO)
        (directory / "luigid").mkdir()
        # Runs follow within seconds here; luigid would take a task that another run has just done for a failed one.
        (directory / "luigid" / "luigi.cfg").write_text("[scheduler]\nstable_done_cooldown_secs = 0\n")
        luigid = stack.enter_context(Luigid(directory / "luigid"))
        api = stack.enter_context(BotApi(chats=(CHAT, SECOND_CHAT)))
        project = make_project(directory / "project", engine)
        project.environment |= {
            "FEEDPULSE_CLICKHOUSE_PASSWORD": ClickHouseServer.PASSWORD,
            "FEEDPULSE_TELEGRAM_TOKEN": TOKEN,
        }
        project.configure(
            warehouse={"user": "secret"},
            etl={"start": str(FIRST_DAY - timedelta(days=1))},
            report={"channels": "outbox,telegram"},
            alerts={"channels": "outbox,telegram", "catch_up_hours": "24"},
            telegram={"chats": f"{CHAT},{SECOND_CHAT}", "api_url": api.url},
        )
        del project.sections["core"]["log_level"]
        project.write_configuration()
        yield Week(project, server, luigid, api, disk)


def main() -> int:
    """Play the week and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.failures", description=__doc__)
    parser.add_argument("--first", type=int, default=0, metavar="HOUR", help="begin at this hour of the week")
    parser.add_argument("--hours", type=int, default=24 * DAYS)
    arguments = parser.parse_args()
    if shutil.which("mount") is None:
        print("the full disk needs `mount`", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="failures-") as directory, week_in(Path(directory)) as week:
        for now, line in play(week, arguments.first, arguments.hours):
            local = now.replace(tzinfo=UTC).astimezone(ZONE)
            print(f"{local:%a %d %H:%M}  {line}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
