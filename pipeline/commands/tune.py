"""``feedpulse tune``: chooses a detector and its sensitivity for a budget of messages."""

import argparse
from collections.abc import Sequence

from pipeline.commands.common import new_parser, prepare

SUMMARY = "choose a detector and its sensitivity for a budget of messages"


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    from detectors.lab import cli

    made = new_parser("tune", f"{SUMMARY}, on the history of the metrics")
    made.add_argument("--days", type=int, default=365, help="of history, at most (default: %(default)s)")
    cli.add_options(made, "tune")
    return made


def main(arguments: Sequence[str]) -> int:
    """Print the choice, its messages and its settings; 1 if no choice keeps the budget."""
    options = parser().parse_args(arguments)
    prepare()
    from pipeline.alerts.backtest.tuning import tune
    from pipeline.warehouse import tables

    with tables.reading(tables.SLOT_METRICS):
        return tune(options)
