"""``feedpulse report``: tries the report of a day on one address, or sends it again to everybody."""

import argparse
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from pipeline.commands.common import day, new_parser, prepare

if TYPE_CHECKING:
    from reporting import daily
    from reporting.message import Message

SUMMARY = "try the report of a day on yourself, or send it again"
TEST_OUTBOX = "var/test"


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = new_parser("report", SUMMARY)
    made.add_argument("--date", dest="day", type=day, help="the day, 2026-11-01 (default: yesterday)")
    how = made.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--test",
        nargs="?",
        const="",
        metavar="CHANNEL:ADDRESS",
        help="send it, marked as a test, to this address alone, such as telegram:123456789, and record nothing "
        f"(without an address: write it into {TEST_OUTBOX})",
    )
    how.add_argument(
        "--again", action="store_true", help="send the report that was sent once more, to every address of [report]"
    )
    return made


def main(arguments: Sequence[str]) -> int:
    """Send the report and print where it is."""
    options = parser().parse_args(arguments)
    prepare()
    from pipeline.alerts.notify import report_delivery
    from pipeline.core import clock
    from pipeline.tasks.report import metrics_and_channels
    from pipeline.warehouse import tables

    reported = options.day or clock.yesterday()
    _, to = metrics_and_channels()  # raises on a mistake in luigi.cfg
    if options.again:
        tables.open_warehouse()
        delivered = report_delivery.send_again(_numbers(reported), to)
        print(f"sent again to {', '.join(delivered.addresses)}")
        for refusal in delivered.refusals:
            print(f"refused: {refusal}")
        return 1 if delivered.refusals else 0
    with tables.reading(tables.DAILY_TOTALS):
        message = report_delivery.marked_as_test(_numbers(reported))
    print(_send_test(message, options.test))
    return 0


def _numbers(reported: date) -> "daily.DailyReport":
    """Collect the numbers of a loaded day.

    Raises
    ------
    SettingsError
        If the day is not loaded.
    """
    from pipeline.alerts.notify import report
    from pipeline.core.errors import SettingsError
    from pipeline.tasks.report import alert_channels, metrics_and_channels

    metrics, _ = metrics_and_channels()
    numbers = report.figures(reported, metrics, alert_channels())
    if not any(reported in metric.values for metric in numbers.metrics):
        raise SettingsError(
            f"{reported} is not loaded: `feedpulse run DailyMetrics --date {reported} --local-scheduler` loads it."
        )
    return numbers


def _send_test(message: "Message", to: str) -> str:
    """Send a test to ``channel:address`` and return where it is to be seen; '' is an outbox of its own."""
    from pipeline.core import settings
    from pipeline.core.errors import SettingsError
    from reporting.channels import create

    name, _, address = to.partition(":")
    if to and not address:
        raise SettingsError(f"--test {to}: give a channel and an address, such as telegram:123456789.")
    if to:
        channel = create(name, **settings.options(name))
    else:
        channel, address = create("outbox", path=TEST_OUTBOX), TEST_OUTBOX
    return channel.link(address, channel.send(address, message)) or f"sent to {to}"
