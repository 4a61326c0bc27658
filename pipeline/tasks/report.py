"""The morning report."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import luigi

from pipeline.alerts.notify import report
from pipeline.core import clock, metrics, settings
from pipeline.tasks.channels import channels
from pipeline.tasks.daily import Daily, days_to_load
from pipeline.tasks.etl import DailyMetrics
from pipeline.tasks.messages import MessageTask
from pipeline.warehouse import markers
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.markers import Marker
from pipeline.warehouse.tables import DELIVERIES
from reporting import decoration, texts
from reporting.delivery import deliver

if TYPE_CHECKING:
    from reporting.channels.base import Channel


class DailyReport(MessageTask):
    """The report of one day, sent to every channel of ``[report]``."""

    def output(self) -> Marker:
        """The marker ``daily_report:date:v1``."""
        return Marker(f"daily_report:{self.date}:v1", DELIVERIES)

    def message_key(self) -> str:
        """The key of the report."""
        from reporting import daily  # slow: imports the drawing

        return daily.message_key(self.date)

    def channels(self) -> "dict[str, Channel]":
        """The channels of ``[report]``."""
        return metrics_and_channels()[1]

    def requires(self) -> Iterator[luigi.Task]:
        """The day, and the days before it that `Daily` keeps loaded. Other days are shown if they are loaded."""
        kept = set(days_to_load()) | {self.date}
        week = (self.date - timedelta(days=back) for back in range(report.COMPARED_DAYS + 1))
        return (DailyMetrics(date=day) for day in week if day in kept)

    def run(self) -> None:
        """Compose and send."""
        chosen, to = metrics_and_channels()
        with decoration.recorded() as left_out:
            delivered = deliver(report.compose_report(self.date, chosen), to, TableDeliveryLog())
        if delivered.link and self.set_tracking_url is not None:
            self.set_tracking_url(delivered.link)
        self.tell("; ".join([f"sent to {', '.join(delivered.addresses)}", *left_out]), 100)
        markers.complete(self.output())


class Morning(luigi.WrapperTask):
    """For cron: loads the days of `Daily`, then sends ONE report, that of the newest day."""

    def requires(self) -> list[luigi.Task]:
        """The load, and the report of yesterday."""
        settings.check()
        metrics_and_channels()
        return [Daily(), DailyReport(date=clock.yesterday())]


def metrics_and_channels() -> "tuple[list[metrics.Metric], dict[str, Channel]]":
    """The metrics and channels of the report. Raises on a mistake in luigi.cfg, before a day is loaded."""
    texts.load(settings.ReportSettings().language)
    chosen = metrics.by_names(settings.ReportSettings().metrics, "[report] metrics")
    return chosen, channels("[report] channels", settings.ReportSettings().channels)
