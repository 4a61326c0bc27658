"""``feedpulse compare``: compares the hits and false alarms of detectors on the metrics' own history."""

import argparse
from collections.abc import Sequence

from pipeline.commands.common import new_parser, prepare

SUMMARY = "compare detectors on the history of the metrics"


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    from detectors.lab import cli

    made = new_parser("compare", f"{SUMMARY}: {cli.COMPARE_HELP}")
    made.add_argument("--days", type=int, default=365, help="of history, at most (default: %(default)s)")
    cli.add_options(made, "compare")
    return made


def main(arguments: Sequence[str]) -> int:
    """Print a table and write a report; 1 if no method has a result."""
    options = parser().parse_args(arguments)
    prepare()
    from pipeline.alerts.backtest.tuning import compare
    from pipeline.warehouse import tables

    with tables.reading(tables.SLOT_METRICS):
        return compare(options)
