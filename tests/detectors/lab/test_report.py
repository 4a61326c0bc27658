"""The report: its content, its reproducibility, and its look in real Chromium."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from detectors.lab.candidates import Candidate
from detectors.lab.compare import Comparison
from detectors.lab.figures import COLOURS, MOST_LINES, series_figure, to_svg, tradeoff_figure
from detectors.lab.inject import Incident
from detectors.lab.readers import from_array
from detectors.lab.report import render, write_report
from tests.detectors.lab.histories import PERIOD, Threshold
from tests.reporting.channels.outbox.test_page_in_browser import Frame, chromium, screenshots


@pytest.fixture(scope="module")
def page(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(comparison, tmp_path_factory.mktemp("report"), plots=3, workers=1)


class Cells(HTMLParser):
    """Rows of every table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def test_the_tables_are_those_of_the_comparison(page: Path, comparison: Comparison) -> None:
    cells = Cells()
    cells.feed(page.read_text())
    ranking = cells.rows[1 : 1 + len(comparison.rows)]
    assert [row[0] for row in ranking] == [row.candidate for row in comparison.rows]
    best = comparison.rows[0]
    low, high = best.f1_interval
    assert ranking[0][1] == f"{best.f1:.2f} [{low:.2f}, {high:.2f}]"
    kinds = cells.rows[2 + len(comparison.rows) :]
    assert [row[0] for row in kinds[:3]] == ["drop 0.2", "drop 0.4", "drop 0.8"]
    caught = sum(int(row[1].split("/")[0]) for row in kinds)
    assert caught == best.caught


def test_the_page_shows_origin_and_failures(page: Path, comparison: Comparison) -> None:
    text = page.read_text()
    assert str(comparison.origin["data"]) in text
    for word in ("<dt>seed</dt><dd>0</dd>", "numpy", "3 rows out of order: sorted", "no such luck"):
        assert word in text
    assert comparison.verdict.partition(".")[0] in text


