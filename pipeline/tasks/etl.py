"""The daily load: extracts side by side, merged by user, summed by slice, published as a whole."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

import luigi

from pipeline.core import clock, settings
from pipeline.core.dimensions import DAILY
from pipeline.core.errors import ReconciliationError, RowsArrivedError
from pipeline.core.metrics import FEED
from pipeline.etl import reconciliation, selects
from pipeline.etl.reconciliation import RawDay
from pipeline.tasks.base import DayTask
from pipeline.warehouse import markers, publish
from pipeline.warehouse.markers import Marker, RawRows, update_id
from pipeline.warehouse.publish import Select
from pipeline.warehouse.source import table_name
from pipeline.warehouse.tables import (
    ACTIVE_USERS,
    ATTRIBUTES,
    DAILY_METRICS,
    DAILY_TOTALS,
    FEED_USER_DAY,
    MESSAGE_USER_DAY,
    SLICE_DAY,
    USER_ATTRIBUTES,
    USER_DAY,
    full_name,
)

LOGGER = logging.getLogger(__name__)


class LoadTask(DayTask):
    """Replaces a day's partition of one table with the result of a SELECT."""

    events_column = ""
    """The column whose sum is the number of raw rows read."""

    @property  # Luigi reads it and documents a property
    def priority(self) -> int:  # type: ignore[override]
        """Older days first: a back-fill publishes one day after the other."""
        return (clock.yesterday() - self.date).days

    @property
    def table(self) -> str:
        """The table that the task fills."""
        raise NotImplementedError

    @property
    def partition(self) -> publish.Key:
        """The partition that the task replaces."""
        return str(self.date)

    def output(self) -> Marker:
        """The marker ``table:date:v1``."""
        return Marker(update_id(self.table, self.date), self.table)

    def run(self) -> None:
        """Load the partition and mark it as done."""
        token = markers.begin(self.output(), self.input())
        with publish.partition(self.table, self.partition) as staged:
            staged.insert(self.select())
            rows, events = staged.count(self.events_column)
            self.tell(f"{rows:,} rows")
        markers.finish(token, self.raw_rows(events))

    def select(self) -> Select:
        """The SELECT that fills the partition."""
        raise NotImplementedError

    def raw_rows(self, events: int) -> RawRows:
        """The raw rows that the load read, given the sum of `events_column`; none unless it reads the source."""
        return RawRows()


class FeedUserDay(LoadTask):
    """The views and likes of each user on a day, and the user's attributes in those rows."""

    table = FEED_USER_DAY
    events_column = "feed_events"

    def select(self) -> Select:
        """Aggregate the day's feed_actions by user."""
        return selects.feed_user_day(self.date)

    def raw_rows(self, events: int) -> RawRows:
        """Rows of feed_actions."""
        return RawRows(feed=events)


class MessageUserDay(LoadTask):
    """Messages received and sent by each user on a day, the numbers of senders and recipients, and attributes."""

    table = MESSAGE_USER_DAY
    events_column = "messages_sent"

    def select(self) -> Select:
        """Aggregate the day's message_actions by user."""
        return selects.message_user_day(self.date)

    def raw_rows(self, events: int) -> RawRows:
        """Rows of message_actions."""
        return RawRows(messages=events)


class ActiveUsers(LoadTask):
    """The users of the feed on a day, kept for metrics that look at several days."""

    table = ACTIVE_USERS

    def requires(self) -> luigi.Task:
        """The extract of the feed."""
        return FeedUserDay(date=self.date)

    def select(self) -> Select:
        """List the users."""
        return selects.active_users(self.date)


class UserAttributes(LoadTask):
    """The os, gender and age of each user from own rows of a day. Later days look up missing attributes here."""

    table = USER_ATTRIBUTES

    def requires(self) -> list[luigi.Task]:
        """The extracts, which also hold the attributes."""
        return list(extracts(self.date))

    def select(self) -> Select:
        """Choose one value of each attribute for each user."""
        return selects.user_attributes(self.date)


class UserDay(LoadTask):
    """The merge: every user of either extract, with attributes."""

    table = USER_DAY

    def requires(self) -> list[luigi.Task]:
        """The extracts, and the attributes of the days before: the order of loads must not change the result."""
        days = range(1, settings.EtlSettings().attribute_days + 1)
        attributes = (UserAttributes(date=self.date - timedelta(days=back)) for back in days)
        return [*extracts(self.date), *attributes]

    def select(self) -> Select:
        """Merge the extracts by user and look up missing attributes."""
        return selects.user_day(self.date)


