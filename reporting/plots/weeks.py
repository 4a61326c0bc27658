"""Draws the weeks of a report: one panel per metric, the last days over the same weekdays of the week before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reporting.plots.canvas import BLUE, GREY, GRID, INK, WEEKEND, WIDTH_PIXELS, drawable, fitted, grid, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_SPAN = 0.1
"""An axis covers at least this part of its greatest value, so that a change of 1 % looks as small as it is."""
_ROOM_ABOVE, _ROOM_BELOW = 0.45, 0.6
"""Room for the numbers over and below the line, as parts of the span."""


@dataclass(frozen=True)
class WeekPanel:
    """The last days of one metric, and the same weekdays of the week before.

    Parameters
    ----------
    title : str
        Name of the metric and its value on the reported day.
    changes : str
        The changes of the reported day.
    ticks : sequence of str
        One label per day.
    values, before : ndarray, shape (days,)
        The days, and those seven days earlier. NaN if a day is missing.
    labels : sequence of str
        Numbers over the points of `values`; '' for none.
    unit : str
        Unit of these numbers, e.g. "thousand"; may be empty.
    weekend : sequence of bool
        Which days are of a weekend.
    notes : sequence of str
        Text in the gap of a missing day; '' for none.
    """

    title: str
    changes: str
    ticks: Sequence[str]
    values: NDArray[np.float64]
    before: NDArray[np.float64]
    labels: Sequence[str]
    unit: str
    weekend: Sequence[bool]
    notes: Sequence[str]


def draw_weeks(panels: Sequence[WeekPanel], title: str, this_week: str, week_before: str) -> bytes:
    """Draw one panel per metric, below each other: on a phone half a width is too small to read.

    Parameters
    ----------
    panels : sequence of WeekPanel
        The metrics.
    title, this_week, week_before : str
        The title, and the names of the two lines.

    Returns
    -------
    bytes
        A PNG.
    """
    drawing = grid(len(panels), 1, title=title, title_points=20, panel_inches=2.4, margin_inches=0.95)
    with drawing as (figure, axes):
        for axis, panel in zip(axes, panels, strict=True):
            _draw_panel(axis, panel)
        figure.legend(handles=_handles(this_week, week_before), loc="outside lower left", ncols=2, fontsize=15)
        return png(figure)


def _draw_panel(axis: "Axes", panel: WeekPanel) -> None:
    days = np.arange(len(panel.values))
    bottom, top = _limits(panel)
    axis.set_ylim(bottom, top)
    axis.set_xlim(-0.55, len(days) - 0.45)
    for day in days[np.array(panel.weekend, dtype=bool)]:
        axis.axvspan(day - 0.5, day + 0.5, color=WEEKEND, linewidth=0, zorder=0)
    line: dict[str, Any] = {"clip_on": False, "solid_capstyle": "round"}
    axis.plot(days, panel.before, color=GREY, linewidth=2, linestyle=(0, (3, 2)), marker=".", markersize=6)
    axis.plot(days, panel.values, color=BLUE, linewidth=3.2, marker="o", markersize=6, **line)
    axis.plot(days[-1:], panel.values[-1:], color=BLUE, marker="o", markersize=13, **line)
    _write_numbers(axis, panel, (bottom + top) / 2)
    axis.set_xticks(days, [drawable(tick) for tick in panel.ticks], fontsize=15)
    axis.get_xticklabels()[-1].set(fontweight="bold", color=INK)
    axis.tick_params(axis="x", length=0)
    axis.set_yticks([])
    axis.spines["bottom"].set_color(GRID)
    _write_title(axis, panel)


def _write_title(axis: "Axes", panel: WeekPanel) -> None:
    axis.set_title(
        fitted(panel.title, 0.7 * WIDTH_PIXELS, 19, "bold"), loc="left", fontsize=19, fontweight="bold", pad=34
    )
    axis.set_title(drawable(panel.unit), loc="right", fontsize=15, color=GREY, pad=34)
    changes = fitted(panel.changes, 0.95 * WIDTH_PIXELS, 16)
    axis.annotate(changes, (0, 1), (0, 11), xycoords="axes fraction", textcoords="offset points", fontsize=16)


def _write_numbers(axis: "Axes", panel: WeekPanel, middle: float) -> None:
    """Write the numbers over the points, and what is said of days without one."""
    last = len(panel.values) - 1
    for day, (value, label, note) in enumerate(zip(panel.values, panel.labels, panel.notes, strict=True)):
        style: dict[str, Any] = {"fontweight": "bold" if day == last else "normal", "ha": "center"}
        if note:
            text = drawable(note)
            axis.text(day, middle, text, va="center", fontsize=13, color=INK if day == last else GREY,
                      bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}, **style)  # fmt: skip
        elif label:
            # On the side of its own line: beside the other line it would be read as that one's.
            is_below = panel.before[day] > value
            axis.annotate(
                drawable(label),
                (day, value if np.isfinite(value) else middle),
                (0, -9 if is_below else 9),
                va="top" if is_below else "bottom",
                fontsize=15.5,
                color=INK if np.isfinite(value) else GREY,
                textcoords="offset points",
                **style,
            )


def _limits(panel: WeekPanel) -> tuple[float, float]:
    """Return the ends of the axis: around all values, not from zero, and never a narrow window on small changes."""
    values = np.concatenate([panel.values, panel.before])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    least, greatest = float(values.min()), float(values.max())
    span = max(greatest - least, LEAST_SPAN * max(abs(greatest), abs(least))) or 1.0
    middle = (least + greatest) / 2
    return middle - (0.5 + _ROOM_BELOW) * span, middle + (0.5 + _ROOM_ABOVE) * span


def _handles(this_week: str, week_before: str) -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=BLUE, linewidth=3.2, marker="o", markersize=6, label=drawable(this_week)),
        Line2D([], [], color=GREY, linewidth=2, linestyle=(0, (3, 2)), marker=".", label=drawable(week_before)),
    ]
