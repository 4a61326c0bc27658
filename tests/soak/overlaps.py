"""``python -m tests.soak.overlaps --seed 1 --days 7``: alerts of a week with kills, slow answers and two machines.

Every day has an outage. The real commands check the slots around it with a strict Bot API: on two machines in the same
second, with `Presses` beside `Alerts`, killed at a random moment, with answers that are slow or lost. At the end each
incident must be one post in its final form with every press, and each of its replies must be there once.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from subprocess import Popen

from tqdm import tqdm

from pipeline.demo.load import create_tables, load
from pipeline.demo.scenario import LabelledIncident, Scenario
from pipeline.warehouse.engines import ServerEngine
from pipeline.warehouse.tables import DELIVERIES, INCIDENTS
from tests.process.project import SOURCE_DATABASE, Project, finish, make_project, moment
from tests.servers.bot_api import CHAT, TOKEN, BotApi, Sent, dropped, slow
from tests.servers.clickhouse import ClickHouseServer

SLOT = timedelta(minutes=15)
FIRST_DAY = date(2026, 11, 9)
HISTORY_DAYS = 8
BEGINS, ENDS = timedelta(hours=9), timedelta(hours=10)
"""The outage of each day, UTC."""
DISTURBED = (BEGINS + SLOT, BEGINS + 3 * SLOT, ENDS, ENDS + 2 * SLOT, ENDS + 4 * SLOT)
MACHINES = ("here", "there")


@dataclass
class Overlaps:
    """Runs that disturb each other.

    Parameters
    ----------
    project : Project
        Sends alerts to `api`; its warehouse is a server.
    api : BotApi
        The strict Bot API.
    dice : random.Random
        Decides what happens.
    """

    project: Project
    api: BotApi
    dice: random.Random
    kills: int = 0
    codes: list[int] = field(default_factory=list)
    pressed: list[tuple[int, str]] = field(default_factory=list)

    def disturbed(self, now: datetime) -> None:
        """Check a slot: after a kill, on one machine or two, perhaps with a press."""
        self.api.answer_next(*self.dice.sample([slow(2), slow(1), dropped()], self.dice.randint(0, 2)))
        if self.dice.random() < 0.4:
            self._kill(now)
        is_pressed = self._press(f"Person {len(self.pressed)}")
        self._run(now, MACHINES if self.dice.random() < 0.6 else MACHINES[:1], *(["Presses"] if is_pressed else []))

    def calm(self, now: datetime) -> None:
        """Check a slot without any trouble."""
        self._run(now, MACHINES[:1])
        self._run(now, (), "Presses")

    def differences(self) -> list[str]:
        """Return what is not as it should be on the chat."""
        database = self.project.database
        ((incidents,),) = self.project.warehouse.query(
            f"SELECT uniqExact(incident_id) FROM {database}.{INCIDENTS} WHERE notified = 1"
        )
        known = {
            int(number)
            for (number,) in self.project.warehouse.query(
                f"SELECT message_id FROM {database}.{DELIVERIES} FINAL WHERE state = 'sent'"
            )
        }
        posts = [sent for sent in self.api.sent if sent.reply_to is None]
        found = [f"exit code {code}" for code in self.codes if code]
        # A run that is killed between sending and recording repeats that one message, and nobody knows the first.
        if not incidents <= len(posts) <= incidents + self.kills:
            found.append(f"{len(posts)} posts of {incidents} incidents after {self.kills} kills")
        found += [f"post {post.id} is not final: {_title(post)}" for post in posts if post.id in known and post.buttons]
        texts = {post.id: post.text for post in posts if post.id in known}
        lost = [(post, person) for post, person in self.pressed if person not in texts.get(post, person)]
        found += [f"post {post} lacks the press of {person}" for post, person in lost]
        replies = Counter((sent.reply_to, _title(sent)) for sent in self.api.sent if sent.reply_to is not None)
        if sum(replies.values()) - len(replies) > self.kills:
            found.append(f"replies more than once: {[reply for reply, count in replies.items() if count > 1]}")
        ended = {post for post, title in replies if "ecovered" in title}
        found += [f"post {post} has no end" for post in texts if post not in ended]
        return found

    def _run(self, now: datetime, machines: Sequence[str], *roots: str) -> None:
        runs = [self._start("Alerts", machine, now) for machine in machines]
        runs += [self._start(root, "here", now) for root in roots]
        self.codes += [finish(run).code for run in runs]

    def _start(self, root: str, machine: str, now: datetime) -> "Popen[str]":
        locks = str(self.project.directory / machine)
        return self.project.start_task(root, *moment(now), "--no-lock", "--delivery-lock-path", locks)

    def _kill(self, now: datetime) -> None:
        run = self._start("Alerts", self.dice.choice(MACHINES), now)
        time.sleep(self.dice.uniform(1, 5))
        run.kill()
        run.communicate()
        self.kills += 1

    def _press(self, person: str) -> bool:
        """Acknowledge an open post, perhaps."""
        open_posts = [sent for sent in self.api.sent if sent.buttons]
        if not open_posts or self.dice.random() < 0.3:
            return False
        post = open_posts[-1]
        self.api.press(post.id, post.buttons[0][0][1], first_name=person, id=len(self.pressed) + 1)
        self.pressed.append((post.id, person))
        return True


def _title(sent: Sent) -> str:
    return sent.text.splitlines()[0]


def play(overlaps: Overlaps, day: date, disturbed: Sequence[timedelta] = DISTURBED) -> None:
    """Check the slots around the outage of a day, and two calm ones at the end."""
    midnight = datetime.combine(day, datetime.min.time())
    overlaps.calm(midnight + BEGINS - SLOT)
    for offset in disturbed:
        overlaps.disturbed(midnight + offset)
    for offset in (ENDS + 5 * SLOT, ENDS + 6 * SLOT):
        overlaps.calm(midnight + offset)


def _scenario(days: int) -> Scenario:
    begins = [datetime.combine(FIRST_DAY + timedelta(days=day), datetime.min.time(), UTC) for day in range(days)]
    outages = [LabelledIncident("outage", day + BEGINS, day + ENDS, "messages", size=-1.0) for day in begins]
    return Scenario(
        first_day=FIRST_DAY - timedelta(days=HISTORY_DAYS),
        days=HISTORY_DAYS + days,
        users=400,
        views_per_day=8_000,
        messages_per_day=6_000,
        incidents=tuple(outages),
    )


def configure(project: Project, api: BotApi) -> None:
    """Let a project send its alerts to the Bot API."""
    project.environment["FEEDPULSE_TELEGRAM_TOKEN"] = TOKEN
    project.configure(
        alerts={"channels": "telegram", "metrics": "messages_sent,messenger_users"},
        telegram={"chats": CHAT, "api_url": api.url},
    )


def main() -> int:
    """Play the week; return 1 if the chat is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.overlaps", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=7)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="overlaps-") as directory,
        ClickHouseServer(Path(directory) / "server") as server,
        BotApi() as api,
    ):
        engine = ServerEngine(host=server.host, port=server.port)
        create_tables(engine, SOURCE_DATABASE)
        load(engine, SOURCE_DATABASE, _scenario(arguments.days))
        project = make_project(Path(directory) / "project", engine)
        configure(project, api)
        overlaps = Overlaps(project, api, random.Random(arguments.seed))  # noqa: S311  not a secret
        for day in tqdm(range(arguments.days), unit="day", disable=None):
            play(overlaps, FIRST_DAY + timedelta(days=day))
        found = overlaps.differences()
    print("\n".join(found) or f"{arguments.days} days, {overlaps.kills} kills: the chat is as it should be")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
