"""Figures of a comparison: matplotlib Figures for a notebook, SVG for the report."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detectors.base import Array, Bounds
from detectors.lab.candidates import Candidate
from detectors.lab.inject import Incident
from detectors.lab.outcomes import LIMITS, measure, messages, rules, sided
from detectors.lab.ranking import Row
from detectors.lab.scoring import Points
from detectors.lab.series import Series, detect

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
"""Colours of Okabe and Ito (2008), distinguishable with colour blindness. The report replaces them by its variables."""
_LINES = ("value", "bad", "good", "third", "fourth", "fifth", "sixth", "quiet")
_MARKS = "o^sDvP*X<>ph"
MOST_LINES = len(_MARKS)
"""Maximum number of candidates in the trade-off figure. More lines are unreadable."""
_BUCKETS = 900
_MOST_NAMED = 14
_MOST_CLOSE, _CLOSE_DAYS = 3, 1.5
"""Number of errors that are drawn enlarged, and the days around each."""


def ranking_figure(rows: Sequence[Row]) -> Figure:
    """Draw event F1 and VUS-PR of each candidate with their intervals, best on top."""
    figure, (axes,) = _figure(4.8, 1.1 + 0.34 * len(rows))
    places = np.arange(len(rows))[::-1]
    for name, shift, colour, marker in (("f1", 0.12, "value", "o"), ("vus", -0.12, "bad", "s")):
        middles = np.array([getattr(row, name) for row in rows])
        ends = np.array([getattr(row, f"{name}_interval") for row in rows])
        axes.hlines(places + shift, ends[:, 0], ends[:, 1], color=COLOURS[colour], linewidth=2)
        label = {"f1": "event F1", "vus": "VUS-PR"}[name]
        axes.plot(middles, places + shift, marker, color=COLOURS[colour], markersize=5, label=label)
    axes.set_yticks(places, [_short(row.candidate) for row in rows], parse_math=False)
    axes.set_xlim(0, 1)
    axes.set_xlabel("lines: 95 % intervals over series")
    figure.legend(loc="outside upper right", ncols=2, frameon=False, labelcolor=COLOURS["ink"])
    return figure


def tradeoff_figure(rows: Sequence[Row]) -> Figure:
    """Draw recall against false messages at every width of the band, for the best `MOST_LINES` candidates.

    The mark is the unchanged detector.
    """
    figure, (axes,) = _figure(4.8, 4.4)
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


@dataclass(frozen=True)
class Seen:
    """A series with the bounds, hits and messages of a candidate."""

    series: Series
    bounds: Bounds
    incidents: Sequence[Incident]
    caught: Sequence[bool]
    """For each incident, whether it was caught."""
    sent: Points
    """Columns of messages."""
    false: NDArray[np.bool_]
    """For each message, whether it is false."""


def series_figure(
    series: Series, candidate: Candidate, incidents: Sequence[Incident] = (), first: int = 0
) -> tuple[Figure, str]:
    """Draw a series with the band, hits, misses and false messages of a candidate.

    Parameters
    ----------
    series, candidate
        The series, and the candidate whose band is drawn.
    incidents
        Incidents in the series.
    first
        First column that is drawn and scored.

    Returns
    -------
    Figure, str
        The figure shows the whole series and below it up to three enlarged errors. The text is a summary in one line.
    """
    bounds = detect(candidate.detector(series), series)
    caught = [hit.delay >= 0 for hit in measure(bounds, series, incidents, first)["hits"]]
    given = rules(series.period)
    sent = messages(sided(bounds.score, series.direction)[first:], 1.0, given) + first
    inside = np.zeros(series.values.size, dtype=bool)
    for incident in incidents:
        inside[max(0, incident.start - given.slack) : incident.end + given.slack + 1] = True
    seen = Seen(series, bounds, incidents, caught, sent, ~inside[sent])
    errors = _errors(seen, first)
    figure, axes = _figure(10.0, 4.9 if errors else 2.7, len(errors))
    _draw(axes[0], seen, first, series.values.size)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False,
                  labelcolor=COLOURS["ink"])  # fmt: skip
    for below, (title, start, stop) in zip(axes[1:], errors, strict=True):
        _draw(below, seen, start, stop)
        below.set_title(title, fontsize=10, color=COLOURS["bad"], parse_math=False)
    missed = [_named(incident) for incident, hit in zip(incidents, caught, strict=True) if not hit]
    summary = f"caught {len(incidents) - len(missed)} of {len(incidents)}, {int(seen.false.sum())} false messages"
    return figure, summary + (f"; missed: {_listed(missed)}" if missed else "")


def _errors(seen: Seen, first: int) -> list[tuple[str, int, int]]:
    """Errors to enlarge, in order of time: the strongest false messages and the first missed incidents, alternating.

    Each is a title, the first column and the column after the last. They do not overlap.
    """
    series = seen.series
    if series.values.size - first <= _CLOSE_DAYS * series.period * _MOST_CLOSE:
        return []  # the series is short, so the whole figure shows enough detail
    half = round(_CLOSE_DAYS * series.period / 2)
    alarms = seen.sent[seen.false]
    alarms = alarms[np.argsort(-np.abs(seen.bounds.score[alarms]), kind="stable")]
    false = [("a false message", int(at)) for at in alarms]
    missed = [
        (f"{_named(incident)}, missed", incident.start)
        for incident, hit in zip(seen.incidents, seen.caught, strict=True)
        if not hit
    ]
    chosen: list[tuple[str, int]] = []
    for title, at in itertools.chain(*itertools.zip_longest(false, missed, fillvalue=("", -1))):
        if title and all(abs(at - other) > half for _, other in chosen) and len(chosen) < _MOST_CLOSE:
            chosen.append((title, at))
    chosen.sort(key=lambda error: error[1])
    return [(title, max(first, at - half), min(series.values.size, at + half + 1)) for title, at in chosen]


def _draw(axes: Axes, seen: Seen, start: int, stop: int) -> None:
    """Draw band, incidents and messages of the columns from `start` to before `stop`."""
    series = seen.series
    _draw_band(axes, series, seen.bounds.lower, seen.bounds.upper, start, stop)
    low, high = axes.get_ylim()
    for incident, caught in zip(seen.incidents, seen.caught, strict=True):
        if incident.end < start or incident.start >= stop:
            continue
        colour = COLOURS["good" if caught else "bad"]
        ends = (max(start, incident.start) - 0.5, min(stop - 1, incident.end) + 0.5)
        axes.axvspan(*(_moments(series, end) for end in ends), color=colour, alpha=0.25, linewidth=0)
        name = _named(incident) if incident.size else ""
        text = name if caught else f"{name} missed".strip()
        if text and len(seen.incidents) <= _MOST_NAMED:
            place = (_moments(series, max(start, incident.start)), high)
            axes.annotate(text, place, rotation=90, va="top", ha="right", fontsize=7.5, color=colour)
    shown = (seen.sent >= start) & (seen.sent < stop)
    for kept, marker, colour, label in (
        (seen.sent[shown & ~seen.false], "^", "good", "message of an incident"),
        (seen.sent[shown & seen.false], "X", "bad", "false message"),
    ):
        at = np.clip(np.nan_to_num(series.values[kept]), low, high)
        (marks,) = axes.plot(_moments(series, kept), at, marker, color=COLOURS[colour], markersize=6, label=label)
        marks.set_clip_on(False)
        marks.set_in_layout(False)  # the layout would place an empty line at the corner of the figure


def to_svg(figure: Figure, salt: str) -> str:
    """Return a figure as reproducible SVG with the colour variables and the fonts of the page.

    Parameters
    ----------
    figure
        The figure.
    salt
        Makes the identifiers in this SVG differ from those of other figures on the page.
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


