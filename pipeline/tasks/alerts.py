"""The checks every 15 minutes."""

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta

import luigi

from pipeline.alerts import detection, evaluation, late, provisional, stretch
from pipeline.alerts.detection import CheckResult, Monitor
from pipeline.alerts.incidents import Incident, Notice, Rules, Step, current_rules, shares, step, store
from pipeline.alerts.notify import KEPT_UP, notify_all, refresh, unsent
from pipeline.alerts.stretch import Checked
from pipeline.core import clock, settings
from pipeline.core.parameters import FixedParameters
from pipeline.slots import completeness, measure
from pipeline.slots.completeness import Completeness
from pipeline.tasks import wrong_clock
from pipeline.tasks.base import CheckTask, SlotTask, Told, lasting
from pipeline.tasks.channels import channels
from pipeline.tasks.retention import HistoryRetention
from pipeline.warehouse.markers import Marker
from pipeline.warehouse.source import source
from pipeline.warehouse.tables import SLOT_CHECKS, SLOT_METRICS
from reporting import decoration, texts
from reporting.decoration import optional
from reporting.delivery import Channels

LOGGER = logging.getLogger("luigi-interface")


class SlotHistory(CheckTask):
    """Measures the history that the detectors need before a day, one statement per day of history."""

    date: date = luigi.DateParameter(description="the day whose slots are to be checked")

    def require_closed(self) -> None:
        """Refuse a day that has not begun."""
        clock.require_closed_day(self.date - timedelta(days=1))

    def output(self) -> Marker:
        """The marker ``slot_history:date:v1``."""
        return Marker(f"slot_history:{self.date}:v1", SLOT_METRICS)

    def run(self) -> None:
        """Measure the missing slots since the first event."""
        days = [self.date - timedelta(days=back) for back in range(settings.AlertSettings().history_days, 0, -1)]
        again = days[-1:] if self.was_taken_back else ()  # the wrong clock measured slots of that day as silent
        measure.measure_days(
            days, lambda day: self.tell(f"measured {day}", 100 * (days.index(day) + 1) / len(days)), again
        )
        what = f"check for dimensions with very many values on {days[-1]}"
        for dimension in optional(what, lambda: measure.cut_dimensions(*clock.day_bounds(days[-1]))) or ():
            LOGGER.warning("%s has %d values or more: slots keep the most frequent", dimension, measure.MOST_VALUES)
        self.finish()


class SlotMetrics(SlotTask):
    """All metrics of one slot, totals and slices."""

    @property
    def priority(self) -> int:  # type: ignore[override]  # Luigi's documentation makes it a property, too
        """The oldest slot first: its statement also measures the slots that were missed after it."""
        return (datetime.max - self.slot) // clock.SLOT

    def output(self) -> Marker:
        """The marker ``slot_metrics:slot:v1``."""
        return Marker(f"slot_metrics:{self.slot:%Y-%m-%dT%H%M}:v1", SLOT_METRICS)

    def run(self) -> None:
        """Measure the slot, and the slots that were missed after it, from their events."""
        if missed := self.still_missed():
            end = measure.fill_missed(self.slot)
            self.finish(*(task for task in missed[1:] if task.slot < end))


