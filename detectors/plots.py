"""A picture of a series with the band and the anomalies that a detector sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from detectors.bounds import Bounds
from detectors.errors import DetectorError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FAR = 5.0
"""Scores beyond it are drawn there."""
_BAND, _VALUE, _ANOMALY, _LABEL = "#bfd9ea", "#0072b2", "#d55e00", "#009e73"


def plot(
    bounds: Bounds,
    values: ArrayLike | None = None,
    *,
    times: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    title: str = "",
) -> Figure:
    """Draw the band, the values and the anomalies of one series.

    Parameters
    ----------
    bounds
        Arrays (T,).
    values
        (T,) the values that were scored. Without them the expected value and the scores are drawn.
    times
        (T,) times or numbers for the horizontal axis; by default the number of the point.
    labels
        (T,) True in an incident; these times are shaded.
    title
        The title.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it; `savefig` writes it to a file.

    Raises
    ------
    DetectorError
        The bounds are those of several series, or an array has another shape.

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("count")
    >>> bounds = detectors.create("seasonal", kind="count").detect(example.values)
    >>> figure = detectors.plot(bounds, example.values, times=example.times, labels=example.labels)
    >>> len(figure.axes)
    2
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    if bounds.score.ndim != 1:
        raise DetectorError(f"plot draws one series: give it bounds[i], not bounds of the shape {bounds.score.shape}")
    size = bounds.score.size
    shown = bounds.expected if values is None else np.asarray(values, dtype=np.float64)
    at = np.arange(size) if times is None else np.asarray(times)
    given = {"values": shown, "times": at} | ({} if labels is None else {"labels": np.asarray(labels)})
    for what, array in given.items():
        if array.shape != (size,):
            raise DetectorError(f"{what} must have the shape of the bounds, ({size},), not {array.shape}")
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.fill_between(at, bounds.lower, bounds.upper, color=_BAND, linewidth=0, label="band")
    upper.plot(at, shown, color=_VALUE, linewidth=0.9, label="expected" if values is None else "value")
    flagged = bounds.is_anomaly
    upper.plot(at[flagged], shown[flagged], "o", color=_ANOMALY, markersize=4, label="anomaly")
    if np.issubdtype(at.dtype, np.datetime64):
        locator = AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]
        lower.xaxis.set_major_locator(locator)
        lower.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    lower.plot(at, np.clip(bounds.score, -_FAR, _FAR), color=_VALUE, linewidth=0.8)
    lower.axhspan(-1, 1, color=_BAND, linewidth=0)
    lower.set_ylabel("score")
    if labels is not None:
        _shade(upper, at, np.asarray(labels, dtype=bool))
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    upper.set_title(title, parse_math=False)
    upper.legend(loc="upper left", ncols=4, frameon=False)
    return figure


def _shade(axes: Any, at: Any, labels: Any) -> None:
    """Shade the runs of true labels."""
    from detectors.episodes import episodes

    for number, run in enumerate(episodes(labels, gap=1)):
        end = min(run.end + 1, labels.size - 1)
        label = None if number else "incident"
        axes.axvspan(at[run.start], at[end], color=_LABEL, alpha=0.25, linewidth=0, label=label)
