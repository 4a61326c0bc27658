"""The weekly summary of alerts."""

import luigi

from pipeline.core import clock, settings
from pipeline.tasks.alerts import monitors_and_channels
from pipeline.tasks.messages import MessageTask
from pipeline.warehouse import markers
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.markers import Marker
from pipeline.warehouse.tables import DELIVERIES
from reporting import decoration
from reporting.delivery import Channels, deliver


class WeeklySummary(MessageTask):
    """Summary of the alerts of seven days, with proposed settings; sent to every channel of ``[alerts]``."""

    def output(self) -> Marker:
        """The marker ``weekly_summary:date:v1``."""
        return Marker(f"weekly_summary:{self.date}:v1", DELIVERIES)

    def message_key(self) -> str:
        """The key of the summary."""
        from reporting import weekly

        return weekly.message_key(self.date)

    def channels(self) -> Channels:
        """The channels of ``[alerts]``."""
        return monitors_and_channels()[1]

    def run(self) -> None:
        """Compose and send. Replays the last weeks with other settings for metrics with many false alarms."""
        from pipeline.alerts.backtest import week  # only this task replays

        _, to = monitors_and_channels()
        with decoration.recorded() as left_out:
            delivered = deliver(week.compose_summary(self.date), to, TableDeliveryLog())
        self.tell("; ".join([f"sent to {', '.join(delivered.addresses)}", *left_out]), 100)
        self.did(addresses=len(delivered.addresses), without=left_out)
        markers.complete(self.output())


class Weekly(luigi.WrapperTask):
    """For cron, once a week: the summary of the seven days up to yesterday."""

    def requires(self) -> luigi.Task:
        """The summary."""
        settings.check()
        monitors_and_channels()
        return WeeklySummary(date=clock.yesterday())
