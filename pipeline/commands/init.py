"""``feedpulse init``: writes the user's own configuration file."""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pipeline.commands.common import PROGRAM, WRONG_USAGE, new_parser
from pipeline.core import files, own_file
from pipeline.core.errors import SettingsError
from reporting.errors import ReportingError

SUMMARY = "write your own configuration file, feedpulse.cfg"
TITLE = "Settings of this feedpulse that differ from the defaults; luigi.cfg of the project has all of them."


@dataclass(frozen=True)
class Question:
    """What a newcomer must say: an option, and a question on a terminal."""

    option: str
    text: str
    default: str = ""
    """The answer if nothing is typed; shown."""
    flag: bool = False
    """Whether the option takes no value: the answer is yes or no."""

    several: bool = False
    """Whether the option may be repeated; an answer has commas."""

    @property
    def name(self) -> str:
        """The option's name in Python."""
        return self.option.replace("-", "_")


QUESTIONS = (
    Question("engine", "results go to: server (ClickHouse) or embedded (here)", "server"),
    Question("host", "host of the ClickHouse server that has the events", "localhost"),
    Question("secure", "it uses TLS", "no", flag=True),
    Question("port", "its native port: 9000, with TLS 9440"),
    Question("url", "its URL, if you reach it by HTTP instead: https://host:8443 (none: host and port)"),
    Question("user", "its user", "default"),
    Question("source-database", "database of the events", "default"),
    Question("database", "database of the results", "test"),
    Question("prefix", "begins your tables' names, if others share that database"),
    Question("timezone", "time zone of days and reports", "Europe/Moscow"),
    Question("start", "first day to load, 2026-11-01 (none: yesterday only)"),
    Question("chat", "a Telegram chat (none: messages become files)", several=True),
    Question("language", "language of messages: en or ru", "en"),
)

PLACES = {
    "source_database": ("source", "database"),
    "database": ("warehouse", "database"),
    "prefix": ("warehouse", "prefix"),
    "timezone": ("clock", "timezone"),
    "start": ("etl", "start"),
    "language": ("report", "language"),
    "chat": ("telegram", "chats"),
}
"""The setting of each option that is one setting."""


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    about = f"{SUMMARY} (or the file that LUIGI_CONFIG_PATH names); without options it asks"
    made = new_parser("init", about)
    made.usage = f"{PROGRAM} init [OPTIONS]"
    for question in QUESTIONS:
        if question.flag:
            made.add_argument(f"--{question.option}", action="store_const", const="yes", help=question.text)
        else:
            action = "append" if question.several else "store"
            made.add_argument(f"--{question.option}", metavar="X", action=action, help=question.text)
    made.add_argument("--force", action="store_true", help="replace the file if there is one")
    return made


def main(arguments: Sequence[str]) -> int:
    """Ask or take the options, check them, write the file and say what to do next."""
    options = vars(parser().parse_args(arguments))
    force = options.pop("force")
    path = files.own() or Path(files.OWN_FILE).absolute()
    if path.exists() and not force:
        raise SettingsError(f"{path} exists: edit it, or replace it with --force.")
    below = [file for file in files.found() if file != path]
    files.check_files(below)
    os.environ.pop("LUIGI_CONFIG_PATH", None)  # Luigi would read the file that is about to be replaced
    given = {name: ",".join([value] if isinstance(value, str) else value) for name, value in options.items() if value}
    if not given and not sys.stdin.isatty():
        print(f"{PROGRAM} init: no terminal to ask on: give options, at least --host or --engine", file=sys.stderr)
        return WRONG_USAGE
    given = given or _ask(path, below)
    text = _checked_text(given, below)
    try:
        own_file.write(path, text)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror}); name another file.") from error
    print(f"{path} is written.\n{_next_steps(given, path)}", end="")
    return 0


