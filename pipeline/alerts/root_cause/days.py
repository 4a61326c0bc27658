"""Explains the difference between two days by slices, for the morning report. Pure."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from pipeline.alerts.root_cause import adtributor
from pipeline.alerts.root_cause.adtributor import Slices
from pipeline.alerts.root_cause.explanation import Explanation
from pipeline.core.metrics import Metric
from pipeline.etl.results import Counts, SliceOfDay, Totals
from pipeline.slots.series import Array

WORTH_EXPLAINING = 0.1
"""Minimum relative change to explain."""


def metric_to_explain(totals: Totals, metrics: Sequence[Metric], day: date, before: date) -> Metric | None:
    """Return the explainable metric with the greatest relative change between two days; None if none changed enough.

    A ratio is explained by its two sides, and any metric by its slices if ``daily_metrics`` contains them.
    """
    changes = {}
    for metric in metrics:
        now, then = (_value(totals.get(metric.name, {}).get(on)) for on in (day, before))
        if (metric.day_slice or metric.kind == "ratio") and now is not None and then:
            changes[metric.name] = abs(now / then - 1)
    biggest = max(changes, key=lambda name: changes[name], default="")
    if not biggest or changes[biggest] < WORTH_EXPLAINING:
        return None
    return next(metric for metric in metrics if metric.name == biggest)


def explain(metric: Metric, now: Counts, before: Counts, slices: Sequence[SliceOfDay]) -> Explanation:
    """Explain the difference of a metric between two days.

    Parameters
    ----------
    metric : Metric
        The metric that differs.
    now, before : Counts
        Its numerator and denominator on the day and on the other day.
    slices : sequence of SliceOfDay
        Its slices on both days; empty if ``daily_metrics`` does not contain the metric.
    """
    dimensions = _dimensions(metric, slices)
    is_ratio = metric.kind == "ratio"
    expected = now.denominator * before.numerator / max(before.denominator, 1.0) if is_ratio else before.numerator
    ranked = adtributor.explain(dimensions, expected, True)
    split = None
    if is_ratio:
        numerators, denominators = (now.numerator, before.numerator), (now.denominator, before.denominator)
        split = adtributor.split_ratio(numerators, denominators, dimensions)
    return Explanation(metric.name, ranked[0] if ranked else None, split, is_sliced=bool(metric.day_slice))


def _dimensions(metric: Metric, slices: Sequence[SliceOfDay]) -> list[Slices]:
    table: dict[str, dict[str, Array]] = {}
    for item in slices:
        counts = table.setdefault(item.dimension, {}).setdefault(item.value, np.zeros((2, 2)))
        counts[:, 0 if item.is_day else 1] += item.counts
    made = []
    for dimension, values in table.items():
        (actual, forecast), denominators = np.moveaxis(np.array(list(values.values())), 0, -1)
        of = denominators if metric.kind == "ratio" else (None, None)
        made.append(Slices(dimension, list(values), actual, forecast, *of))
    return made


def _value(counts: Counts | None) -> float | None:
    return None if counts is None else counts.value
