"""Draws the bars of a report: one panel per metric, one bar per day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reporting.plots.canvas import BLUE, GREY, INK, PALE_BLUE, WIDTH_PIXELS, drawable, fitted, grid, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class BarPanel:
    """The last days of one metric.

    Parameters
    ----------
    title, unit : str
        Name of the metric, and unit of the labels, e.g. "thousand"; the unit may be empty.
    ticks : sequence of str
        One label per day.
    heights : ndarray, shape (days,)
        NaN if a day is missing.
    labels : sequence of str
        Text over each bar, or in the gap of a missing day.
    notes : sequence of str
        Text along the gap of a missing day, upwards; '' for none.
    """

    title: str
    unit: str
    ticks: Sequence[str]
    heights: NDArray[np.float64]
    labels: Sequence[str]
    notes: Sequence[str] = ()


def draw_bars(panels: Sequence[BarPanel], title: str) -> bytes:
    """Draw one panel of bars per metric and emphasise the last bar, the reported day.

    Bars start at zero. A missing day is a gap.

    Returns
    -------
    bytes
        A PNG.
    """
    columns = min(2, len(panels))
    drawing = grid(len(panels), columns, title=title, title_points=17, panel_inches=2.9, margin_inches=0.5)
    with drawing as (figure, axes):
        for axis, panel in zip(axes, panels, strict=True):
            _draw_panel(axis, panel, WIDTH_PIXELS / columns - 40)
        return png(figure)


def _draw_panel(axis: "Axes", panel: BarPanel, pixels: float) -> None:
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
    for day, note in enumerate(panel.notes):
        last = day == len(panel.heights) - 1
        axis.annotate(
            drawable(note),
            (day, 0),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            va="bottom",
            rotation=90,
            fontsize=11,
            fontweight="bold" if last else "normal",
            color=INK if last else GREY,
        )
    highest = panel.heights[drawn].max(initial=0)
    axis.set_ylim(0, highest * 1.14 if highest > 0 else 1)
    axis.set_xlim(-0.6, len(positions) - 0.4)
    axis.set_xticks(positions, [drawable(tick) for tick in panel.ticks], fontsize=11)
    axis.get_xticklabels()[-1].set(fontweight="bold", color=INK)
    axis.tick_params(axis="x", length=0)
    axis.set_yticks([])
    # A long title is cut before its unit: without the unit the numbers would be wrong.
    unit = f", {panel.unit}" if panel.unit else ""
    title = fitted(panel.title, pixels - 22 * len(unit), 14, "bold") + drawable(unit)
    axis.set_title(title, loc="left", fontsize=14, fontweight="bold", pad=8)
