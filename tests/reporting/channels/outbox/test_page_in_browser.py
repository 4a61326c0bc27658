"""The page of the outbox in real Chromium, at the widths of phones and a desktop, light and dark."""

import io
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reporting import alerts, daily
from reporting.channels.outbox.channel import Outbox
from reporting.daily import DailyMetric
from reporting.message import Button, Message, escape, shorten
from tests.patience import HANGS_SECONDS
from tests.reporting.samples import HOSTILE, alert_metric, days, png, report
from tests.reporting.samples import alert as an_alert

BUTTONS: list[tuple[alerts.Action, str]] = [(action, "x") for action in get_args(alerts.Action)]
HOSTILE_LABEL = shorten(HOSTILE, 200).replace(" ", "_")
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
    run = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_SECONDS, check=False)
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
    outbox.send(path, alerts.compose(an_alert(alert_metric(), links=[("Dashboard", "https://bi.example")]), "en"))
    post = an_alert(alert_metric(label="Likes"))
    first = outbox.send(path, alerts.compose(replace(post, key="incident", buttons=BUTTONS), "ru"))
    for status in get_args(alerts.Status)[1:4]:
        outbox.edit(path, first, alerts.compose(replace(post, key="incident", status=status, buttons=BUTTONS), "ru"))
    outbox.reply(path, first, alerts.compose_reply(replace(post, key="incident", status="recovered"), "ru"))
    outbox.reply(path, first, Message("drawn", "a reply", "with a picture", png(), (Button(HOSTILE_LABEL, "x"),)))
    last = outbox.send(path, Message("hostile", shorten(HOSTILE, 80), f"<b>{escape(HOSTILE[:300])}</b>"))
    outbox.reply(path, last, Message("hostile-reply", "long", "x" * 3000))
    return outbox.link(path, last).partition("#")[0]


@pytest.fixture(scope="module")
def document(page: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page as the browser built it, from its dump: the page forbids scripts, so none can be used."""
    return chromium(tmp_path_factory.mktemp("dom") / "profile", "--dump-dom", page)


def test_the_page_loads_with_every_picture_and_runs_nothing(document: str) -> None:
    assert document.count("<article") == 4
    assert document.count("<img") == 4
    assert document.index("alert-2026") > document.index("hostile")
    assert "<script" not in document
    assert 'Robert"); &lt;b&gt;' in document


def test_an_incident_is_one_card_with_its_past_folded_and_its_replies_below(document: str) -> None:
    card = document[document.index('<article id="incident"') :]
    card = card[: card.index("</article>")]
    past = card[card.index("<details>") : card.index("</details>")]
    assert past.count('class="earlier"') == 2  # an edit that changes nothing is no version
    assert past.index("Likes: 0, ожидалось 156") < past.index("Нет данных")
    assert card.index("снова в норме") < card.index("<details>") < card.index('class="reply"')
    assert card.count('class="reply"') == 2
    assert card.index("Взять в работу") < card.index("<details>")


class Frame(NamedTuple):
    """A page on a screen of some width."""

    page: str
    width: int
    dark: bool = False


def screenshots(place: Path, *frames: Frame) -> list[NDArray[np.int16]]:
    """Return the pixels of each frame, from one start of Chromium. Frames may be narrower than its own window."""
    shot, beside = place / "shot.png", place / "frames.html"
    beside.write_text(
        '<body style="margin:0;display:flex">'
        + "".join(
            f'<iframe style="border:0;flex:none;color-scheme:{"dark" if dark else "light"}" '
            f'width={width} height=6000 src="{page}"></iframe>'
            for page, width, dark in frames
        )
    )
    width = sum(frame.width for frame in frames)
    chromium(place / "profile", f"--screenshot={shot}", f"--window-size={max(width, 500)},6000", beside.as_uri())
    with Image.open(io.BytesIO(shot.read_bytes())) as image:
        pixels = np.asarray(image.convert("RGB")).astype(np.int16)
    assert pixels.shape[1] >= width
    edges = np.cumsum([0, *(frame.width for frame in frames)])
    return [pixels[:, left:right] for left, right in pairwise(edges)]


SCREENS = [(width, dark) for width in (390, 500, 1300) for dark in (False, True)]


@pytest.fixture(scope="module")
def shown(page: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[int, bool], NDArray[np.int16]]:
    """The page on each screen."""
    frames = [Frame(page, *screen) for screen in SCREENS]
    return dict(zip(SCREENS, screenshots(tmp_path_factory.mktemp("screens"), *frames), strict=True))


@pytest.mark.parametrize("screen", SCREENS)
def test_it_fits_the_screen_in_both_colours(
    shown: Mapping[tuple[int, bool], NDArray[np.int16]], screen: tuple[int, bool]
) -> None:
    pixels = shown[screen]
    width, dark = screen
    assert pixels.shape[1] == width
    ground = pixels[2, 2]
    assert (ground.mean() < 60) == dark
    # Nothing reaches the right edge: the last columns have the background colour.
    assert (pixels[:, -8:] == ground).all()
    # The colours of the report's lines and the alert's point show that both pictures were loaded.
    assert np.all(np.abs(pixels - (0x00, 0x72, 0xB2)) < 12, axis=2).sum() > 500
    assert np.all(np.abs(pixels - (0xD5, 0x5E, 0x00)) < 12, axis=2).sum() > 10


def test_what_was_said_before_takes_no_room_until_it_is_unfolded(page: str, tmp_path: Path) -> None:
    unfolded = Path(page.removeprefix("file://")).with_name("unfolded.html")
    unfolded.write_text(Path(page.removeprefix("file://")).read_text().replace("<details>", "<details open>"))
    heights = [
        int(np.flatnonzero((pixels != pixels[2, 2]).any(axis=(1, 2)))[-1])
        for pixels in screenshots(tmp_path, Frame(page, 500), Frame(unfolded.as_uri(), 500))
    ]
    # Three versions of at least five lines.
    assert heights[1] > heights[0] + 3 * 5 * 14
