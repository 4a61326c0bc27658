"""The daily load: extracts side by side, merged by user, summed by slice, published whole."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta

import luigi

from pipeline.core import clock, settings
from pipeline.core.dimensions import DAILY, UNKNOWN, Dimension, readable
from pipeline.core.errors import ReconciliationError, RowsArrivedError
from pipeline.core.metrics import day_measures
from pipeline.etl import reconciliation
from pipeline.etl.reconciliation import RawDay
from pipeline.tasks.base import DayTask
from pipeline.warehouse import markers
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.markers import Marker, RawRows, invalidate, states
from pipeline.warehouse.publish import insert_select, replace_partition
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import (
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
    open_warehouse,
)


class LoadTask(DayTask):
    """A day's partition of one table: filled by a SELECT, replaced whole, marked."""

    @property  # Luigi reads it and documents a property
    def priority(self) -> int:  # type: ignore[override]
        """Older days first: in a back-fill one day is published after the other."""
        return (clock.yesterday() - self.date).days

    @property
    def table(self) -> str:
        """The table that it fills."""
        raise NotImplementedError

    def output(self) -> Marker:
        """The marker ``table:date:v1``."""
        return Marker(f"{self.table}:{self.date}:v1", self.table)

    def run(self) -> None:
        """Fill the day's partition, then say so."""
        began = self._begin()
        self.output().write(self.publish(), began=began)

    def _begin(self) -> int:
        """The version of its marker; refuses where what it reads was taken back.

        Luigi asked for that before. But what is taken back in between goes together with this task's own marker, whose
        version would then look as if the work began later: so both are read at once.
        """
        own = self.output().update_id
        inputs = [marker.update_id for marker in luigi.task.flatten(self.input())]
        known = states([own, *inputs])
        if not all(update_id in known and known[update_id].done for update_id in inputs):
            raise RowsArrivedError(f"{self.date}: what it is made of is to be loaded again; the next run goes on.")
        return known[own].version if own in known else 0

    def publish(self) -> RawRows:
        """Replace the day's partition; returns the raw rows that it was made of, where it reads raw rows."""
        raise NotImplementedError

    def load(self, origin: Engine, select: str, partition: object = None, *, events: str = "", **params: object) -> int:
        """Replace the day's partition by the result of a SELECT; returns the sum of its column `events`, if given."""
        start, end = clock.day_bounds(self.date)
        bound = {"date": str(self.date), "start": str(start), "end": str(end), **params}
        total = 0

        def fill(staging: str) -> bool:
            nonlocal total
            insert_select(origin, select, bound, staging, COLUMNS[self.table])
            sql = statement("count_rows", table=staging)
            if events:
                sql = statement("count_events", table=staging, column=events)
            ((rows, *sums),) = open_warehouse().query(sql)
            total = sum(sums)
            self.tell(f"{rows:,} rows")
            return bool(rows)

        replace_partition(self.table, partition or str(self.date), fill)
        return total


class FeedUserDay(LoadTask):
    """Per user the views and likes of a day, and his attributes there."""

    table = FEED_USER_DAY

    def publish(self) -> RawRows:
        """Aggregate the day's feed_actions by user."""
        events = source()
        select = statement("feed_user_day", feed=events.feed, greatest=_listed(_greatest))
        return RawRows(feed=self.load(events.engine, select, events="feed_events"))


class MessageUserDay(LoadTask):
    """Per user the messages received and sent, from how many users and to how many, and his attributes there."""

    table = MESSAGE_USER_DAY

    def publish(self) -> RawRows:
        """Aggregate the day's message_actions by user, at both ends of each message."""
        events = source()
        select = statement(
            "message_user_day",
            messages=events.messages,
            pair=events.pair.sql,
            sender=events.pair.sender,
            recipient=events.pair.recipient,
            greatest=_listed(lambda item: f"{_ranked(item)} AS greatest_{item.name}"),
            greatest_names=_listed(lambda item: f"greatest_{item.name}"),
            greatest_of_nobody=_listed(lambda item: f"{_none(item)} AS greatest_{item.name}"),
            greatest_of_sender=_listed(_greatest_of_sender),
        )
        return RawRows(messages=self.load(events.engine, select, events="messages_sent"))


class UserAttributes(LoadTask):
    """Per user os, gender and age by his own rows of a day: where later days look for who has none of his own."""

    table = USER_ATTRIBUTES

    def requires(self) -> list[luigi.Task]:
        """The extracts: their scans of the events found the attributes too."""
        return list(extracts(self.date))

    def publish(self) -> RawRows:
        """Choose one value of each attribute for each user with rows of his own."""
        select = statement(
            "user_attributes",
            feed_user_day=full_name(FEED_USER_DAY),
            message_user_day=full_name(MESSAGE_USER_DAY),
            attributes=Fragment(", ".join(ATTRIBUTES)),
            values=_listed(lambda dimension: _user_value(dimension, f"max({dimension.name})")),
        )
        self.load(open_warehouse(), select)
        return RawRows()


