"""``python -m pipeline demo | query | verify | replay | compare | tune``: what is not a task."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from detectors.lab import cli
from pipeline.core.errors import FeedpulseError, SettingsError
from pipeline.core.process import install

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
        The exit code: 0, or 1 when the command failed (its error is on stderr), `verify` found something or the
        lab has no answer.
    """
    options = _parser().parse_args(arguments)
    install()
    try:
        return int(options.command(options) or 0)
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

    verify = commands.add_parser("verify", help="compare loaded days with the source; exit code 1 if anything is off")
    verify.add_argument("--from", dest="first", type=_day, required=True, help="the first day, 2026-11-01")
    verify.add_argument("--to", dest="last", type=_day, help="the last day (default: yesterday)")
    verify.set_defaults(command=_verify)

    replay = commands.add_parser("replay", help="play past days through the alerts; say what people would have heard")
    replay.add_argument("--from", dest="first", type=_day, required=True, help="the first day, 2026-11-01")
    replay.add_argument("--to", dest="last", type=_day, help="the last day (default: yesterday)")
    replay.add_argument("--against", type=Path, help="another luigi.cfg, whose alert settings are compared with ours")
    replay.add_argument("--path", type=Path, default=Path("var/replay"), help="the outboxes (default: %(default)s)")
    replay.set_defaults(command=_replay)

    demo = commands.add_parser(
        "demo", help="play a day of made-up events through every task, in a directory of its own"
    )
    demo.add_argument("--path", type=Path, default=Path("var/demo"), help="the directory (default: %(default)s)")
    demo.add_argument(
        "--views", type=int, default=DEMO_VIEWS_PER_DAY, help="the scale: views a day (default: %(default)s)"
    )
    demo.set_defaults(command=_demo)
    for name, text, command in (("compare", cli.COMPARE_HELP, _compare), ("tune", cli.TUNE_HELP, _tune)):
        lab = commands.add_parser(name, help=text, description=f"{text.capitalize()}: on the metrics' own history.")
        lab.add_argument("--days", type=int, default=365, help="of history, at most (default: %(default)s)")
        cli.add_options(lab, name)
        lab.set_defaults(command=command)
    return parser


def _compare(options: argparse.Namespace) -> int:
    from pipeline.alerts.backtest.tuning import compare

    return compare(options)


def _tune(options: argparse.Namespace) -> int:
    from pipeline.alerts.backtest.tuning import tune

    return tune(options)


def _query(options: argparse.Namespace) -> None:
    from pipeline.core import settings
    from pipeline.warehouse import connections

    settings.check()
    engine = connections.source() if options.source else connections.warehouse()
    for piece in engine.dump(options.sql, options.format):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _verify(options: argparse.Namespace) -> int:
    from pipeline.core import clock, settings
    from pipeline.etl.verification import verify

    settings.check()
    last = options.last or clock.yesterday()
    if options.first > last:
        raise SettingsError(f"--from {options.first} is after --to {last}: give the earlier day first.")
    return 0 if verify(options.first, last) else 1


def _replay(options: argparse.Namespace) -> None:
    from pipeline.alerts.backtest.replay import replay
    from pipeline.core import clock, settings

    settings.check()
    last = options.last or clock.yesterday()
    if options.first > last:
        raise SettingsError(f"--from {options.first} is after --to {last}: give the earlier day first.")
    replay(options.first, last, options.path, options.against)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no day; write it as 2026-11-01") from error


def _demo(options: argparse.Namespace) -> None:
    from pipeline.demo.run import run

    run(options.path, options.views)


if __name__ == "__main__":
    sys.exit(main())
