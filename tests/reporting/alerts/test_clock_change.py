"""Alerts in the hour that comes twice: two slots have the same local time, and only one of them is meant."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from reporting import texts
from reporting.alerts.compose import compose
from reporting.alerts.text import html
from reporting.message import plain_text
from reporting.plots.time_axis import label_time
from reporting.texts import en
from tests.reporting.samples import alert, alert_metric

BERLIN = ZoneInfo("Europe/Berlin")
SECOND = datetime(2026, 10, 25, 1, 15, tzinfo=UTC).astimezone(BERLIN)  # 02:15 for the second time
FIRST = datetime(2026, 10, 25, 0, 15, tzinfo=UTC).astimezone(BERLIN)
AN_HOUR = 4  # slots


def changed_columns(slots_ago: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """The columns of the picture of a constant metric that change if one slot has no value."""
    pictures = []
    for value in (156.0, np.nan):
        values = np.full(97, 156.0)
        values[-1 - slots_ago] = value
        message = compose(alert(alert_metric(SECOND, values=values, value=156.0), slot=SECOND), "en")
        assert message.picture is not None
        pictures.append(np.asarray(Image.open(io.BytesIO(message.picture)).convert("RGB"), dtype=np.int64))
    return np.flatnonzero((pictures[0] != pictures[1]).any(axis=(0, 2)))


def test_the_axis_reaches_the_newest_slot() -> None:
    axis = Figure().subplots()
    label_time(axis, alert_metric(SECOND, points=9).times, en.short_date, most=9)
    assert axis.get_xlim()[1] * 86400 > SECOND.timestamp()


def test_only_the_current_slot_has_a_ring() -> None:
    ring = changed_columns(0).max()
    # An hour is some 45 pixels wide: the slot of an hour ago changes nothing near the ring.
    assert changed_columns(AN_HOUR).max() < ring - 20


def test_the_worst_slot_is_told_if_it_was_an_hour_ago() -> None:
    worst: dict[str, Any] = {"worst_at": FIRST, "worst_value": 10.0, "worst_expected": 156.0}
    metric = alert_metric(SECOND, since=FIRST - timedelta(hours=1), state="ongoing", **worst)
    text = plain_text(html(alert(metric, slot=SECOND), [metric], texts.load("en")))
    assert "−93.6%" in text
