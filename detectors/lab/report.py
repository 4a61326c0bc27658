"""A comparison as one HTML file: it loads nothing, runs nothing, and is the same each time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from detectors.lab.candidates import Candidate
from detectors.lab.compare import Case, Comparison
from detectors.lab.figures import MOST_LINES, ranking_figure, series_figure, to_svg, tradeoff_figure
from detectors.lab.parallel import Store, run_all
from detectors.lab.ranking import Interval, Row, recall_by_kind

REPORT = "report.html"
_PLOTTED = 2
"""Candidates whose bands are drawn: the best and the next."""

_ADJUSTED = """Point-adjusted F1 counts an incident that was touched anywhere as found whole: it is for comparison with
papers only, and to be read with the false messages beside it."""
_STYLE = """
:root { color-scheme: light dark;
  --ground: #f2f4f6; --card: #ffffff; --ink: #1d2126; --quiet: #5c6570; --link: #005f99; --line: #c9d0d7;
  --band: #bfd9ea; --value: #0072b2; --good: #007f5c; --bad: #c24f00; --third: #b0588a; --fourth: #8a6508;
  --fifth: #2b86bb; --sixth: #7f5fbf; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #14171a; --card: #1f2429; --ink: #e8eaed; --quiet: #9aa4ae; --link: #7cc4f0; --line: #3d454d;
  --band: #2b4a5e; --value: #6db9ea; --good: #33c79b; --bad: #ff8a3d; --third: #e3a3c8; --fourth: #e0b84a;
  --fifth: #9bd3f5; --sixth: #b39ddb; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--ground); color: var(--ink);
       font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, section { margin: 0 0 1rem; }
section { padding: 1rem; background: var(--card); border-radius: .75rem; }
h1 { margin: 0; font-size: 1.375rem; } h2 { margin: 0 0 .5rem; font-size: 1.125rem; }
h3 { margin: 1rem 0 0; font-size: 1rem; }
p { margin: .25rem 0 .75rem; } .quiet { color: var(--quiet); font-size: .875rem; }
.verdict { font-size: 1.125rem; }
.wide { overflow-x: auto; }
table { width: max-content; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums;
        overflow-wrap: normal; }
th, td { padding: .25rem .625rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { color: var(--quiet); font-weight: 600; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--card); white-space: normal;
                 max-width: min(14rem, 40vw); overflow-wrap: anywhere; }
tr.alike th:first-child { color: var(--good); }
td.share { background: color-mix(in srgb, var(--good) calc(var(--share) * 55%), transparent); }
figure { margin: 0; } svg { display: block; width: 100%; height: auto; font-family: system-ui, sans-serif; }
.two { display: grid; gap: 1rem; }
@media (min-width: 60rem) { .two { grid-template-columns: 1fr 1fr; } }
.two > * { min-width: 0; }
.plot svg { min-width: 44rem; }
details { font-size: .875rem; } summary { color: var(--link); cursor: pointer; padding: .375rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .125rem 1rem; margin: 0; font-size: .875rem; }
dt { color: var(--quiet); } dd { margin: 0; min-width: 0; }
"""


@dataclass(frozen=True)
class Plot:
    """A series to be drawn with the band of a candidate."""

    candidate: Candidate
    case: Case
    salt: str


def write_report(comparison: Comparison, folder: str | Path, *, plots: int = 12, workers: int | None = None) -> Path:
    """Write ``report.html`` into a folder and return its path.

    Parameters
    ----------
    plots
        How many series are drawn, those in which the best candidate errs most.
    workers
        Processes that draw; all cores by default.
    """
    path = Path(folder) / REPORT
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(render(comparison, plots=plots, workers=workers), encoding="utf-8")
    part.replace(path)
    return path


def render(comparison: Comparison, *, plots: int = 12, workers: int | None = None) -> str:
    """Return the page."""
    rows = comparison.rows
    origin = comparison.origin
    events = rows[0].events if rows else 0
    figures = ""
    if rows:
        figures = f"""<section class="two">
<div><h2>Ranking</h2><figure>{to_svg(ranking_figure(rows), "ranking")}</figure></div>
<div><h2>Recall against noise</h2><figure>{to_svg(tradeoff_figure(rows), "tradeoff")}</figure>
<p class="quiet">{_lines(rows)}</p></div>
</section>"""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Detectors compared</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>Detectors compared</h1>
<span class="quiet">{origin["series"]} series, {origin["points"]} points, {events} incidents
({escape(origin["labels"])})</span></header>
<section><p class="verdict">{escape(comparison.verdict)}</p>
<div class="wide">{_ranking_table(rows, comparison.point_adjusted)}</div>
<p class="quiet">In square brackets: 95 % intervals over series drawn again. Green names: not different from the best.
Event F1: an incident is caught by a flag within its first hour, a false message is one outside of any incident,
counted a week and series.
{_ADJUSTED if comparison.point_adjusted else ""}</p>{_failures(comparison.failures)}</section>
{figures}
<section><h2>Caught, by kind and size of incident</h2>
<div class="wide">{_kinds_table(comparison)}</div></section>
{_plots(comparison, plots, workers)}
<section><h2>To repeat this</h2>{_origin(origin)}{_notes(comparison.cases)}</section>
</body>
</html>
"""


def _lines(rows: Sequence[Row]) -> str:
    said = "Each line is one detector with an ever wider band; its mark is the detector as it is."
    return said + (f" The best {MOST_LINES} of {len(rows)}; the others are left out." if len(rows) > MOST_LINES else "")


def _ranking_table(rows: Sequence[Row], point_adjusted: bool) -> str:
    heads = (
        "detector",
        "event F1",
        "VUS-PR",
        "recall",
        "precision",
        "false / week",
        "delay, min",
        "repeats",
        "echoes",
        *(["point-adjusted F1"] if point_adjusted else []),
    )
    lines = []
    for row in rows:
        cells = (
            f"{_number(row.f1)} {_interval(row.f1_interval)}",
            f"{_number(row.vus)} {_interval(row.vus_interval)}",
            _number(row.recall),
            _number(row.precision),
            _number(row.false_per_week),
            _number(row.delay_minutes, 0),
            str(row.repeats),
            str(row.echoes),
            *([_number(row.adjusted_f1)] if point_adjusted else []),
        )
        alike = ' class="alike"' if row.like_the_best else ""
        lines.append(f"<tr{alike}><th>{escape(row.candidate)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _kinds_table(comparison: Comparison) -> str:
    names = [row.candidate for row in comparison.rows]
    lines = []
    for (kind, size), found in recall_by_kind(comparison.results).items():
        cells = []
        for name in names:
            caught, total = found.get(name, (0, 0))
            share = caught / total if total else 0.0
            cells.append(f'<td class="share" style="--share:{share:.3f}">{caught}/{total}</td>')
        title = f"{kind} {size:g}" if size else kind
        lines.append(f"<tr><th>{escape(title)}</th>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    return f"<table><thead><tr><th>incident</th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _plots(comparison: Comparison, count: int, workers: int | None) -> str:
    if not comparison.rows or count < 1:
        return ""
    shown = _worst_first(comparison)[:count]
    drawn = [comparison.candidates[row.candidate] for row in comparison.rows[:_PLOTTED]]
    tasks = {
        f"{number}-{place}": Plot(candidate, case, f"plot-{number}-{place}")
        for number, case in enumerate(shown)
        for place, candidate in enumerate(drawn)
    }
    store = Store(None)
    errors = run_all(_draw, tasks, store, workers=workers, what="report")
    articles = []
    for number, case in enumerate(shown):
        title = case.series.name + (f", copy {case.copy + 1}" if case.copy else "")
        parts = []
        for place, candidate in enumerate(drawn):
            key = f"{number}-{place}"
            if key in errors:
                parts.append(f"<p>{escape(str(candidate))}: {escape(errors[key])}</p>")
                continue
            picture = store.found[key]
            figure = f'<div class="wide plot"><figure>{picture["svg"]}</figure></div>'
            said = f"{escape(str(candidate))}: {escape(picture['said'])}"
            body = f"<p class='quiet'>{said}</p>{figure}"
            parts.append(body if not place else f"<details><summary>{said}</summary>{figure}</details>")
        articles.append(f"<h3>{escape(title)}</h3>{''.join(parts)}")
    total = len(comparison.cases)
    which = (
        f"{len(shown)} of {total}, those in which the best detector errs most first" if len(shown) < total else "all"
    )
    return f"""<section><h2>Series</h2><p class="quiet">{which}. The band is what the detector expects; shaded green an
incident that it caught, shaded orange one that it missed; a triangle is a message of an incident, a cross a false
one. Below a long series some of its errors, close up.</p>{"".join(articles)}</section>"""


def _worst_first(comparison: Comparison) -> list[Case]:
    best = comparison.rows[0].candidate
    errors = {
        (one.series, one.copy): one.false + sum(hit.delay < 0 for hit in one.hits)
        for one in comparison.results
        if one.candidate == best
    }
    return sorted(comparison.cases, key=lambda case: -errors[case.series.name, case.copy])


def _draw(plot: Plot) -> Mapping[str, str]:
    figure, said = series_figure(plot.case.series, plot.candidate, plot.case.incidents, plot.case.first)
    return {"svg": to_svg(figure, plot.salt), "said": said}


def _failures(failures: Mapping[str, str]) -> str:
    if not failures:
        return ""
    items = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in failures.items())
    return f"<p>Not ranked, because they failed:</p><ul>{items}</ul>"


def _origin(origin: Mapping[str, object]) -> str:
    lines = []
    for name, value in origin.items():
        text = value if isinstance(value, str) else json.dumps(value)
        lines.append(f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(text)}</dd>")
    return f"<dl>{''.join(lines)}</dl>"


def _notes(cases: Sequence[Case]) -> str:
    notes = {case.series.name: case.series.notes for case in cases if case.series.notes}
    if not notes:
        return ""
    items = "".join(f"<li>{escape(name)}: {escape('; '.join(said))}</li>" for name, said in notes.items())
    return f"<details><summary>Put right on reading: {len(notes)} series</summary><ul>{items}</ul></details>"


def _number(value: float, digits: int = 2) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def _interval(ends: Interval) -> str:
    return "" if np.isnan(ends[0]) else f"[{ends[0]:.2f}, {ends[1]:.2f}]"
