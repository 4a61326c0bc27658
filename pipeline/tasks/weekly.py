"""The weekly summary of alerts."""

from datetime import timedelta

import luigi

from pipeline.alerts.incidents import actions, store
from pipeline.core import clock, metrics, settings
from pipeline.tasks.alerts import watches_and_channels
from pipeline.tasks.base import DayTask
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.markers import Marker
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import DELIVERIES, full_name, open_warehouse
from reporting.delivery import deliver

WEEK = timedelta(days=7)


class WeeklySummary(DayTask):
    """What the alerts of seven days were worth, and a setting to change; sent to every channel of ``[alerts]``."""

    def output(self) -> Marker:
        """The marker ``weekly_summary:date:v1``."""
        return Marker(f"weekly_summary:{self.date}:v1", DELIVERIES)

    def run(self) -> None:
        """Count, play the last weeks with other settings where there were false alarms, compose and send."""
        from pipeline.alerts.backtest import proposals
        from reporting import weekly

        _, to = watches_and_channels()
        start, end = clock.day_bounds(self.date - WEEK + timedelta(days=1))[0], clock.day_bounds(self.date)[1]
        known = store.load_incidents(end)
        told = [one for one in known if one.notified and start <= one.opened < end]
        said = actions.by_incident(store.load_actions(end))
        language = settings.ReportSettings().language
        ((messages,),) = open_warehouse().query(
            statement("alerts_sent", deliveries=full_name(DELIVERIES)), {"start": str(start), "end": str(end)}
        )
        effects = proposals.propose(known, said, self.date, settings.AlertSettings().propose_after)
        message = weekly.compose(
            weekly.WeeklySummary(
                first_day=self.date - WEEK + timedelta(days=1),
                last_day=self.date,
                incidents=len(told),
                messages=messages,
                confirmed=sum(proposals.is_confirmed(said.get(one.incident_id, ())) for one in told),
                false_alarms=[
                    (metrics.BY_NAME[name].label_in(language), count)
                    for name, count in proposals.false_alarms(told, said).items()
                ],
                proposals=[
                    weekly.Proposal(
                        section=effect.change.section,
                        setting=effect.change.setting,
                        value=effect.change.value,
                        now=effect.change.now,
                        replayed_days=proposals.REPLAYED_DAYS,
                        messages_a_month=effect.messages_a_month,
                        confirmed=effect.confirmed,
                        missed=effect.missed,
                    )
                    for effect in effects
                ],
            ),
            language,
        )
        delivered = deliver(message, to, TableDeliveryLog())
        self.tell(f"sent to {', '.join(delivered.addresses)}", 100)
        self.output().write()


class Weekly(luigi.WrapperTask):
    """For cron, once a week: the summary of the seven days up to yesterday."""

    def requires(self) -> luigi.Task:
        """The summary."""
        settings.check()
        watches_and_channels()
        return WeeklySummary(date=clock.yesterday())
