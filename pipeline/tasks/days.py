"""The check of whole days, in the morning."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import luigi

from pipeline.alerts import daily
from pipeline.alerts.detection import holidays
from pipeline.alerts.incidents import current_rules
from pipeline.alerts.notify import days as notify_days
from pipeline.core import clock, settings
from pipeline.tasks.alerts import monitors_and_channels
from pipeline.tasks.base import DayTask
from pipeline.tasks.daily import days_to_load, kept_days
from pipeline.tasks.etl import DailyMetrics
from pipeline.warehouse import markers
from pipeline.warehouse.markers import Marker, Token, Version, update_id
from pipeline.warehouse.source import source
from pipeline.warehouse.tables import DAY_CHECKS
from reporting import decoration

CATCH_UP_DAYS = 7
"""How far back days are checked that were missed, or loaded again since."""


class CheckDays(DayTask):
    """Checks a day, and the days before it that were not checked as they are now, and notifies people.

    People are alerted of yesterday alone: older days are recorded.
    """

    def output(self) -> Marker:
        """The marker ``check_days:date:v1``, with the raw rows of the load that was checked."""
        return Marker(_check_id(self.date), DAY_CHECKS)

    def requires(self) -> Iterator[luigi.Task]:
        """The day, and those days before it that `Daily` keeps loaded."""
        kept = set(days_to_load()) | {self.date}
        return (DailyMetrics(date=day) for day in self._days() if day in kept)

    _was_complete = False

    def complete(self) -> bool:
        """Whether the day and the days before it were checked as they are loaded; the answer yes is remembered."""
        settings.check()
        self.require_closed()
        if not settings.AlertSettings().day_detector:
            return True
        holidays.check()
        if not self._was_complete:
            changed = kept_days()  # invalidates the loads of days that have changed
            known = _Known(self._days())
            to_load = [day for day in self._days() if day in changed and not known.is_loaded(day)]
            self._was_complete = (
                not to_load and known.is_checked(self.date) and not any(map(known.is_due, self._days()))
            )
        return self._was_complete

    def run(self) -> None:
        """Check the days, notify people and save, in this order: after a failure the next run repeats all of it."""
        monitors, channels = monitors_and_channels()
        source()
        known = _Known(clock.days(self._days()[0], clock.yesterday()))
        days = self._to_check(known)
        walked = daily.walk(days, monitors, current_rules(), is_fresh=days[-1] == clock.yesterday())
        with decoration.recorded() as left_out:
            notified = notify_days.notify(walked, monitors, channels)
        daily.save(walked)
        for day in days:
            known.finish(day)
        if notified.link and self.set_tracking_url is not None:
            self.set_tracking_url(notified.link)
        results = walked.newest.results.values()
        verdicts = [f"{result.metric}: {result.verdict}" for result in results if result.part.is_total]
        self.tell("; ".join([", ".join(verdicts), *left_out]), 100)
        self.did(days=[str(day) for day in days], messages=notified.messages, without=left_out)
        if notified.refusals:
            raise notified.refusals[0]

    def _days(self) -> list[date]:
        return clock.days(self.date - timedelta(days=CATCH_UP_DAYS - 1), self.date)

    def _to_check(self, known: "_Known") -> list[date]:
        """The loaded days from the first that is due: days that were checked after it depend on it."""
        first = min(filter(known.is_due, self._days()), default=self.date)
        last = max([self.date, *filter(known.is_checked, clock.days(self.date, clock.yesterday()))])
        return list(filter(known.is_loaded, clock.days(first, last)))


class _Known:
    """What the markers say of days: which are loaded, and which were checked with the rows that they have now."""

    def __init__(self, days: Sequence[date]) -> None:
        loads = {day: DailyMetrics(date=day).output().update_id for day in days}
        states = markers.states([*map(_check_id, days), *loads.values()])
        self._loads = {day: state for day, item in loads.items() if (state := states.get(item)) and state.done}
        self._checks = {day: state for day in days if (state := states.get(_check_id(day)))}

    def is_loaded(self, day: date) -> bool:
        return day in self._loads

    def is_checked(self, day: date) -> bool:
        return day in self._checks

    def is_due(self, day: date) -> bool:
        load, check = self._loads.get(day), self._checks.get(day)
        return load is not None and (check is None or check.raw != load.raw)

    def finish(self, day: date) -> None:
        """Mark a day as checked, with the rows of its load."""
        version = self._checks[day].version if day in self._checks else Version()
        markers.finish(Token(Marker(_check_id(day), DAY_CHECKS), version), self._loads[day].raw)


def _check_id(day: date) -> str:
    return update_id("check_days", day)
