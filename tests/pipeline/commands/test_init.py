"""`feedpulse init`: the file that it writes, and what it refuses."""

import configparser
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.commands import init
from pipeline.commands.main import main
from pipeline.core import files, own_file, settings
from tests.patience import HANGS_SECONDS
from tests.pipeline.configuration import configured

ROOT = Path(__file__).parents[3]
SECRET = "hush-1234"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUIGI_CONFIG_PATH", "")
    for name in ("FEEDPULSE_CLICKHOUSE_PASSWORD", "FEEDPULSE_SOURCE_PASSWORD"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.delenv("FEEDPULSE_TELEGRAM_TOKEN", raising=False)
    with configured():
        yield tmp_path


def written(path: Path) -> dict[str, dict[str, str]]:
    """The settings of a file, which a command accepts."""
    files.check_files([path])
    parser = configparser.ConfigParser()
    parser.read(path, encoding="utf-8")
    sections = {name: dict(parser[name]) for name in parser.sections()}
    raw = {name: dict(parser.items(name, raw=True)) for name in parser.sections()}
    with configured(**raw):
        settings.check()
    return sections


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--host", "localhost"], {"warehouse": {"engine": "server"}}),
        (["--host", "ch.example"], {"warehouse": {"engine": "server", "host": "ch.example"}}),
        (
            ["--host", "ch.example", "--secure"],
            {"warehouse": {"engine": "server", "host": "ch.example", "port": "9440", "secure": "true"}},
        ),
        (
            ["--secure", "--port", "19440"],
            {"warehouse": {"engine": "server", "port": "19440", "secure": "true"}},
        ),
        (
            ["--engine", "embedded", "--host", "ch.example", "--user", "50%"],
            {"source": {"engine": "server", "host": "ch.example", "user": "50%"}},
        ),
        (
            ["--url", "https://ch.example:8443/ch", "--user", "anna", "--host", "ignored"],
            {"warehouse": {"engine": "http", "url": "https://ch.example:8443/ch", "user": "anna"}},
        ),
        (["--engine", "http", "--url", "http://ch"], {"warehouse": {"engine": "http", "url": "http://ch"}}),
        (
            ["--engine", "embedded", "--url", "https://ch/a%20b"],
            {"source": {"engine": "http", "url": "https://ch/a%20b"}},
        ),
        (["--engine", "embedded", "--source-database", "sim"], {"source": {"database": "sim"}}),
        (
            ["--chat", "-100123", "--chat", "@news", "--language", "ru"],
            {
                "warehouse": {"engine": "server"},
                "report": {"language": "ru", "channels": "telegram,outbox"},
                "alerts": {"channels": "telegram,outbox"},
                "telegram": {"chats": "-100123,@news"},
            },
        ),
        (
            ["--timezone", "UTC", "--start", "2026-11-01", "--database", "mine", "--prefix", "anna_"],
            {
                "clock": {"timezone": "UTC"},
                "warehouse": {"engine": "server", "database": "mine", "prefix": "anna_"},
                "etl": {"start": "2026-11-01"},
            },
        ),
    ],
)
def test_only_what_differs_is_written(directory: Path, options: list[str], expected: dict[str, dict[str, str]]) -> None:
    assert main(["init", *options]) == 0
    assert written(directory / "feedpulse.cfg") == expected
    assert os.listdir(directory) == ["feedpulse.cfg"]


def test_every_setting_has_its_comment(directory: Path) -> None:
    everything = ["--host", "h", "--user", "u", "--secure", "--source-database", "s", "--database", "d", "--chat", "1"]
    everything += ["--timezone", "UTC", "--start", "2026-11-01", "--language", "ru", "--prefix", "p_"]
    for engine in ("server", "embedded"):
        assert main(["init", "--force", "--engine", engine, *everything]) == 0
        lines = (directory / "feedpulse.cfg").read_text(encoding="utf-8").splitlines()
        for before, line in zip(lines, lines[1:], strict=False):
            assert before.startswith("#") or not line or line[0] in "#[", line
        shipped = (ROOT / "luigi.cfg").read_text(encoding="utf-8").splitlines()
        assert {line for line in lines[1:] if line.startswith("#")} <= set(shipped)


def test_a_value_of_another_file_is_overridden(directory: Path) -> None:
    (directory / "luigi.cfg").write_text("[warehouse]\nengine = server\nhost = theirs\n[clock]\ntimezone = UTC\n")
    assert main(["init", "--host", "localhost", "--timezone", "Europe/Moscow"]) == 0
    expected = {"warehouse": {"host": "localhost"}, "clock": {"timezone": "Europe/Moscow"}}
    assert written(directory / "feedpulse.cfg") == expected