class UserDay(LoadTask):
    """Every user of either table, with his attributes: the merge."""

    table = USER_DAY

    def requires(self) -> list[luigi.Task]:
        """The extracts, and the attributes of the days before: so the result does not depend on the order of loads."""
        days = range(1, settings.EtlSettings().attribute_days + 1)
        attributes = (UserAttributes(date=self.date - timedelta(days=back)) for back in days)
        return [*extracts(self.date), *attributes]

    def publish(self) -> RawRows:
        """Merge the extracts by user, and look up the attributes that they lack."""
        days = settings.EtlSettings().attribute_days
        select = statement(
            "user_day",
            feed_user_day=full_name(FEED_USER_DAY),
            message_user_day=full_name(MESSAGE_USER_DAY),
            feed_attributes=_listed(lambda dimension: f"{dimension.name} AS feed_{dimension.name}"),
            message_attributes=_listed(lambda dimension: f"{dimension.name} AS message_{dimension.name}"),
            own_attributes=_listed(_value_of_both),
            look_back=_look_back() if days else Fragment(""),
            chosen_attributes=_listed(_own_or_latest if days else _own_value),
        )
        self.load(open_warehouse(), select, since=str(self.date - timedelta(days=days)))
        return RawRows()


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

    def publish(self) -> RawRows:
        """Sum the users by the dimension's value."""
        select = statement("slice", user_day=full_name(USER_DAY), column=self.dimension)
        partition = (str(self.date), self.dimension)
        self.load(open_warehouse(), select, partition, dimension=self.dimension)
        return RawRows()


class DailyMetrics(LoadTask):
    """The result of a day, in `daily_metrics` and `daily_totals`: their only writer."""

    table = DAILY_METRICS

    def requires(self) -> Sequence[luigi.Task]:
        """Every slice."""
        return [Slice(date=self.date, dimension=dimension.name) for dimension in DAILY]

    def publish(self) -> RawRows:
        """Publish the slices and totals of the day, each replaced whole, if they add up to what the source holds."""
        raw = reconciliation.count_raw(self.date)
        self._require_unmoved(raw.rows)
        day = {"date": str(self.date)}
        slices = statement("daily_metrics", slice_day=full_name(SLICE_DAY))
        totals = statement("daily_totals", user_day=full_name(USER_DAY), totals=Fragment(day_measures()))

        def fill_metrics(staging: str) -> bool:
            bound = {**day, "dimensions": ATTRIBUTES}
            insert_select(open_warehouse(), slices, bound, staging, COLUMNS[DAILY_METRICS])
            self._require_reconciled(staging, raw)
            return raw.rows != RawRows()  # also who only did what is unknown is in every slicing

        def fill_totals(staging: str) -> bool:
            insert_select(open_warehouse(), totals, day, staging, COLUMNS[DAILY_TOTALS])
            return True  # of a day without a row too

        replace_partition(DAILY_METRICS, str(self.date), fill_metrics)
        replace_partition(DAILY_TOTALS, str(self.date), fill_totals)
        self.tell(f"{raw.rows.feed:,} feed rows and {raw.rows.messages:,} messages reconciled", 100)
        return raw.rows

    def _require_unmoved(self, found: RawRows) -> None:
        """Refuse extracts that saw other rows than the source has now; the next run makes them again."""
        feed, messages = (task.output().update_id for task in extracts(self.date))
        done = markers.done([feed, messages])
        if len(done) < 2:
            self._take_back()
            raise RowsArrivedError(f"{self.date}: another run began to load the day again; the next run goes on.")
        seen = RawRows(done[feed].raw.feed, done[messages].raw.messages)
        if change := reconciliation.moved(seen, found):
            self._take_back()
            raise RowsArrivedError(
                f"{self.date}: rows arrived while loading: {change}. "
                f"{full_name(DAILY_METRICS)} is as it was; the next run loads the day again."
            )

    def _take_back(self) -> None:
        forget([*load_chain(self.date), *later_merges(self.date)])

    def _require_reconciled(self, staging: str, raw: RawDay) -> None:
        differences = reconciliation.differences(staging, self.date, raw)
        if differences:
            self._take_back()
            raise ReconciliationError(
                f"{self.date} does not reconcile: {reconciliation.listed(differences)}. {full_name(DAILY_METRICS)} is "
                "as it was; the next run extracts the day anew. If it fails again, the source's rows changed without "
                "their number, or its table gives other rows each time it is read."
            )


