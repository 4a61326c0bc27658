"""The definition of every metric. A new metric is one entry in `METRICS`; slots, days, report and alerts loop over it.

No other module names a metric. The two counts of a ratio, the events behind a number of users, the cost of a deviation
and the explanation of a day all follow from these definitions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeVar

from pipeline.core.errors import SettingsError

M = TypeVar("M")

FEED: Final = "feed"
MESSAGES: Final = "messages"

COUNTED: Final = ("view", "like")
"""The actions that metrics count, as `action` names them; `[source]` may set other values."""

# On server 18.16 countIf and uniqExact of nothing but NULLs are NULL; a missing user is user 0, as in a day.
VIEWS = "countIf(ifNull(action = 'view', 0))"
LIKES = "countIf(ifNull(action = 'like', 0))"
USERS = "uniqExact(ifNull(user_id, 0))"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A count or a ratio, measured per slot from raw events and per day from the day's users.

    A count states its table and its SQL. A ratio names two counts, its numerator and its denominator, and takes its
    table and SQL from them. It has no value where the denominator is 0.
    """

    name: str
    """Its name in tables and in luigi.cfg."""
    table: str = ""
    """The source table of its events: `FEED` or `MESSAGES`."""
    slot: str = ""
    """SQL aggregate over the events of a slot; for a ratio, that of its numerator."""
    day: str = ""
    """SQL aggregate over the rows of ``user_day``."""
    day_slice: str = ""
    """SQL expression over a row of ``daily_metrics``; empty if the slices of a day do not hold the metric."""
    is_additive: bool = True
    """Whether a day is the sum of its slots; False for a number of distinct users."""
    events: str = ""
    """For a number of users: the name of the count of their events."""
    numerator: str = ""
    """For a ratio: the name of the count above the line."""
    denominator: str = ""
    """For a ratio: the name of the count below the line."""
    unit: Literal["percent", "per"] = "percent"
    """How a ratio is written: as a share (20.3 %), or as an average per unit of its denominator (3.21)."""
    label: Mapping[str, str] = field(default_factory=dict)
    """The displayed name by language; `name` where a language is missing."""
    daily_label: Mapping[str, str] = field(default_factory=dict)
    """The displayed name in the daily report, if it differs."""
    slot_denominator: str = ""
    """For a ratio: `slot` of its denominator."""
    day_denominator: str = ""
    """For a ratio: `day` of its denominator."""
    day_slice_denominator: str = ""
    """For a ratio: `day_slice` of its denominator."""

    @property
    def kind(self) -> Literal["count", "ratio"]:
        """The kind of its values, from which the detectors derive their noise model.

        An average is a ratio too. Where a ratio is 1 or more, the detectors model its numerator as a Poisson count per
        unit of the denominator. They learn from history how much noisier it really is.
        """
        return "ratio" if self.numerator else "count"

    @property
    def format(self) -> Literal["count", "ratio", "average"]:
        """The format of its values in `reporting.formatting`."""
        return "average" if self.kind == "ratio" and self.unit == "per" else self.kind

    @property
    def sides(self) -> "tuple[Metric, Metric]":
        """The two counts of a ratio."""
        return BY_NAME[self.numerator], BY_NAME[self.denominator]

    @property
    def cost(self) -> "Metric | None":
        """The count of events that a deviation loses or adds; None for users, whose counts do not add up over slots."""
        counted = self.sides[0] if self.kind == "ratio" else self
        return counted if counted.is_additive else None

    @property
    def is_sum_of_days(self) -> bool:
        """Whether the counts of several days are the sums of those of each day."""
        return all(count.is_additive for count in (self.sides if self.kind == "ratio" else (self,)))

    @property
    def better_explained_by(self) -> set[str]:
        """The metrics to explain instead of this one if they deviate at the same time.

        The events explain a number of users. The ratio explains its numerator, and so does the denominator if it counts
        events: if likes fall because views fall, the views are explained.
        """
        ratios = [metric for metric in METRICS if metric.numerator == self.name]
        denominators = (ratio.denominator for ratio in ratios if ratio.sides[1].is_additive)
        return {*filter(None, [self.events]), *(ratio.name for ratio in ratios), *denominators}

    def label_in(self, language: str, *, daily: bool = False) -> str:
        """The label in a language, for a slot or for a day."""
        label = self.label.get(language, self.name)
        return self.daily_label.get(language, label) if daily else label


def defined(*metrics: Metric) -> tuple[Metric, ...]:
    """Return the metrics, each ratio with the table and the SQL of its two counts.

    Raises
    ------
    SettingsError
        If a ratio names something that is not a count, or counts of two tables: each table is measured on its own.
    """
    counts = {metric.name: metric for metric in metrics if metric.kind == "count"}
    return tuple(metric if metric.kind == "count" else _of_counts(metric, counts) for metric in metrics)


