"""``python -m pipeline demo | query``: what is not a task."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import FeedpulseError

DEMO_VIEWS_PER_DAY = 200_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the command line.

    Returns
    -------
    int
        The exit code: 0, or 1 when the command failed (its error is on stderr).
    """
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except FeedpulseError as error:
        print(f"{options.name}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output (head, less) had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True)

    query = commands.add_parser("query", help="print the result of a SELECT on the configured warehouse")
    query.add_argument("sql", help="the statement")
    query.add_argument("--format", default="TabSeparated", help="one of ClickHouse's formats (default: %(default)s)")
    query.add_argument("--source", action="store_true", help="ask the source's engine instead of the warehouse's")
    query.set_defaults(command=_query)

    demo = commands.add_parser(
        "demo", help="play a day of made-up events through every task, in a directory of its own"
    )
    demo.add_argument("--path", type=Path, default=Path("var/demo"), help="the directory (default: %(default)s)")
    demo.add_argument(
        "--views", type=int, default=DEMO_VIEWS_PER_DAY, help="the scale: views a day (default: %(default)s)"
    )
    demo.set_defaults(command=_demo)
    return parser


def _query(options: argparse.Namespace) -> None:
    from pipeline import connections, settings

    settings.check()
    engine = connections.source() if options.source else connections.warehouse()
    for piece in engine.dump(options.sql, options.format):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _demo(options: argparse.Namespace) -> None:
    from pipeline.demo.run import run

    run(options.path, options.views)


if __name__ == "__main__":
    sys.exit(main())
