"""The outbox's page in real Chromium, at the widths of a phone and a desktop, light and dark."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reporting import alert, daily
from reporting.channels.outbox import Outbox
from reporting.daily import DailyMetric
from reporting.message import Message, escape, shorten
from tests.reporting.samples import HOSTILE, alert_metric, days, report
from tests.reporting.samples import alert as an_alert

OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def chromium(profile: Path, *arguments: str) -> str:
    """Run Chromium and return what it prints."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is missing; `make test` installs it"
    command = [program, *OPTIONS, f"--user-data-dir={profile}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An outbox with a report, an alert and a hostile text; its URL."""
    path = str(tmp_path_factory.mktemp("outbox"))
    outbox = Outbox(path)
    week = days(20_000, 20_300, 19_800, None, 20_100, 21_000, 20_700, 20_900)
    metrics = [DailyMetric(name, name, "count", week) for name in ("DAU", "Views", "Likes")]
    outbox.send(path, daily.compose(report(*metrics), "ru"))
    outbox.send(path, alert.compose(an_alert(alert_metric(), links=[("Dashboard", "https://bi.example")]), "en"))
    last = outbox.send(path, Message("hostile", shorten(HOSTILE, 80), f"<b>{escape(HOSTILE[:300])}</b>"))
    return outbox.link(path, last).partition("#")[0]


def test_the_page_loads_with_every_picture_and_runs_nothing(page: str, tmp_path: Path) -> None:
    # The document as the browser has built it; a script of ours cannot ask it, because the page forbids scripts.
    document = chromium(tmp_path / "profile", "--dump-dom", page)
    assert document.count("<article") == 3
    assert document.count("<img") == 2
    assert document.index("alert-2026") > document.index("hostile")
    assert "<script" not in document
    assert 'Robert"); &lt;b&gt;' in document


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [500, 1300])
def test_it_fits_the_screen_in_both_colours(page: str, tmp_path: Path, width: int, dark: bool) -> None:
    shot = tmp_path / "shot.png"
    colours = ["--blink-settings=preferredColorScheme=0"] if dark else ["--blink-settings=preferredColorScheme=1"]
    chromium(tmp_path / "profile", *colours, f"--screenshot={shot}", f"--window-size={width},2000", page)
    with Image.open(io.BytesIO(shot.read_bytes())) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape[1] == width
    ground = pixels[2, 2]
    assert (ground.mean() < 60) == dark
    # Nothing runs over the right edge: its last columns are ground all the way down.
    assert (pixels[:, -8:] == ground).all()
    # The bars of the report and the point of the alert are there: both pictures were loaded and drawn.
    assert np.all(np.abs(pixels - (0x00, 0x72, 0xB2)) < 12, axis=2).sum() > 1000
    assert np.all(np.abs(pixels - (0xD5, 0x5E, 0x00)) < 12, axis=2).sum() > 10
