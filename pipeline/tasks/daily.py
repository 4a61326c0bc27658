"""The root of the daily load: which days to load, which to load again, and which staging to drop."""

import logging
import math
import re
import time
from collections.abc import Sequence
from datetime import date, timedelta

import luigi

from pipeline.core import clock, settings
from pipeline.core.audience import report_metrics
from pipeline.core.errors import ACCESS_DENIED, TerminalError
from pipeline.core.process import once
from pipeline.etl import ages, audience, reconciliation
from pipeline.tasks.base import DayTask, lasting
from pipeline.tasks.etl import (
    ActiveUsers,
    DailyMetrics,
    LoadTask,
    UserAttributes,
    extracts,
    invalidate,
    later_merges,
    load_chain,
)
from pipeline.tasks.retention import HistoryRetention
from pipeline.warehouse import markers, publish
from pipeline.warehouse.markers import Marker, RawRows, State, update_id
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import ACTIVE_USERS, STAGING, TABLE_UPDATES, USER_ATTRIBUTES, full_name, open_warehouse

LOGGER = logging.getLogger(__name__)

IN_USE_SECONDS = 86_400  # a newer partition may belong to a running back-fill


class Daily(luigi.WrapperTask):
    """For cron: loads yesterday, every day missing since ``[etl] start``, and days that changed since their load."""

    @lasting
    def requires(self) -> list[luigi.Task]:
        """Every day to load, oldest first. Days that are done and unchanged cost three queries in total."""
        settings.check()
        source()
        days = kept_days()
        done = set(DailyMetrics.bulk_complete(days))
        # Yesterday is required even when done, so that the root always has a day.
        loads = [DailyMetrics(date=day) for day in days if day not in done or day == days[-1]]
        if missing := [day for day in days if day not in done]:
            ages.require_ages(missing[-1])
        return [*loads, *missing_active_users(days), StagingRetention(date=days[-1])]


class StagingRetention(DayTask):
    """Once a day: drops the staging partitions that are no longer needed, and invalidates their loads."""

    def output(self) -> Marker:
        """The marker ``staging_retention:date:v1``."""
        return Marker(update_id("staging_retention", self.date), TABLE_UPDATES)

    def requires(self) -> list[luigi.Task]:
        """The load of the day, which still needs old staging; and the other retention, so that `Daily` asks for one."""
        return [DailyMetrics(date=self.date), HistoryRetention(date=self.date)]

    def run(self) -> None:
        """Invalidate first: a dropped partition must not count as loaded."""
        section = settings.EtlSettings()
        kept_days = dict.fromkeys(STAGING, section.keep_staging_days)
        # Every day that may still be reloaded looks up attributes.
        kept_days[USER_ATTRIBUTES] = max(section.keep_staging_days, section.attribute_days + section.reload_days)
        if (needed := audience.days_needed(report_metrics())) is not None:
            kept_days[ACTIVE_USERS] = max(section.keep_staging_days, needed + section.reload_days)
        old = [
            (table, partition_id, day)
            for table, partition_id, day, modified in _staged_partitions()
            if (self.date - day).days >= kept_days.get(table, math.inf) and time.time() - modified > IN_USE_SECONDS
        ]
        if old and not publish.may_drop(old[0][0]):
            LOGGER.warning("per-user tables keep old days: this user may not drop them; grant ALTER DELETE")
            old = []
        invalidate(task for table, _, day in old for task in load_chain(day) if task.table == table)
        for table, partition_id, _ in old:
            sql = statement("drop_partition_by_id", table=full_name(table))
            open_warehouse().execute(sql, {"partition_id": partition_id}, idempotent=True)
        self.tell(f"{len(old)} staged partitions dropped", 100)
        markers.complete(self.output())


def missing_active_users(days: Sequence[date]) -> list[ActiveUsers]:
    """Return the tasks that list the users of those of the loaded `days` that the report needs, unless done."""
    needed = audience.days_needed(report_metrics())
    wanted = days if needed is None else days[len(days) - min(needed, len(days)) :]
    done = set(ActiveUsers.bulk_complete(wanted)) if wanted else set()
    return [ActiveUsers(date=day) for day in wanted if day not in done]


def kept_days() -> list[date]:
    """Return the days that `Daily` loads unless they are done, in order. Invalidates those that have changed."""
    return sorted({*days_to_load(), *reload_changed(clock.yesterday())})


