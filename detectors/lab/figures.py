"""What a comparison looks like, as matplotlib Figures: in a notebook as they are, in the report as SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detectors.base import Array
from detectors.lab.candidates import Candidate
from detectors.lab.grid import Series
from detectors.lab.inject import Incident
from detectors.lab.outcomes import LIMITS, judge, messages, rules, sided
from detectors.lab.ranking import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    "ink": "#1d2126",
    "quiet": "#5c6570",
    "line": "#c9d0d7",
    "band": "#bfd9ea",
    "value": "#0072b2",
    "good": "#009e73",
    "bad": "#d55e00",
    "third": "#cc79a7",
    "fourth": "#b8860b",
    "fifth": "#56b4e9",
    "sixth": "#7f5fbf",
}
"""After Okabe and Ito (2008), told apart by the colour-blind; the report gives each its shade for light and dark."""
_LINES = ("value", "bad", "good", "third", "fourth", "fifth", "sixth", "quiet")
_MARKS = "o^sDvP*X<>ph"
MOST_LINES = len(_MARKS)
"""Candidates whose noise is drawn against their recall: more lines than that say nothing."""
_BUCKETS = 900
_MOST_NAMED = 14


def ranking_figure(rows: Sequence[Row]) -> Figure:
    """Event F1 and VUS-PR of each candidate with their intervals, the best on top."""
    figure, axes = _figure(4.8, 1.1 + 0.34 * len(rows))
    places = np.arange(len(rows))[::-1]
    for name, shift, colour, marker in (("f1", 0.12, "value", "o"), ("vus", -0.12, "bad", "s")):
        middles = np.array([getattr(row, name) for row in rows])
        ends = np.array([getattr(row, f"{name}_interval") for row in rows])
        axes.hlines(places + shift, ends[:, 0], ends[:, 1], color=COLOURS[colour], linewidth=2)
        label = {"f1": "event F1, as it is", "vus": "VUS-PR"}[name]
        axes.plot(middles, places + shift, marker, color=COLOURS[colour], markersize=5, label=label)
    axes.set_yticks(places, [_short(row.candidate) for row in rows], parse_math=False)
    axes.set_xlim(0, 1)
    axes.set_xlabel("lines: 95 % intervals over series")
    figure.legend(loc="outside upper right", ncols=2, frameon=False, labelcolor=COLOURS["ink"])
    return figure


def tradeoff_figure(rows: Sequence[Row]) -> Figure:
    """Recall against false messages as the band is widened, of the best `MOST_LINES`; a mark is one as it is."""
    figure, axes = _figure(4.8, 4.4)
    own = int(np.flatnonzero(LIMITS == 1)[0])
    for i, row in enumerate(rows[:MOST_LINES]):
        noise, recall = np.array(row.noise).T
        colour = COLOURS[_LINES[i % len(_LINES)]]
        axes.plot(noise, recall, color=colour, linewidth=1.4, linestyle=("-", "--", ":")[i // 4])
        axes.plot(noise[own], recall[own], _MARKS[i], color=colour, markersize=7, label=_short(row.candidate))
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(0, max(1.0, axes.get_xlim()[1]))
    axes.set_xticks([tick for tick in (0, 0.1, 0.3, 1, 3, 10, 30, 100) if tick <= axes.get_xlim()[1]])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("false messages a week and series")
    axes.set_ylabel("share of incidents caught")
    legend = figure.legend(loc="outside lower center", ncols=2, frameon=False, labelcolor=COLOURS["ink"])
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def series_figure(
    series: Series, candidate: Candidate, incidents: Sequence[Incident] = (), first: int = 0
) -> tuple[Figure, str]:
    """Draw a series with the band, hits, misses and false messages of a candidate, and say them in a line."""
    bounds = candidate.detector(series).detect(series.values, series.denominator)
    judged = judge(bounds, series, incidents, first)
    sent = messages(sided(bounds.score, series.direction)[first:], 1.0, rules(series.period)) + first
    figure, axes = _figure(10.0, 2.7)
    _draw_band(axes, series, bounds.lower, bounds.upper, first)
    low, high = axes.get_ylim()
    for one, hit in zip(incidents, judged["hits"], strict=True):
        colour = COLOURS["good" if hit.delay >= 0 else "bad"]
        axes.axvspan(
            _moments(series, one.start - 0.5), _moments(series, one.end + 0.5), color=colour, alpha=0.25, linewidth=0
        )
        name = f"{hit.kind} {hit.size:g}" if hit.size else ""
        text = name if hit.delay >= 0 else f"{name} missed".strip()
        if text and len(incidents) <= _MOST_NAMED:
            place = (_moments(series, one.start), high)
            axes.annotate(text, place, rotation=90, va="top", ha="right", fontsize=7.5, color=colour)
    inside = np.zeros(series.values.size, dtype=bool)
    for one in incidents:
        inside[max(0, one.start - 1) : one.end + 2] = True
    for kept, marker, colour, label in (
        (sent[inside[sent]], "^", "good", "message of an incident"),
        (sent[~inside[sent]], "X", "bad", "false message"),
    ):
        at = np.clip(np.nan_to_num(series.values[kept]), low, high)
        axes.plot(_moments(series, kept), at, marker, color=COLOURS[colour], markersize=6, label=label, clip_on=False)
    figure.legend(loc="outside upper left", ncols=4, frameon=False, labelcolor=COLOURS["ink"])
    missed = [f"{hit.kind} {hit.size:g}" if hit.size else hit.kind for hit in judged["hits"] if hit.delay < 0]
    said = f"caught {len(incidents) - len(missed)} of {len(incidents)}, {judged['false']} false messages"
    return figure, said + (f"; missed: {_listed(missed)}" if missed else "")


def to_svg(figure: Figure, salt: str) -> str:
    """Return a figure as SVG for a page: colours are the page's variables, fonts the page's; the same each time.

    Parameters
    ----------
    salt
        Tells the identifiers of this figure from those of others on the page.
    """
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    text = re.sub(r"font: ([0-9.]+px)[^;\"]*", r"font-size: \1", text)
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(COLOURS["line"])
    axes.tick_params(colors=COLOURS["quiet"], labelcolor=COLOURS["ink"], labelsize=10)
    axes.grid(color=COLOURS["line"], linewidth=0.5)
    axes.set_axisbelow(True)
    axes.xaxis.label.set_color(COLOURS["ink"])
    axes.yaxis.label.set_color(COLOURS["ink"])
    return figure, axes


def _draw_band(axes: Axes, series: Series, lower: Array, upper: Array, first: int) -> None:
    """Values and band of the scored part; of many points the least and greatest of each bucket."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    shown = slice(first, series.values.size)
    values = series.values[shown]
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    lower, upper = (np.clip(array[shown], low - margin, high + margin) for array in (lower, upper))
    size = max(1, -(-values.size // _BUCKETS))
    at = _moments(series, first + np.arange(0, values.size, size))
    axes.fill_between(at, _buckets(lower, size, np.fmin), _buckets(upper, size, np.fmax), color=COLOURS["band"],
                      linewidth=0, label="band")  # fmt: skip
    ends = np.stack([_buckets(values, size, np.fmin), _buckets(values, size, np.fmax)], axis=1)
    line = (np.repeat(at, 2), ends.ravel()) if size > 1 else (at, values)
    axes.plot(*line, color=COLOURS["value"], linewidth=0.9, label="value")
    axes.set_xlim(at[0], _moments(series, series.values.size - 1))
    locator = AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _buckets(values: Array, size: int, statistic: np.ufunc) -> Array:
    padded = np.concatenate([values, np.full(-values.size % size, np.nan)]).reshape(-1, size)
    reduced: Array = statistic.reduce(padded, axis=1)
    return reduced


def _moments(series: Series, columns: float | NDArray[np.intp]) -> Any:
    """Columns as matplotlib counts time: days since 1970."""
    start = (series.start - datetime(1970, 1, 1)) / timedelta(days=1)
    return start + np.asarray(columns) / series.period


def _short(name: str) -> str:
    return name if len(name) <= 34 else name[:33] + "…"


def _listed(names: Sequence[str]) -> str:
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    return ", ".join(name if count == 1 else f"{name} ({count} times)" for name, count in counts.items())