def test_the_page_shows_what_was_assumed_of_files_and_series(comparison: Comparison) -> None:
    sparse = replace(comparison.cases[0].series, name="rare", values=np.arange(96.0) // 95, labels=None)
    read = replace(comparison.cases[1].series, read_as=("a.csv: read as milliseconds: 2026-01-05 <00:00>",))
    cases = [replace(comparison.cases[0], series=sparse), replace(comparison.cases[1], series=read)]
    text = render(replace(comparison, cases=cases), plots=0)
    assert "<li>a.csv: read as milliseconds: 2026-01-05 &lt;00:00&gt;</li>" in text
    assert re.search(r"<li>rare, [^<]*: a point every hour, kind count", text)
    assert '<li class="warning">WARNING: sigma is not for series that are mostly 0, as rare is (99%)' in text


def test_the_same_comparison_gives_the_same_page(page: Path, comparison: Comparison) -> None:
    assert render(comparison, plots=3, workers=2) == page.read_text()


def test_it_loads_and_runs_nothing(page: Path) -> None:
    text = page.read_text()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    # XML namespaces look like addresses. They are the only addresses on the page.
    addresses = set(re.findall(r"https?://[^\"' <]+", text))
    assert all(address.startswith("http://www.w3.org/") for address in addresses)
    assert not re.search(r"(src|href)=\"(?!#)", text)


def test_an_identifier_belongs_to_one_picture(page: Path) -> None:
    clips = re.findall(r'<clipPath id="([^"]+)"', page.read_text())
    assert len(clips) == len(set(clips)) > 0


def test_a_figure_shows_hits_misses_and_messages() -> None:
    values = np.zeros(20 * PERIOD)
    values[300:304] = 7.0
    values[400] = 3.0
    (series,) = from_array(values, period=PERIOD)
    incidents = [
        Incident(300, 303, 2, "spike", 3.0),
        Incident(350, 351, 2, "drop", 0.2),
        Incident(360, 361, 2, "drop", 0.2),
    ]
    figure, summary = series_figure(series, Candidate(Threshold.name), incidents, 100)
    assert summary == "caught 1 of 3, 1 false messages; missed: drop 0.2 (2 times)"
    axes = figure.axes[0]
    marks = {line.get_label(): np.asarray(line.get_xydata(), dtype=float) for line in axes.lines}
    assert marks["false message"][:, 1].tolist() == [3.0]
    assert marks["message of an incident"][:, 1].tolist() == [7.0]
    assert marks["false message"][0, 0] - marks["message of an incident"][0, 0] == pytest.approx(100 / PERIOD)


def test_the_strongest_false_messages_and_the_first_missed_are_drawn_closely() -> None:
    values = np.zeros(40 * PERIOD)
    for day, height in ((5, 9.0), (12, 3.0), (12.2, 2.5), (20, 5.0), (30, 4.0)):
        values[round(day * PERIOD)] = height
    (series,) = from_array(values, period=PERIOD)
    incidents = [Incident(day * PERIOD, day * PERIOD + 1, 2, "drop", 0.4) for day in (25, 35)]
    figure, summary = series_figure(series, Candidate(Threshold.name), incidents, 10 * PERIOD)
    # The spike of day 5 is before the first scored column. Strength: day 20, then 30; the first missed is of day 25.
    whole, *close = figure.axes
    assert summary == "caught 0 of 2, 4 false messages; missed: drop 0.4 (2 times)"
    assert [axes.get_title() for axes in close] == ["a false message", "drop 0.4, missed", "a false message"]
    days = np.array([axes.get_xlim() for axes in (whole, *close)]) - (series.start - datetime(1970, 1, 1)).days
    wanted = [(10, 40 - 1 / PERIOD), (19.25, 20.75), (24.25, 25.75), (29.25, 30.75)]
    np.testing.assert_allclose(days, wanted)
    figure.draw_without_rendering()
    assert all(axes.bbox.height > 100 and axes.bbox.width > 200 for axes in figure.axes)  # of 490 and 1000 pixels


def test_a_history_without_errors_or_of_few_days_is_one_plot() -> None:
    (series,) = from_array(np.zeros(40 * PERIOD), period=PERIOD)
    assert len(series_figure(series, Candidate(Threshold.name), [], 10 * PERIOD)[0].axes) == 1
    (short,) = from_array(np.where(np.arange(14 * PERIOD) == 12 * PERIOD, 9.0, 0.0), period=PERIOD)
    figure, summary = series_figure(short, Candidate(Threshold.name), [], 10 * PERIOD)
    assert summary == "caught 0 of 0, 1 false messages"
    assert len(figure.axes) == 1


def test_the_colours_of_a_picture_are_the_pages(comparison: Comparison) -> None:
    svg = to_svg(tradeoff_figure(comparison.rows), "x")
    assert "var(--value)" in svg
    assert not any(colour in svg for colour in COLOURS.values())


def test_the_tradeoff_figure_draws_the_best_methods_and_the_page_counts_the_others(comparison: Comparison) -> None:
    (row, *_) = comparison.rows
    many = [replace(row, candidate=f"method {i}") for i in range(MOST_LINES + 1)]
    drawn = {text.get_text() for text in tradeoff_figure(many).legends[0].get_texts()}
    assert drawn == {f"method {i}" for i in range(MOST_LINES)}
    assert MOST_LINES >= 10  # as many methods as there are
    assert "left out" not in render(comparison, plots=0)
    page = render(replace(comparison, rows=many), plots=0)
    assert f"The best {MOST_LINES} of {MOST_LINES + 1}; the others are left out." in page


def test_the_page_is_built_by_the_browser(page: Path, tmp_path: Path) -> None:
    document = chromium(tmp_path / "profile", "--dump-dom", page.as_uri())
    assert document.count("<svg") == 2 + 3 * 2
    assert document.count("<table") == 2


def test_it_fits_the_screen_in_both_colours(page: Path, tmp_path: Path) -> None:
    frames = [Frame(page.as_uri(), width, dark) for width in (390, 1300) for dark in (False, True)]
    for (_, width, dark), pixels in zip(frames, screenshots(tmp_path, *frames), strict=True):
        assert pixels.shape[1] == width
        ground = pixels[2, 2]
        assert (ground.mean() < 60) == dark
        # Wide tables and pictures do not overflow the right edge.
        assert (pixels[:, -8:] == ground).all()
        for colour in ((0x6D, 0xB9, 0xEA), (0x33, 0xC7, 0x9B)) if dark else ((0x00, 0x72, 0xB2), (0x00, 0x7F, 0x5C)):
            assert np.all(np.abs(pixels - colour) < 12, axis=2).sum() > 100


def test_text_in_plots_is_not_plain_black(page: Path) -> None:
    # Text without its own fill would be black on the dark page.
    texts = re.findall(r"<text style=\"([^\"]*)\"", page.read_text())
    assert texts
    assert all("fill: var(--" in style for style in texts)
