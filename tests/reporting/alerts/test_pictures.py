"""The picture of an incident."""

import io
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from reporting.alerts.compose import compose
from tests.reporting.samples import SLOT, alert, alert_metric


def pixels_of(picture: bytes | None, colour: tuple[int, int, int]) -> int:
    with Image.open(io.BytesIO(picture or b"")) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    return int(np.all(np.abs(pixels - colour) < 3, axis=2).sum())


# Vermillion, a third opaque, on white.
DIFFERENCE = (242, 206, 178)
GREY_SPAN = (0xE4, 0xE4, 0xE4)


def test_the_picture_fills_what_is_missing_and_only_in_the_incident() -> None:
    values = np.full(97, 156.0)
    values[[*range(40, 60), *range(75, 95)]] = 0.0
    times = alert_metric().times
    in_legend = pixels_of(compose(alert(alert_metric(values=np.full(97, 156.0))), "en").picture, DIFFERENCE)
    inside = alert_metric(values=values, since=times[40], until=times[60], state="ended")
    both = alert_metric(values=values, since=times[40])
    outside = alert_metric(values=values, since=SLOT)
    filled, twice = (pixels_of(compose(alert(drawn), "en").picture, DIFFERENCE) - in_legend for drawn in (inside, both))
    # The area is a fifth of the day and half of the panel's height: much more than the patch in the legend.
    assert filled > 10_000
    assert twice / filled == pytest.approx(2, abs=0.2)
    assert pixels_of(compose(alert(outside), "en").picture, DIFFERENCE) == pytest.approx(in_legend, abs=200)


def test_slots_without_data_are_a_grey_stretch() -> None:
    values = np.full(97, 156.0)
    with_data = pixels_of(compose(alert(alert_metric(values=values.copy())), "en").picture, GREY_SPAN)
    values[60:] = np.nan
    without_data = alert_metric(values=values, value=math.nan, since=alert_metric().times[60])
    assert pixels_of(compose(alert(without_data), "en").picture, GREY_SPAN) > with_data + 10_000


@pytest.mark.parametrize("since", [SLOT - timedelta(days=3), SLOT + timedelta(days=3), SLOT.astimezone(UTC)])
def test_incidents_of_any_age_are_drawn(since: datetime) -> None:
    values = np.full(97, np.nan)
    values[0] = 5.0
    for drawn in (values, np.full(97, np.nan), np.full(97, 156.0)):
        picture = compose(alert(alert_metric(values=drawn, since=since)), "ru").picture
        with Image.open(io.BytesIO(picture or b"")) as image:
            edges = np.asarray(image.convert("RGB"))
        assert (edges[:, :6] == 255).all()