class CheckAlerts(SlotTask):
    """Checks every monitored metric and slice in one slot, advances the incidents and notifies people."""

    def output(self) -> Marker:
        """The marker ``check_alerts:slot:v1``."""
        return Marker(f"check_alerts:{self.slot:%Y-%m-%dT%H%M}:v1", SLOT_CHECKS)

    def requires(self) -> Iterator[luigi.Task]:
        """The slot's numbers, its history, and the check of the slot before, whose incidents continue."""
        yield SlotMetrics(slot=self.slot)
        yield SlotHistory(date=clock.to_local(self.slot).date())
        before = self.slot - clock.SLOT
        if before >= oldest_slot():
            yield CheckAlerts(slot=before)

    def asked_next(self) -> Iterator[CheckTask]:
        """What the slot requires; after downtime, what every slot requires that may have been missed."""
        count = (self.slot - oldest_slot()) // clock.SLOT if self.is_missed(self.slot + clock.SLOT) else 0
        slots = [self.slot - i * clock.SLOT for i in range(max(count, 0) + 1)]
        for slot in slots:
            yield SlotMetrics(slot=slot)
            yield CheckAlerts(slot=slot - clock.SLOT)
        yield from dict.fromkeys(SlotHistory(date=clock.to_local(slot).date()) for slot in slots)

    def done_before(self) -> list[CheckTask]:
        """The task itself, and the measurement of its slot."""
        return [self, SlotMetrics(slot=self.slot)]

    def run(self) -> None:
        """Check the slot; if it is one of several missed ones, also those after it of which nothing is to be said."""
        if missed := self.still_missed():
            self._check(missed)

    def _check(self, missed: "Sequence[CheckAlerts]") -> None:
        """Evaluate the slot, notify people and save, in this order: after a failure the next run repeats all of it."""
        monitors, channels = monitors_and_channels()
        rules = current_rules()
        arrived = _note_arrivals()
        monitors = [monitor for monitor in monitors if monitor.metric.table not in arrived.slow]
        late_slots = arrived.late(self.slot, oldest_slot())

        state = provisional.with_told(store.load_state(self.slot), self.slot, arrived)
        state = evaluation.correct_late_slots(state, late_slots, self.slot, monitors, rules)
        numbers = evaluation.evaluate(self.slot, monitors, state, rules)
        results, silent = numbers.results.values(), arrived.silent_at(self.slot)
        after = step(state, results, self.slot, rules, silent, now=clock.utcnow(), is_fresh=self._is_fresh())
        notices = [*after.notices, *self._unsent(after, rules, channels)]
        with decoration.recorded() as left_out:
            notified = notify_all(notices, numbers, after.state, rules, channels)
        checked = [Checked(self.slot, tuple(results), (*after.state.current, *after.state.corrected))]
        # An incident that was told before its slot was checked is continued by the check of that slot alone.
        following = [] if notices or state.told else self._following(missed, arrived)
        later, state = stretch.check(after.state, following, monitors, rules, arrived.silent_at)
        checked += later
        save(checked)
        last = checked[-1].slot
        if last >= completeness.newest_settled_slot():
            completeness.remember(arrived)

        if notified.link and self.set_tracking_url is not None:
            self.set_tracking_url(notified.link)
        self.tell("; ".join([_status(checked[-1].results, arrived), *source().left_out, *left_out]), 100)
        tasks = [self, *(CheckAlerts(slot=each.slot) for each in later)]
        for task, each in zip(tasks, checked, strict=True):
            task.did(**_numbers(each.results), messages=notified.messages if task is self else 0, without=left_out)
        self.finish(*tasks[1:])
        # Raised last: if one address refuses a message that others accepted, the next slots must still be checked.
        refusals = notified.refusals
        # Presses since the state was loaded, and messages that an earlier run left behind.
        if not refusals and any(_is_recent(incident, last) for incident in state.incidents):
            refusals = refresh(last, monitors, rules, channels).refusals
        what = f"slots after {last} that still receive rows"
        optional(what, lambda: provisional.tell(arrived, last, monitors, rules, channels))
        if refusals:
            raise refusals[0]

    def _following(self, missed: "Sequence[CheckAlerts]", arrived: Completeness) -> list[datetime]:
        """Return the slots that are checked and saved with this one: the next of its day, if they are too old to alarm.

        The first slot of a run is checked alone: it corrects late slots, and messages that an earlier run left behind.
        """
        found: list[datetime] = []
        if not self.is_missed(self.slot - clock.SLOT) or self._is_fresh():
            return found
        end = clock.day_bounds(clock.to_local(self.slot).date())[1]
        late_slots = arrived.late(self.slot, oldest_slot())
        for back, task in enumerate(missed[1:], 1):
            is_next = task.slot == self.slot + back * clock.SLOT and task.slot < end
            is_measured = SlotMetrics(slot=task.slot).is_known_done
            is_late_corrected = arrived.late(task.slot, oldest_slot()) == late_slots
            if not (is_next and is_measured and is_late_corrected) or task._is_fresh():
                break
            found.append(task.slot)
        return found

    def _unsent(self, after: Step, rules: Rules, channels: Channels) -> list[Notice]:
        """Notices for addresses that lack the message of an open incident, of which nothing else is to be said."""
        noticed = {notice.incident.incident_id for notice in after.notices}
        due = shares(after.state, noticed, self.slot, rules, clock.utcnow(), is_fresh=self._is_fresh())
        return unsent(due, channels)

    def _is_fresh(self) -> bool:
        since = completeness.could_be_checked(self.slot)
        return since is not None and clock.moment() - since <= timedelta(minutes=settings.AlertSettings().alarm_minutes)


