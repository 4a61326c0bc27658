"""Draws the bands of an alert: one panel per metric, with its values and expectations by slot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reporting.plots.canvas import BLUE, GREY, GRID, PALE_BLUE, VERMILLION, WIDTH_PIXELS, drawable, fitted, grid, png
from reporting.plots.time_axis import label_time, positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SLOT_DAYS = 15 / 24 / 60
# Points on the edge of an axis are drawn whole. They are not part of the layout: an empty series would break it.
_UNCLIPPED: dict[str, Any] = {"marker": "o", "linestyle": "none", "clip_on": False, "in_layout": False}


@dataclass(frozen=True)
class BandPanel:
    """The history of one metric up to the current slot.

    Parameters
    ----------
    title, subtitle : str
        Name of the metric, and its value beside the expectation.
    times : sequence of datetime
        Starts of T slots, aware, in the time zone to show.
    values, expected, lower, upper : ndarray, shape (T,)
        NaN if unknown; bounds may be infinite.
    now : datetime
        Start of the current slot.
    since, until : datetime or None
        Start of the incident's first slot and end of its last; `until` is None while it lasts.
    write : callable
        Returns the labels of the given axis values.
    from_zero : bool
        Whether the axis starts at zero and has whole numbers only.
    """

    title: str
    subtitle: str
    times: Sequence[datetime]
    values: NDArray[np.float64]
    expected: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    now: datetime
    since: datetime
    until: datetime | None
    write: Callable[[Sequence[float]], list[str]]
    from_zero: bool


@dataclass(frozen=True)
class Legend:
    """The texts of the legend and of a panel without data."""

    actual: str
    expected: str
    usual_range: str
    outside: str
    now: str
    no_data: str
    difference: str


def draw_bands(panels: Sequence[BandPanel], title: str, legend: Legend, short_date: Callable[[datetime], str]) -> bytes:
    """Draw one panel per metric: values, expectation, band, values outside the band, and the current slot.

    Up to three panels are in one column, more in two.

    Returns
    -------
    bytes
        A PNG.
    """
    columns = 1 if len(panels) <= 3 else 2
    panel_inches = 3.1 if columns == 1 else 2.8
    drawing = grid(len(panels), columns, title=title, title_points=15, panel_inches=panel_inches, margin_inches=0.9)
    with drawing as (figure, axes):
        for axis, panel in zip(axes, panels, strict=True):
            _draw_panel(axis, panel, legend, WIDTH_PIXELS / columns - 40)
            label_time(axis, panel.times, short_date, most=9 if columns == 1 else 5)
        figure.legend(
            handles=_legend_handles(legend),
            loc="outside lower center",
            ncols=6,
            fontsize=11.5,
            columnspacing=1.2,
            handlelength=1.6,
        )
        return png(figure)


def _draw_panel(axis: "Axes", panel: BandPanel, legend: Legend, pixels: float) -> None:
    axis.set_title(fitted(panel.title, pixels, 13.5, "bold"), loc="left", fontsize=13.5, fontweight="bold", pad=26)
    axis.annotate(
        fitted(panel.subtitle, pixels, 11.5),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 8),
        textcoords="offset points",
        fontsize=11.5,
        color=GREY,
        in_layout=False,
    )
    if not np.isfinite(panel.values).any():
        axis.text(0.5, 0.5, drawable(legend.no_data), transform=axis.transAxes, ha="center", color=GREY)
    bottom, top = _limits(panel)
    axis.set_ylim(bottom, top)
    _label_values(axis, panel)
    axis.set_axisbelow(True)
    axis.grid(axis="y", color=GRID, linewidth=0.8)
    # Labels stand on the right, beside the newest values.
    axis.yaxis.tick_right()
    axis.tick_params(axis="both", labelsize=11)
    axis.tick_params(axis="y", length=0)
    times = positions(panel.times)
    lower, upper = np.clip(panel.lower, bottom, top), np.clip(panel.upper, bottom, top)
    axis.fill_between(times, lower, upper, color=PALE_BLUE, alpha=0.55, linewidth=0)
    axis.plot(times, panel.expected, color=GREY, linewidth=1.4, linestyle=(0, (4, 2)))
    # Dots show a value between two gaps, which has no line.
    axis.plot(times, panel.values, color=BLUE, linewidth=2, marker=".", markersize=3)
    with np.errstate(invalid="ignore"):
        outside = (panel.values < panel.lower) | (panel.values > panel.upper)
    _draw_incident(axis, panel, legend)
    axis.plot(times[outside], panel.values[outside], color=VERMILLION, markersize=5.5, **_UNCLIPPED)
    _emphasise_now(axis, panel, outside)


def _draw_incident(axis: "Axes", panel: BandPanel, legend: Legend) -> None:
    """Fill the area between the incident's values and the expectation, or write that there is no data."""
    times = positions(panel.times)
    inside = times >= positions([panel.since])
    if panel.until is not None:
        inside &= times < positions([panel.until])
    if not inside.any() or not np.isfinite(panel.values).any():
        return
    if not np.isfinite(panel.values[inside]).any():
        start = times[inside][0]
        has_room = start - times[0] > 0.25 * (times[-1] - times[0])
        axis.axvspan(start, times[inside][-1] + _SLOT_DAYS, color=GRID, linewidth=0)
        axis.annotate(
            drawable(legend.no_data),
            (start, 0.06),
            xycoords=axis.get_xaxis_transform(),
            xytext=(-6 if has_room else 6, 0),
            textcoords="offset points",
            ha="right" if has_room else "left",
            fontsize=11.5,
            color=VERMILLION,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2},
            in_layout=False,
        )
        return
    # The slot before is included: an area needs two points.
    inside[:-1] |= inside[1:]
    axis.fill_between(times, panel.values, panel.expected, where=inside, color=VERMILLION, alpha=0.3, linewidth=0)


