"""The named program accepts every command of the documents, and a shell parses every line."""

import importlib.util
import re
import subprocess
from argparse import ArgumentParser
from collections.abc import Sequence

import pytest
from luigi.cmdline_parser import CmdlineParser

import detectors.__main__
from pipeline.commands.main import COMMANDS as OURS
from tests.documents import Command, blocks, commands, crontab, mentions
from tests.pipeline.configuration import configured

COMMANDS, CRONTAB = commands(), crontab()


def test_there_are_commands_of_every_sort() -> None:
    assert {command.arguments[0] for command in COMMANDS if command.program == "feedpulse"} == set(OURS)
    assert {"run", "query", "replay"} <= set(OURS)
    assert CRONTAB


# Luigi's Range tasks warn of a parameter of their own.
@pytest.mark.filterwarnings("ignore:Parameter .param_name. with value .None.:UserWarning")
@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_is_understood(command: Command) -> None:
    understand(command)


@pytest.mark.parametrize("name", sorted(mentions()))
def test_a_command_that_is_only_named_exists(name: str) -> None:
    assert name in OURS or name == "--version" or importlib.util.find_spec(name) is not None


def understand(command: Command) -> None:
    """Have the named program parse a command."""
    if command.program not in ("feedpulse", "detectors"):
        assert importlib.util.find_spec(command.program) is not None
        return
    name, *arguments = command.arguments if command.program == "feedpulse" else ("detectors", *command.arguments)
    if name == "run":
        with configured(), CmdlineParser.global_instance(["--module", "pipeline", *arguments]) as parser:
            parser.get_task_obj()
    else:
        parse = detectors.__main__.parser() if name == "detectors" else OURS[name].parser()
        assert exit_code(parse, arguments) == 0


def exit_code(parser: ArgumentParser, arguments: Sequence[str]) -> object:
    """Return argparse's exit code: 0 also for a request for help."""
    try:
        parser.parse_args(arguments)
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.parametrize("text", [*CRONTAB, *blocks("sh")])
def test_a_shell_understands_it(text: str) -> None:
    read = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("command", CRONTAB)
def test_cron_hands_a_line_on_whole(command: str) -> None:
    # Cron ends a command at a percent sign, and a command cannot span two lines.
    assert not re.search(r"(?<!\\)%", command)
    assert not command.endswith("\\")
