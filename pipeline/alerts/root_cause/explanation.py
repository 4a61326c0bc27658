"""Explains an incident by its slices: makes the question that `adtributor` answers from the history. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents.incident import Incident
from pipeline.alerts.root_cause import adtributor
from pipeline.alerts.root_cause.adtributor import Cause, RatioChange, Slices
from pipeline.core.clock import SLOT, SLOTS_A_DAY
from pipeline.core.metrics import BY_NAME
from pipeline.slots.series import SLICE_DAYS, Array, Part, Series


@dataclass(frozen=True)
class Explanation:
    """What explains a deviation.

    Attributes
    ----------
    metric : str
        The metric in which the cause stands out most.
    cause : Cause or None
        The slices; None if no slices explain it.
    total_deviates : bool
        Whether the whole metric is anomalous, or only slices of it.
    ratio : RatioChange or None
        Which side of a ratio moved; None for a count, and if what a side should have been is unknown.
    is_sliced : bool
        Whether there were slices to search.
    """

    metric: str
    cause: Cause | None
    total_deviates: bool
    ratio: RatioChange | None
    is_sliced: bool = True


def explain(
    series: Series,
    incident: Incident,
    checks: Mapping[Part, CheckResult],
    more: Mapping[str, Sequence[Slices]] | None = None,
) -> Explanation:
    """Find what explains an incident so far.

    Parameters
    ----------
    series : Series
        The history, with slices.
    incident : Incident
        Its members are the metrics that deviate.
    checks : mapping
        The results of the newest slot, at least those of the totals.
    more : mapping, optional
        By metric, dimensions that are not in `series`.
    """
    whole, series = series, series.upto(incident.last_anomaly)
    deviating = {member.metric for member in incident.totals}
    found = []
    for metric in metrics_to_explain(incident):
        start = min(member.since for member in incident.members if member.metric == metric)
        dimensions = [*slices(series, metric, start), *(more or {}).get(metric, ())]
        expected = _expected(series, whole, metric, start, checks[Part(metric)])
        ranked = adtributor.explain(dimensions, expected, metric in deviating)
        split = _split(series, whole, metric, start, dimensions, checks)
        found.append(Explanation(metric, ranked[0] if ranked else None, metric in deviating, split))
    # One cause shows in several metrics: the metric where it stands out most names it.
    return max(found, key=lambda item: item.cause.sigmas if item.cause else 0.0)


def slices(series: Series, metric: str, start: datetime) -> list[Slices]:
    """The dimensions of a metric, from `start` to the newest slot against the same slots of the days before.

    The events of no slice are a slice '' of their own, so that the sum of the slices is the total.
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
    """The metrics of an incident that no other metric of it explains better; all of them if each is explained so."""
    moved = list(dict.fromkeys(member.metric for member in incident.members))
    chosen = [metric for metric in moved if not BY_NAME[metric].better_explained_by & set(moved)]
    return chosen or moved


def _compared(counts: Array, rows: Sequence[int], series: Series, start: datetime) -> tuple[Array, Array]:
    """Sums over the slots since `start`, and the median of the same sums of the days before; each (R,)."""
    columns = series.columns_of(start, series.slot + SLOT)
    days = []
    for back in range(1, SLICE_DAYS + 1):
        before = columns - back * SLOTS_A_DAY
        if before.min() >= 0:
            days.append(counts[rows][:, before].sum(axis=1))
    actual = np.nan_to_num(counts[rows][:, columns]).sum(axis=1)
    if not days:
        return actual, np.zeros_like(actual)
    table = np.array(days)
    known = ~np.isnan(table).any(axis=1)
    return actual, np.median(table[known], axis=0) if known.any() else np.zeros_like(actual)


def _with_rest(actual: Array, forecast: Array) -> tuple[Array, Array]:
    """Replace the total, which comes first, by what the slices leave of it, which comes last."""

    def rest(sums: Array) -> Array:
        return np.append(sums[1:], max(0.0, sums[0] - sums[1:].sum()))

    return rest(actual), rest(forecast)


def _expected(series: Series, whole: Series, metric: str, start: datetime, check: CheckResult) -> float:
    """What the whole metric should have counted since `start`.

    The days before give the shape; the level is what the detector expects of the newest slot.
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
    """How the two counts of a ratio moved; None unless both were checked, so that their expectations are known."""
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
