"""The style of the pictures and an empty picture to draw on, with matplotlib's Figure API instead of pyplot's globals.

Pictures are 1280 pixels wide, the width that Telegram scales them to, with letters readable on a phone. The colours are
those of Okabe and Ito (2008), which colour-blind readers can tell apart.

matplotlib is imported when something is drawn: its import would double the time of a check that sends nothing.
"""

import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE = "#0072B2"
PALE_BLUE = "#A9CDE3"
PURPLE = "#CC79A7"
GREEN = "#009E73"
VERMILLION = "#D55E00"
INK = "#222222"
GREY = "#6B6B6B"
GRID = "#E4E4E4"
WEEKEND = "#F3F3F3"
OTHER = "#E2E2E2"

WIDTH_PIXELS = 1280
_DPI = 150
_WIDTH = WIDTH_PIXELS / _DPI
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 12.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "ytick.left": False,
    "legend.frameon": False,
}
# rcParams are global to the process: one thread draws at a time.
_DRAWING = threading.Lock()


def drawable(text: str) -> str:
    """Return `text` with a box for every character that the font lacks; matplotlib would warn about each."""
    font = _font("normal")
    return "".join(char if char == "\n" or font.get_char_index(ord(char)) else "\u25a1" for char in text)


def fitted(text: str, pixels: float, points: float, weight: str = "normal") -> str:
    """Return `text`, drawable and cut to a width in pixels, so that it does not reach the next panel."""
    text = drawable(text)
    font = _font(weight)
    font.set_size(points, _DPI)
    for length in range(len(text), 0, -1):
        shown = text if length == len(text) else text[:length].rstrip() + "…"
        font.set_text(shown)
        if font.get_width_height()[0] / 64 <= pixels:
            return shown
    return ""


def _font(weight: str) -> Any:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family="DejaVu Sans", weight=weight)))


@contextmanager
def grid(
    panels: int, columns: int, *, title: str, title_points: float, panel_inches: float, margin_inches: float
) -> "Iterator[tuple[Figure, list[Axes]]]":
    """Yield a figure in our style, with a title, and its axes, one per panel.

    Parameters
    ----------
    panels, columns : int
        Number of panels, and of panels side by side.
    title : str
        The title; it is cut to the width of the figure.
    title_points : float
        Its font size.
    panel_inches, margin_inches : float
        Height of a row of panels, and of everything else together.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with _DRAWING, matplotlib.rc_context(_STYLE):
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, wspace=0.03, hspace=0.04)
        rows = math.ceil(panels / columns)
        height = margin_inches + panel_inches * rows
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, layout=layout, facecolor="white")
        FigureCanvasAgg(figure)
        shown = fitted(title, WIDTH_PIXELS - 40, title_points, "bold")
        figure.suptitle(shown, fontsize=title_points, fontweight="bold", x=0.012, ha="left")
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axis in axes[panels:]:
            axis.set_visible(False)
        yield figure, axes[:panels]


def png(figure: "Figure") -> bytes:
    """Return `figure` as a PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
