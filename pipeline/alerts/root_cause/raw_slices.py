"""Reads the dimensions that only raw events have, for the slots of an incident and the same slots of earlier days."""

from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.alerts.incidents.incident import Incident
from pipeline.alerts.root_cause.adtributor import Slices
from pipeline.alerts.root_cause.explanation import metrics_to_explain
from pipeline.core import clock
from pipeline.core.dimensions import RAW_DIMENSIONS, Dimension, readable
from pipeline.core.metrics import BY_NAME
from pipeline.slots.series import SLICE_DAYS
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import Fragment, statement

MOST_VALUES = 1000
"""Number of values of a dimension that are read for each of the days compared."""


def read(incident: Incident, slot: datetime) -> dict[str, list[Slices]]:
    """Read the raw dimensions of each metric to explain, from its first bad slot to the incident's latest bad slot.

    Raises
    ------
    WarehouseError
        If the source does not answer.
    """
    by_metric: dict[str, list[Slices]] = {}
    for metric in metrics_to_explain(incident):
        start = min(member.since for member in incident.members if member.metric == metric)
        by_metric[metric] = [
            _read(metric, dimension, start, min(slot, incident.last_anomaly) + clock.SLOT)
            for dimension in source().having(BY_NAME[metric].table, RAW_DIMENSIONS)
        ]
    return by_metric


def _read(name: str, dimension: Dimension, start: datetime, end: datetime) -> Slices:
    metric, events = BY_NAME[name], source()
    # Use the same local time: with a clock change, the day before is not 24 hours earlier.
    stretches = [
        (back, _on_day_before(start, back), _on_day_before(start, back) + (end - start))
        for back in range(SLICE_DAYS + 1)
    ]
    params: dict[str, object] = {"most": MOST_VALUES}
    params |= {f"start_{back}": str(first) for back, first, _ in stretches}
    params |= {f"end_{back}": str(last) for back, _, last in stretches}
    time = events.column(metric.table, "time")
    within = {
        back: f"({time} >= toDateTime(%(start_{back})s, 'UTC') AND {time} < toDateTime(%(end_{back})s, 'UTC'))"
        for back, _, _ in stretches
    }
    sql = statement(
        "raw_slices",
        source=events.table(metric.table),
        value=events.over(metric.table, readable(dimension.event_value)),
        numerator=events.over(metric.table, metric.slot),
        denominator=events.over(metric.table, metric.slot_denominator or "1"),
        stretch=Fragment("multiIf(" + ", ".join(f"{test}, {back}" for back, test in within.items()) + ", -1)"),
        chosen=Fragment(" OR ".join(within.values())),
    )
    rows = events.engine.query(sql, params)
    values = sorted({value for _, value, *_ in rows})
    places = {value: place for place, value in enumerate(values)}
    counts = np.zeros((2, SLICE_DAYS + 1, len(values)))
    for back, value, *numbers in rows:
        counts[:, back, places[value]] = numbers
    days = counts[:, 1:][:, counts[0, 1:].any(axis=1)]  # days without events are before the start of the source
    forecast = np.median(days, axis=1) if days.shape[1] else np.zeros((2, len(values)))
    denominators = (counts[1, 0], forecast[1]) if metric.kind == "ratio" else (None, None)
    return Slices(dimension.name, values, counts[0, 0], forecast[0], *denominators)


def _on_day_before(moment: datetime, days: int) -> datetime:
    local = clock.to_local(moment) - timedelta(days=days)  # Python subtracts in wall clock time
    return local.astimezone(UTC).replace(tzinfo=None)