def _of_counts(ratio: Metric, counts: Mapping[str, Metric]) -> Metric:
    unknown = [name for name in (ratio.numerator, ratio.denominator) if name not in counts]
    if unknown:
        raise SettingsError(f"metric {ratio.name}: no count is called {', '.join(unknown)}; define it in METRICS")
    numerator, denominator = counts[ratio.numerator], counts[ratio.denominator]
    if numerator.table != denominator.table:
        raise SettingsError(
            f"metric {ratio.name}: {numerator.name} is counted in {numerator.table} and {denominator.name} in "
            f"{denominator.table}; the two counts of a ratio need one table"
        )
    has_slices = bool(numerator.day_slice and denominator.day_slice)
    return replace(
        ratio,
        table=numerator.table,
        slot=numerator.slot,
        slot_denominator=denominator.slot,
        day=numerator.day,
        day_denominator=denominator.day,
        day_slice=numerator.day_slice if has_slices else "",
        day_slice_denominator=denominator.day_slice if has_slices else "",
        is_additive=numerator.is_additive and denominator.is_additive,
    )


METRICS: tuple[Metric, ...] = defined(
    Metric(
        name="feed_users",
        table=FEED,
        slot=USERS,
        day="countIf(feed_events > 0)",
        is_additive=False,
        events="views",
        label={"en": "Active users, feed", "ru": "Активные пользователи ленты"},
        daily_label={"en": "DAU", "ru": "DAU"},
    ),
    Metric(
        name="messenger_users",
        table=MESSAGES,
        slot=USERS,
        day="countIf(messages_sent > 0)",
        is_additive=False,
        events="messages_sent",
        label={"en": "Active users, messenger", "ru": "Активные пользователи мессенджера"},
    ),
    Metric(
        name="views",
        table=FEED,
        slot=VIEWS,
        day="sum(views)",
        day_slice="views",
        label={"en": "Views", "ru": "Просмотры"},
    ),
    Metric(
        name="likes",
        table=FEED,
        slot=LIKES,
        day="sum(likes)",
        day_slice="likes",
        label={"en": "Likes", "ru": "Лайки"},
    ),
    Metric(name="ctr", numerator="likes", denominator="views", label={"en": "CTR", "ru": "CTR"}),
    Metric(
        name="messages_sent",
        table=MESSAGES,
        slot="count()",
        day="sum(messages_sent)",
        day_slice="messages_sent",
        label={"en": "Messages sent", "ru": "Отправленные сообщения"},
    ),
)

OF_ACTIONS = tuple(metric for metric in METRICS if metric.slot in (VIEWS, LIKES) and metric.kind == "count")
"""The counts of the actions that metrics count."""

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}


def by_names(names: str, setting: str) -> list[Metric]:
    """Resolve a comma-separated setting to metrics.

    Parameters
    ----------
    names : str
        For example ``"views,likes,ctr"``.
    setting : str
        The setting's name, for the error.

    Raises
    ------
    SettingsError
        If a name is unknown or none is given.
    """
    return resolved(names, setting, BY_NAME)


def resolved(names: str, setting: str, known: Mapping[str, M]) -> list[M]:
    """Resolve a comma-separated setting to what is known by these names; `by_names` says how."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        problem = f"unknown metric {', '.join(unknown)}" if unknown else "no metric given"
        raise SettingsError(f"{setting} = {names}: {problem}; the metrics are {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(wanted)]


def slot_measures(table: str) -> str:
    """SQL tuples (name, numerator, denominator) of a source table's metrics, over a group of its events."""
    return measures((item.name, item.slot, item.slot_denominator) for item in METRICS if item.table == table)


def silent_measures(table: str) -> str:
    """The same tuples for a slot without events: a count is 0, a ratio has no denominator."""
    return measures((item.name, "0", "0" if item.kind == "ratio" else "") for item in METRICS if item.table == table)


def day_measures() -> str:
    """SQL tuples (name, numerator, denominator) of all metrics, over the rows of ``user_day``."""
    return measures((item.name, item.day, item.day_denominator) for item in METRICS)


def measures(rows: Iterable[tuple[str, str, str]]) -> str:
    """SQL tuples (name, numerator, denominator) of aggregates; the denominator of a count is empty, and 1 in SQL."""
    return ", ".join(
        f"('{name}', toUInt64({numerator}), toUInt64({denominator or 1}))" for name, numerator, denominator in rows
    )
