"""A run that fails or is refused says so in the channels: once while the cause stays, and again when it works."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.core import clock
from pipeline.warehouse.engines import ServerEngine
from pipeline.warehouse.tables import TABLE_UPDATES
from tests.process.conftest import MakeProject
from tests.process.project import OUTAGE_START, finish, load_events, make_project, moment
from tests.process.saying import COMMANDS, assert_readable, outcomes, run, said, supervised_here, titles
from tests.servers.bot_api import CHAT, TOKEN, BotApi
from tests.servers.clickhouse import ClickHouseServer

LOCALLY = "--local-scheduler"
QUIET = OUTAGE_START


@pytest.mark.parametrize("command", COMMANDS)
def test_a_rotated_password(
    new_project: MakeProject, clickhouse_server: ClickHouseServer, command: Sequence[str]
) -> None:
    project = new_project("server")
    project.configure(warehouse={"user": "secret"})
    right = {"FEEDPULSE_CLICKHOUSE_PASSWORD": clickhouse_server.PASSWORD}
    project.environment.update(right)
    now = QUIET - 4 * clock.SLOT
    assert run(project, command, "Alerts", LOCALLY, *moment(now)).code == 0

    project.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = "wrong-and-private"
    for root, later, workers in (("Alerts", 1, "1"), ("Alerts", 2, "2"), ("Morning", 2, "1")):
        finished = run(project, command, root, LOCALLY, "--workers", workers, *moment(now + later * clock.SLOT))
        assert finished.code == 35, finished.log
        assert_readable(finished, 2)
        assert "wrong-and-private" not in finished.log
    ((title, cause),) = said(project)
    assert title == "feedpulse: Alerts cannot start"
    assert "FEEDPULSE_CLICKHOUSE_PASSWORD" in cause
    assert "wrong-and-private" not in cause

    project.environment.update(right)
    finished = run(project, command, "Alerts", LOCALLY, *moment(now + 3 * clock.SLOT))
    assert finished.code == 0, finished.log
    assert titles(project)[1:] == ["Alerts works again, 2 slots were checked late"]
    assert outcomes(project) == [("Alerts", "not scheduled")] * 2 + [("Alerts", "ok")] * 2 + [
        ("Morning", "not scheduled")
    ]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouseServer]:
    """A server with events, which the test kills."""
    with ClickHouseServer(tmp_path / "server") as server:
        load_events(ServerEngine(host=server.host, port=server.port))
        yield server


@pytest.mark.parametrize(
    ("root", "workers"),
    [
        ("Morning", "1"),
        pytest.param("Morning", "2", marks=pytest.mark.long),
        pytest.param("Alerts", "1", marks=pytest.mark.long),
    ],
)
def test_a_server_that_dies_fails_the_task(server: ClickHouseServer, tmp_path: Path, root: str, workers: str) -> None:
    project = make_project(tmp_path / "project", ServerEngine(host=server.host, port=server.port))
    process = project.start("feedpulse", "run", root, LOCALLY, "--workers", workers, "--log-level", "WARNING")
    while not project.rows(TABLE_UPDATES) and process.poll() is None:
        time.sleep(0.01)
    server.kill()
    finished = finish(process)
    assert finished.code == 30, finished.log
    assert "Traceback" not in finished.log
    ((title, cause),) = said(project)
    assert title == f"feedpulse: {root} failed"
    assert str(server.port) in cause

    server.start()
    again = run(project, ("feedpulse", "run"), root, LOCALLY)
    assert again.code == 0, again.log
    (works,) = titles(project)[1:]
    assert works.startswith(f"{root} works again")
    assert outcomes(project) == [(root, "failed"), (root, "ok")]


def test_a_quota_that_is_used_up_fails_the_task(tmp_path: Path) -> None:
    server = ClickHouseServer(tmp_path / "server")
    users = server.directory / "users.xml"
    quota = "<interval><duration>86400</duration><queries>{}</queries></interval>"
    text = users.read_text()
    with server:
        load_events(ServerEngine(host=server.host, port=server.port))
    users.write_text(text.replace("<quotas><default></default>", f"<quotas><default>{quota.format(100)}</default>"))
    with server:
        project = make_project(tmp_path / "project", ServerEngine(host=server.host, port=server.port))
        finished = run(project, ("feedpulse", "run"), "Morning", LOCALLY)
        assert finished.code == 30, finished.log
        assert "Traceback" not in finished.log
        ((title, cause),) = said(project)
        assert title == "feedpulse: Morning failed"
        assert "quota" in cause


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"alerts": {"channel": "telegram"}}, "unknown setting channel"),
        ({"alert": {"channels": "telegram"}}, "did you mean [alerts]?"),
    ],
)
def test_a_misspelt_setting_is_told(
    new_project: MakeProject, command: Sequence[str], settings: dict[str, dict[str, str]], says: str
) -> None:
    project = new_project("embedded").with_settings(**settings)
    for _ in range(2):
        finished = run(project, command, "Alerts", LOCALLY)
        assert finished.code == 35, finished.log
        assert_readable(finished, 2)
    ((title, cause),) = said(project)
    assert title == "feedpulse: Alerts cannot start"
    assert says in cause


def test_a_run_that_hangs_and_is_stopped(server: ClickHouseServer, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", ServerEngine(host=server.host, port=server.port))
    process = project.start("feedpulse", "run", "Daily", LOCALLY, "--log-level", "WARNING")
    while not project.rows(TABLE_UPDATES) and process.poll() is None:
        time.sleep(0.01)
    server.pause()
    process.terminate()
    finished = finish(process)
    server.resume()
    assert finished.code == -signal.SIGTERM
    assert_readable(finished, 1)
    assert said(project) == [
        ("feedpulse: Daily failed", "stopped by a signal, such as that of `timeout`, before it had ended")
    ]
    again = run(project, ("feedpulse", "run"), "Daily", LOCALLY)
    assert again.code == 0, again.log
    assert titles(project)[1:] == ["Daily works again"]
    assert outcomes(project) == [("Daily", "failed"), ("Daily", "ok")]


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


def test_a_bot_that_was_thrown_out_is_told_in_the_other_channel(new_project: MakeProject, api: BotApi) -> None:
    project = new_project("embedded")
    project.environment["FEEDPULSE_TELEGRAM_TOKEN"] = TOKEN
    project.configure(report={"channels": "telegram,outbox"}, telegram={"chats": CHAT, "api_url": api.url})
    api.chats.clear()
    for _ in range(2):
        finished = supervised_here(project, "Morning")
        assert finished.code == 30, finished.log
    ((title, cause),) = said(project)
    assert title == "feedpulse: Morning failed"
    assert CHAT in cause
    assert "Add the bot to the chat" in cause
    api.chats.append(CHAT)
    assert supervised_here(project, "Morning").code == 0
    assert titles(project)[1:] == ["Morning works again"]
    assert len(api.sent) == 1  # the report; what the others were told of it is no news to the chat


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system needs the right to mount one")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_once_in_the_chat(new_project: MakeProject, api: BotApi, small_disk: Path) -> None:
    project = new_project("embedded")
    project.environment["FEEDPULSE_TELEGRAM_TOKEN"] = TOKEN
    project.configure(
        report={"channels": "outbox,telegram"},
        telegram={"chats": CHAT, "api_url": api.url},
        outbox={"path": str(small_disk / "outbox")},
        delivery={"lock_path": str(small_disk / "locks")},
    )
    assert supervised_here(project, "Daily").code == 0
    with contextlib.suppress(OSError), (small_disk / "fill").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    for _ in range(3):
        finished = supervised_here(project, "Morning")
        assert finished.code == 30, finished.log
    report, told = api.sent
    assert report.photo is not None
    assert told.text.startswith("feedpulse: Morning failed\noutbox: cannot write")
    assert "No space left" in told.text
    (small_disk / "fill").unlink()
    assert supervised_here(project, "Morning").code == 0
    assert [sent.text for sent in api.sent[2:]] == ["feedpulse: Morning works again"]
