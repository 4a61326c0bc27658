"""What is measured. A new metric is one entry in `METRICS`; slots, days, report and alerts loop over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pipeline.core.errors import SettingsError

FEED: Final = "feed"
MESSAGES: Final = "messages"

# On server 18.16 countIf and uniqExact of nothing but NULLs are NULL; a missing user is user 0, as in a day.
VIEWS = "countIf(ifNull(action = 'view', 0))"
LIKES = "countIf(ifNull(action = 'like', 0))"
USERS = "uniqExact(ifNull(user_id, 0))"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number, measured per slot from raw events and per day from the day's users.

    A count has no denominator; a ratio is numerator / denominator, and "no data" where the denominator is 0.
    """

    name: str
    """Its name in tables and in luigi.cfg."""
    table: Literal["feed", "messages"]
    """The source table whose events it is made of."""
    slot: str
    """SQL aggregate over the events of a slot: the numerator."""
    day: str
    """SQL aggregate over the rows of ``user_day``: the numerator of the day."""
    slot_denominator: str = ""
    """The denominator of a ratio in a slot."""
    day_denominator: str = ""
    """The denominator of a ratio in a day."""
    is_additive: bool = True
    """Whether a day is the sum of its slots, numerators and denominators apart; distinct users are not."""
    label: Mapping[str, str] = field(default_factory=dict)
    """What people read, by language; the name where a language is missing."""
    daily_label: Mapping[str, str] = field(default_factory=dict)
    """What people read in the daily report, where that differs."""

    @property
    def kind(self) -> Literal["count", "ratio"]:
        """How its values behave."""
        return "ratio" if self.slot_denominator else "count"

    def label_in(self, language: str, *, daily: bool = False) -> str:
        """The label in a language, for a slot or for a day."""
        label = self.label.get(language, self.name)
        return self.daily_label.get(language, label) if daily else label


METRICS: tuple[Metric, ...] = (
    Metric(
        name="feed_users",
        table=FEED,
        slot=USERS,
        day="countIf(feed_events > 0)",
        is_additive=False,
        label={"en": "Active users, feed", "ru": "Активные пользователи ленты"},
        daily_label={"en": "DAU", "ru": "DAU"},
    ),
    Metric(
        name="messenger_users",
        table=MESSAGES,
        slot=USERS,
        day="countIf(messages_sent > 0)",
        is_additive=False,
        label={"en": "Active users, messenger", "ru": "Активные пользователи мессенджера"},
    ),
    Metric(name="views", table=FEED, slot=VIEWS, day="sum(views)", label={"en": "Views", "ru": "Просмотры"}),
    Metric(name="likes", table=FEED, slot=LIKES, day="sum(likes)", label={"en": "Likes", "ru": "Лайки"}),
    Metric(
        name="ctr",
        table=FEED,
        slot=LIKES,
        slot_denominator=VIEWS,
        day="sum(likes)",
        day_denominator="sum(views)",
        label={"en": "CTR", "ru": "CTR"},
    ),
    Metric(
        name="messages_sent",
        table=MESSAGES,
        slot="count()",
        day="sum(messages_sent)",
        label={"en": "Messages sent", "ru": "Отправленные сообщения"},
    ),
)


BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}


def by_names(names: str, setting: str) -> list[Metric]:
    """Resolve a comma-separated setting to metrics.

    Parameters
    ----------
    names : str
        For example ``"views,likes,ctr"``.
    setting : str
        Where the names come from, for the error.

    Raises
    ------
    SettingsError
        If a name is unknown or none is given.
    """
    known = BY_NAME
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        problem = f"unknown metric {', '.join(unknown)}" if unknown else "no metric given"
        raise SettingsError(f"{setting} = {names}: {problem}; the metrics are {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(wanted)]
