"""The pictures: bars of days for a report, bands of slots for an alert.

matplotlib is imported only when something is drawn: it would double the start-up of a check that finds nothing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reporting.plots.canvas import (
    BLUE,
    GREY,
    GRID,
    INK,
    PALE_BLUE,
    VERMILLION,
    WIDTH_PIXELS,
    blank,
    drawable,
    fitted,
    png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SLOT_DAYS = 15 / 24 / 60
# Points on the edge of an axis are drawn whole; the layout must not see them (an empty series would upset it).
_UNCLIPPED: dict[str, Any] = {"marker": "o", "linestyle": "none", "clip_on": False, "in_layout": False}


@dataclass(frozen=True)
class BarPanel:
    """Days of one metric.

    Parameters
    ----------
    title, unit : str
        What is shown and in what, e.g. "thousand"; the unit may be empty.
    ticks : sequence of str
        One label per day.
    heights : ndarray, shape (days,)
        NaN where a day is missing.
    labels : sequence of str
        What is written over each bar; where a day is missing, in its place.
    """

    title: str
    unit: str
    ticks: Sequence[str]
    heights: NDArray[np.float64]
    labels: Sequence[str]


@dataclass(frozen=True)
class BandPanel:
    """The history of one metric up to the slot that is looked at.

    Parameters
    ----------
    title, subtitle : str
        The metric, and what happened to it.
    times : sequence of datetime
        Starts of the slots, aware, in the zone to show; T of them.
    values, expected, lower, upper : ndarray, shape (T,)
        NaN where unknown; bounds may be infinite.
    now : datetime
        Start of the slot to emphasise.
    since, until : datetime or None
        The incident: the start of its first slot and the end of its last; None while it lasts.
    write : callable
        Writes the numbers beside the axis, all at once.
    from_zero : bool
        Whether the axis starts at zero and counts in whole numbers.
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
    """The words of `bands`' legend, and of a panel without data."""

    actual: str
    expected: str
    usual_range: str
    outside: str
    now: str
    no_data: str
    difference: str


def bars(panels: Sequence[BarPanel], title: str) -> bytes:
    """Draw one panel of bars per metric; the last bar of each is the one that the message is about.

    Bars start at zero, so their heights can be compared; a missing day is a gap.

    Returns
    -------
    bytes
        A PNG.
    """
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    with blank(0.5 + 2.9 * rows) as figure:
        figure.suptitle(
            fitted(title, WIDTH_PIXELS - 40, 17, "bold"), fontsize=17, fontweight="bold", x=0.012, ha="left"
        )
        axes = figure.subplots(rows, columns, squeeze=False)
        for axis, panel in zip(axes.flat, panels, strict=False):
            _draw_bars(axis, panel, WIDTH_PIXELS / columns - 40)
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        return png(figure)


def bands(panels: Sequence[BandPanel], title: str, legend: Legend, short_date: Callable[[datetime], str]) -> bytes:
    """Draw one panel per metric: values, expectation, band, what was outside of it, and the slot itself.

    Up to three panels stand below each other, more of them in two columns.

    Returns
    -------
    bytes
        A PNG.
    """
    columns = 1 if len(panels) <= 3 else 2
    rows = math.ceil(len(panels) / columns)
    with blank(0.9 + (3.1 if columns == 1 else 2.8) * rows) as figure:
        figure.suptitle(
            fitted(title, WIDTH_PIXELS - 40, 15, "bold"), fontsize=15, fontweight="bold", x=0.012, ha="left"
        )
        axes = figure.subplots(rows, columns, squeeze=False)
        for axis, panel in zip(axes.flat, panels, strict=False):
            _draw_band(axis, panel, legend, WIDTH_PIXELS / columns - 40)
            _label_time(axis, panel.times, short_date, most=9 if columns == 1 else 5)
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        figure.legend(
            handles=_legend_handles(legend),
            loc="outside lower center",
            ncols=6,
            fontsize=11.5,
            columnspacing=1.2,
            handlelength=1.6,
        )
        return png(figure)


def _draw_bars(axis: "Axes", panel: BarPanel, pixels: float) -> None:
    positions = np.arange(len(panel.heights))
    drawn = np.isfinite(panel.heights)
    colours = [PALE_BLUE] * (len(positions) - 1) + [BLUE]
    axis.bar(positions, np.where(drawn, panel.heights, 0), width=0.72, color=colours)
    for position, height, label in zip(positions, np.where(drawn, panel.heights, 0), panel.labels, strict=True):
        last = position == positions[-1]
        axis.annotate(
            drawable(label),
            (position, height),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=11,
            fontweight="bold" if last else "normal",
            color=INK if drawn[position] else GREY,
        )
    highest = panel.heights[drawn].max(initial=0)
    axis.set_ylim(0, highest * 1.14 if highest > 0 else 1)
    axis.set_xlim(-0.6, len(positions) - 0.4)
    axis.set_xticks(positions, [drawable(tick) for tick in panel.ticks], fontsize=11)
    axis.get_xticklabels()[-1].set(fontweight="bold", color=INK)
    axis.tick_params(axis="x", length=0)
    axis.set_yticks([])
    # However long the title is, its unit stays: without it the numbers would be wrong.
    unit = f", {panel.unit}" if panel.unit else ""
    title = fitted(panel.title, pixels - 22 * len(unit), 14, "bold") + drawable(unit)
    axis.set_title(title, loc="left", fontsize=14, fontweight="bold", pad=8)


