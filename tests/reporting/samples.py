"""Reports and alerts to compose, and small pictures to send."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from PIL import Image

from reporting.alerts.model import Alert, AlertMetric
from reporting.daily import DailyMetric, DailyReport
from reporting.message import Message

DAY = date(2026, 11, 1)
MOSCOW = ZoneInfo("Europe/Moscow")
SLOT = datetime(2026, 11, 2, 14, 15, tzinfo=MOSCOW)
HOSTILE = 'Robert"); <b>&amp; $x^2$ </a> \u202e 漢字\ud800\n' + "long " * 2000


def png(width: int = 40, height: int = 30) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, "PNG")
    return file.getvalue()


def message(html: str = "<b>Likes</b>: 1 &lt; 2", picture: bytes | None = None, key: str = "test-1") -> Message:
    return Message(key=key, title="Likes: 1 < 2", html=html, picture=picture)


def days(*amounts: float | None) -> dict[date, float | None]:
    """Values of the days that end on `DAY`."""
    return {DAY - timedelta(days=back): amount for back, amount in enumerate(reversed(amounts))}


def report(*metrics: DailyMetric, checked: int = 96, expected: int = 96, alerts: int = 2) -> DailyReport:
    return DailyReport(DAY, metrics, checked, expected, alerts)


def alert_metric(slot: datetime = SLOT, points: int = 97, **changes: Any) -> AlertMetric:
    """A metric that stood at 156 and fell to 0 in `slot`; `changes` replace its fields."""
    last = slot.astimezone(UTC)
    times = [(last - timedelta(minutes=15 * back)).astimezone(slot.tzinfo) for back in reversed(range(points))]
    given: dict[str, Any] = {
        "name": "messages_sent",
        "label": "Messages sent",
        "kind": "count",
        "state": "opened",
        "value": 0.0,
        "expected": 156.0,
        "lower": 120.0,
        "upper": 190.0,
        "since": slot,
        "until": None,
        "times": times,
        "values": np.append(np.full(points - 1, 156.0), 0.0),
        "band_expected": np.full(points, 156.0),
        "band_lower": np.full(points, 120.0),
        "band_upper": np.full(points, 190.0),
    }
    return AlertMetric(**(given | changes))


def alert(*metrics: AlertMetric, links: Sequence[tuple[str, str]] = (), slot: datetime = SLOT) -> Alert:
    end = (slot.astimezone(UTC) + timedelta(minutes=15)).astimezone(slot.tzinfo)
    return Alert(slot, end, metrics, links)
