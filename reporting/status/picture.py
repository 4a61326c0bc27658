"""Draws a metric's last four weeks as an SVG, one row per week: no drawing library, sharp at any width, light and dark.

The picture has no text. The page writes beside it what must be readable on a phone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROWS, DAYS, SLOTS = 4, 7, 96
COLUMNS = DAYS * SLOTS
_HEIGHT, _GAP = 100, 14
_ROOM = 0.06
"""Room above and below the values, as parts of their range."""
_RARE = 0.05
"""The part of the bounds, the widest ones, that do not set the axis."""

# Presentation by classes; the colours are those of `reporting.plots.canvas`, lighter on a dark page.
_STYLE = """
path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round;stroke-linecap:round}
.w{fill:#f0f1f3}.g{stroke:#d5d9dd;stroke-width:1}.b{fill:#a9cde3;fill-opacity:.6}
.v{stroke:#0072b2;stroke-width:1.4}.o{stroke:#d55e00;stroke-width:2.6}
@media (prefers-color-scheme:dark){
.w{fill:#262b31}.g{stroke:#3b434b}.b{fill:#3d7496;fill-opacity:.55}.v{stroke:#7cc4f0}.o{stroke:#ff9147}}
"""

Array = NDArray[np.float64]


def limits(values: Array, lower: Array, upper: Array, *, from_zero: bool) -> tuple[float, float] | None:
    """Return the ends of the axis around all values and most bounds; None without a value.

    Parameters
    ----------
    values, lower, upper : ndarray, shape (ROWS * COLUMNS,)
        The metric and its usual range; NaN if unknown.
    from_zero : bool
        Whether the axis starts at zero.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    # Without the few widest bounds: at night one can be many times the range of the values.
    low, high = min(float(known.min()), _usual(lower, _RARE)), max(float(known.max()), _usual(upper, 1 - _RARE))
    room = _ROOM * (high - low) or abs(high) * _ROOM or 1.0
    if from_zero:
        return min(0.0, low), high + room
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def _usual(bounds: Array, share: float) -> float:
    """Return the bound that a share of the finite ones lies below; without one NaN, which min and max leave out."""
    finite = bounds[np.isfinite(bounds)]
    return float(np.quantile(finite, share)) if finite.size else np.nan


def draw(
    values: Array, lower: Array, upper: Array, *, ends: tuple[float, float] | None, weekend: Sequence[bool]
) -> bytes:
    """Draw four weeks, the oldest row on top.

    Parameters
    ----------
    values, lower, upper : ndarray, shape (ROWS * COLUMNS,)
        As in `limits`. A day has 96 columns.
    ends : tuple of float or None
        What `limits` returns.
    weekend : sequence of bool
        Which of the seven days of a row are of a weekend.

    Returns
    -------
    bytes
        An SVG that stretches to the width and height that it is given.
    """
    parts = [_row(row * (_HEIGHT + _GAP), weekend) for row in range(ROWS)]
    if ends is not None:
        for row in range(ROWS):
            of_row = slice(row * COLUMNS, (row + 1) * COLUMNS)
            parts += _curves(values[of_row], lower[of_row], upper[of_row], ends, row * (_HEIGHT + _GAP))
    height = ROWS * _HEIGHT + (ROWS - 1) * _GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS} {height}" preserveAspectRatio="none">'
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>\n"]).encode()


def _row(top: int, weekend: Sequence[bool]) -> str:
    """The ground of a row: weekends, midnights and the lower end of the axis."""
    shades = [
        f'<path class="w" d="M{day * SLOTS} {top}h{SLOTS}v{_HEIGHT}h-{SLOTS}z"/>'
        for day, is_weekend in enumerate(weekend)
        if is_weekend
    ]
    midnights = "".join(f"M{day * SLOTS} {top}v{_HEIGHT}" for day in range(1, DAYS))
    return "".join([*shades, f'<path class="g" d="{midnights}M0 {top + _HEIGHT}h{COLUMNS}"/>'])


def _curves(values: Array, lower: Array, upper: Array, ends: tuple[float, float], top: int) -> list[str]:
    def positions(numbers: Array) -> Array:
        low, high = ends
        heights: Array = top + _HEIGHT * (1 - (np.clip(numbers, low, high) - low) / (high - low))
        return heights

    found = []
    at_lower, at_upper, at = positions(lower), positions(upper), positions(values)
    band = "".join(
        f"M{_points(at_lower, run)}L{_points(at_upper, run, backwards=True)}z"
        for run in _runs(~(np.isnan(lower) | np.isnan(upper)))
    )
    with np.errstate(invalid="ignore"):
        outside = (values < lower) | (values > upper)
    line = "".join(f"M{_points(at, run)}" for run in _runs(~np.isnan(values)))
    # From the bound to the value: what is far outside is seen at any size.
    bounds = np.where(values < lower, at_lower, at_upper)
    beyond = "".join(f"M{column + 0.5:g} {bounds[column]:.1f}V{at[column]:.1f}" for column in np.flatnonzero(outside))
    for name, path in (("b", band), ("v", line), ("o", beyond)):
        if path:
            found.append(f'<path class="{name}" d="{path}"/>')
    return found


def _runs(known: NDArray[np.bool_]) -> list[range]:
    """Return the stretches in which something is known."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [range(start, stop) for start, stop in edges.reshape(-1, 2).tolist()]


def _points(heights: Array, run: range, *, backwards: bool = False) -> str:
    """Return the points of a stretch as SVG writes them; one point alone becomes a dot."""
    points = [f"{column + 0.5:g} {heights[column]:.1f}" for column in (reversed(run) if backwards else run)]
    return "L".join(points * 2 if len(points) == 1 else points)