class Alerts(luigi.WrapperTask):
    """For cron: checks the newest slot that has all of its rows, and the slots missed before it."""

    @lasting
    def requires(self) -> list[luigi.Task]:
        """The newest slot; each slot requires the one before it, back to the last that was checked.

        The first check of a day also drops old rows. Its `SlotHistory` tells, which the check asks for anyway.
        """
        settings.check()
        source()
        monitors_and_channels()
        current_rules()
        slot = completeness.newest_settled_slot()
        if wrong_clock.is_to_be_corrected():
            return [ClockCorrection(slot=slot)]
        is_first = not SlotHistory(date=clock.to_local(slot).date()).complete()
        retention = [HistoryRetention(date=clock.yesterday())] if is_first else []
        return [CheckAlerts(slot=slot), *_late_rows(slot), *retention]


class LateRows(FixedParameters, Told):
    """Amends incidents whose slots received rows late, in a run that has no slot to check."""

    slot: datetime = luigi.DateMinuteParameter(interval=15, description="the newest slot that was checked, UTC")

    done = False

    def complete(self) -> bool:
        """Whether this run has amended them."""
        return self.done

    def run(self) -> None:
        """Check the late slots again and tell what is left of the incidents; the next run repeats what fails."""
        monitors, channels = monitors_and_channels()
        arrived = _note_arrivals()
        slots = arrived.late(self.slot + clock.SLOT, oldest_slot())
        with decoration.recorded() as left_out:
            told = late.correct(self.slot, slots, monitors, current_rules(), channels)
        completeness.remember(arrived)
        self.did(messages=told.messages, without=left_out)
        self.done = True
        if told.refusals:
            raise told.refusals[0]


class ClockCorrection(FixedParameters, Told):
    """Takes back what `Alerts` did while the clock was ahead, then checks the newest slot that is over."""

    slot: datetime = luigi.DateMinuteParameter(interval=15, description="the newest slot that is over, UTC")

    def complete(self) -> bool:
        """Whether nothing is left to take back."""
        return not wrong_clock.is_to_be_corrected()

    def run(self) -> Iterator[luigi.Task]:
        """Say that messages were wrong, withdraw their incidents, and take back the marks, in this order."""
        monitors, channels = monitors_and_channels()
        if not self.complete():
            refusals = wrong_clock.correct(monitors, channels)
            if refusals:
                raise refusals[0]
        yield CheckAlerts(slot=self.slot)


def monitors_and_channels() -> tuple[list[Monitor], Channels]:
    """Create the monitors and channels. Raises on a mistake in luigi.cfg, before any notice is due."""
    texts.load(settings.ReportSettings().language)
    return detection.monitors(), channels("[alerts] channels", settings.AlertSettings().channels)


def save(checked: Sequence[Checked]) -> None:
    """Save the results of slots, those of all slots in one INSERT a table."""
    incidents = [(each.slot, incident) for each in checked for incident in each.incidents]
    store.save_incidents([incident for _, incident in incidents], [slot for slot, _ in incidents])
    results = [(each.slot, result) for each in checked for result in each.results]
    store.save_checks([result for _, result in results], [slot for slot, _ in results])


def _is_recent(incident: Incident, slot: datetime) -> bool:
    return incident.notified and incident.noticed is not None and incident.noticed >= slot - KEPT_UP


def oldest_slot() -> datetime:
    """Return the oldest slot that is still checked after downtime."""
    return clock.last_closed_slot() - timedelta(hours=settings.AlertSettings().catch_up_hours)


def _late_rows(settled: datetime) -> list[LateRows]:
    """Note what arrived if no slot is to be checked, and return what amends incidents for it."""
    if not CheckAlerts(slot=settled).complete():
        return []
    arrived = optional("note of what arrived", _note_arrivals)
    if not arrived or not arrived.changed or completeness.is_remembered(arrived):
        return []
    checked = store.last_checked_slot()
    return [LateRows(slot=checked)] if checked and arrived.late(checked + clock.SLOT, oldest_slot()) else []


def _note_arrivals() -> Completeness:
    """Recount the newest slots, and note what arrived of those that are still to be checked."""
    arrived = completeness.recount(clock.last_closed_slot())
    completeness.note(arrived, store.last_checked_slot)
    return arrived


def _numbers(results: Collection[CheckResult]) -> dict[str, object]:
    totals = [result for result in results if result.part.is_total]
    without_history = [result.metric for result in totals if result.verdict == "no history"]
    return {"metrics": len(totals), "slices": len(results) - len(totals), "no_history": without_history}


def _status(results: Collection[CheckResult], arrived: Completeness) -> str:
    totals = [result for result in results if result.part.is_total]
    parts = [f"{result.metric}: {result.verdict}" for result in totals]
    lags = [f"{table} slots grow for {seconds // 60} min" for table, seconds in arrived.lag_seconds.items()]
    return ", ".join([*parts, f"{len(results) - len(totals)} slices", *lags])
