"""The pictures of the status page: the last four weeks of each metric, with what was expected."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from pipeline.alerts import detection
from pipeline.core import clock
from pipeline.core.metrics import Metric
from pipeline.slots import history
from pipeline.slots.series import Array, Series, lay_out
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import SLOT_CHECKS, full_name, open_warehouse
from reporting.status import Weeks, draw
from reporting.status.picture import COLUMNS, DAYS, ROWS, limits


class Chart(NamedTuple):
    """The picture of a metric, and what the page writes beside it."""

    weeks: Weeks
    picture: bytes


def charts(slot: datetime) -> list[Chart]:
    """Draw every metric that is checked, up to a slot (naive UTC)."""
    metrics = [monitor.metric for monitor in detection.monitors()]
    series = history.read(metrics, slot, ROWS * DAYS - 1)
    bands = _bands(metrics, series)
    return list(_drawn(metrics, series, bands))


def _drawn(metrics: Sequence[Metric], series: Series, bands: Array) -> Iterator[Chart]:
    first = clock.to_local(series.slot).date() - timedelta(days=ROWS * DAYS - 1)
    weekend = [(first + timedelta(days=day)).weekday() >= 5 for day in range(DAYS)]
    for metric, values, lower, upper in zip(metrics, series.values, *bands, strict=True):
        padded = _padded(values), _padded(lower), _padded(upper)
        ends = limits(*padded, from_zero=metric.kind == "count")
        low, high = ends or (None, None)
        days = [str(first + timedelta(days=DAYS * row)) for row in range(ROWS)]
        weeks = Weeks(
            metric=metric.name, format=metric.format, file=f"{metric.name}.svg", low=low, high=high, days=days
        )
        yield Chart(weeks, draw(*padded, ends=ends, weekend=weekend))


def _padded(row: Array) -> Array:
    """Lengthen a row to the end of its last day."""
    return np.concatenate([row, np.full(ROWS * COLUMNS - len(row), np.nan)])


def _bands(metrics: Sequence[Metric], series: Series) -> Array:
    """Read what the checks expected at their time: lower and upper bounds (2, S, T), NaN where nothing was checked."""
    row = {metric.name: number for number, metric in enumerate(metrics)}
    start = series.slot - (len(series.columns) - 1) * clock.SLOT
    bound = {"metrics": tuple(row), "start": str(start), "end": str(series.slot)}
    found = np.full((2, len(metrics), len(series.columns)), np.nan)
    for seconds, name, lower, upper in open_warehouse().query(
        statement("charted_checks", slot_checks=full_name(SLOT_CHECKS)), bound
    ):
        found[:, row[name], (clock.from_epoch(seconds) - start) // clock.SLOT] = lower, upper
    width = series.numerators.shape[1]
    return np.stack([lay_out(bounds, series.columns, width) for bounds in found])
