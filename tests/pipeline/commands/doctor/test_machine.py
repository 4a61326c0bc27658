"""What the doctor says of the configuration, directories, disks, clocks and the scheduler."""

import http.server
import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
import warnings
from collections import namedtuple
from pathlib import Path

import pytest

import pipeline
from pipeline.commands.main import main
from tests.documents import ROOT
from tests.pipeline.commands.doctor.place import Place
from tests.process.luigid import Luigid
from tests.process.mistakes import below_a_file
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.ports import free_ports


def test_where_a_setting_comes_from(on_server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = on_server.directory
    (folder / "luigi.cfg").write_text(
        "[report]\nlanguage = ru\n[etl]\nstart = 2020-01-01\n[warehouse]\npassword = s3cret\n"
    )
    on_server.sections["calendar"] = {"release": "2026-11-20T02:00/2026-11-20T04:00 maintenance"}
    _, out = on_server.run()
    assert "[report] language = ru  (luigi.cfg)" in out
    assert "[etl] start = 2026-11-01  (feedpulse.cfg)" in out
    assert "2020-01-01" not in out
    assert "[calendar] release = " in out
    assert "\nok    settings that differ from the defaults:\n" in out
    order = " ".join(out.partition("settings that differ")[0].split())
    assert f"--section-key on the command line; {folder}/feedpulse.cfg; {folder}/luigi.cfg; the default" in order


def test_which_copy_runs(on_server: Place) -> None:
    _, out = on_server.run()
    assert out.startswith(f"ok    feedpulse {pipeline.__version__} in {ROOT}, Python {sys.version.split()[0]}\n")
    other = on_server.directory / "pipeline" / "commands"
    other.mkdir(parents=True)
    (found,) = on_server.notes()
    assert f"the working directory holds another copy, which does not run: {on_server.directory}" in found
    assert "pip install -e ." in found


def test_a_file_that_is_shadowed(on_server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    other = on_server.directory / "other.cfg"
    on_server.run()
    (on_server.directory / "feedpulse.cfg").rename(other)
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(other))
    (found,) = on_server.notes()
    assert f"{on_server.directory}/feedpulse.cfg is not read: LUIGI_CONFIG_PATH names another file" in found


def test_a_secret_in_a_file_is_not_shown(on_server: Place) -> None:
    on_server.sections["warehouse"]["password"] = "s3cret"
    code, out = on_server.run()
    assert (code, "s3cret" in out) == (1, False)
    assert "unknown setting password" in out


@pytest.mark.parametrize("url", ["https://anna:s3cret@ch", "https://ch?password=s3cret", "anna:s3cret@ch"])
def test_a_secret_in_a_url_is_not_shown(on_server: Place, url: str) -> None:
    on_server.sections["warehouse"] |= {"engine": "http", "url": url}
    code, out = on_server.run()
    assert (code, "s3cret" in out) == (1, False)
    assert "[warehouse] url" in out


def test_the_password_of_a_url_is_named(on_server: Place, clickhouse_server: ClickHouseServer) -> None:
    on_server.sections["warehouse"] = {"engine": "http", "url": f"http://127.0.0.1:{clickhouse_server.http_port}"}
    _, out = on_server.run()
    assert "secrets: FEEDPULSE_CLICKHOUSE_PASSWORD is not set" in out


def test_secrets_are_named_and_not_shown(on_server: Place) -> None:
    on_server.environment |= {"FEEDPULSE_CLICKHOUSE_PASSWORD": ""}
    _, out = on_server.run()
    assert "secrets: FEEDPULSE_CLICKHOUSE_PASSWORD is not set" in out
    on_server.environment |= {"FEEDPULSE_CLICKHOUSE_PASWORD": "hush-1", "FEEDPULSE_SOURCE_PASSWORD": "hush-2 "}
    misspelt, space = on_server.notes()
    assert "Did you mean FEEDPULSE_CLICKHOUSE_PASSWORD?" in misspelt
    assert "FEEDPULSE_SOURCE_PASSWORD begins or ends with white space" in space


@pytest.mark.parametrize(
    ("section", "settings", "says"),
    [
        ("alerts", {"detectr": "iqr"}, "[alerts]: unknown setting detectr"),
        ("alerts", {"detector": "prophet"}, "prophet"),
        ("alerts", {"quiet_hours": "late"}, "quiet_hours"),
        ("clock", {"timezone": "Moscow"}, "[clock] timezone = Moscow: no such time zone"),
        ("report", {"channels": "mail"}, "channel 'mail' is unknown"),
        ("report", {"metrics": "clicks"}, "unknown metric clicks"),
        ("calendar", {"sale": "tomorrow"}, "sale"),
        ("etl", {"start": "2099-01-01"}, "[etl] start = 2099-01-01 is in the future"),
        ("warehouse", {"port": "http"}, "[warehouse] port has a value that cannot be read"),
        ("telegramm", {"chats": "1"}, "did you mean [telegram]?"),
    ],
)
def test_a_setting_that_is_wrong(on_server: Place, section: str, settings: dict[str, str], says: str) -> None:
    on_server.sections.setdefault(section, {}).update(settings)
    code, out = on_server.run()
    assert (code, says in out) == (1, True), out


def test_no_file_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUIGI_CONFIG_PATH", "")
    assert main(["doctor"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert f"WRONG {tmp_path} has no feedpulse.cfg and no luigi.cfg" in out
    assert "make one with `feedpulse init`" in out


@pytest.mark.parametrize("content", ["\ufeff[alerts]\n", '[alerts]\nlinks = ["a%20b"]\n', "[alerts]\n[alerts]\n"])
def test_a_file_that_luigi_would_answer_with_a_traceback(tmp_path: Path, content: str) -> None:
    (tmp_path / "luigi.cfg").write_text(content, encoding="utf-8")
    program = (
        "import sys; sys.argv[0] = 'feedpulse'; from pipeline.commands.main import main; sys.exit(main(['doctor']))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4]), "LUIGI_CONFIG_PATH": ""}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"WRONG {tmp_path}/luigi.cfg")


def test_what_is_worth_knowing_of_settings(on_server: Place) -> None:
    on_server.sections["etl"]["start"] = ""
    on_server.sections["clock"] = {"now": "2026-11-12T09:30"}
    _, out = on_server.run()
    assert "[clock] now = 2026-11-12T09:30: time stands still" in out
    assert "[etl] start is empty: only yesterday is loaded" in out


@pytest.mark.parametrize(
    ("section", "setting"), [("delivery", "lock_path"), ("outbox", "path"), ("core", "lock_pid_dir")]
)
def test_a_directory_that_cannot_be_written(on_server: Place, tmp_path: Path, section: str, setting: str) -> None:
    on_server.sections.setdefault(section, {})[setting] = str(below_a_file(tmp_path))
    found = on_server.wrong()
    assert f"{tmp_path}/file is not a directory" in found
    assert f"[{section}]" in found


# Emulated: the tests may run as root, who may write anywhere.
@pytest.mark.parametrize(("section", "setting"), [("delivery", "lock_path"), ("outbox", "path")])
def test_a_directory_of_somebody_else(
    on_server: Place, monkeypatch: pytest.MonkeyPatch, section: str, setting: str
) -> None:
    theirs = on_server.directory / "theirs"
    theirs.mkdir()
    on_server.sections.setdefault(section, {})[setting] = str(theirs / "mine")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != theirs and access(path, mode))
    assert f"this user may not write into {theirs}" in on_server.wrong()


def test_a_lock_directory_that_others_may_write(on_server: Place, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "notes.txt").touch()
    shared.chmod(0o777)
    on_server.sections["delivery"] = {"lock_path": str(shared)}
    code, out = on_server.run()
    assert code == 1
    assert f"chmod go-w {shared}" in " ".join(out.split())


def test_a_disk_that_is_full(on_server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    for free, level in ((50 * 2**20, "WRONG"), (2**30, "note"), (5 * 2**30, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage(2**40, 0, free))
        code, out = on_server.run()
        assert (code == 1) == (level == "WRONG")
        assert any(line.startswith(f"{level:<6}free disk space") for line in out.splitlines()), out


def test_clocks_that_differ(on_server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 90)
    (found,) = on_server.notes()
    assert re.search(r"differs from this machine's by (89|90|91) s", found)
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    assert re.search(r"by (3599|3600) s", on_server.wrong())


def test_luigid(on_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Luigid(tmp_path) as scheduler:
        core = {
            "scheduler_host": "127.0.0.1",
            "scheduler_port": str(scheduler.port),
            "lock_pid_dir": str(tmp_path / "p"),
        }
        on_server.sections["core"] = core
        code, out = on_server.run()
        assert (code, f"luigid answers at http://127.0.0.1:{scheduler.port}" in out) == (0, True), out
        core["scheduler_url"] = f"http://somebody:private@127.0.0.1:{scheduler.port}"
        code, out = on_server.run()
        assert (code, f"luigid answers at http://127.0.0.1:{scheduler.port}" in out) == (0, True), out
        assert "private" not in out
    found = on_server.wrong()
    assert "Connection refused" in found
    assert "--local-scheduler" in found
    assert "private" not in found
    del core["scheduler_host"], core["scheduler_port"], core["scheduler_url"]
    monkeypatch.setenv("http_proxy", "")
    code, out = on_server.run()
    assert code == 0, out


def test_luigid_at_a_unix_socket(on_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    url = "http+unix://.%2Fluigid.sock"
    on_server.sections["core"] = {"scheduler_url": url.replace("%", "%%"), "lock_pid_dir": str(tmp_path / "pids")}
    assert f"no luigid at {url}: No such file" in on_server.wrong()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("luigid.sock")
        server.listen()
        code, out = on_server.run()
    assert (code, f"luigid answers at {url}" in out) == (0, True), out


def test_a_port_that_does_not_speak_http_is_not_luigids(on_server: Place, tmp_path: Path) -> None:
    class Ssh(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.request.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Ssh) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        on_server.sections["core"] = {"scheduler_url": url, "lock_pid_dir": str(tmp_path / "pids")}
        assert f"no luigid at {url}: something else answers" in on_server.wrong()
        server.shutdown()


def test_something_else_than_luigid(on_server: Place, tmp_path: Path) -> None:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        on_server.sections["core"] = {"scheduler_url": url, "lock_pid_dir": str(tmp_path / "pids")}
        assert "something else answers (HTTP 404)" in on_server.wrong()
        server.shutdown()


def test_luigid_by_the_former_name_of_its_setting(
    on_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    on_server.sections["core"] = {"default_scheduler_url": url, "lock_pid_dir": str(tmp_path / "pids")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "correct [core] default_scheduler_url" in on_server.wrong()


@pytest.mark.parametrize("name", ["feedpulse.cfg.txt", "feedpulse.cfg.cfg", "feedpulse.txt"])
def test_a_file_whose_ending_windows_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    (tmp_path / name).touch()
    assert main(["doctor"]) == 1
    assert f"{name} is there: rename it to feedpulse.cfg." in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("section", "settings", "says"),
    [
        ("warehouse", {"password": "hunter2"}, "set FEEDPULSE_CLICKHOUSE_PASSWORD in the environment"),
        ("source", {"password": "hunter2"}, "set FEEDPULSE_SOURCE_PASSWORD in the environment"),
        ("warehouse", {"port": "9000  # native"}, "A comment must be on a line of its own."),
        ("source", {"database": "events  ; of November"}, "A comment must be on a line of its own."),
        ("source", {"database": '"events"'}, "Write the value without quotes."),
        ("alerts", {"history_days": "'28'"}, "Write the value without quotes."),
        ("warehouse", {"engine": "http", "url": '"http://ch:8123"'}, "Write the value without quotes."),
    ],
)
def test_habits_of_other_files(on_server: Place, section: str, settings: dict[str, str], says: str) -> None:
    on_server.sections.setdefault(section, {}).update(settings)
    assert says in (found := on_server.wrong())
    assert "hunter2" not in found
