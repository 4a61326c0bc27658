"""The style of the pictures, and an empty one to draw on, with matplotlib's Figure API: no pyplot, no global state.

Everything is 1280 pixels wide, what Telegram scales pictures to, with letters that a phone can show. Colours are Okabe
and Ito's (2008), told apart by colour-blind readers.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE = "#0072B2"
PALE_BLUE = "#A9CDE3"
VERMILLION = "#D55E00"
INK = "#222222"
GREY = "#6B6B6B"
GRID = "#E4E4E4"

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
# rcParams are global to the process; two threads that draw at once must not see each other's.
_DRAWING = threading.Lock()


def drawable(text: str) -> str:
    """`text` with a box for every character that the font lacks: matplotlib would warn about each of them."""
    font = _font("normal")
    return "".join(char if char == "\n" or font.get_char_index(ord(char)) else "\u25a1" for char in text)


def fitted(text: str, pixels: float, points: float, weight: str = "normal") -> str:
    """`text`, drawable and cut to `pixels` of width, so that no label runs into the next panel."""
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
def blank(height: float) -> "Iterator[Figure]":
    """Yield an empty figure, `height` inches high, in our style."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with _DRAWING, matplotlib.rc_context(_STYLE):
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, wspace=0.03, hspace=0.04)
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, layout=layout, facecolor="white")
        FigureCanvasAgg(figure)
        yield figure


def png(figure: "Figure") -> bytes:
    """Return `figure` as a PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
