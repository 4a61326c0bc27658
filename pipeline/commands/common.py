"""Code that the commands share."""

import argparse
from datetime import date

from pipeline.core import files

PROGRAM = "feedpulse"
WRONG_USAGE = 2
"""The exit code of wrong usage, the same as that of `argparse`."""


def new_parser(name: str, description: str) -> argparse.ArgumentParser:
    """Make the parser of a command; the description becomes a sentence."""
    return argparse.ArgumentParser(prog=f"{PROGRAM} {name}", description=f"{description[0].upper()}{description[1:]}.")


def prepare() -> None:
    """Prepare the process for a command that reads luigi.cfg, and check the settings."""
    files.check()
    from pipeline.core import process, settings

    process.install()
    settings.check()


def add_days(parser: argparse.ArgumentParser) -> None:
    """Add ``--from`` and ``--to``; `last_day` reads them."""
    parser.add_argument("--from", dest="first", type=day, required=True, help="the first day, 2026-11-01")
    parser.add_argument("--to", dest="last", type=day, help="the last day (default: yesterday)")


def last_day(options: argparse.Namespace) -> date:
    """Return the last day of ``--from`` and ``--to``.

    Raises
    ------
    SettingsError
        If it is before the first day.
    """
    from pipeline.core import clock
    from pipeline.core.errors import SettingsError

    last: date = options.last or clock.yesterday()
    if options.first > last:
        raise SettingsError(f"--from {options.first} is after --to {last}: give the earlier day first.")
    return last


def day(text: str) -> date:
    """Read a day of the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a day; write it as 2026-11-01") from error
