"""The checks every 15 minutes."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import luigi

from pipeline.alerts.detection.monitors import Monitor, monitors
from pipeline.alerts.evaluation import Evaluation, evaluate_slot
from pipeline.alerts.incidents import calendar, store
from pipeline.alerts.notify.notifier import notify
from pipeline.core import clock, settings
from pipeline.slots import completeness, measure
from pipeline.tasks.base import MarkedTask, SlotTask
from pipeline.tasks.channels import channels
from pipeline.warehouse import markers
from pipeline.warehouse.markers import Marker
from pipeline.warehouse.source import source
from pipeline.warehouse.tables import SLOT_CHECKS, SLOT_METRICS
from reporting import texts

if TYPE_CHECKING:
    from reporting.channels.base import Channel


class SlotHistory(MarkedTask):
    """The slots of the days before a day that the detectors look at: measured in bulk, a statement a day."""

    date: date = luigi.DateParameter(description="the day whose slots are to be checked")

    def require_closed(self) -> None:
        """Refuse a day that has not begun."""
        clock.require_closed_day(self.date - timedelta(days=1))

    def output(self) -> Marker:
        """The marker ``slot_history:date:v1``."""
        return Marker(f"slot_history:{self.date}:v1", SLOT_METRICS)

    def run(self) -> None:
        """Measure what is missing, from the first event on."""
        days = [self.date - timedelta(days=back) for back in range(settings.AlertSettings().history_days, 0, -1)]
        measure.measure_days(days, lambda day: self.tell(f"measured {day}", 100 * (days.index(day) + 1) / len(days)))
        markers.complete(self.output())


class SlotMetrics(SlotTask):
    """All metrics of one slot, in total and by slice."""

    @property
    def priority(self) -> int:  # type: ignore[override]  # Luigi's documentation makes it a property, too
        """The oldest slot first: it measures those that were missed after it, so that they need no statement."""
        return (datetime.max - self.slot) // clock.SLOT

    def output(self) -> Marker:
        """The marker ``slot_metrics:slot:v1``."""
        return Marker(f"slot_metrics:{self.slot:%Y-%m-%dT%H%M}:v1", SLOT_METRICS)

    def run(self) -> None:
        """Measure the slot from its events, and with it those that were missed after it."""
        measure.fill_missed(self.slot)
        markers.complete(self.output())


class CheckAlerts(SlotTask):
    """Check every watched metric and its slices in one slot; tell people of incidents, and correct what was told."""

    def output(self) -> Marker:
        """The marker ``check_alerts:slot:v1``."""
        return Marker(f"check_alerts:{self.slot:%Y-%m-%dT%H%M}:v1", SLOT_CHECKS)

    def requires(self) -> Iterator[luigi.Task]:
        """The slot's numbers, its history, and the check of the slot before: an incident goes on from there."""
        yield SlotMetrics(slot=self.slot)
        yield SlotHistory(date=clock.to_local(self.slot).date())
        before = self.slot - clock.SLOT
        if before >= oldest_slot():
            yield CheckAlerts(slot=before)

    def run(self) -> None:
        """Check, tell, record: in this order, so that a failed send is tried again."""
        watched, to = watches_and_channels()
        found = completeness.recount(clock.last_closed_slot())
        judgement = evaluate_slot(self.slot, watched, found)
        told = notify(judgement, to, may_alarm=self._is_fresh())
        if told.link and self.set_tracking_url is not None:
            self.set_tracking_url(told.link)
        store.save_incidents(told.incidents, self.slot)
        store.save_checks(list(judgement.moment.checks.values()), self.slot)
        if self.slot >= completeness.newest_settled_slot():
            completeness.remember(found)
        self.tell(_status(judgement, found), 100)
        markers.complete(self.output())
        # The slot is done: an address that refuses what others have must not keep them from what follows.
        if told.refusals:
            raise told.refusals[0]

    def _is_fresh(self) -> bool:
        age = clock.utcnow() - (self.slot + clock.SLOT)
        return age <= timedelta(minutes=settings.AlertSettings().alarm_minutes)


class Alerts(luigi.WrapperTask):
    """For cron: the newest slot whose rows are all there, and those missed before it."""

    def requires(self) -> luigi.Task:
        """The newest slot; it asks for the slot before it, and so back to the last that was checked."""
        settings.check()
        source()
        watches_and_channels()
        calendar.entries()
        calendar.quiet_hours()
        return CheckAlerts(slot=completeness.newest_settled_slot())


class Presses(luigi.Task):
    """For cron, every minute: read what people pressed below alerts, and show it there."""

    done = False

    def complete(self) -> bool:
        """Whether this run read them; the next one reads again."""
        settings.check()
        return self.done

    def run(self) -> None:
        """Record each press, answer it, and edit the message that it was made on."""
        from pipeline.alerts.notify import buttons

        _, to = watches_and_channels()
        self.done = buttons.poll_buttons(to) is not None


def watches_and_channels() -> "tuple[list[Monitor], dict[str, Channel]]":
    """What is checked and who is told: a mistake in luigi.cfg shows here, not when there is something to tell."""
    texts.load(settings.ReportSettings().language)
    return monitors(), channels("[alerts] channels", settings.AlertSettings().channels)


def oldest_slot() -> datetime:
    """How far back missed slots are caught up."""
    return clock.last_closed_slot() - timedelta(hours=settings.AlertSettings().catch_up_hours)


def _status(judgement: Evaluation, found: completeness.Completeness) -> str:
    totals = [check for part, check in judgement.moment.checks.items() if part.is_total]
    slices = len(judgement.moment.checks) - len(totals)
    parts = [f"{check.metric}: {check.verdict}" for check in totals]
    lags = [f"{table} slots grow for {seconds // 60} min" for table, seconds in found.lag_seconds.items()]
    return ", ".join([*parts, f"{slices} slices", *lags])
