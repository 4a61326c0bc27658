"""Draws the bands of an alert: one panel per metric, with its values and expectations by slot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reporting.plots.canvas import (
    BLUE,
    GREEN,
    GREY,
    GRID,
    OTHER,
    PALE_BLUE,
    PURPLE,
    VERMILLION,
    WIDTH_PIXELS,
    drawable,
    fitted,
    grid,
    png,
)
from reporting.plots.time_axis import label_time, positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_SPAN = 0.2
"""An axis covers at least this part of its greatest value, so that noise does not look like a change."""
FROM_ZERO = 0.5
"""An axis starts at zero if a value is below this part of the greatest one."""
_ROOM = 0.4
"""How far a band or a line of an earlier day may extend the axis, as a part of the span of the values."""
# Points on the edge of an axis are drawn whole. They are not part of the layout: an empty series would break it.
_UNCLIPPED: dict[str, Any] = {"marker": "o", "linestyle": "none", "clip_on": False, "in_layout": False}
_BEFORE = (PURPLE, GREEN)


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
    before : sequence of ndarray, each of shape (T,)
        The values a day before and a week before; empty if they are not drawn.
    now : datetime
        Start of the current slot.
    since, until : datetime
        Start of the incident's first slot and end of its last, or of the current one.
    others : sequence of (datetime, datetime)
        Beginnings and ends of other incidents.
    minutes : (datetime, datetime) or None
        Beginning and end of the minutes that deviate, if only they do.
    step : timedelta
        Length of a slot. A value is drawn in the middle of its slot, or at the start of its day.
    write : callable
        Returns the labels of the given axis values.
    whole : bool
        Whether the axis has whole numbers only.
    """

    title: str
    subtitle: str
    times: Sequence[datetime]
    values: NDArray[np.float64]
    expected: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    before: Sequence[NDArray[np.float64]]
    now: datetime
    since: datetime
    until: datetime
    others: Sequence[tuple[datetime, datetime]]
    minutes: tuple[datetime, datetime] | None
    step: timedelta
    write: Callable[[Sequence[float]], list[str]]
    whole: bool

    def at(self, moments: Sequence[datetime]) -> NDArray[np.float64]:
        """Return where on the axis the values of slots are."""
        return positions(moments) + self._middle

    def spans(self, start: datetime, end: datetime) -> tuple[float, float]:
        """Return where on the axis the slots of a period begin and end, around their values."""
        first, last = positions([start, end]) + self._middle - self._days / 2
        return float(first), float(last)

    @property
    def _middle(self) -> float:
        return 0.0 if self.step >= timedelta(days=1) else self._days / 2

    @property
    def _days(self) -> float:
        return self.step / timedelta(days=1)


@dataclass(frozen=True)
class Legend:
    """The texts of the legend and of slots without data."""

    actual: str
    expected: str
    usual_range: str
    before: tuple[str, str]
    other: str
    minutes: str
    no_data: str


def draw_bands(panels: Sequence[BandPanel], title: str, legend: Legend, short_date: Callable[[datetime], str]) -> bytes:
    """Draw one panel per metric, below each other: on a phone half a width is too small to read.

    Returns
    -------
    bytes
        A PNG.
    """
    panel_inches = 3.3 if len(panels) == 1 else 2.75
    drawing = grid(len(panels), 1, title=title, title_points=20, panel_inches=panel_inches, margin_inches=1.3)
    with drawing as (figure, axes):
        for axis, panel in zip(axes, panels, strict=True):
            _draw_panel(axis, panel, legend, short_date)
        figure.legend(
            handles=_legend_handles(legend, panels),
            loc="outside lower left",
            ncols=3,
            fontsize=15,
            columnspacing=1.2,
            handlelength=1.6,
        )
        return png(figure)


def _draw_panel(axis: "Axes", panel: BandPanel, legend: Legend, short_date: Callable[[datetime], str]) -> None:
    _write_title(axis, panel)
    bottom, top = limits(panel)
    axis.set_ylim(bottom, top)
    _label_values(axis, panel)
    label_time(axis, panel.times, short_date, most=6)
    axis.set_axisbelow(True)
    axis.grid(axis="y", color=GRID, linewidth=0.8)
    # Labels stand on the right, beside the newest values.
    axis.yaxis.tick_right()
    axis.tick_params(axis="both", labelsize=15)
    axis.tick_params(axis="y", length=0)
    if not panel.times:
        return
    axis.set_xlim(panel.spans(panel.times[0], panel.times[0])[0], _right_edge(panel))
    _shade_incidents(axis, panel, legend)
    _draw_lines(axis, panel, bottom, top)


def _right_edge(panel: BandPanel) -> float:
    """Return the end of the newest slot, with room for the ring around its value."""
    first, (_, last) = positions(panel.times[:1])[0], panel.spans(panel.times[-1], panel.times[-1] + panel.step)
    return float(last + 0.015 * (last - first))


def _write_title(axis: "Axes", panel: BandPanel) -> None:
    pixels = WIDTH_PIXELS - 50
    axis.set_title(fitted(panel.title, pixels, 19, "bold"), loc="left", fontsize=19, fontweight="bold", pad=32)
    axis.annotate(
        fitted(panel.subtitle, pixels, 16),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 9),
        textcoords="offset points",
        fontsize=16,
        in_layout=False,
    )


