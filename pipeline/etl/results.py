"""Reads the results of the daily load: totals and slices of days."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from pipeline.core.metrics import FEED, METRICS, OF_ACTIONS, Metric
from pipeline.etl import expressions
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import DAILY_METRICS, DAILY_TOTALS, full_name, open_warehouse


class Counts(NamedTuple):
    """Numerator and denominator of a metric; the denominator of a count is 1."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """The metric's value; None for a ratio whose denominator is 0."""
        return self.numerator / self.denominator if self.denominator else None


Totals = dict[str, dict[date, Counts]]
"""By metric and day."""


class SliceOfDay(NamedTuple):
    """The counts of a metric in one slice, on one of two compared days."""

    dimension: str
    value: str
    is_day: bool
    """True for the day itself, False for the day that it is compared with."""
    counts: Counts


def day_totals(metrics: Sequence[Metric], first: date, last: date) -> Totals:
    """The totals of the loaded days from `first` to `last`, by metric and day."""
    rows = open_warehouse().query(
        statement("day_totals", daily_totals=full_name(DAILY_TOTALS)),
        {"first": str(first), "last": str(last), "metrics": tuple(metric.name for metric in metrics)},
    )
    totals: Totals = {metric.name: {} for metric in metrics}
    for day, name, numerator, denominator in rows:
        totals[name][day] = Counts(numerator, denominator)
    return totals


def has_no_action(day: date) -> bool:
    """Whether a loaded day has users in the feed, and neither a view nor a like: actions may have other names."""
    feed = [metric for metric in METRICS if metric.table == FEED and metric.kind == "count"]
    totals = day_totals(feed, day, day)
    seen = {metric.name for metric in feed if day in totals[metric.name] and totals[metric.name][day].numerator}
    return bool(seen) and not seen & {metric.name for metric in OF_ACTIONS}


def day_slices(metric: Metric, day: date, before: date) -> list[SliceOfDay]:
    """A metric's slices of two days; empty if the slices of a day do not hold the metric."""
    if not metric.day_slice:
        return []
    sql = statement(
        "day_slices",
        daily_metrics=full_name(DAILY_METRICS),
        numerator=Fragment(metric.day_slice),
        denominator=Fragment(metric.day_slice_denominator or "1"),
    )
    rows = open_warehouse().query(sql, {"day": str(day), "before": str(before)})
    return [SliceOfDay(name, value, bool(is_day), Counts(*counts)) for name, value, is_day, *counts in rows]


def slice_history(metric: Metric, first: date, last: date) -> dict[tuple[str, str], dict[date, Counts]]:
    """A metric's slices of the loaded days from `first` to `last`, by dimension and value as slots have them."""
    if not metric.day_slice:
        return {}
    sql = statement(
        "slice_history",
        daily_metrics=full_name(DAILY_METRICS),
        value=expressions.slot_value(),
        numerator=Fragment(metric.day_slice),
        denominator=Fragment(metric.day_slice_denominator or "0"),
    )
    slices: dict[tuple[str, str], dict[date, Counts]] = {}
    for day, name, value, *counts in open_warehouse().query(sql, {"first": str(first), "last": str(last)}):
        slices.setdefault((name, value), {})[day] = Counts(*counts)
    return slices
