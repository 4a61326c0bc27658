"""``feedpulse query``: prints the result of a statement on the configured engine."""

import argparse
import sys
from collections.abc import Sequence

from pipeline.commands.common import new_parser, prepare

SUMMARY = "print the result of a SELECT on the configured warehouse"


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = new_parser("query", SUMMARY)
    made.add_argument("sql", help="the statement")
    made.add_argument("--format", default="TabSeparated", help="one of ClickHouse's formats (default: %(default)s)")
    made.add_argument("--source", action="store_true", help="run it on the source's engine instead of the warehouse's")
    return made


def main(arguments: Sequence[str]) -> int:
    """Print the result to stdout."""
    options = parser().parse_args(arguments)
    prepare()
    from pipeline.warehouse import connections

    engine = connections.source() if options.source else connections.warehouse()
    connections.require_existing(engine)
    for piece in engine.dump(options.sql, options.format):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return 0