def test_it_never_overwrites_unasked(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = directory / "feedpulse.cfg"
    file.write_text("[clock]\n# mine\n")
    assert main(["init", "--host", "ch"]) == 1
    assert file.read_text() == "[clock]\n# mine\n"
    assert f"{file} exists: edit it, or replace it with --force." in capsys.readouterr().err
    file.write_text("\ufeffnot a file that can be read\n")
    assert main(["init", "--host", "ch", "--force"]) == 0
    assert written(file)["warehouse"]["host"] == "ch"


def test_it_writes_the_file_that_the_environment_names(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LUIGI_CONFIG_PATH", "my own.cfg")
    assert main(["init", "--host", "ch"]) == 0
    assert os.listdir(directory) == ["my own.cfg"]
    assert f"export LUIGI_CONFIG_PATH='{directory}/my own.cfg'" in capsys.readouterr().out
    monkeypatch.setenv("LUIGI_CONFIG_PATH", "absent/feedpulse.cfg")
    assert main(["init", "--host", "ch"]) == 1
    assert "absent/feedpulse.cfg: cannot be written (No such file or directory)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "secrets"),
    [
        (["--host", "ch"], ["FEEDPULSE_CLICKHOUSE_PASSWORD"]),
        (["--engine", "embedded", "--host", "ch"], ["FEEDPULSE_SOURCE_PASSWORD"]),
        (["--engine", "embedded", "--url", "http://ch"], ["FEEDPULSE_SOURCE_PASSWORD"]),
        (["--url", "http://ch"], ["FEEDPULSE_CLICKHOUSE_PASSWORD"]),
        (["--engine", "embedded"], []),
        (["--host", "ch", "--chat", "1"], ["FEEDPULSE_CLICKHOUSE_PASSWORD", "FEEDPULSE_TELEGRAM_TOKEN"]),
    ],
)
def test_secrets_are_named_and_never_written(
    directory: Path, options: list[str], secrets: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *options]) == 0
    out = capsys.readouterr().out
    assert [line.split("=")[0].split()[1] for line in out.splitlines() if "export" in line] == secrets
    assert SECRET not in out + (directory / "feedpulse.cfg").read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--host", "https://ch:8443"], "[warehouse] host = https://ch:8443: give the name alone, host = ch."),
        (["--engine", "oracle"], "engine = oracle: use embedded, server or http"),
        (["--url", "https://anna:word@ch"], "[warehouse] url has a user or a password: set `user`, and FEEDPULSE_"),
        (["--engine", "http"], "[warehouse] url is empty: engine = http needs it"),
        (["--port", "http"], "[warehouse] port has a value that cannot be read"),
        (["--timezone", "Moscow"], "[clock] timezone = Moscow: no such time zone"),
        (["--start", "yesterday"], "[etl] start = yesterday: not a day"),
        (["--language", "de"], "language 'de' is unknown; choose one of: en, ru"),
        (["--chat", "my chat"], "chat 'my chat' is neither a number nor an @name"),
        (["--database", "2-tests"], "[warehouse] database = '2-tests': a name must have"),
        (["--user", "a\nb"], "[warehouse] user = 'a\\nb': a value is one line"),
    ],
)
def test_what_a_command_would_refuse_is_not_written(
    directory: Path, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *options]) == 1
    assert says in capsys.readouterr().err
    assert os.listdir(directory) == []


def test_without_a_terminal_it_needs_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 2
    assert "give options, at least --host or --engine" in capsys.readouterr().err


def on_a_terminal(directory: Path, answers: list[str]) -> tuple[int, str]:
    """Answer the questions on a terminal; return the exit code and what is on the screen."""
    ours, theirs = pty.openpty()
    program = "import sys; sys.argv[0] = 'feedpulse'; from pipeline.commands.main import main; sys.exit(main(['init']))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the terminal's other end is closed
        pass
    os.close(ours)
    return process.wait(HANGS_SECONDS), shown.decode()


def test_on_a_terminal_it_asks(directory: Path) -> None:
    answers = {question.name: "" for question in init.QUESTIONS}
    assert list(answers)[2:4] == ["secure", "port"]
    answers |= {"host": "ch.example", "secure": "maybe\nyes", "source_database": "sim", "language": "xx\nru"}
    code, shown = on_a_terminal(directory, list(answers.values()))
    assert code == 0, shown
    assert "maybe: say yes or no." in shown
    assert "choose one of: en, ru" in shown
    assert "with TLS 9440 [9440]:" in shown
    assert written(directory / "feedpulse.cfg") == {
        "warehouse": {"engine": "server", "host": "ch.example", "port": "9440", "secure": "true"},
        "source": {"database": "sim"},
        "report": {"language": "ru"},
    }


def test_answers_that_end_early_write_nothing(directory: Path) -> None:
    code, shown = on_a_terminal(directory, ["", "ch.example", "\x04"])
    assert code == 1, shown
    assert "the answers end early; nothing is written." in shown
    assert os.listdir(directory) == []


def test_every_line_of_luigi_cfg_is_read() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "luigi.cfg", encoding="utf-8")
    expected = {(name, key): parser[name][key] for name in parser.sections() for key in parser[name]}
    assert {key: setting.default for key, setting in own_file.shipped().items()} == expected
