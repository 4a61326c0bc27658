"""``feedpulse demo``: a day of made-up events, played through every task."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands.common import new_parser
from pipeline.core import files

SUMMARY = "play a day of made-up events through every task"
VIEWS_PER_DAY = 200_000


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = new_parser("demo", f"{SUMMARY}, in a separate directory; your luigi.cfg is not read")
    made.add_argument("--path", type=Path, default=Path("var/demo"), help="the directory (default: %(default)s)")
    made.add_argument("--views", type=int, default=VIEWS_PER_DAY, help="views a day, the scale (default: %(default)s)")
    made.add_argument("--language", choices=("en", "ru"), default="en", help="of the messages (default: %(default)s)")
    return made


def main(arguments: Sequence[str]) -> int:
    """Play the demo and print what happened."""
    options = parser().parse_args(arguments)
    files.check(needed=False)  # Luigi reads them when it is imported
    from pipeline.core import process

    process.install()
    from pipeline.demo.run import run

    run(options.path, options.views, options.language)
    return 0
