"""Explains a day by slices: the difference from another day for the morning report, or an incident of days. Pure."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from detectors.statistics import median
from pipeline.alerts.detection.days import CheckedDay, DaySeries
from pipeline.alerts.incidents import Incident
from pipeline.alerts.root_cause import adtributor
from pipeline.alerts.root_cause.adtributor import RatioChange, Slices
from pipeline.alerts.root_cause.explanation import Explanation, metrics_to_explain
from pipeline.core import clock
from pipeline.core.metrics import BY_NAME, Metric
from pipeline.etl.results import Counts, SliceOfDay, Totals
from pipeline.slots.series import Array, Part

WORTH_EXPLAINING = 0.1
"""Minimum relative change to explain."""
COMPARED_WEEKS = 4
"""Slices of an incident of days are compared with the same weekday of so many weeks."""


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


def explain_incident(checked: CheckedDay, incident: Incident) -> Explanation | None:
    """Explain an incident of days by the slices of its latest bad day, compared with that weekday of earlier weeks.

    Returns
    -------
    Explanation or None
        Of the metric in which the cause is most significant; None if no metric of it has slices.
    """
    day = clock.to_local(incident.last_anomaly).date()
    checked = checked.upto(day) if day in checked.series.days else checked
    found = []
    for metric in metrics_to_explain(incident):
        dimensions, expected = _slices(checked.series, BY_NAME[metric]), checked.expected(Part(metric))
        if not dimensions or not expected > 0:
            continue
        deviates = any(member.metric == metric for member in incident.totals)
        ranked = adtributor.explain(dimensions, expected, deviates)
        found.append(Explanation(metric, ranked[0] if ranked else None, _split(checked, BY_NAME[metric], dimensions)))
    return max(found, key=lambda item: item.cause.sigmas if item.cause else 0.0, default=None)


def _slices(series: DaySeries, metric: Metric) -> list[Slices]:
    """The dimensions of a metric on the newest day. Events of no checked slice form the slice ''."""
    earlier = list(range(len(series.days) - 1 - 7, -1, -7))[:COMPARED_WEEKS]
    rows: dict[str, list[int]] = {}
    for row, part in enumerate(series.parts):
        if part.metric == metric.name and not part.is_total:
            rows.setdefault(part.dimension, []).append(row)
    total = series.parts.index(Part(metric.name))

    def counts(array: Array, at: Sequence[int]) -> tuple[Array, Array]:
        usual = np.nan_to_num(median(array[[total, *at]][:, earlier]))
        now = np.nan_to_num(array[[total, *at], -1])
        return _with_rest(now), _with_rest(usual)

    made = []
    for dimension, at in rows.items():
        values = [*(series.parts[row].value for row in at), ""]
        of = counts(series.denominators, at) if metric.kind == "ratio" else (None, None)
        made.append(Slices(dimension, values, *counts(series.numerators, at), *of))
    return made if earlier else []


def _with_rest(sums: Array) -> Array:
    """Drop the total, which is the first element, and append what no slice has of it."""
    return np.append(sums[1:], max(0.0, sums[0] - sums[1:].sum()))


def _split(checked: CheckedDay, metric: Metric, dimensions: Sequence[Slices]) -> RatioChange | None:
    """The changes of both sides of a ratio; None for a count, and if a side was not checked."""
    if metric.kind == "count":
        return None
    parts = [Part(side.name) for side in metric.sides]
    pairs = [
        (float(checked.series.values[row, -1]), checked.expected(part))
        for part in parts
        if (row := checked.series.row(part)) is not None and checked.expected(part) > 0
    ]
    return adtributor.split_ratio(pairs[0], pairs[1], dimensions) if len(pairs) == 2 else None
