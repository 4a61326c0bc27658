"""``feedpulse COMMAND``: finds the command, runs it and turns errors into a line and an exit code."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from pipeline import __version__
from pipeline.commands import (
    adopt,
    compare,
    demo,
    detectors,
    doctor,
    init,
    mute,
    query,
    replay,
    report,
    run,
    status,
    tune,
    verify,
)
from pipeline.commands.common import PROGRAM, WRONG_USAGE
from pipeline.core.errors import is_ours

COMMANDS: dict[str, ModuleType] = {
    "init": init,
    "doctor": doctor,
    "run": run,
    "status": status,
    "mute": mute,
    "report": report,
    "demo": demo,
    "query": query,
    "verify": verify,
    "replay": replay,
    "compare": compare,
    "tune": tune,
    "adopt": adopt,
    "detectors": detectors,
}
"""The commands, in the order of the help."""

EXIT_CODES = """\
exit codes: 0 done; 2 wrong usage, for detectors also wrong input
  1  failed; doctor, status, verify: something is off; compare, tune: no result
  run has Luigi's: 10 already running, 20 missing data, 25 not run, 30 task
  failed, 35 not scheduled (settings, dates, connection), 40 any other error
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the command line.

    Returns
    -------
    int
        The exit code, as the help explains. An error of ours is printed to stderr, without a traceback.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    try:
        code = int(COMMANDS[options.command].main(options.arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output (head, less) has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from detectors.errors import missing_library

        error = missing_library(error) or error
        if not (is_ours(error) or isinstance(error, OSError)):
            raise
        print(f"{PROGRAM} {options.command}: {error}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [--help | --version] COMMAND ...",
        description="Daily metrics, a morning report and 15-minute alerts over ClickHouse events.\n\n"
        f"commands ({PROGRAM} COMMAND --help says more):\n"
        + "\n".join(f"  {name:<9}  {module.SUMMARY}" for name, module in COMMANDS.items()),
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    # The usage says both; each would take a line more of a screen.
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    version = f"{PROGRAM} {__version__} in {Path(__file__).parents[2]}"
    parser.add_argument("--version", action="version", version=version, help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser
