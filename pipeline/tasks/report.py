"""The morning report."""

import logging
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

import luigi

from pipeline.alerts.notify import report, report_delivery, reported
from pipeline.core import clock, settings
from pipeline.core.audience import Reported, report_metrics
from pipeline.core.parameters import FixedParameters
from pipeline.core.process import once
from pipeline.etl import audience, gaps
from pipeline.tasks.base import Told, lasting
from pipeline.tasks.channels import channels
from pipeline.tasks.daily import Daily, days_to_load, kept_days, missing_active_users
from pipeline.tasks.days import CheckDays
from pipeline.tasks.etl import DailyMetrics
from pipeline.tasks.messages import MessageTask
from pipeline.warehouse import markers
from pipeline.warehouse.markers import Marker, update_id
from pipeline.warehouse.source import source, table_name
from pipeline.warehouse.tables import DELIVERIES
from reporting import decoration, texts
from reporting.decoration import optional

if TYPE_CHECKING:
    from reporting.channels.base import Channel


LOGGER = logging.getLogger(__name__)

LATEST_DAYS = 7
"""A report that has waited is sent up to this many days later; reports of this many days are corrected."""


class DailyReport(MessageTask):
    """The report of one day, sent to every channel of ``[report]``."""

    def output(self) -> Marker:
        """The marker ``daily_report:date:v1``."""
        return Marker(_report_id(self.date), DELIVERIES)

    def message_key(self) -> str:
        """The key of the report."""
        return report.message_key(self.date)

    def channels(self) -> "dict[str, Channel]":
        """The channels of ``[report]``."""
        return metrics_and_channels()[1]

    def requires(self) -> Iterator[luigi.Task]:
        """The day, and the days before it that `Daily` keeps loaded. Other days are shown if they are loaded."""
        kept = set(days_to_load()) | {self.date}
        week = (self.date - timedelta(days=back) for back in range(report.COMPARED_DAYS + 1))
        yield from (DailyMetrics(date=day) for day in week if day in kept)
        yield from missing_active_users(sorted(day for day in kept if day <= self.date))

    def run(self) -> None:
        """Compose and send."""
        chosen, to = metrics_and_channels()
        with decoration.recorded() as left_out:
            delivered = report_delivery.send(report.figures(self.date, chosen, alert_channels()), to)
        if delivered.link and self.set_tracking_url is not None:
            self.set_tracking_url(delivered.link)
        self.tell("; ".join([f"sent to {', '.join(delivered.addresses)}", *left_out]), 100)
        self.did(addresses=len(delivered.addresses), without=left_out)
        markers.complete(self.output())


class Corrections(FixedParameters, Told):
    """Edits the reports of the last days that were loaded again with other numbers."""

    date: date = luigi.DateParameter(description="the newest day")

    def requires(self) -> luigi.Task:
        """The load, which loads changed days again."""
        return Daily()

    _was_complete = False

    def complete(self) -> bool:
        """Whether no reported day is to be loaded again, and every message shows the numbers of its day.

        The answer yes is remembered: what another process loads meanwhile is corrected by the next run.
        """
        settings.check()
        if not self._was_complete:
            versions = self._versions()
            is_due = self._to_load(versions) or report_delivery.due(versions, *metrics_and_channels())
            self._was_complete = not is_due
        return self._was_complete

    def run(self) -> None:
        """Edit the messages. The next run tries an address that refuses again."""
        metrics, to = metrics_and_channels()
        days = report_delivery.due(self._versions(), metrics, to)
        refusals = [refusal for day in days for refusal in report_delivery.correct(day, metrics, to, alert_channels())]
        self.did(reports=[str(day) for day in days])
        if refusals:
            raise refusals[0]

    def _versions(self) -> report_delivery.Versions:
        """The reports of the last days."""
        kept = max(LATEST_DAYS, settings.EtlSettings().reload_days)
        return reported.load(self.date - timedelta(days=kept - 1), self.date)

    def _to_load(self, days: Collection[date]) -> set[date]:
        """The days that `Daily` is about to load again, and whose numbers reports of `days` show."""
        kept = kept_days() if days else []
        shown = kept if audience.days_needed(report_metrics()) != 0 else set(days).intersection(kept)
        loads = {DailyMetrics(date=day).output().update_id: day for day in shown}
        done = markers.done(loads)
        return {day for update_id, day in loads.items() if update_id not in done}