def _emphasise_now(axis: "Axes", panel: BandPanel, outside: NDArray[np.bool_]) -> None:
    """Mark the current slot with a line, and its value, if there is one, with a ring."""
    if not panel.times:
        return
    now = positions([panel.now])[0]
    axis.axvline(now, color=GREY, linewidth=1, linestyle=":")
    # By elapsed time: where clocks go back, two slots have the same local time.
    for index in np.flatnonzero(positions(panel.times) == now):
        if np.isfinite(panel.values[index]):
            colour = VERMILLION if outside[index] else BLUE
            axis.plot([now], [panel.values[index]], color=colour, markersize=11, zorder=5, **_UNCLIPPED)
            axis.plot([now], [panel.values[index]], color="white", markersize=4, zorder=6, **_UNCLIPPED)


def _limits(panel: BandPanel) -> tuple[float, float]:
    """Return the ends of the axis: around all finite values, and from zero for counts."""
    series = np.concatenate([panel.values, panel.expected, panel.lower, panel.upper])
    finite = series[np.isfinite(series)]
    if not finite.size:
        return 0.0, 1.0
    bottom, top = float(finite.min()), float(finite.max())
    if panel.from_zero:
        return min(0.0, bottom), top * 1.08 if top > 0 else 1.0
    margin = 0.08 * (top - bottom) or abs(top) * 0.1 or 0.01
    return bottom - margin, top + margin


def _legend_handles(legend: Legend) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=BLUE, linewidth=2, label=legend.actual),
        Line2D([], [], color=GREY, linewidth=1.4, linestyle=(0, (4, 2)), label=legend.expected),
        Patch(color=PALE_BLUE, alpha=0.55, linewidth=0, label=legend.usual_range),
        Line2D([], [], color=VERMILLION, linestyle="none", marker="o", markersize=5.5, label=legend.outside),
        Patch(color=VERMILLION, alpha=0.3, linewidth=0, label=legend.difference),
        Line2D([], [], color=GREY, linestyle="none", marker="o", markersize=9, mew=3.5, mfc="white", label=legend.now),
    ]


def _label_values(axis: "Axes", panel: BandPanel) -> None:
    from matplotlib.ticker import MaxNLocator

    bottom, top = axis.get_ylim()
    locator = MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=panel.from_zero, min_n_ticks=1)
    ticks = [float(tick) for tick in locator.tick_values(bottom, top) if bottom <= tick <= top]
    axis.set_yticks(ticks, [drawable(label) for label in panel.write(ticks)])
