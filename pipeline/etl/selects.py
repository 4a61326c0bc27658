"""The SELECT that fills each table of the daily load."""

from datetime import date, timedelta

from pipeline.core import settings
from pipeline.core.metrics import day_measures
from pipeline.etl import expressions
from pipeline.etl.expressions import each
from pipeline.etl.reconciliation import bounds
from pipeline.warehouse.publish import Select
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import (
    ATTRIBUTES,
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
    sql = statement("feed_user_day", feed=events.feed, greatest=each(expressions.greatest))
    return Select(events.engine, sql, _values(day))


def message_user_day(day: date) -> Select:
    """Aggregate the day's message_actions by user, at both ends of each message."""
    events = source()
    sql = statement(
        "message_user_day",
        messages=events.messages,
        pair=events.pair.sql,
        sender=events.pair.sender,
        recipient=events.pair.recipient,
        greatest=each(expressions.greatest_of_pair),
        greatest_names=each(lambda dimension: f"greatest_{dimension.name}"),
        greatest_of_nobody=each(expressions.greatest_of_nobody),
        greatest_of_sender=each(expressions.greatest_of_sender),
    )
    return Select(events.engine, sql, _values(day))


def user_attributes(day: date) -> Select:
    """Choose one value of each attribute for each user with own rows on the day."""
    sql = statement(
        "user_attributes",
        feed_user_day=full_name(FEED_USER_DAY),
        message_user_day=full_name(MESSAGE_USER_DAY),
        attributes=Fragment(", ".join(ATTRIBUTES)),
        values=each(expressions.text_of_day),
    )
    return Select(open_warehouse(), sql, _values(day))


def user_day(day: date) -> Select:
    """Merge the extracts by user and look up missing attributes."""
    days_back = settings.EtlSettings().attribute_days
    sql = statement(
        "user_day",
        feed_user_day=full_name(FEED_USER_DAY),
        message_user_day=full_name(MESSAGE_USER_DAY),
        feed_attributes=each(lambda dimension: f"{dimension.name} AS feed_{dimension.name}"),
        message_attributes=each(lambda dimension: f"{dimension.name} AS message_{dimension.name}"),
        own_attributes=each(expressions.own_text),
        look_back=_look_back() if days_back else Fragment(""),
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


def _look_back() -> Fragment:
    sql = statement(
        "look_back",
        feed_user_day=full_name(FEED_USER_DAY),
        message_user_day=full_name(MESSAGE_USER_DAY),
        user_attributes=full_name(USER_ATTRIBUTES),
        may_lack=each(expressions.may_be_unknown, " OR "),
        latest_attributes=each(expressions.latest),
    )
    return Fragment(sql)
