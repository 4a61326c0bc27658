"""A time axis in elapsed time, labelled with round local hours, also on days when clocks change."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reporting.plots.canvas import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def positions(times: Sequence[datetime]) -> NDArray[np.float64]:
    """Return moments as days since 1970-01-01 UTC, matplotlib's unit of time."""
    return np.array([time.timestamp() / 86400 for time in times], dtype=np.float64)


def label_time(axis: "Axes", times: Sequence[datetime], short_date: Callable[[datetime], str], most: int) -> None:
    """Label an axis with round hours of the local clock, and with the date at midnight.

    Parameters
    ----------
    axis : Axes
        The axis.
    times : sequence of datetime
        The times to cover, aware, in the time zone to show.
    short_date : callable
        Writes the date at midnight.
    most : int
        Approximate maximum number of labels.
    """
    if not times:
        axis.set(xticks=[], yticks=[])
        return
    moments = [time.astimezone(UTC) for time in times]
    first, last = min(moments), max(moments)
    zone = times[0].tzinfo
    hours = max(1.0, (last - first) / timedelta(hours=1))
    step = next((step for step in (1, 2, 3, 4, 6, 12, 24) if hours / step <= most), 24)
    every_days = max(1, math.ceil(hours / 24 / most))
    ticks, labels = [], []
    # Steps in UTC and reads the local clock at each step, so hours stay right when clocks change.
    moment = first.replace(minute=first.minute // 15 * 15, second=0, microsecond=0)
    while moment <= last:
        local = moment.astimezone(zone)
        whole = local.minute == 0 and local.hour % step == 0 and local.toordinal() % every_days == 0
        if whole and moment >= first:
            ticks.append(moment)
            labels.append(short_date(local) if local.hour == 0 else f"{local:%H:%M}")
        moment += timedelta(minutes=15)
    axis.set_xticks(positions(ticks), [drawable(label) for label in labels])
    margin = 0.02 * (last - first)
    axis.set_xlim(*positions([first - margin, last + margin + timedelta(minutes=5)]))
