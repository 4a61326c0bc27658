"""``feedpulse verify``: compares loaded days with the source as it is now."""

import argparse
from collections.abc import Sequence

from pipeline.commands.common import add_days, last_day, new_parser, prepare

SUMMARY = "compare loaded days with the source"


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = new_parser("verify", f"{SUMMARY}; the exit code is 1 if any day differs")
    add_days(made)
    return made


def main(arguments: Sequence[str]) -> int:
    """Print a line for each day; 1 if any differs."""
    options = parser().parse_args(arguments)
    prepare()
    from pipeline.etl.verification import verify
    from pipeline.warehouse import tables

    last = last_day(options)
    with tables.reading():  # days of a warehouse without tables are not loaded
        return 0 if verify(options.first, last) else 1
