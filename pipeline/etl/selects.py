"""The SELECT that fills each table of the daily load."""

from collections.abc import Sequence
from datetime import date, timedelta

from pipeline.core import settings
from pipeline.core.dimensions import Dimension
from pipeline.core.metrics import FEED, MESSAGES, day_measures
from pipeline.etl import expressions
from pipeline.etl.expressions import each
from pipeline.etl.reconciliation import bounds
from pipeline.warehouse.publish import Select
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import (
    ATTRIBUTES,
    COLUMNS,
    FEED_USER_DAY,
    MESSAGE_USER_DAY,
    SLICE_DAY,
    USER_ATTRIBUTES,
    USER_DAY,
    full_name,
    open_warehouse,
)


def feed_user_day(day: date) -> Select:
    """Aggregate the day's feed_actions by user."""
    events = source()
    sql = statement(
        "feed_user_day",
        feed=events.feed,
        user_id=events.column(FEED, "user_id"),
        action=events.column(FEED, "action"),
        time=events.column(FEED, "time"),
        greatest=events.over(FEED, each(expressions.greatest, dimensions=events.daily)),
    )
    return Select(events.engine, sql, _values(day), _columns(FEED_USER_DAY, events.daily))


def message_user_day(day: date) -> Select:
    """Aggregate the day's message_actions by user, at both ends of each message."""
    events = source()
    sql = statement(
        "message_user_day",
        messages=events.messages,
        pair=events.pair.sql,
        sender=events.pair.sender,
        recipient=events.pair.recipient,
        time=events.column(MESSAGES, "time"),
        greatest=events.over(MESSAGES, each(expressions.greatest_of_pair, dimensions=events.daily)),
        greatest_names=each(lambda dimension: f"greatest_{dimension.name}"),
        greatest_of_nobody=each(expressions.greatest_of_nobody, dimensions=events.daily),
        greatest_of_sender=each(expressions.greatest_of_sender, dimensions=events.daily),
    )
    return Select(events.engine, sql, _values(day), _columns(MESSAGE_USER_DAY, events.daily))


def active_users(day: date) -> Select:
    """List the day's users of the feed."""
    sql = statement("active_users", feed_user_day=full_name(FEED_USER_DAY))
    return Select(open_warehouse(), sql, _values(day))


def user_attributes(day: date) -> Select:
    """Choose one value of each attribute for each user with own rows on the day."""
    sql = statement(
        "user_attributes",
        feed_user_day=full_name(FEED_USER_DAY),
        message_user_day=full_name(MESSAGE_USER_DAY),
        attributes=each(expressions.extracted_value, dimensions=source().daily),
        values=each(expressions.text_of_day, dimensions=source().daily),
    )
    return Select(open_warehouse(), sql, _values(day))


def user_day(day: date) -> Select:
    """Merge the extracts by user and look up missing attributes."""
    days_back, daily = settings.EtlSettings().attribute_days, source().daily
    sql = statement(
        "user_day",
        feed_user_day=full_name(FEED_USER_DAY),
        message_user_day=full_name(MESSAGE_USER_DAY),
        feed_attributes=each(lambda item: f"{expressions.extracted(item)} AS feed_{item.name}", dimensions=daily),
        message_attributes=each(lambda item: f"{expressions.extracted(item)} AS message_{item.name}", dimensions=daily),
        own_attributes=each(expressions.own_text, dimensions=daily),
        look_back=_look_back(daily) if days_back else Fragment(""),
        chosen_attributes=each(expressions.own_or_latest if days_back else expressions.own_or_unknown),
    )
    return Select(open_warehouse(), sql, {**_values(day), "since": str(day - timedelta(days=days_back))})


def slice_day(day: date, dimension: str) -> Select:
    """Sum the day's users by one dimension."""
    sql = statement("slice", user_day=full_name(USER_DAY), column=dimension)
    return Select(open_warehouse(), sql, {**_values(day), "dimension": dimension})


def daily_metrics(day: date) -> Select:
    """Gather the day's slices."""
    sql = statement("daily_metrics", slice_day=full_name(SLICE_DAY))
    return Select(open_warehouse(), sql, {**_values(day), "dimensions": ATTRIBUTES})


def daily_totals(day: date) -> Select:
    """Compute the day's metrics over all users."""
    sql = statement("daily_totals", user_day=full_name(USER_DAY), totals=Fragment(day_measures()))
    return Select(open_warehouse(), sql, _values(day))


def _values(day: date) -> dict[str, object]:
    return {"date": str(day), **bounds(day, day)}


def _columns(table: str, daily: Sequence[Dimension]) -> tuple[str, ...]:
    """Return the columns that an extract fills."""
    stored = {dimension.name: dimension.stored for dimension in daily}
    return tuple(stored.get(column, column) for column in COLUMNS[table])


def _look_back(daily: Sequence[Dimension]) -> Fragment:
    sql = statement(
        "look_back",
        feed_user_day=full_name(FEED_USER_DAY),
        message_user_day=full_name(MESSAGE_USER_DAY),
        user_attributes=full_name(USER_ATTRIBUTES),
        may_lack=each(expressions.may_be_unknown, " OR ", daily),
        latest_attributes=each(expressions.latest),
    )
    return Fragment(sql)
