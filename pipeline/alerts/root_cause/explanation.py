"""Explains an incident by its slices: prepares the input of `adtributor` from the history. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from detectors.statistics import median
from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents.incident import Incident
from pipeline.alerts.root_cause import adtributor
from pipeline.alerts.root_cause.adtributor import Cause, RatioChange, Slices
from pipeline.core.clock import SLOT, SLOTS_A_DAY
from pipeline.core.metrics import BY_NAME
from pipeline.slots.series import SLICE_DAYS, Array, Part, Series


@dataclass(frozen=True)
class Explanation:
    """The explanation of a deviation.

    Attributes
    ----------
    metric : str
        The metric in which the cause is most significant.
    cause : Cause or None
        The slices that explain it; None if there are none.
    ratio : RatioChange or None
        The changes of both sides of a ratio; None for a count, and if the expectation of a side is unknown.
    is_sliced : bool
        Whether there were slices to search.
    """

    metric: str
    cause: Cause | None
    ratio: RatioChange | None
    is_sliced: bool = True


def explain(
    series: Series,
    incident: Incident,
    checks: Mapping[Part, CheckResult],
    more: Mapping[str, Sequence[Slices]] | None = None,
) -> Explanation:
    """Explain an incident so far.

    Parameters
    ----------
    series : Series
        The history, with slices.
    incident : Incident
        The incident. Its members are the metrics and slices that deviate.
    checks : mapping
        The results of the newest slot, at least those of the totals.
    more : mapping, optional
        Further dimensions that are not in `series`, by metric.
    """
    whole, series = series, series.upto(incident.last_anomaly)
    deviating = {member.metric for member in incident.totals}
    explanations = []
    for metric in metrics_to_explain(incident):
        start = min(member.since for member in incident.members if member.metric == metric)
        dimensions = [*slices(series, metric, start), *(more or {}).get(metric, ())]
        expected = _expected(series, whole, metric, start, checks[Part(metric)])
        ranked = adtributor.explain(dimensions, expected, metric in deviating)
        split = _split(series, whole, metric, start, dimensions, checks)
        explanations.append(Explanation(metric, ranked[0] if ranked else None, split))
    # The same cause affects several metrics. Use the metric in which it is most significant.
    return max(explanations, key=lambda item: item.cause.sigmas if item.cause else 0.0)


def slices(series: Series, metric: str, start: datetime) -> list[Slices]:
    """The dimensions of a metric: counts from `start` to the newest slot, and in the same slots of earlier days.

    Events that belong to no slice form the slice '', so that the sum of the slices is the total.
    """
    rows: dict[str, list[int]] = {}
    for row, part in enumerate(series.parts):
        if part.metric == metric and not part.is_total:
            rows.setdefault(part.dimension, []).append(row)
    total = series.parts.index(Part(metric))
    is_ratio = BY_NAME[metric].kind == "ratio"
    made = []
    for dimension, at in rows.items():
        values = [series.parts[row].value for row in at]
        actual, forecast = _with_rest(*_compared(series.numerators, [total, *at], series, start))
        if not is_ratio:
            made.append(Slices(dimension, [*values, ""], actual, forecast))
            continue
        denominators = _with_rest(*_compared(series.denominators, [total, *at], series, start))
        made.append(Slices(dimension, [*values, ""], actual, forecast, *denominators))
    return made


def metrics_to_explain(incident: Incident) -> list[str]:
    """The metrics of an incident that none of its other metrics explains better; all of them if there are none."""
    moved = list(dict.fromkeys(member.metric for member in incident.members))
    chosen = [metric for metric in moved if not BY_NAME[metric].better_explained_by & set(moved)]
    return chosen or moved


def _compared(counts: Array, rows: Sequence[int], series: Series, start: datetime) -> tuple[Array, Array]:
    """Sums over the slots since `start`, and the medians of the same sums over earlier days; each (R,)."""
    columns = series.columns_of(start, series.slot + SLOT)
    days = []
    for back in range(1, SLICE_DAYS + 1):
        before = columns - back * SLOTS_A_DAY
        if before.min() >= 0:
            days.append(counts[rows][:, before].sum(axis=1))
    actual = np.nan_to_num(counts[rows][:, columns]).sum(axis=1)
    if not days:
        return actual, np.zeros_like(actual)
    # A slice that was not counted on a day has no number there: its events are among the others.
    return actual, np.nan_to_num(median(np.array(days).T))


def _with_rest(actual: Array, forecast: Array) -> tuple[Array, Array]:
    """Drop the total, which is the first element, and append the rest of the total that no slice has."""

    def rest(sums: Array) -> Array:
        return np.append(sums[1:], max(0.0, sums[0] - sums[1:].sum()))

    return rest(actual), rest(forecast)


def _expected(series: Series, whole: Series, metric: str, start: datetime, check: CheckResult) -> float:
    """The expected count of the whole metric since `start`.

    Earlier days give the shape. The detector's expectation of the newest slot gives the level.
    """
    row = [series.parts.index(Part(metric))]
    _, forecast_now = (float(x[0]) for x in _compared(whole.numerators, row, whole, whole.slot))
    _, forecast = (float(x[0]) for x in _compared(series.numerators, row, series, start))
    if BY_NAME[metric].kind == "count":
        level = check.expected / forecast_now if forecast_now > 0 else 1.0
        return forecast * level if np.isfinite(level) else forecast
    denominator, before = (float(x[0]) for x in _compared(series.denominators, row, series, start))
    _, before_now = (float(x[0]) for x in _compared(whole.denominators, row, whole, whole.slot))
    if before <= 0 or before_now <= 0 or forecast_now <= 0:
        return 0.0
    level = check.expected / (forecast_now / before_now)
    return denominator * forecast / before * (level if np.isfinite(level) else 1.0)


def _split(
    series: Series,
    whole: Series,
    metric: str,
    start: datetime,
    dimensions: Sequence[Slices],
    checks: Mapping[Part, CheckResult],
) -> RatioChange | None:
    """The changes of both sides of a ratio; None if a side was not checked, because its expectation is then unknown."""
    if BY_NAME[metric].kind == "count":
        return None
    pairs = []
    for side in BY_NAME[metric].sides:
        part = Part(side.name)
        if part not in checks:
            return None
        actual = float(_compared(series.numerators, [series.parts.index(part)], series, start)[0][0])
        pairs.append((actual, _expected(series, whole, side.name, start, checks[part])))
    return adtributor.split_ratio(pairs[0], pairs[1], dimensions)