def _draw_band(axis: "Axes", panel: BandPanel, legend: Legend, pixels: float) -> None:
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
    # Beside the newest values, and out of the titles' way.
    axis.yaxis.tick_right()
    axis.tick_params(axis="both", labelsize=11)
    axis.tick_params(axis="y", length=0)
    times = _numbers(panel.times)
    lower, upper = np.clip(panel.lower, bottom, top), np.clip(panel.upper, bottom, top)
    axis.fill_between(times, lower, upper, color=PALE_BLUE, alpha=0.55, linewidth=0)
    axis.plot(times, panel.expected, color=GREY, linewidth=1.4, linestyle=(0, (4, 2)))
    # With dots, because a value between two gaps has no line.
    axis.plot(times, panel.values, color=BLUE, linewidth=2, marker=".", markersize=3)
    with np.errstate(invalid="ignore"):
        outside = (panel.values < panel.lower) | (panel.values > panel.upper)
    _draw_incident(axis, panel, legend)
    axis.plot(times[outside], panel.values[outside], color=VERMILLION, markersize=5.5, **_UNCLIPPED)
    _emphasise_now(axis, panel, outside)


def _draw_incident(axis: "Axes", panel: BandPanel, legend: Legend) -> None:
    """Fill what is between the incident's values and what was expected; where there are none, say so."""
    times = _numbers(panel.times)
    inside = times >= _numbers([panel.since])
    if panel.until is not None:
        inside &= times < _numbers([panel.until])
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
    # From the slot before on: an area needs two points.
    inside[:-1] |= inside[1:]
    axis.fill_between(times, panel.values, panel.expected, where=inside, color=VERMILLION, alpha=0.3, linewidth=0)


def _emphasise_now(axis: "Axes", panel: BandPanel, outside: NDArray[np.bool_]) -> None:
    """Mark the slot with a line, which also shows one without a value, and its point with a ring."""
    if not panel.times:
        return
    now = _numbers([panel.now])[0]
    axis.axvline(now, color=GREY, linewidth=1, linestyle=":")
    for index, time in enumerate(panel.times):
        if time == panel.now and np.isfinite(panel.values[index]):
            colour = VERMILLION if outside[index] else BLUE
            axis.plot([now], [panel.values[index]], color=colour, markersize=11, zorder=5, **_UNCLIPPED)
            axis.plot([now], [panel.values[index]], color="white", markersize=4, zorder=6, **_UNCLIPPED)


def _limits(panel: BandPanel) -> tuple[float, float]:
    """Return the ends of the axis: around what is finite, and from zero for counts."""
    series = np.concatenate([panel.values, panel.expected, panel.lower, panel.upper])
    finite = series[np.isfinite(series)]
    if not finite.size:
        return 0.0, 1.0
    bottom, top = float(finite.min()), float(finite.max())
    if panel.from_zero:
        return min(0.0, bottom), top * 1.08 if top > 0 else 1.0
    margin = 0.08 * (top - bottom) or abs(top) * 0.1 or 0.01
    return bottom - margin, top + margin


def _label_time(axis: "Axes", times: Sequence[datetime], short_date: Callable[[datetime], str], most: int) -> None:
    """Label round hours of the local clock, and the date at midnight, with at most about `most` labels.

    The hours are looked up on the clock of the zone, not computed, so that they stay right when it changes.
    """
    if not times:
        axis.set(xticks=[], yticks=[])
        return
    first, last = min(times).astimezone(UTC), max(times).astimezone(UTC)
    zone = times[0].tzinfo
    hours = max(1.0, (last - first) / timedelta(hours=1))
    step = next((step for step in (1, 2, 3, 4, 6, 12, 24) if hours / step <= most), 24)
    every_days = max(1, math.ceil(hours / 24 / most))
    ticks, labels = [], []
    moment = first.replace(minute=first.minute // 15 * 15, second=0, microsecond=0)
    while moment <= last:
        local = moment.astimezone(zone)
        whole = local.minute == 0 and local.hour % step == 0 and local.toordinal() % every_days == 0
        if whole and moment >= first:
            ticks.append(moment)
            labels.append(short_date(local) if local.hour == 0 else f"{local:%H:%M}")
        moment += timedelta(minutes=15)
    axis.set_xticks(_numbers(ticks), [drawable(label) for label in labels])
    margin = 0.02 * (last - first)
    axis.set_xlim(*_numbers([first - margin, last + margin + timedelta(minutes=5)]))


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


def _numbers(times: Sequence[datetime]) -> NDArray[np.float64]:
    """Turn moments into days since 1970-01-01 UTC: an axis of real time, whatever clocks do."""
    return np.array([time.timestamp() / 86400 for time in times], dtype=np.float64)