def days_to_load() -> list[date]:
    """Return the days from ``[etl] start`` to yesterday, in order; only yesterday without a start."""
    last = clock.yesterday()
    first = min(settings.load_start() or last, last)
    return clock.days(first, last)


def reload_changed(last: date) -> list[date]:
    """Invalidate the loads of days whose source rows changed since, also of days that are only looked up.

    The source is counted once per process; the next run handles rows that arrive later. The days after a changed day
    are merged again too, because they look up its attributes. So the result equals a load of the final rows in order.

    Parameters
    ----------
    last : datetime.date
        The newest of the ``[etl] reload_days`` days to check.

    Returns
    -------
    list of datetime.date
        The checked days that were ever loaded: done, or invalidated by this or an earlier run, even a killed one.
    """
    loaded, changes = _loaded_and_changed(last)
    if new := {day: change for day, change in changes.items() if day not in _invalidated()}:
        for day, change in new.items():
            LOGGER.warning("%s changed since its load: %s; it is loaded again", day, change)
        invalidate(task for day in new for task in (*load_chain(day), *later_merges(day)))
        _invalidated().update(new)
    return loaded


@once
def _invalidated() -> set[date]:
    """The days whose loads this process has invalidated."""
    return set()


@once
def _loaded_and_changed(last: date) -> tuple[list[date], dict[date, str]]:
    """Return the checked days that were ever loaded, and how the source rows of days changed since they were read."""
    days = sorted(last - timedelta(days=back) for back in range(settings.EtlSettings().reload_days))
    known = markers.states(task.output().update_id for day in days for task in _readers(day))
    states = {day: [known.get(task.output().update_id) for task in _readers(day)] for day in days}
    loaded = [day for day, (load, *_) in states.items() if load and load.was_done]
    read = [day for day, of_day in states.items() if any(state and state.done for state in of_day)]
    rows = reconciliation.rows_by_day(read[0], last) if read else {}
    return loaded, {day: change for day in read if (change := _change(states[day], rows[day]))}


def _readers(day: date) -> tuple[LoadTask, ...]:
    """The tasks that hold the source rows of a day, and the extracts, whose markers have their numbers."""
    return DailyMetrics(date=day), UserAttributes(date=day), *extracts(day)


def _change(states: Sequence[State | None], current: RawRows) -> str:
    """Describe how a day's source rows changed since its `_readers` read them; '' if they did not.

    Of a day that is not loaded there may be extracts, and attributes that days after it look up. Attributes are kept
    longer than the extracts that they are made of.
    """
    load, attributes, feed, messages = states
    if load and load.done:
        return reconciliation.moved(load.raw, current)
    is_looked_up = attributes is not None and attributes.done
    extracted = RawRows(
        feed.raw.feed if feed and (feed.done or is_looked_up) else current.feed,
        messages.raw.messages if messages and (messages.done or is_looked_up) else current.messages,
    )
    return reconciliation.moved(extracted, current)


@DailyMetrics.event_handler(luigi.Event.SUCCESS)  # type: ignore[untyped-decorator]
def tell_progress(task: DailyMetrics) -> None:
    """Log the progress of a back-fill."""
    days = days_to_load()
    if len(days) > 1 and task.date in days:
        done = len(set(DailyMetrics.bulk_complete(days)))
        LOGGER.info("%s is loaded: %d of %d days since [etl] start are", task.date, done, len(days))


def _staged_partitions() -> list[tuple[str, str, date, int]]:
    """Return table, id, day and time of change (Unix seconds) of every partition of the staging tables."""
    tables = {full_name(table).partition(".")[2]: table for table in (*STAGING, ACTIVE_USERS)}
    bound = {"database": settings.WarehouseSettings().database, "tables": tuple(tables)}
    try:
        parts = open_warehouse().query(statement("staging_partitions"), bound)
    except TerminalError as error:
        if error.code != ACCESS_DENIED:
            raise
        LOGGER.warning("per-user tables keep old days: this user may not read system.parts; grant SELECT on it")
        return []
    return [
        (tables[name], partition_id, date.fromisoformat(re.findall(r"\d{4}-\d{2}-\d{2}", partition)[0]), modified)
        for name, partition_id, partition, modified in parts
    ]
