"""The metrics of a day that look at several days of users: WAU, MAU, new users, retention. For the report only.

A new one is one entry in `AUDIENCE`. Its SQL is an aggregate over all users until the reported day. `days` has a bit
for each of the user's active days: the lowest is the day itself, the next the day before. `tenure` is the number of
days since the user's first day, on the day itself 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pipeline.core.errors import SettingsError
from pipeline.core.metrics import BY_NAME, FEED, METRICS, Metric, resolved
from pipeline.core.settings import ReportSettings

BITS = 64
"""Bits of `days`."""
DAYS_SHOWN = 14
"""A report shows seven days over the same weekdays of the week before."""
_SETTING = "[report] metrics"
LONGEST_DAYS = 31
"""The most days that a metric looks at, unless it looks at all."""


@dataclass(frozen=True, kw_only=True)
class AudienceMetric:
    """A count or a ratio over the users of the feed, on one day."""

    name: str
    """Its name in luigi.cfg."""
    numerator: str
    """SQL aggregate over users."""
    denominator: str = ""
    """SQL aggregate over users; empty for a count."""
    days: Callable[[date], int] | None = None
    """How many days up to a day it looks at; None if it needs the first day of each user, so every day."""
    cohort: int = 0
    """For a metric of the first days of users: how many days before the day that first day is."""
    label: Mapping[str, str]
    """The displayed name by language."""
    table: str = FEED
    """The source table of its events."""

    @property
    def format(self) -> Literal["count", "ratio"]:
        """The format of its values in `reporting.formatting`."""
        return "ratio" if self.denominator else "count"

    def label_in(self, language: str, *, daily: bool = True) -> str:
        """The label in a language."""
        return self.label.get(language, self.name)


Reported = Metric | AudienceMetric
"""What a report may show."""


def _active_within(days: int) -> str:
    return f"countIf(bitAnd(days, {(1 << days) - 1}) != 0)"


def _retention(days: int) -> AudienceMetric:
    return AudienceMetric(
        name=f"retention_{days}",
        numerator=f"countIf(tenure = {days} AND bitAnd(days, 1) != 0)",
        denominator=f"countIf(tenure = {days})",
        cohort=days,
        label={"en": f"Day-{days} retention", "ru": f"Удержание {days}-го дня"},
    )


AUDIENCE = (
    AudienceMetric(name="wau", numerator=_active_within(7), days=lambda _: 7, label={"en": "WAU", "ru": "WAU"}),
    AudienceMetric(name="mau", numerator=_active_within(30), days=lambda _: 30, label={"en": "MAU", "ru": "MAU"}),
    AudienceMetric(
        name="stickiness",
        numerator=_active_within(1),
        denominator=_active_within(30),
        days=lambda _: 30,
        label={"en": "Stickiness (DAU/MAU)", "ru": "Липкость (DAU/MAU)"},
    ),
    AudienceMetric(
        name="month_users",
        numerator="countIf(bitAnd(days, bitShiftLeft(toUInt64(1), toDayOfMonth(day)) - 1) != 0)",
        days=lambda day: day.day,
        label={"en": "Users of the month so far", "ru": "Пользователи с начала месяца"},
    ),
    AudienceMetric(
        name="new_users", numerator="countIf(tenure = 0)", label={"en": "New users", "ru": "Новые пользователи"}
    ),
    _retention(1),
    _retention(7),
)


MONTH = "month_"
"""Begins the names of the sums of the month so far: month_views."""


def report_metrics() -> list[Reported]:
    """Resolve ``[report] metrics``, but for the sums of the month.

    Raises
    ------
    SettingsError
        If a name is unknown or no metric of a day is given.
    """
    chosen = [metric for name, metric in _resolved() if not name.startswith(MONTH) or metric.name == name]
    if not chosen:
        raise SettingsError(f"{_SETTING} = {ReportSettings().metrics}: name a metric of the day, too, such as views.")
    return chosen


def month_metrics() -> list[Metric]:
    """Resolve the sums of the month so far in ``[report] metrics``: each is named by the metric that is summed."""
    return [metric for name, metric in _resolved() if isinstance(metric, Metric) and name == MONTH + metric.name]


def _resolved() -> list[tuple[str, Reported]]:
    """The metrics of the setting with the names by which it calls them."""
    known: dict[str, Reported] = {**BY_NAME, **{metric.name: metric for metric in AUDIENCE}}
    # A sum of numbers of distinct users would count who came twice as two.
    summed = {f"{MONTH}{metric.name}": metric for metric in METRICS if metric.is_sum_of_days}
    names = {name: (name, metric) for name, metric in (known | summed).items()}
    return resolved(ReportSettings().metrics, _SETTING, names)
