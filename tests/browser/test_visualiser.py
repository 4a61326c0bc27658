"""luigid's visualiser in real Chromium, after a real run."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from pipeline.tasks import Morning
from pipeline.warehouse.engines import EmbeddedEngine
from tests.conftest import end_owner
from tests.process.luigid import Luigid
from tests.process.project import load_events, make_project
from tests.reporting.channels.outbox.test_page_in_browser import chromium

# Two days are loaded; the users of a day are merged with the attributes of the day before.
FAMILIES = {
    "Morning": 1,
    "Daily": 1,
    "DailyReport": 1,
    "Corrections": 1,
    "CheckDays": 1,
    "DailyMetrics": 2,
    "Slice": 6,
    "UserDay": 2,
    "FeedUserDay": 3,
    "MessageUserDay": 3,
    "UserAttributes": 2,
    "StagingRetention": 1,
    "HistoryRetention": 1,
}
# Morning's 4 requirements, the 2 days of the report and of the check of days, Daily's 2 days and its retention, and
# what comes before retention: the newest day and the retention of history.
# There is nothing to correct, so Corrections is done and its requirement is not shown.
# Each of 2 days has 3 slices; a slice has 1 merge, which requires 2 extracts and a day of attributes. The attributes of
# a day require its 2 extracts.
DEPENDENCIES = 4 + 2 + 2 + (2 + 1) + 2 + 2 * (3 + 3 + 3) + 2 * 2
DONE_GREEN = (0x00, 0xDD, 0x00)


class Page(NamedTuple):
    """The visualiser's address, and a profile for the browser."""

    url: str
    profile: Path

    def document(self, fragment: str) -> str:
        """The document after some virtual seconds of its scripts."""
        return self._open(fragment, "--dump-dom")

    def picture(self, fragment: str, path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
        """A screenshot, as pixels (height, width, 3)."""
        self._open(fragment, "--window-size=1500,1600", f"--screenshot={path}")
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB")).astype(np.int64)

    def _open(self, fragment: str, *arguments: str) -> str:
        return chromium(self.profile, "--virtual-time-budget=15000", *arguments, f"{self.url}#{fragment}")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The visualiser after a `Morning`."""
    directory = tmp_path_factory.mktemp("visualiser")
    warehouse = EmbeddedEngine(str(directory / "warehouse"))
    try:
        load_events(warehouse)
        project = make_project(directory / "project", warehouse)
        with Luigid(directory) as scheduler:
            morning = project.task("Morning", "--workers", "2", scheduler=scheduler.arguments)
            assert morning.code == 0, morning.log
            yield Page(f"{scheduler.url}/static/visualiser/index.html", directory / "profile")
    finally:
        end_owner(warehouse)


def test_the_list_has_every_task_done(page: Page) -> None:
    document = page.document("tab=tasks&length=100")
    sidebar = re.findall(r'data-task="(\w+)"><a href="#"><span class="badge">(\d+)</span>', document)
    assert {family: int(count) for family, count in sidebar} == FAMILIES
    (table,) = re.findall(r'<table[^>]* id="taskTable".*?</table>', document, re.DOTALL)
    listed = Counter(re.findall(r"</span> (\w+)</td><td>(\w+)</td>", table))
    assert listed == {("DONE", family): count for family, count in FAMILIES.items()}


def test_a_sent_report_links_to_itself(page: Page) -> None:
    document = page.document("tab=tasks&family=DailyReport")
    assert re.search(r'href="file:///[^"]*/outbox/index\.html#daily_report-2026-11-11"', document)


def test_the_graph_of_the_morning(page: Page, tmp_path: Path) -> None:
    fragment = f"tab=graph&visType=svg&taskId={Morning().task_id}"
    document = page.document(fragment)
    (drawing,) = re.findall(r"<svg [^>]*viewBox.*?</svg>", document, re.DOTALL)
    nodes = re.findall(r'data-task-status="(\w+)" data-task-id="([A-Za-z]+)_', drawing)
    assert {status for status, _ in nodes} == {"DONE"}
    assert Counter(family for _, family in nodes) == FAMILIES
    assert drawing.count('<line class="link"') == DEPENDENCIES
    pixels = page.picture(fragment, tmp_path / "graph.png")
    dots = np.all(pixels == DONE_GREEN, axis=2)
    # A dot has a radius of 7 pixels and is partly covered by a label. The key has one more dot.
    assert dots.sum() > 100 * sum(FAMILIES.values())
