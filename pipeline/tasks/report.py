"""The morning report."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

import luigi

from pipeline.core import clock, metrics, settings
from pipeline.tasks.base import DayTask
from pipeline.tasks.channels import channels
from pipeline.tasks.daily import Daily, days_to_load
from pipeline.tasks.etl import DailyMetrics
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.markers import Marker
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import (
    DAILY_METRICS,
    DAILY_TOTALS,
    DELIVERIES,
    INCIDENTS,
    SLOT_CHECKS,
    full_name,
    open_warehouse,
)
from reporting import texts
from reporting.delivery import deliver

if TYPE_CHECKING:
    from pipeline.alerts.root_cause.explanation import Explanation
    from reporting import daily
    from reporting.channels.base import Channel

EXPLAINED = ("views", "likes", "ctr")
WORTH_EXPLAINING = 0.1  # of the value a week before
COMPARED_DAYS = 7  # the same weekday a week before is the oldest day that the report looks at


class DailyReport(DayTask):
    """The report of one day, sent to every channel of ``[report]``."""

    def output(self) -> Marker:
        """The marker ``daily_report:date:v1``."""
        return Marker(f"daily_report:{self.date}:v1", DELIVERIES)

    def requires(self) -> Iterator[luigi.Task]:
        """The day, and those before it that are to be kept loaded: an earlier one is shown if it is there."""
        kept = set(days_to_load()) | {self.date}
        week = (self.date - timedelta(days=back) for back in range(COMPARED_DAYS + 1))
        return (DailyMetrics(date=day) for day in week if day in kept)

    def run(self) -> None:
        """Compose and send."""
        chosen, to = metrics_and_channels()
        from reporting import daily  # drawing is imported only when something is drawn

        message = daily.compose(self._figures(chosen), settings.ReportSettings().language)
        delivered = deliver(message, to, TableDeliveryLog())
        if delivered.link and self.set_tracking_url is not None:
            self.set_tracking_url(delivered.link)
        self.tell(f"sent to {', '.join(delivered.addresses)}", 100)
        self.output().write()

    def _figures(self, chosen: list[metrics.Metric]) -> "daily.DailyReport":
        from pipeline.alerts.notify import compose
        from reporting import daily

        language = settings.ReportSettings().language
        values = self._values(chosen)
        start, end = clock.day_bounds(self.date)
        bounds = {"start": str(start), "end": str(end)}
        ((checked,),) = open_warehouse().query(statement("slots_checked", slot_checks=full_name(SLOT_CHECKS)), bounds)
        ((alarmed,),) = open_warehouse().query(statement("incidents_alarmed", incidents=full_name(INCIDENTS)), bounds)
        explanation = self._explanation(values)
        return daily.DailyReport(
            day=self.date,
            metrics=[
                daily.DailyMetric(
                    name=metric.name,
                    label=metric.label_in(language, daily=True),
                    kind=metric.kind,
                    values=values[metric.name],
                )
                for metric in chosen
            ],
            slots_checked=checked,
            slots_expected=len(clock.day_slots(self.date)),
            alerts=alarmed,
            causes=compose.cause_of(explanation),
            splits=compose.split_of(explanation),
        )

    def _explanation(self, values: dict[str, dict[date, float | None]]) -> "Explanation | None":
        """What explains the biggest change against the week before, where slices can tell; None where it is small."""
        before = self.date - timedelta(days=COMPARED_DAYS)
        changes = {
            name: abs(now / then - 1)
            for name in EXPLAINED
            if (now := values.get(name, {}).get(self.date)) is not None
            and (then := values.get(name, {}).get(before)) is not None
            and then > 0
        }
        biggest = max(changes, key=lambda name: changes[name], default="")
        if not biggest or changes[biggest] < WORTH_EXPLAINING:
            return None
        rows = open_warehouse().query(
            statement("day_slices", daily_metrics=full_name(DAILY_METRICS)),
            {"day": str(self.date), "before": str(before)},
        )
        by_day = [(dimension, value, day == self.date, views, likes) for dimension, value, day, views, likes in rows]
        from pipeline.alerts.root_cause import explanation

        return explanation.explain_day(by_day, biggest)

    def _values(self, chosen: list[metrics.Metric]) -> dict[str, dict[date, float | None]]:
        rows = open_warehouse().query(
            statement("day_totals", daily_totals=full_name(DAILY_TOTALS)),
            {
                "first": str(self.date - timedelta(days=COMPARED_DAYS)),
                "last": str(self.date),
                "metrics": tuple(metric.name for metric in chosen),
            },
        )
        values: dict[str, dict[date, float | None]] = {metric.name: {} for metric in chosen}
        for day, name, numerator, denominator in rows:
            values[name][day] = numerator / denominator if denominator else None
        return values


class Morning(luigi.WrapperTask):
    """For cron: load what `Daily` loads, then ONE report, of the newest day."""

    def requires(self) -> list[luigi.Task]:
        """The load, and the report of yesterday."""
        settings.check()
        metrics_and_channels()
        return [Daily(), DailyReport(date=clock.yesterday())]


def metrics_and_channels() -> "tuple[list[metrics.Metric], dict[str, Channel]]":
    """What is told and where: a mistake in luigi.cfg shows here, before a day is loaded."""
    texts.load(settings.ReportSettings().language)
    chosen = metrics.by_names(settings.ReportSettings().metrics, "[report] metrics")
    return chosen, channels("[report] channels", settings.ReportSettings().channels)
