"""The checks every 15 minutes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import luigi

from pipeline import clock, history, settings, slots
from pipeline.alerting import compose_alert
from pipeline.checks import Check, Watch, check, watches
from pipeline.deliveries import channels, deliver
from pipeline.incidents import Incident, advance, news
from pipeline.metrics import METRICS
from pipeline.source import source
from pipeline.tables import INCIDENTS, SLOT_CHECKS, SLOT_METRICS, full_name, warehouse
from pipeline.targets import Marker
from pipeline.tasks.base import MarkedTask, SlotTask
from pipeline.warehouse import statement
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
        first_slots = slots.first_slots()
        days = [self.date - timedelta(days=back) for back in range(settings.alerts().history_days, 0, -1)]
        measured = history.measured(METRICS, clock.day_bounds(days[0])[0], clock.day_bounds(days[-1])[1])
        for i, day in enumerate(days):
            # A table that began later has no slots before its first event: they are not zero, they are unknown.
            wanted = {
                table: {slot for slot in clock.day_slots(day) if slot >= first_slots[table]} for table in first_slots
            }
            if any(wanted.get(metric.table, set()) - measured[metric.name] for metric in METRICS):
                slots.fill(min(min(s) for s in wanted.values() if s), clock.day_bounds(day)[1], first_slots)
            self.tell(f"measured {day}", 100 * (i + 1) / len(days))
        self.output().write()


class SlotMetrics(SlotTask):
    """All metrics of one slot, in total and by slice."""

    def output(self) -> Marker:
        """The marker ``slot_metrics:slot:v1``."""
        return Marker(f"slot_metrics:{self.slot:%Y-%m-%dT%H%M}:v1", SLOT_METRICS)

    def run(self) -> None:
        """Measure the slot from its events."""
        slots.fill(self.slot, self.slot + clock.SLOT)
        self.output().write()


class CheckAlerts(SlotTask):
    """Check every watched metric in one slot; tell people of incidents that open or end in it."""

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
        series = history.read([watch.metric for watch in watched], self.slot, settings.alerts().history_days)
        checks = check(series, watched)
        incidents = advance(self._open_incidents(), checks, self.slot, settings.alerts().recovery_slots)
        checked = {item.metric: item for item in checks}
        to_tell = [item for item in news(incidents, self.slot) if item.metric in checked] if self._is_fresh() else []
        if to_tell:
            watching = {watch.metric.name: watch for watch in watched}
            delivered = deliver(compose_alert(incidents, to_tell, checked, series, watching), to)
            if delivered.link and self.set_tracking_url is not None:
                self.set_tracking_url(delivered.link)
            incidents = [replace(item, notified=True) if item in to_tell else item for item in incidents]
        self._record(checks, incidents)
        self.tell(", ".join(f"{item.metric}: {item.verdict}" for item in checks), 100)
        self.output().write()

    def _is_fresh(self) -> bool:
        age = clock.now().replace(tzinfo=None) - (self.slot + clock.SLOT)
        return age <= timedelta(minutes=settings.alerts().alarm_minutes)

    def _open_incidents(self) -> list[Incident]:
        rows = warehouse().query(statement("open_incidents", incidents=full_name(INCIDENTS)), {"slot": str(self.slot)})
        return [
            Incident(name, metric, opened, last, good_slots=good, notified=bool(told))
            for name, metric, opened, last, good, told in rows
        ]

    def _record(self, checks: Sequence[Check], incidents: Sequence[Incident]) -> None:
        warehouse().insert(
            full_name(INCIDENTS),
            {
                "incident_id": [item.incident_id for item in incidents],
                "slot": [self.slot] * len(incidents),
                "metric": [item.metric for item in incidents],
                "opened": [item.opened for item in incidents],
                "last_anomaly": [item.last_anomaly for item in incidents],
                "state": ["ended" if item.ended else "open" for item in incidents],
                "good_slots": [item.good_slots for item in incidents],
                "notified": [int(item.notified) for item in incidents],
            },
        )
        warehouse().insert(
            full_name(SLOT_CHECKS),
            {
                "slot": [self.slot] * len(checks),
                "dimension": ["total"] * len(checks),
                "dimension_value": ["all"] * len(checks),
                **{name: [getattr(item, name) for item in checks] for name in Check.__dataclass_fields__},
            },
        )


class Alerts(luigi.WrapperTask):
    """For cron: the last closed slot, and those missed before it."""

    def requires(self) -> luigi.Task:
        """The last slot; it asks for the slot before it, and so back to the last that was checked."""
        settings.check()
        source()
        watches_and_channels()
        return CheckAlerts(slot=clock.last_closed_slot())


def watches_and_channels() -> "tuple[list[Watch], dict[str, Channel]]":
    """What is checked and who is told: a mistake in luigi.cfg shows here, not when there is something to tell."""
    texts.load(settings.report().language)
    return watches(), channels("[alerts] channels", settings.alerts().channels)


def oldest_slot() -> datetime:
    """How far back missed slots are caught up."""
    return clock.last_closed_slot() - timedelta(hours=settings.alerts().catch_up_hours)