def _draw_lines(axis: "Axes", panel: BandPanel, bottom: float, top: float) -> None:
    """Draw the band, earlier days, the expectation and the values, the more important above."""
    at = panel.at(panel.times)
    lower, upper = np.clip(panel.lower, bottom, top), np.clip(panel.upper, bottom, top)
    axis.fill_between(at, lower, upper, color=PALE_BLUE, alpha=0.45, linewidth=0)
    for line, colour in zip(panel.before, _BEFORE, strict=False):
        axis.plot(at, line, color=colour, linewidth=1.6)
    axis.plot(at, panel.expected, color=GREY, linewidth=1.8, linestyle=(0, (4, 2)))
    # Dots show a value between two gaps, which has no line.
    axis.plot(at, panel.values, color=BLUE, linewidth=3, marker=".", markersize=4)
    with np.errstate(invalid="ignore"):
        outside = (panel.values < panel.lower) | (panel.values > panel.upper)
    size = min(7.0, 320 / len(at))  # the dots of a long incident would hide its line
    axis.plot(at[outside], panel.values[outside], color=VERMILLION, markersize=size, **_UNCLIPPED)
    # By elapsed time: where clocks go back, two slots have the same local time.
    for index in np.flatnonzero((at == panel.at([panel.now])) & np.isfinite(panel.values)):
        colour = VERMILLION if outside[index] else BLUE
        axis.plot(at[index], panel.values[index], color=colour, markersize=14, zorder=5, **_UNCLIPPED)
        axis.plot(at[index], panel.values[index], color="white", markersize=5, zorder=6, **_UNCLIPPED)


def _shade_incidents(axis: "Axes", panel: BandPanel, legend: Legend) -> None:
    """Shade the incident and fill what is missing, or write that there is no data; shade other incidents apart."""
    for other in panel.others:
        axis.axvspan(*panel.spans(*other), color=OTHER, linewidth=0, zorder=0)
    at = panel.at(panel.times)
    start, end = panel.spans(panel.since, panel.until)
    inside = (at >= start) & (at < end)
    if not inside.any():
        return
    axis.axvspan(start, end, color=VERMILLION, alpha=0.1, linewidth=0, zorder=0)
    if panel.minutes:
        axis.axvspan(*positions(panel.minutes), color=VERMILLION, alpha=0.6, linewidth=0, zorder=1.6)
    if not np.isfinite(panel.values[inside]).any():
        _write_no_data(axis, start, legend)
    # The slot before is included: an area needs two points.
    inside[:-1] |= inside[1:]
    axis.fill_between(
        at, panel.values, panel.expected, where=inside, color=VERMILLION, alpha=0.35, linewidth=0, zorder=1.5
    )


def _write_no_data(axis: "Axes", start: float, legend: Legend) -> None:
    first, last = axis.get_xlim()
    has_room = start - first > 0.25 * (last - first)
    axis.annotate(
        drawable(legend.no_data),
        (max(start, first), 0.06),
        xycoords=axis.get_xaxis_transform(),
        xytext=(-6 if has_room else 6, 0),
        textcoords="offset points",
        ha="right" if has_room else "left",
        fontsize=16,
        color=VERMILLION,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2},
        in_layout=False,
    )


def limits(panel: BandPanel) -> tuple[float, float]:
    """Return the ends of the axis: around the values and the expectation; other lines may extend it a little.

    One wide band, or the incident of another day, must not make today's numbers flat.
    """
    core = _finite(panel.values, panel.expected)
    beside = _finite(panel.lower, panel.upper, *panel.before)
    if not core.size:
        core = beside
    if not core.size:
        return 0.0, 1.0
    least, greatest = float(core.min()), float(core.max())
    span = max(greatest - least, LEAST_SPAN * max(abs(greatest), abs(least))) or 1.0
    bottom, top = float(beside.min(initial=least)), float(beside.max(initial=greatest))
    bottom, top = max(bottom, least - _ROOM * span), min(top, greatest + _ROOM * span)
    if 0 <= least < FROM_ZERO * greatest or least == greatest == 0:
        bottom = 0.0
    margin = 0.08 * max(top - bottom, span)
    return (0.0 if bottom == 0 else bottom - margin), top + margin


def _finite(*series: NDArray[np.float64]) -> NDArray[np.float64]:
    joined = np.concatenate(series)
    return joined[np.isfinite(joined)]


def _legend_handles(legend: Legend, panels: Sequence[BandPanel]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=BLUE, linewidth=3, label=drawable(legend.actual)),
        Line2D([], [], color=GREY, linewidth=1.8, linestyle=(0, (4, 2)), label=drawable(legend.expected)),
        Patch(color=PALE_BLUE, alpha=0.45, linewidth=0, label=drawable(legend.usual_range)),
    ]
    if any(panel.before for panel in panels):
        named = zip(legend.before, _BEFORE, strict=True)
        handles += [Line2D([], [], color=colour, linewidth=1.6, label=drawable(name)) for name, colour in named]
    if any(panel.others for panel in panels):
        handles.append(Patch(color=OTHER, linewidth=0, label=drawable(legend.other)))
    if any(panel.minutes for panel in panels):
        handles.append(Patch(color=VERMILLION, alpha=0.6, linewidth=0, label=drawable(legend.minutes)))
    return handles


def _label_values(axis: "Axes", panel: BandPanel) -> None:
    from matplotlib.ticker import MaxNLocator

    bottom, top = axis.get_ylim()
    locator = MaxNLocator(nbins=4, steps=[1, 2, 5, 10], integer=panel.whole, min_n_ticks=1)
    ticks = [float(tick) for tick in locator.tick_values(bottom, top) if bottom <= tick <= top]
    axis.set_yticks(ticks, [drawable(label) for label in panel.write(ticks)])
