"""The demo, started in a directory with another configuration, and its page in real Chromium."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.demo.run import DAYS
from pipeline.demo.words import ENGLISH
from pipeline.warehouse.engines import EmbeddedEngine
from tests.conftest import end_owner
from tests.patience import HANGS_SECONDS
from tests.process.project import Finished, Project
from tests.reporting.channels.outbox.test_page_in_browser import chromium

# If the demo read any of this, it would fail or write to a wrong place.
HOSTILE = {
    "warehouse": {"engine": "server", "host": "127.0.0.1", "port": "1", "database": "precious"},
    "source": {"engine": "server", "host": "127.0.0.1", "port": "1", "database": "precious"},
    "etl": {"table": "precious", "start": "2020-01-01"},
    "clock": {"timezone": "America/New_York", "now": "2020-01-01T00:00"},
    "report": {"channels": "telegram", "language": "ru", "metrics": "views"},
    "alerts": {"channels": "telegram", "detector": "day_ago", "metrics": "views"},
    "metric.views": {"detector": "nonsense"},
    "outbox": {"path": "precious"},
    "telegram": {"chats": "-1001234567890", "api_url": "http://127.0.0.1:1"},
    "delivery": {"lock_path": "precious"},
}

# The page forbids scripts, so a page around it reads the sizes of its pictures.
AROUND = """<!DOCTYPE html><body><iframe id="page" src="{page}" width="1200" height="900"></iframe>
<pre id="sizes"></pre><script>document.getElementById("page").onload = event => {{
  const pictures = [...event.target.contentDocument.images];
  const sizes = pictures.map(picture => `${{picture.naturalWidth}}x${{picture.naturalHeight}}`);
  document.getElementById("sizes").textContent = sizes.join(" ");
}};</script></body>"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory in which the demo is started."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(place: Path) -> Iterator[Finished]:
    """A finished demo, in ``there``."""
    warehouse = EmbeddedEngine(str(place / "there" / "warehouse"))
    project = Project(place, warehouse, HOSTILE)
    try:
        yield project.run("feedpulse", "demo", "--path", "there", "--views", "5000")
    finally:
        end_owner(warehouse)


def test_it_says_what_it_did(demo: Finished) -> None:
    assert demo.code == 0, demo.log
    assert f"{DAYS} days" in demo.output
    rows = re.findall(r"│ 2026-11-19 │ (\w+) +│ (\w+) +│ +(\d+) │", demo.output)
    assert [(dimension, value) for dimension, value, _ in rows] == [
        ("gender", "0"),
        ("gender", "1"),
        ("gender", "unknown"),
        ("os", "Android"),
        ("os", "iOS"),
        ("os", "unknown"),
    ]
    by_gender, by_os = (sum(int(views) for name, _, views in rows if name == wanted) for wanted in ("gender", "os"))
    assert by_gender == by_os
    assert "Daily report: Thursday, 19 November 2026" in demo.output
    assert f"Views: {by_os:,}" in demo.output
    assert "96 of 96 slots checked" in demo.output
    # The outage of the messenger: one message, one reply during the silence, and one at the end.
    _, _, outage = demo.output.partition("\n    alert-2026-11-20T0930Z-messenger_users\n")
    outage, _, _ = outage.partition(f"\n\n{ENGLISH.pages}")
    replies = [line.strip() for line in outage.splitlines() if re.match(r" {8}\S", line)]
    assert replies[0] == "🔴 Still no data in message_actions, for 1 h"
    assert replies[1].startswith("✅ Messages sent and 1 more: recovered after 1 h")
    assert len(replies) == 2
    assert re.search(r" {12}lost: [\d,]+ messages sent", outage)


def test_it_stays_in_its_directory(demo: Finished, place: Path) -> None:
    assert demo.code == 0, demo.log
    assert {path.name for path in place.iterdir()} == {"luigi.cfg", "there"}
    assert {path.name for path in (place / "there").iterdir()} == {
        "luigi.cfg",
        "locks",
        "outbox",
        "status",
        "warehouse",
    }


def test_it_says_where_each_hidden_incident_was_told(demo: Finished, place: Path) -> None:
    told = demo.output.partition(f"\n{ENGLISH.hidden}\n\n")[2].partition("\n\n")[0]
    where = dict(zip(*[map(str.strip, told.splitlines())] * 2, strict=True))
    before, spike, drop, outage = where
    assert before == "level shift: Views −25%, source ads, 14 Nov 15:00–18 Nov 15:00"
    # With so few events the slice of a source is too small to be checked.
    assert where[before] == ENGLISH.unseen
    assert spike == "spike: Views +60%, 20 Nov 07:30–08:15"
    assert drop == "drop: Likes −50%, os iOS, 20 Nov 09:30–11:00"
    assert where[outage] == "there/outbox/index.html#alert-2026-11-20T0930Z-messenger_users"
    page = (place / "there" / "outbox" / "index.html").read_text(encoding="utf-8")
    for place_told in (where[spike], where[outage]):
        assert f'id="{place_told.partition("#")[2]}"' in page


@pytest.mark.parametrize(
    ("number", "says"),
    [(0, "messenger_users"), (1, "14 days checked, 0 off"), (2, "index.html#daily_report-2026-11-19-test")],
)
def test_what_it_says_to_try_works(demo: Finished, place: Path, number: int, says: str) -> None:
    lines = demo.output.partition("Try next:\n\n")[2].split("\n\n")[number].splitlines()
    assert lines[0].startswith("    # ")
    command = "\n".join(lines[1:])
    tried = subprocess.run(
        ["sh", "-c", command], cwd=place, capture_output=True, text=True, timeout=HANGS_SECONDS, check=False
    )
    assert (tried.returncode, tried.stderr) == (0, "")
    assert says in tried.stdout


def test_its_page_shows_every_picture(demo: Finished, place: Path, tmp_path: Path) -> None:
    outbox = place / "there" / "outbox"
    pictures = list(outbox.glob("*.png"))
    assert len(pictures) > 2
    around = tmp_path / "around.html"
    around.write_text(AROUND.format(page=(outbox / "index.html").as_uri()))
    options = ("--allow-file-access-from-files", "--virtual-time-budget=10000", "--dump-dom")
    document = chromium(tmp_path / "profile", *options, around.as_uri())
    sizes = re.findall(r"(\d+)x(\d+)", document.partition('id="sizes">')[2])
    assert len(sizes) == len(pictures)
    assert all(int(width) > 300 and int(height) > 200 for width, height in sizes)
