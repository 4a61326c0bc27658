"""``feedpulse replay``: the alerts that past days would have sent."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands.common import add_days, last_day, new_parser, prepare

SUMMARY = "show the alerts that past days would have sent"


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = new_parser("replay", f"{SUMMARY}, with the settings as they are now; send nothing")
    add_days(made)
    made.add_argument("--against", type=Path, help="another luigi.cfg; its alert settings are compared with ours")
    made.add_argument("--path", type=Path, default=Path("var/replay"), help="the outboxes (default: %(default)s)")
    return made


def main(arguments: Sequence[str]) -> int:
    """Print the messages and write them into separate outboxes."""
    options = parser().parse_args(arguments)
    prepare()
    from pipeline.alerts.backtest.replay import replay
    from pipeline.core import settings
    from pipeline.warehouse import tables
    from reporting import texts

    last = last_day(options)
    texts.load(settings.ReportSettings().language)  # a mistake in it is told before the warehouse is asked
    with tables.reading(tables.SLOT_METRICS):
        replay(options.first, last, options.path, options.against)
    return 0