class Morning(luigi.WrapperTask):
    """For cron: loads the days of `Daily`, sends ONE report, that of the newest day, and checks that day.

    While rows of that day may still come, the report waits until ``[report] deadline``. If `Morning` does not run again
    on that day, its next run sends the report.
    """

    @lasting
    def requires(self) -> list[luigi.Task]:
        """The load, the reports of yesterday and of days before whose reports have waited, and the check of days."""
        settings.check()
        metrics_and_channels()
        source(), days_to_load()  # raise on a mistake in luigi.cfg, before the warehouse is opened
        newest = clock.yesterday()
        is_sent, waited = _sent_and_waited(newest)
        reports = [*waited] if not is_sent and is_waiting(newest) else [*waited, newest]
        checks = [CheckDays(date=newest)] if settings.AlertSettings().day_detector else []
        return [Daily(), *(DailyReport(date=day) for day in reports), Corrections(date=newest), *checks]


def is_waiting(day: date) -> bool:
    """Whether the report of a day waits for rows; says so in the log, and lets a later `Morning` send it in any case.

    It waits until the deadline, while its source table has no rows since the missing ones. Newer rows mean that the
    missing ones do not come with the next load. Without ``[etl] reload_days`` nothing loads late rows.
    """
    deadline = clock.report_deadline(day)
    if deadline is None or clock.utcnow() >= deadline or not settings.EtlSettings().reload_days:
        return False
    late = _late_tables(day)
    if late and day not in _told():
        since = ", ".join(f"{table_name(table)} since {clock.to_local(gap.start):%H:%M}" for table, gap in late.items())
        until = f"{clock.to_local(deadline):%H:%M}"
        LOGGER.info("the report of %s waits for rows until %s: none in %s", day, until, since)
        markers.complete(Marker(_waited_id(day), DELIVERIES))
        _told().add(day)
    return bool(late)


@once
def _late_tables(day: date) -> dict[str, gaps.Gap]:
    tables = {metric.table for metric in metrics_and_channels()[0]}
    return optional(f"check for late rows of {day}", lambda: gaps.late_tables(day, tables)) or {}


@once
def _told() -> set[date]:
    """The days of which this process said that their reports wait."""
    return set()


@once
def _sent_and_waited(newest: date) -> tuple[bool, list[date]]:
    """Return whether the report of a day was sent, and the days before it whose reports waited and were not sent."""
    days = [newest - timedelta(days=back) for back in range(LATEST_DAYS, 0, -1)]
    done = markers.done([*map(_report_id, [*days, newest]), *map(_waited_id, days)])
    waited = [day for day in days if _waited_id(day) in done and _report_id(day) not in done]
    return _report_id(newest) in done, waited


def _report_id(day: date) -> str:
    return update_id("daily_report", day)


def _waited_id(day: date) -> str:
    return update_id("daily_report_waited", day)


def alert_channels() -> "dict[str, Channel]":
    """The channels of ``[alerts]``, for links; none if a setting of theirs is wrong, which `Alerts` says."""
    return optional("links to alerts", lambda: channels("[alerts] channels", settings.AlertSettings().channels)) or {}


def metrics_and_channels() -> "tuple[list[Reported], dict[str, Channel]]":
    """The metrics and channels of the report. Raises on a mistake in luigi.cfg, before a day is loaded."""
    texts.load(settings.ReportSettings().language)
    return report_metrics(), channels("[report] channels", settings.ReportSettings().channels)
