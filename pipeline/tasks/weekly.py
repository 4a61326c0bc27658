"""The weekly summary of alerts."""

from datetime import timedelta

import luigi

from pipeline import actions, clock, deliveries, ledger, metrics, settings
from pipeline.tables import DELIVERIES, full_name, warehouse
from pipeline.targets import Marker
from pipeline.tasks.alerts import watches_and_channels
from pipeline.tasks.base import DayTask
from pipeline.warehouse import statement

WEEK = timedelta(days=7)


class WeeklySummary(DayTask):
    """What the alerts of seven days were worth, and a setting to change; sent to every channel of ``[alerts]``."""

    def output(self) -> Marker:
        """The marker ``weekly_summary:date:v1``."""
        return Marker(f"weekly_summary:{self.date}:v1", DELIVERIES)

    def run(self) -> None:
        """Count, play the last weeks with other settings where there were false alarms, compose and send."""
        from pipeline import feedback
        from reporting import weekly

        _, to = watches_and_channels()
        start, end = clock.day_bounds(self.date - WEEK + timedelta(days=1))[0], clock.day_bounds(self.date)[1]
        known = ledger.read_incidents(end)
        told = [one for one in known if one.notified and start <= one.opened < end]
        said = actions.by_incident(ledger.read_actions(end))
        language = settings.report().language
        ((messages,),) = warehouse().query(
            statement("alerts_sent", deliveries=full_name(DELIVERIES)), {"start": str(start), "end": str(end)}
        )
        effects = feedback.propose(known, said, self.date, settings.alerts().propose_after)
        message = weekly.compose(
            weekly.WeeklySummary(
                first_day=self.date - WEEK + timedelta(days=1),
                last_day=self.date,
                incidents=len(told),
                messages=messages,
                confirmed=sum(feedback.is_confirmed(said.get(one.incident_id, ())) for one in told),
                false_alarms=[
                    (metrics.BY_NAME[name].label_in(language), count)
                    for name, count in feedback.false_alarms(told, said).items()
                ],
                proposals=[
                    weekly.Proposal(
                        section=effect.change.section,
                        setting=effect.change.setting,
                        value=effect.change.value,
                        now=effect.change.now,
                        replayed_days=feedback.REPLAYED_DAYS,
                        messages_a_month=effect.messages_a_month,
                        confirmed=effect.confirmed,
                        missed=effect.missed,
                    )
                    for effect in effects
                ],
            ),
            language,
        )
        delivered = deliveries.deliver(message, to)
        self.tell(f"sent to {', '.join(delivered.addresses)}", 100)
        self.output().write()


class Weekly(luigi.WrapperTask):
    """For cron, once a week: the summary of the seven days up to yesterday."""

    def requires(self) -> luigi.Task:
        """The summary."""
        settings.check()
        watches_and_channels()
        return WeeklySummary(date=clock.yesterday())
