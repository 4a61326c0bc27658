"""Every command of the README is read by the program that it names, and a shell understands every line."""

import importlib.util
import re
import subprocess
from argparse import ArgumentParser
from collections.abc import Sequence

import pytest
from luigi.cmdline_parser import CmdlineParser

import detectors.__main__
import pipeline.__main__
from tests.pipeline.configuration import configured
from tests.readme import Command, blocks, commands, crontab

PARSERS = {"detectors": detectors.__main__._parser, "pipeline": pipeline.__main__._parser}
COMMANDS, CRONTAB = commands(), crontab()


def test_the_readme_has_commands_of_every_sort() -> None:
    assert {"luigi", "pipeline", "detectors"} <= {command.program for command in COMMANDS}
    assert CRONTAB


# Luigi's Range tasks warn of a parameter of their own.
@pytest.mark.filterwarnings("ignore:Parameter .param_name. with value .None.:UserWarning")
@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_is_understood(command: Command) -> None:
    if command.program == "luigi":
        with configured(), CmdlineParser.global_instance(list(command.arguments)) as parser:
            parser.get_task_obj()
    elif command.program in PARSERS:
        assert exit_code(PARSERS[command.program](), command.arguments) == 0
    else:
        assert importlib.util.find_spec(command.program) is not None


def exit_code(parser: ArgumentParser, arguments: Sequence[str]) -> object:
    """What argparse ends with: 0 also where the arguments ask for help."""
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
    # Cron ends a command at a per cent sign, and reads none over two lines.
    assert not re.search(r"(?<!\\)%", command)
    assert not command.endswith("\\")