def extracts(day: date) -> tuple[LoadTask, ...]:
    """The tasks that read a day's events."""
    return FeedUserDay(date=day), MessageUserDay(date=day)


def merges(day: date) -> tuple[LoadTask, ...]:
    """The tasks that make a day's result of what was extracted."""
    slices = (Slice(date=day, dimension=dimension.name) for dimension in DAILY)
    return DailyMetrics(date=day), *slices, UserDay(date=day)


def load_chain(day: date) -> tuple[LoadTask, ...]:
    """Every task of a day."""
    return *merges(day), UserAttributes(date=day), *extracts(day)


def forget(tasks: Iterable[LoadTask]) -> None:
    """Take back, all at once, that these are done or will be by a run that is at work on them."""
    invalidate(task.output().update_id for task in tasks)


def later_merges(day: date) -> Iterator[LoadTask]:
    """The merges that look a day's attributes up: they are out of date when it is loaded again.

    Whether any began is not asked: another process may begin and end one before the answer is acted on.
    """
    last = min(day + timedelta(days=settings.EtlSettings().attribute_days), clock.yesterday())
    for i in range(1, (last - day).days + 1):
        yield from merges(day + timedelta(days=i))


def _listed(expression: Callable[[Dimension], str]) -> Fragment:
    """SQL for every daily dimension."""
    return Fragment(", ".join(map(expression, DAILY)))


def _greatest(dimension: Dimension) -> str:
    # Widened: the tables may declare different integers, and UNION ALL does not know what to make of UInt64 and Int8.
    return f"toInt64(max({dimension.column}))" if dimension.numeric else f"ifNull(max({dimension.column}), '')"


_LIFT = 2**63  # what lifts the least Int64 to 0, which then stands for NULL: no source holds it


def _ranked(dimension: Dimension) -> str:
    # Not NULL where there is none: to aggregate what may be NULL costs more, and maxIf of server 18.16 makes 0 of NULL.
    return f"ifNull(toUInt64(max({dimension.column})) + {_LIFT}, 0)" if dimension.numeric else _greatest(dimension)


def _none(dimension: Dimension) -> str:
    return "toUInt64(0)" if dimension.numeric else "''"


def _greatest_of_sender(dimension: Dimension) -> str:
    greatest = f"maxIf(greatest_{dimension.name}, end_ = 1)"
    return f"nullIf({greatest}, 0) - {_LIFT}" if dimension.numeric else greatest


def _user_value(dimension: Dimension, greatest: str) -> str:
    if not dimension.numeric:
        return readable(f"ifNull({greatest}, '')")
    text = f"toString({greatest})"
    if dimension.least is not None:
        text = f"if({greatest} < {dimension.least}, '', {text})"
    return f"ifNull({text}, '')"


def _value_of_both(dimension: Dimension) -> str:
    feed, message = f"feed_{dimension.name}", f"message_{dimension.name}"
    # Where one is NULL the other is the greater; a string is '' where a user is in one table only.
    greatest = f"if(ifNull({feed} > {message}, isNull({message})), {feed}, {message})"
    return f"{_user_value(dimension, greatest)} AS own_{dimension.name}"


def _may_lack(dimension: Dimension) -> str:
    """Whether an extract's row may be without a value: cheaper than to make the value."""
    name, least = dimension.name, dimension.least
    if not dimension.numeric:
        return f"{name} < ' ' OR {name} > '~'"  # empty, or perhaps no UTF-8
    return f"isNull({name})" if least is None else f"ifNull({name}, {least - 1}) < {least}"


def _look_back() -> Fragment:
    look_back = statement(
        "look_back",
        feed_user_day=full_name(FEED_USER_DAY),
        message_user_day=full_name(MESSAGE_USER_DAY),
        user_attributes=full_name(USER_ATTRIBUTES),
        may_lack=Fragment(" OR ".join(map(_may_lack, DAILY))),
        latest_attributes=_listed(_latest_known),
    )
    return Fragment(look_back)


def _latest_known(dimension: Dimension) -> str:
    return f"argMaxIf({dimension.name}, event_date, {dimension.name} != '') AS latest_{dimension.name}"


def _own_value(dimension: Dimension, otherwise: str = f"'{UNKNOWN}'") -> str:
    return f"if(own_{dimension.name} != '', own_{dimension.name}, {otherwise})"


def _own_or_latest(dimension: Dimension) -> str:
    latest = f"ifNull(latest_{dimension.name}, '')"
    return _own_value(dimension, f"if({latest} != '', {latest}, '{UNKNOWN}')")