def values(given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the settings of what is given: results go to the server of the events, unless `engine` is embedded."""
    engine = given.get("engine", "server")
    protocol, names = ("http", ("url", "user")) if given.get("url") else ("server", ("host", "port", "user"))
    connection = {name: given[name] for name in names if given.get(name)}
    if _says_yes(given.get("secure", "")) and protocol == "server":
        connection = {"port": "9440", **connection, "secure": "true"}
    wanted: dict[str, dict[str, str]] = {"warehouse": {"engine": engine}, "source": {}, "telegram": {}}
    if engine == "server":
        wanted["warehouse"] |= {"engine": protocol, **connection}
    elif engine == "http":
        wanted["warehouse"] |= connection
    elif connection:
        wanted["source"] |= {"engine": protocol, **connection}
    for name, (section, setting) in PLACES.items():
        if given.get(name):
            wanted.setdefault(section, {})[setting] = given[name]
    if wanted["telegram"]:
        for section in ("report", "alerts"):
            wanted.setdefault(section, {})["channels"] = "telegram,outbox"
    return wanted


def _ask(path: Path, below: Sequence[Path]) -> dict[str, str]:
    """Ask every question; one whose answer is refused is asked again."""
    print(f"{path} will have your answers. Enter takes what is in brackets.")
    answers: dict[str, str] = {}
    for question in QUESTIONS:
        default = question.default
        if question.option == "port" and _says_yes(answers["secure"]):
            default = "9440"
        shown = f" [{default}]" if default else ""
        while True:
            try:
                answer = input(f"{question.text}{shown}: ").strip() or default
            except EOFError:
                raise SettingsError("the answers end early; nothing is written.") from None
            try:
                _checked_text(answers | {question.name: answer}, below)
            except (SettingsError, ReportingError) as error:
                print(f"  {error}")
                continue
            answers[question.name] = answer
            break
    return answers


def _checked_text(given: Mapping[str, str], below: Sequence[Path]) -> str:
    """Return the file's text; refuse what a command would refuse."""
    from luigi.configuration import LuigiConfigParser, get_config

    from pipeline.core import clock, process, settings
    from reporting import channels, texts
    from reporting.errors import SecretError

    wanted = own_file.differing(values(given), below)
    text = own_file.render(wanted, TITLE)
    config = cast(LuigiConfigParser, get_config())
    config.clear()
    config.read([*map(str, below)], encoding="utf-8")
    config.read_string(text)
    process.reset()
    settings.check()
    settings.load_start()
    clock.zone()
    texts.load(settings.ReportSettings().language)
    if "telegram" in wanted:
        with contextlib.suppress(SecretError):  # the token may come later
            channels.create("telegram", **settings.options("telegram"))
    return text


def _says_yes(answer: str) -> bool:
    if answer.lower() not in ("", "yes", "y", "no", "n"):
        raise SettingsError(f"{answer}: say yes or no.")
    return answer.lower().startswith("y")


def _next_steps(given: Mapping[str, str], path: Path) -> str:
    """Return what to do next: the secrets to set, which are in no file of ours, and the check."""
    secrets = []
    if given.get("engine", "server") != "embedded":
        secrets.append(("FEEDPULSE_CLICKHOUSE_PASSWORD", "the password of the user of ClickHouse"))
    elif given.get("host") or given.get("url"):
        secrets.append(("FEEDPULSE_SOURCE_PASSWORD", "the password of the user of ClickHouse"))
    if given.get("chat"):
        secrets.append(("FEEDPULSE_TELEGRAM_TOKEN", "the token of the bot, from @BotFather"))
    lines = [f"  export {name}=...  # {what}" for name, what in secrets]
    if path != Path(files.OWN_FILE).absolute():
        lines.append(f"  export LUIGI_CONFIG_PATH={shlex.quote(str(path))}")
    if lines:
        lines.insert(0, "Set in the environment; no secret belongs into the file:")
    return "\n".join([*lines, "Then run `feedpulse doctor`.", ""])
