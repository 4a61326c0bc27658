"""Writes a comparison as one HTML file that loads nothing, runs no script and is reproducible byte by byte.

``report.html`` beside this file is the Jinja2 template. It escapes every text; only the SVG of our own figures is
inserted as markup.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.lab.candidates import Candidate, remarks
from detectors.lab.compare import Case, Comparison
from detectors.lab.figures import MOST_LINES, ranking_figure, series_figure, to_svg, tradeoff_figure
from detectors.lab.parallel import Store, run_all
from detectors.lab.ranking import Interval, recall_by_kind

if TYPE_CHECKING:
    from jinja2 import Template

REPORT = "report.html"
_HEADS = ("detector", "event F1", "VUS-PR", "recall", "precision", "false / week", "delay, min", "repeats", "echoes")
_PLOTTED = 2
"""The number of best candidates whose bands are drawn."""


@dataclass(frozen=True)
class Plot:
    """A series to draw with the band of a candidate. `salt` makes the identifiers of its SVG unique on the page."""

    candidate: Candidate
    case: Case
    salt: str


def write_report(comparison: Comparison, folder: str | Path, *, plots: int = 12, workers: int | None = None) -> Path:
    """Write ``report.html`` into a folder.

    Parameters
    ----------
    comparison
        The result of `detectors.lab.compare`.
    folder
        The folder. It is created if it does not exist.
    plots
        Number of series that are drawn: those with the most errors of the best candidate.
    workers
        Number of processes that draw; by default one per core.

    Returns
    -------
    Path
        The path of the file. The file is replaced atomically.
    """
    path = Path(folder) / REPORT
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(render(comparison, plots=plots, workers=workers), encoding="utf-8")
    part.replace(path)
    return path


def render(comparison: Comparison, *, plots: int = 12, workers: int | None = None) -> str:
    """Return the page; parameters as in `write_report`."""
    from markupsafe import Markup

    rows = comparison.rows
    return _template().render(
        rows=rows,
        origin=comparison.origin,
        verdict=comparison.verdict,
        point_adjusted=comparison.point_adjusted,
        heads=(*_HEADS, *(["point-adjusted F1"] if comparison.point_adjusted else [])),
        failures=comparison.failures,
        ranking_svg=Markup(to_svg(ranking_figure(rows), "ranking")) if rows else "",
        tradeoff_svg=Markup(to_svg(tradeoff_figure(rows), "tradeoff")) if rows else "",
        most_lines=MOST_LINES,
        kinds=_kinds(comparison),
        cases=comparison.cases,
        shown=_pictures(comparison, plots, workers),
        said=_said(comparison),
        notes={case.series.name: case.series.notes for case in comparison.cases if case.series.notes},
    )


def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("detectors.lab", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "interval": _interval}
    environment.globals["to_json"] = json.dumps
    return environment.get_template(REPORT)


def _said(comparison: Comparison) -> list[str]:
    """What the reader assumed of the files, and what to know of the series: the words of the command line."""
    assumed = dict.fromkeys(phrase for item in comparison.series for phrase in item.read_as)
    return [*assumed, *remarks(comparison.series, list(comparison.candidates.values()), comparison.failures)]


def _kinds(comparison: Comparison) -> list[tuple[str, list[tuple[int, int]]]]:
    """For each kind and size of incident: its title and (caught, total) of each candidate."""
    names = [row.candidate for row in comparison.rows]
    return [
        (f"{kind} {size:g}" if size else kind, [counts.get(name, (0, 0)) for name in names])
        for (kind, size), counts in recall_by_kind(comparison.results).items()
    ]


def _pictures(comparison: Comparison, count: int, workers: int | None) -> list[tuple[str, list[dict[str, Any]]]]:
    """Title and pictures of the series with the most errors: one picture for each of the best candidates."""
    from markupsafe import Markup

    if not comparison.rows or count < 1:
        return []
    shown = _worst_first(comparison)[:count]
    drawn = [comparison.candidates[row.candidate] for row in comparison.rows[:_PLOTTED]]
    tasks = {
        f"{number}-{place}": Plot(candidate, case, f"plot-{number}-{place}")
        for number, case in enumerate(shown)
        for place, candidate in enumerate(drawn)
    }
    store = Store(None)
    errors = run_all(_draw, tasks, store, workers=workers, what="report")
    made = []
    for number, case in enumerate(shown):
        title = case.series.name + (f", copy {case.copy + 1}" if case.copy else "")
        pictures = []
        for place, candidate in enumerate(drawn):
            key = f"{number}-{place}"
            picture = store.results.get(key, {"svg": "", "summary": ""})
            about = {"candidate": str(candidate), "error": errors.get(key), "summary": picture["summary"]}
            pictures.append({**about, "svg": Markup(picture["svg"])})
        made.append((title, pictures))
    return made


def _worst_first(comparison: Comparison) -> list[Case]:
    best = comparison.rows[0].candidate
    errors = {
        (result.series, result.copy): result.false + sum(hit.delay < 0 for hit in result.hits)
        for result in comparison.results
        if result.candidate == best
    }
    return sorted(comparison.cases, key=lambda case: -errors[case.series.name, case.copy])


def _draw(plot: Plot) -> Mapping[str, str]:
    figure, summary = series_figure(plot.case.series, plot.candidate, plot.case.incidents, plot.case.first)
    return {"svg": to_svg(figure, plot.salt), "summary": summary}


def _number(value: float, digits: int = 2) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def _interval(ends: Interval) -> str:
    return "" if np.isnan(ends[0]) else f"[{ends[0]:.2f}, {ends[1]:.2f}]"