class Slice(LoadTask):
    """The day's sums by one dimension."""

    dimension: str = luigi.ChoiceParameter(choices=ATTRIBUTES, description="os, gender or age")

    table = SLICE_DAY

    @property
    def partition(self) -> publish.Key:
        """The day and the dimension."""
        return str(self.date), self.dimension

    def output(self) -> Marker:
        """The marker ``slice_day:date:dimension:v1``."""
        return Marker(update_id(self.table, self.date, self.dimension), self.table)

    def requires(self) -> luigi.Task:
        """The merged users."""
        return UserDay(date=self.date)

    def select(self) -> Select:
        """Sum the users by value of the dimension."""
        return selects.slice_day(self.date, self.dimension)


class DailyMetrics(LoadTask):
    """The result of a day, in `daily_metrics` and `daily_totals`; no other task writes these tables."""

    table = DAILY_METRICS

    def requires(self) -> Sequence[luigi.Task]:
        """Every slice."""
        return [Slice(date=self.date, dimension=dimension.name) for dimension in DAILY]

    def run(self) -> None:
        """Publish the day's slices and totals if they add up to what the source holds."""
        token = markers.begin(self.output(), self.input())
        raw = reconciliation.count_raw(self.date)
        self._require_unmoved(raw.rows)
        with publish.partition(DAILY_METRICS, self.partition) as staged:
            staged.insert(selects.daily_metrics(self.date))
            staged.is_empty = raw.rows == RawRows()  # any raw row, even of an unknown action, gives rows here
            self._require_reconciled(staged.table, raw)
        with publish.partition(DAILY_TOTALS, self.partition) as staged:  # an empty day has totals too
            staged.insert(selects.daily_totals(self.date))
        self.tell(f"{raw.rows.feed:,} feed rows and {raw.rows.messages:,} messages reconciled", 100)
        markers.finish(token, raw.rows)
        if raw.rows.feed and not (raw.views or raw.likes):
            LOGGER.warning(
                "%s: %s has %s rows, and none is a view or a like: set [source] view_action and like_action (%s) to "
                "the values of `action` that mean them; `feedpulse doctor` shows the values",
                *(self.date, table_name(FEED), f"{raw.rows.feed:,}", " and ".join(settings.action_names().values())),
            )

    def _require_unmoved(self, current: RawRows) -> None:
        """Refuse extracts whose row counts differ from the source's now; the next run extracts again."""
        feed, messages = (task.output().update_id for task in extracts(self.date))
        done = markers.done([feed, messages])
        if len(done) < 2:
            self._invalidate_day()
            raise RowsArrivedError(f"{self.date}: another run began to load the day again; the next run continues.")
        seen = RawRows(done[feed].raw.feed, done[messages].raw.messages)
        if change := reconciliation.moved(seen, current):
            self._invalidate_day()
            raise RowsArrivedError(
                f"{self.date}: rows arrived while loading: {change}. "
                f"{full_name(DAILY_METRICS)} is as it was; the next run loads the day again."
            )

    def _require_reconciled(self, staged_table: str, raw: RawDay) -> None:
        differences = reconciliation.differences(staged_table, self.date, raw)
        if differences:
            self._invalidate_day()
            raise ReconciliationError(
                f"{self.date} does not reconcile: {reconciliation.listed(differences)}. {full_name(DAILY_METRICS)} is "
                "as it was; the next run extracts the day again. If that fails too, the source's rows changed without "
                "a change in their number, or its table returns other rows each time it is read."
            )

    def _invalidate_day(self) -> None:
        invalidate([*load_chain(self.date), *later_merges(self.date)])


def extracts(day: date) -> tuple[LoadTask, ...]:
    """Return the tasks that read a day's events."""
    return FeedUserDay(date=day), MessageUserDay(date=day)


def merges(day: date) -> tuple[LoadTask, ...]:
    """Return the tasks that make a day's result from the extracts."""
    slices = (Slice(date=day, dimension=dimension.name) for dimension in DAILY)
    return DailyMetrics(date=day), *slices, UserDay(date=day)


def load_chain(day: date) -> tuple[LoadTask, ...]:
    """Return every task of a day."""
    return *merges(day), UserAttributes(date=day), ActiveUsers(date=day), *extracts(day)


def later_merges(day: date) -> Iterator[LoadTask]:
    """Return the merges that look up a day's attributes: they are out of date when the day is loaded again.

    Includes merges that never began: another process may begin and finish one before the caller uses the result.
    """
    last = min(day + timedelta(days=settings.EtlSettings().attribute_days), clock.yesterday())
    for i in range(1, (last - day).days + 1):
        yield from merges(day + timedelta(days=i))


def invalidate(tasks: Iterable[LoadTask]) -> None:
    """Invalidate loads, all at once, including loads that are running."""
    markers.invalidate(task.output().update_id for task in tasks)
