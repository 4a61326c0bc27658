"""The picture of an incident."""

import io
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from reporting.alerts import text
from reporting.alerts.compose import compose, panel
from reporting.causes import Cause
from reporting.plots.bands import limits
from reporting.texts import en
from tests.reporting.samples import SLOT, alert, alert_metric


def pixels_of(picture: bytes | None, colour: tuple[int, int, int]) -> int:
    with Image.open(io.BytesIO(picture or b"")) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    return int(np.all(np.abs(pixels - colour) < 3, axis=2).sum())


def over(below: tuple[int, int, int], opacity: float) -> tuple[int, int, int]:
    """Vermillion of an opacity over another colour."""
    red, green, blue = (round((1 - opacity) * b + opacity * v) for b, v in zip(below, (0xD5, 0x5E, 0), strict=True))
    return red, green, blue


WHITE, OTHER = (255, 255, 255), (0xE2, 0xE2, 0xE2)
INCIDENT = over(WHITE, 0.1)
DIFFERENCE = over(INCIDENT, 0.35)
PURPLE, GREEN = (0xCC, 0x79, 0xA7), (0, 0x9E, 0x73)


def test_the_picture_fills_what_is_missing_and_only_in_the_incident() -> None:
    values = np.full(97, 156.0)
    values[[*range(40, 60), *range(75, 95)]] = 0.0
    times = alert_metric().times
    inside = alert_metric(values=values, since=times[40], until=times[60], state="ended")
    both = alert_metric(values=values, since=times[40])
    outside = alert_metric(values=np.full(97, 156.0), since=times[40])
    filled, twice, none = (
        pixels_of(compose(alert(drawn), "en").picture, DIFFERENCE) for drawn in (inside, both, outside)
    )
    # A fifth of the width and half of the panel's height.
    assert filled > 10_000
    assert twice / filled == pytest.approx(2, abs=0.2)
    assert none == 0


def test_slots_without_data_are_shaded_as_the_incident() -> None:
    values = np.full(97, 156.0)
    values[60:] = np.nan
    without_data = alert_metric(
        values=values, value=math.nan, since=alert_metric().times[60], band_lower=values, band_upper=values
    )
    assert pixels_of(compose(alert(without_data), "en").picture, INCIDENT) > 10_000


def test_a_quarter_of_an_hour_is_wide_enough_to_see() -> None:
    with Image.open(io.BytesIO(compose(alert(alert_metric()), "en").picture or b"")) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    shaded = np.abs(pixels - INCIDENT).max(axis=2) < 3
    # A phone shows the picture at 390 of its 1280 pixels.
    assert shaded.any(axis=0).sum() * 390 / 1280 >= 8


def test_minutes_that_deviate_are_marked() -> None:
    """Five minutes are a third of the slot."""
    nothing, flat = np.full(97, np.nan), np.full(97, 156.0)
    plain = alert_metric(values=flat, band_lower=nothing, band_upper=nothing)
    minutes = SLOT + timedelta(minutes=5), SLOT + timedelta(minutes=10)
    unmarked, marked = (
        pixels_of(compose(alert(metric), "en").picture, over(INCIDENT, 0.6))
        for metric in (plain, replace(plain, minutes=minutes))
    )
    # A third of the slot has a 96th of the width, and all of the panel's height.
    assert unmarked < 50
    assert marked > 0.8 * 1280 / 100 * 250


def test_earlier_days_and_other_incidents_are_drawn_and_named_only_if_there_are_any() -> None:
    times = alert_metric().times
    plain = compose(alert(alert_metric()), "en").picture
    beside = alert_metric(
        before=[np.full(97, 140.0), np.full(97, 170.0)], others=[(times[70], times[80]), (times[0], times[10])]
    )
    drawn = compose(alert(beside), "en").picture
    for colour in (PURPLE, GREEN, OTHER):
        assert pixels_of(drawn, colour) > pixels_of(plain, colour) + 1000
    # Ten slots are shaded. The other incident was before the picture begins.
    assert pixels_of(drawn, OTHER) < 10 / 32 * 1280 * 500


def test_one_wide_band_or_earlier_day_does_not_flatten_the_values() -> None:
    upper, day_before = np.full(97, 190.0), np.full(97, 150.0)
    upper[80], day_before[85] = 1e6, 1e6
    metric = alert_metric(band_upper=upper, before=[day_before])
    drawn = panel(alert(metric), metric, "", en)
    bottom, top = limits(drawn)
    assert bottom == 0
    assert top < 2 * 156
    # Small changes of a great number are not drawn from zero, and not larger than life either.
    calm = alert_metric(values=np.linspace(1000, 1010, 97), band_expected=np.full(97, 1005.0),
                        band_lower=np.full(97, 990.0), band_upper=np.full(97, 1020.0))  # fmt: skip
    bottom, top = limits(panel(alert(calm), calm, "", en))
    assert 700 < bottom < 990
    assert 1020 < top < 1200


def test_the_slices_that_explain_it_have_the_last_panel() -> None:
    heights, made = [], []
    for count in (1, 4):
        metrics = [alert_metric(name=str(index)) for index in range(count)]
        slices = alert_metric(part="os iOS", value=12.0, expected=90.0)
        explained = replace(alert(*metrics), culprit=slices, causes=[Cause("os", ["iOS"], 0.92)])
        made.append(text.culprit(explained, slices, en))
        for drawn in (alert(*metrics), explained):
            with Image.open(io.BytesIO(compose(drawn, "en").picture or b"")) as image:
                heights.append(image.height)
    assert made == ["12, expected 90 (−86.7%), explains 92%"] * 2
    assert heights[1] > heights[0] + 200
    assert heights[2] == heights[3]  # the panel takes the place of the fourth metric


@pytest.mark.parametrize("since", [SLOT - timedelta(days=3), SLOT + timedelta(days=3), SLOT.astimezone(UTC)])
def test_incidents_of_any_age_are_drawn(since: datetime) -> None:
    values = np.full(97, np.nan)
    values[0] = 5.0
    for drawn in (values, np.full(97, np.nan), np.full(97, 156.0)):
        picture = compose(alert(alert_metric(values=drawn, since=since)), "ru").picture
        with Image.open(io.BytesIO(picture or b"")) as image:
            edges = np.asarray(image.convert("RGB"))
        assert (edges[:, :6] == 255).all()
