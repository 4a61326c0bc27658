"""Sends reports, and corrects those whose days were loaded again with other numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from pipeline.alerts.notify import report, reported
from pipeline.alerts.notify.reported import Version
from pipeline.core import settings
from pipeline.core.audience import Reported
from pipeline.core.errors import SettingsError
from pipeline.etl import audience, results
from pipeline.warehouse.delivery_log import TableDeliveryLog
from reporting import delivery
from reporting.delivery import Channels, Delivered
from reporting.message import escape

if TYPE_CHECKING:
    from reporting import Message, daily

Versions = Mapping[date, Sequence[Version]]
"""The versions of the reports by day, the oldest first."""


def send(numbers: "daily.DailyReport", to: Channels) -> Delivered:
    """Send a report to every address that lacks it, with its corrections, and save its numbers before.

    Once an address has the report, its numbers change only by corrections.
    """
    log, versions = TableDeliveryLog(), reported.load(numbers.day, numbers.day).get(numbers.day, [])
    if len(versions) < 2 and not _is_sent(numbers.day, to):
        reported.save(numbers.day, 0, report.reported_numbers(numbers))
    message = report.compose_report(numbers)
    lacking = delivery.lacking(message.key, to, log)
    delivered = delivery.deliver(message, to, log)
    if numbers.corrections:
        delivery.record_edit(message.key, _edit_key(numbers.day, len(numbers.corrections)), lacking, to, log)
    return delivered


def send_again(numbers: "daily.DailyReport", to: Channels) -> Delivered:
    """Send a report that was sent once more, to every address; from then on the new message is corrected, too.

    Raises
    ------
    SettingsError
        If it was not sent.
    """
    day, log = numbers.day, TableDeliveryLog()
    if not _is_sent(day, to):
        raise SettingsError(
            f"the report of {day} was not sent yet: send it with "
            f"`feedpulse run DailyReport --date {day} --local-scheduler`."
        )
    message = report.compose_report(numbers)
    delivered = delivery.deliver_again(message, to, log)
    if numbers.corrections:
        edit_key = _edit_key(day, len(numbers.corrections))
        delivery.record_edit(message.key, edit_key, delivered.addresses, to, log)
    return delivered


def marked_as_test(numbers: "daily.DailyReport") -> "Message":
    """Compose a report that says that it is a test."""
    from reporting import texts

    message, words = report.compose_report(numbers), texts.load(settings.ReportSettings().language)
    return replace(
        message,
        key=f"{message.key}-test",
        title=f"{words.TEST_REPORT}. {message.title}",
        html=f"<i>{escape(words.TEST_REPORT)}</i>\n{message.html}",
    )


def due(versions: Versions, metrics: Sequence[Reported], to: Channels) -> list[date]:
    """Return the days whose messages do not show the newest numbers at every address."""
    if not versions:
        return []
    totals = audience.totals(metrics, min(versions), max(versions))
    return [
        day
        for day, known in versions.items()
        if (reported.changed(known[-1].numbers, _values(totals, day)) and _is_sent(day, to))
        or _lacks_correction(day, len(known) - 1, to)
    ]


def correct(day: date, metrics: Sequence[Reported], to: Channels, alerts_to: Channels) -> Sequence[Exception]:
    """Save the new numbers of a reported day and edit its message, once at each address. Returns the refusals."""
    versions = reported.load(day, day)[day]
    numbers, newest = _values(audience.totals(metrics, day, day), day), len(versions) - 1
    if reported.changed(versions[-1].numbers, numbers):
        newest += 1
        reported.save(day, newest, {**versions[-1].numbers, **numbers})
    message = report.compose_report(report.figures(day, metrics, alerts_to))
    try:
        return delivery.edit_once(message, _edit_key(day, newest), to, TableDeliveryLog()).refusals
    except Exception as refusal:  # of every address: the messages of other days must still be corrected
        return [refusal]


def _is_sent(day: date, to: Channels) -> bool:
    """Whether an address has the report of a day."""
    addresses = sum(len(channel.addresses()) for channel in to.values())
    return len(delivery.lacking(report.message_key(day), to, TableDeliveryLog())) < addresses


def _lacks_correction(day: date, correction: int, to: Channels) -> bool:
    """Whether an address has the report of a day without its newest correction."""
    if not correction:
        return False
    log = TableDeliveryLog()
    without_report = delivery.lacking(report.message_key(day), to, log)
    return not set(without_report).issuperset(delivery.lacking(_edit_key(day, correction), to, log))


def _edit_key(day: date, correction: int) -> str:
    return f"{report.message_key(day)}-corrected-{correction}"


def _values(totals: results.Totals, day: date) -> reported.Numbers:
    return {metric: by_day[day].value for metric, by_day in totals.items() if day in by_day}