def _figure(width: float, height: float, below: int = 0) -> tuple[Figure, list[Axes]]:
    """Make a figure with one plot on top and `below` plots in a row under it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.add_gridspec(2 if below else 1, below or 1)
    pictures = [figure.add_subplot(grid[0, :]), *(figure.add_subplot(grid[1, i]) for i in range(below))]
    for axes in pictures:
        _style(axes)
    return figure, pictures


def _style(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(COLOURS["line"])
    axes.tick_params(colors=COLOURS["quiet"], labelcolor=COLOURS["ink"], labelsize=10)
    axes.grid(color=COLOURS["line"], linewidth=0.5)
    axes.set_axisbelow(True)
    axes.xaxis.label.set_color(COLOURS["ink"])
    axes.yaxis.label.set_color(COLOURS["ink"])


def _draw_band(axes: Axes, series: Series, lower: Array, upper: Array, start: int, stop: int) -> None:
    """Draw values and band. A long series is drawn as the minimum and maximum of each bucket."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    shown = slice(start, stop)
    values = series.values[shown]
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    lower, upper = (np.clip(array[shown], low - margin, high + margin) for array in (lower, upper))
    size = max(1, -(-values.size // _BUCKETS))
    at = _moments(series, start + np.arange(0, values.size, size))
    axes.fill_between(at, _buckets(lower, size, np.fmin), _buckets(upper, size, np.fmax), color=COLOURS["band"],
                      linewidth=0, label="band")  # fmt: skip
    ends = np.stack([_buckets(values, size, np.fmin), _buckets(values, size, np.fmax)], axis=1)
    line = (np.repeat(at, 2), ends.ravel()) if size > 1 else (at, values)
    axes.plot(*line, color=COLOURS["value"], linewidth=0.9, label="value")
    axes.set_xlim(at[0], _moments(series, stop - 1))
    locator = AutoDateLocator(maxticks=9 if stop - start > 2 * _CLOSE_DAYS * series.period else 5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _buckets(values: Array, size: int, statistic: np.ufunc) -> Array:
    padded = np.concatenate([values, np.full(-values.size % size, np.nan)]).reshape(-1, size)
    reduced: Array = statistic.reduce(padded, axis=1)
    return reduced


def _moments(series: Series, columns: float | NDArray[np.intp]) -> Any:
    """Columns as matplotlib dates: days since 1970."""
    start = (series.start - datetime(1970, 1, 1)) / timedelta(days=1)
    return start + np.asarray(columns) / series.period


def _named(incident: Incident) -> str:
    return f"{incident.kind} {incident.size:g}" if incident.size else incident.kind


def _short(name: str) -> str:
    return name if len(name) <= 34 else name[:33] + "…"


def _listed(names: Sequence[str]) -> str:
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    return ", ".join(name if count == 1 else f"{name} ({count} times)" for name, count in counts.items())
