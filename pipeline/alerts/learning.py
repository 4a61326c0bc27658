"""What metrics lack until they are checked: a detector needs some days of history."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pipeline.alerts.detection import Monitor
from pipeline.core import clock, settings
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import SLOT_METRICS, full_name, open_warehouse


@dataclass(frozen=True)
class Lack:
    """The history that a metric lacks.

    Attributes
    ----------
    metric : str
        Its name.
    known, needed : int
        Days of history that it has, and that its detector needs.
    checked_from : date
        The first day on which it is checked, if no day is lost until then.
    """

    metric: str
    known: int
    needed: int
    checked_from: date


def lacking(slot: datetime, monitors: Collection[Monitor]) -> list[Lack]:
    """Return the metrics whose history is too short on the day of a slot; a method needs at least a day.

    Parameters
    ----------
    slot : datetime
        Naive UTC.
    monitors : collection of Monitor
        How each metric is checked.
    """
    needed = {monitor.metric.name: getattr(monitor.detector, "min_days", 1) for monitor in monitors}
    day = clock.to_local(slot).date()
    start, end = (
        clock.day_bounds(first)[0] for first in (day - timedelta(days=settings.AlertSettings().history_days), day)
    )
    sql = statement("known_days", slot_metrics=full_name(SLOT_METRICS))
    bound = {"metrics": tuple(needed), "start": str(start), "end": str(end)}
    known: dict[str, int] = dict(open_warehouse().query(sql, bound))
    return [
        Lack(metric, known.get(metric, 0), days, day + timedelta(days=days - known.get(metric, 0)))
        for metric, days in needed.items()
        if known.get(metric, 0) < days
    ]
