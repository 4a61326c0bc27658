"""The status page in real Chromium: phone and desktop, light and dark, with 200 alerts."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reporting.status import render
from tests.reporting.channels.outbox.test_page_in_browser import Frame, chromium, screenshots
from tests.reporting.status.samples import ZONE, bad, good

SCREENS = [(width, dark) for width in (390, 1280) for dark in (False, True)]
Shown = Mapping[tuple[str, int, bool], NDArray[np.int16]]
CHOSEN = '<input type="radio" name="metric" id="f{}"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bad page, with its pictures; the same with CTR chosen in the filter; and an old good page."""
    place = tmp_path_factory.mktemp("status")
    html = render(bad(place), "ru", ZONE)
    (place / "bad.html").write_text(html)
    chosen = html.replace(f"{CHOSEN.format(0)} checked", CHOSEN.format(0))
    chosen = chosen.replace(CHOSEN.format(3), f"{CHOSEN.format(3)} checked")
    (place / "chosen.html").write_text(chosen)
    (place / "old.html").write_text(render({**good(), "until": "2020-01-01T00:00:00+00:00"}, "en", ZONE))
    return place


@pytest.fixture(scope="module")
def shown(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The bad page on each screen, and with a choice in the filter on one."""
    pages = [*(("bad", *screen) for screen in SCREENS), ("chosen", 1280, False)]
    frames = [Frame((folder / f"{name}.html").as_uri(), width, dark) for name, width, dark in pages]
    return dict(zip(pages, screenshots(tmp_path_factory.mktemp("screens"), *frames), strict=True))


@pytest.mark.parametrize("screen", SCREENS)
def test_it_fits_the_screen_in_both_colours(shown: Shown, screen: tuple[int, bool]) -> None:
    pixels, (width, dark) = shown["bad", *screen], screen
    assert pixels.shape[1] == width
    ground = pixels[2, 2]
    assert (ground.mean() < 60) == dark
    # Nothing reaches the right edge: the last columns have the background colour.
    assert (pixels[:, -8:] == ground).all()
    # The lines of four pictures, and what lies outside, in the colours of the page.
    line, outside = ((0x7C, 0xC4, 0xF0), (0xFF, 0x91, 0x47)) if dark else ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00))
    assert np.all(np.abs(pixels - line) < 12, axis=2).sum() > 2000
    assert np.all(np.abs(pixels - outside) < 12, axis=2).sum() > 20


def test_the_filter_works_without_a_script(shown: Shown) -> None:
    everything, chosen = (
        int(np.flatnonzero((pixels != pixels[2, 2]).any(axis=(1, 2)))[-1])
        for pixels in (shown["bad", 1280, False], shown["chosen", 1280, False])
    )
    # All 200 rows end below the picture of 6,000 pixels; the third of them that are of CTR does not.
    assert everything == 5999
    assert 66 * 25 < chosen < 5000


def test_an_old_page_says_so(folder: Path, tmp_path: Path) -> None:
    """The script is the only one that the policy of the page allows."""
    document = chromium(tmp_path / "profile", "--dump-dom", (folder / "old.html").as_uri())
    assert '<p class="old-note" id="old">This page is old' in document
