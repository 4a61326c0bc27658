"""The daily load: extracts side by side, merged by user, summed by slice, published whole."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import luigi

from pipeline import clock, settings
from pipeline.dimensions import DAILY, UNKNOWN, Dimension, readable
from pipeline.loading import insert_select, replace_partition
from pipeline.metrics import METRICS
from pipeline.source import source
from pipeline.tables import (
    ATTRIBUTES,
    COLUMNS,
    DAILY_METRICS,
    DAILY_TOTALS,
    FEED_USER_DAY,
    MESSAGE_USER_DAY,
    SLICE_DAY,
    USER_ATTRIBUTES,
    USER_DAY,
    full_name,
    warehouse,
)
from pipeline.targets import Marker, RawRows
from pipeline.tasks.base import DayTask
from pipeline.warehouse import Fragment, Warehouse, statement


class LoadTask(DayTask):
    """A day's partition of one table: filled by a SELECT, replaced whole, marked."""

    @property
    def table(self) -> str:
        """The table that it fills."""
        raise NotImplementedError

    def output(self) -> Marker:
        """The marker ``table:date:v1``."""
        return Marker(f"{self.table}:{self.date}:v1", self.table)

    def load(self, origin: Warehouse, select: str, partition: object = None, **params: object) -> int:
        """Replace the day's partition by the result of a SELECT; returns its rows."""
        start, end = clock.day_bounds(self.date)
        bound = {"date": str(self.date), "start": str(start), "end": str(end), **params}

        def fill(staging: str) -> None:
            insert_select(origin, select, bound, staging, COLUMNS[self.table])

        rows = replace_partition(self.table, partition or str(self.date), fill)
        self.tell(f"{rows:,} rows")
        return rows

    def count_loaded(self, column: str) -> int:
        """Sum a column of the day's partition: how many raw rows it was made of."""
        sql = statement("count_events", table=full_name(self.table), column=column)
        ((events,),) = warehouse().query(sql, {"date": str(self.date)})
        return int(events)


class FeedUserDay(LoadTask):
    """Per user the views and likes of a day."""

    table = FEED_USER_DAY

    def run(self) -> None:
        """Aggregate the day's feed_actions by user."""
        events = source()
        self.load(events.connection, statement("feed_user_day", feed=events.feed))
        self.output().write(RawRows(feed=self.count_loaded("feed_events")))


class MessageUserDay(LoadTask):
    """Per user the messages received and sent, from how many users and to how many."""

    table = MESSAGE_USER_DAY

    def run(self) -> None:
        """Aggregate the day's message_actions by user, at both ends of each message."""
        events = source()
        select = statement("message_user_day", messages=events.messages, recipient=events.recipient)
        self.load(events.connection, select)
        self.output().write(RawRows(messages=self.count_loaded("messages_sent")))


class UserAttributes(LoadTask):
    """Per user os, gender and age by his own rows of a day."""

    table = USER_ATTRIBUTES

    def run(self) -> None:
        """Choose one value of each attribute for each user with rows of his own."""
        events = source()
        select = statement(
            "user_attributes",
            feed=events.feed,
            messages=events.messages,
            columns=Fragment(", ".join(dict.fromkeys(map(_common_column, DAILY)))),
            user_values=Fragment(", ".join(readable(dimension.user_value) for dimension in DAILY)),
        )
        self.load(events.connection, select)
        self.output().write()


class UserDay(LoadTask):
    """Every user of either table, with his attributes: the merge."""

    table = USER_DAY

    def requires(self) -> list[luigi.Task]:
        """The extracts, and the attributes of the days before: so the result does not depend on the order of loads."""
        days = range(settings.etl().attribute_days + 1)
        return [
            FeedUserDay(date=self.date),
            MessageUserDay(date=self.date),
            *(UserAttributes(date=self.date - timedelta(days=back)) for back in days),
        ]

    def run(self) -> None:
        """Merge the extracts by user and look the attributes up."""
        select = statement(
            "user_day",
            feed_user_day=full_name(FEED_USER_DAY),
            message_user_day=full_name(MESSAGE_USER_DAY),
            user_attributes=full_name(USER_ATTRIBUTES),
            attributes=Fragment(", ".join(ATTRIBUTES)),
            no_attributes=Fragment(", ".join(f"'' AS {name}" for name in ATTRIBUTES)),
            latest_attributes=Fragment(",\n    ".join(map(_latest_known, ATTRIBUTES))),
        )
        since = self.date - timedelta(days=settings.etl().attribute_days)
        self.load(warehouse(), select, since=str(since))
        self.output().write()


class Slice(LoadTask):
    """The day's sums by one dimension."""

    dimension: str = luigi.ChoiceParameter(choices=ATTRIBUTES, description="os, gender or age")

    table = SLICE_DAY

    def output(self) -> Marker:
        """The marker ``slice_day:date:dimension:v1``."""
        return Marker(f"{self.table}:{self.date}:{self.dimension}:v1", self.table)

    def requires(self) -> luigi.Task:
        """The merged users."""
        return UserDay(date=self.date)

    def run(self) -> None:
        """Sum the users by the dimension's value."""
        select = statement("slice", user_day=full_name(USER_DAY), column=self.dimension)
        partition = (str(self.date), self.dimension)
        self.load(warehouse(), select, partition, dimension=self.dimension)
        self.output().write()


class DailyMetrics(LoadTask):
    """The result of a day, in `daily_metrics` and `daily_totals`: their only writer."""

    table = DAILY_METRICS

    def requires(self) -> Sequence[luigi.Task]:
        """Every slice."""
        return [Slice(date=self.date, dimension=dimension.name) for dimension in DAILY]

    def run(self) -> None:
        """Publish the slices and totals of the day, each replaced whole."""
        totals = statement("daily_totals", user_day=full_name(USER_DAY), totals=Fragment(_totals()))

        def fill_totals(staging: str) -> None:
            insert_select(warehouse(), totals, {"date": str(self.date)}, staging, COLUMNS[DAILY_TOTALS])

        replace_partition(DAILY_TOTALS, str(self.date), fill_totals)
        select = statement("daily_metrics", slice_day=full_name(SLICE_DAY))
        self.load(warehouse(), select, dimensions=ATTRIBUTES)
        self.output().write()


class Daily(luigi.WrapperTask):
    """For cron: yesterday, and every day missing since ``[etl] start``."""

    def requires(self) -> Iterator[luigi.Task]:
        """Every day to keep loaded, oldest first; those that are done cost one query together."""
        settings.check()
        source()
        days = days_to_load()
        done = set(DailyMetrics.bulk_complete(days))
        # Yesterday is asked for even when done, so that the root is never without a day.
        return (DailyMetrics(date=day) for day in days if day not in done or day == days[-1])


def days_to_load() -> list[Any]:
    """The days from ``[etl] start`` to yesterday, in order; yesterday alone without a start."""
    last = clock.yesterday()
    first = min(settings.load_start() or last, last)
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def _common_column(dimension: Dimension) -> str:
    # The tables may declare different integers, and UNION ALL does not know what to make of UInt64 and Int8.
    return f"toInt64({dimension.column}) AS {dimension.column}" if dimension.numeric else dimension.column


def _latest_known(attribute: str) -> str:
    known = f"{attribute} != ''"
    return f"if(countIf({known}) = 0, '{UNKNOWN}', argMaxIf({attribute}, seen, {known}))"


def _totals() -> str:
    return ", ".join(
        f"('{metric.name}', toUInt64({metric.day}), toUInt64({metric.day_denominator or 1}))" for metric in METRICS
    )
