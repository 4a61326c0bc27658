"""From an incident and its history to the question that `pipeline.alerts.root_cause.adtributor` answers. Pure."""

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
    """What explains an incident.

    Attributes
    ----------
    metric : str
        The metric in which it shows best.
    cause : Cause or None
        The slices; None where nothing explains it.
    total_deviates : bool
        Whether the whole metric is anomalous, or these slices only.
    ratio : RatioChange or None
        Of a ratio: which side of it moved.
    """

    metric: str
    cause: Cause | None
    total_deviates: bool
    ratio: RatioChange | None


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
        With slices.
    incident : Incident
        Its members say which metrics moved.
    checks : mapping
        The newest slot's, of the totals at least.
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
        split = _split(series, whole, start, dimensions, checks) if metric == "ctr" else None
        found.append(Explanation(metric, ranked[0] if ranked else None, metric in deviating, split))
    # Several metrics show the same cause: the one where it stands out most names it.
    return max(found, key=lambda item: item.cause.sigmas if item.cause else 0.0)


def slices(series: Series, metric: str, start: datetime) -> list[Slices]:
    """The dimensions of a metric, from `start` to the newest slot against the same slots of the days before.

    What the slices leave of the total is a slice of its own, '', so that their sum is the whole.
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
        of = _with_rest(*_compared(series.denominators, [total, *at], series, start))
        made.append(Slices(dimension, [*values, ""], actual, forecast, *of))
    return made


def metrics_to_explain(incident: Incident) -> list[str]:
    """The metrics to look at: events rather than the users behind them, and CTR where views are as ever."""
    moved = list(dict.fromkeys(member.metric for member in incident.members))
    behind = {"feed_users": {"views"}, "messenger_users": {"messages_sent"}, "likes": {"views", "ctr"}}
    chosen = [metric for metric in moved if not behind.get(metric, set()) & set(moved)]
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
    def rest(sums: Array) -> Array:
        return np.append(sums[1:], max(0.0, sums[0] - sums[1:].sum()))

    return rest(actual), rest(forecast)


def _expected(series: Series, whole: Series, metric: str, start: datetime, check: CheckResult) -> float:
    """What the whole metric should have counted: the detector's level, of the newest slot, on the days' shape."""
    row = [series.parts.index(Part(metric))]
    actual_now, forecast_now = (float(x[0]) for x in _compared(whole.numerators, row, whole, whole.slot))
    actual, forecast = (float(x[0]) for x in _compared(series.numerators, row, series, start))
    if BY_NAME[metric].kind == "count":
        level = check.expected / forecast_now if forecast_now > 0 else 1.0
        return forecast * level if np.isfinite(level) else forecast
    views, views_before = (float(x[0]) for x in _compared(series.denominators, row, series, start))
    _, views_before_now = (float(x[0]) for x in _compared(whole.denominators, row, whole, whole.slot))
    if views_before <= 0 or views_before_now <= 0 or forecast_now <= 0:
        return 0.0
    level = check.expected / (forecast_now / views_before_now)
    return views * forecast / views_before * (level if np.isfinite(level) else 1.0)


def _split(
    series: Series, whole: Series, start: datetime, dimensions: Sequence[Slices], checks: Mapping[Part, CheckResult]
) -> RatioChange | None:
    pairs = []
    for metric in ("likes", "views"):
        if Part(metric) not in checks:
            return None
        row = [series.parts.index(Part(metric))]
        actual = float(_compared(series.numerators, row, series, start)[0][0])
        pairs.append((actual, _expected(series, whole, metric, start, checks[Part(metric)])))
    return adtributor.split_ratio(pairs[0], pairs[1], dimensions)


def explain_day(rows: Sequence[tuple[str, str, bool, int, int]], metric: str) -> Explanation:
    """Find what explains how a day's views, likes or CTR differ from another day's.

    Parameters
    ----------
    rows : sequence of tuple
        Dimension, value, whether it is the day (else the other one), views, likes.
    metric : {"views", "likes", "ctr"}
        What differs.
    """
    table: dict[str, dict[str, Array]] = {}
    for dimension, value, is_day, *numbers in rows:
        counts = table.setdefault(dimension, {}).setdefault(value, np.zeros((2, 2)))
        counts[0 if is_day else 1] += numbers
    found = []
    for dimension, values in table.items():
        views, likes = np.moveaxis(np.array(list(values.values())), -1, 0)
        if metric == "ctr":
            found.append(Slices(dimension, list(values), likes[:, 0], likes[:, 1], views[:, 0], views[:, 1]))
        else:
            counted = views if metric == "views" else likes
            found.append(Slices(dimension, list(values), counted[:, 0], counted[:, 1]))
    if not found:
        return Explanation(metric, None, True, None)
    (views, views_before), (likes, likes_before) = (
        [float(sum(counts[at, of] for counts in next(iter(table.values())).values())) for at in (0, 1)] for of in (0, 1)
    )
    expected = {"views": views_before, "likes": likes_before, "ctr": views * likes_before / max(views_before, 1.0)}
    ranked = adtributor.explain(found, expected[metric], True)
    split = adtributor.split_ratio((likes, likes_before), (views, views_before), found) if metric == "ctr" else None
    return Explanation(metric, ranked[0] if ranked else None, True, split)
