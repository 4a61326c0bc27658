"""One small source, given in full, for tests of the loads."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from tests.pipeline.etl.running import USUAL, Case
from tests.pipeline.reference import Event, Events

FRIDAY, SATURDAY, SUNDAY = (date(2026, 11, day) for day in (6, 7, 8))


def at(day: date, hour: float = 12) -> datetime:
    """A time on a day in Moscow (UTC+3), as naive UTC."""
    return datetime(day.year, day.month, day.day) + timedelta(hours=hour - 3)


def seen(user: int, time: datetime, action: str = "view", **attributes: Any) -> Event:
    """Make an event of the feed."""
    return USUAL | {"user_id": user, "time": time, "action": action} | attributes


def sent(user: int, to: int, time: datetime, **attributes: Any) -> Event:
    """Make a message."""
    return USUAL | {"user_id": user, "receiver_id": to, "time": time} | attributes


STORY = Case(
    days=(FRIDAY, SATURDAY, SUNDAY),
    events=Events(
        feed=[
            seen(1, at(FRIDAY), os="Android"),
            seen(1, at(FRIDAY), os="iOS"),
            seen(1, at(FRIDAY), "like", os="iOS"),
            seen(2, at(SATURDAY), age=31),
            seen(2, at(SATURDAY), "share", age=32),
            seen(3, at(SUNDAY, 0), gender=0),
            seen(3, at(SUNDAY, 23.9), "like", gender=0),
        ],
        messages=[
            sent(4, 5, at(FRIDAY), os="Android", age=44),
            sent(4, 5, at(FRIDAY), os="Android", age=44),
            sent(1, 1, at(FRIDAY), os="iOS"),
            sent(5, 4, at(SATURDAY), os="iOS", age=55),
            sent(2, 4, at(SATURDAY), age=31),
            sent(3, 4, at(SUNDAY), gender=0),
            sent(3, 6, at(SUNDAY), gender=0),
        ],
    ),
)


def with_events(feed: Sequence[Event], messages: Sequence[Event]) -> Case:
    """The story's days with other events."""
    return replace(STORY, events=Events(feed, messages))
