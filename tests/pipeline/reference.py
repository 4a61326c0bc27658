"""The expected rows of the daily load and the slots, computed in plain Python from lists of events.

An event is a mapping with the source's column names; ``time`` is a naive datetime in UTC, the recipient of a message
is ``receiver_id``, None is NULL.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Event = Mapping[str, Any]

VALUES = ("views", "likes", "messages_received", "messages_sent", "users_received", "users_sent")


@dataclass(frozen=True)
class Events:
    """Both source tables."""

    feed: Sequence[Event]
    messages: Sequence[Event]

    def __repr__(self) -> str:
        return f"<{len(self.feed)} feed and {len(self.messages)} message events>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # hypothesis prints this
        printer.text(repr(self))

    def of_day(self, day: date, zone: ZoneInfo) -> "Events":
        """The events on this local day of the zone."""

        def chosen(events: Sequence[Event]) -> list[Event]:
            return [event for event in events if local_day(event, zone) == day]

        return Events(chosen(self.feed), chosen(self.messages))


@dataclass(frozen=True)
class Day:
    """A loaded day: the rows of each table without the date."""

    users: dict[int, tuple[Any, ...]]
    """user_id -> (feed_events, *VALUES, os, gender, age)"""
    slices: dict[tuple[str, str], tuple[int, ...]]
    """(dimension, dimension_value) -> VALUES"""
    totals: dict[str, tuple[int, int]]
    """metric -> (numerator, denominator)"""


def load_day(events: Events, day: date, zone: ZoneInfo, attribute_days: int) -> Day:
    """Return all rows that the ETL writes for a day."""
    today = events.of_day(day, zone)
    readers = Counter(_user(event["user_id"]) for event in today.feed)
    pairs = Counter((_user(event["user_id"]), _user(event["receiver_id"])) for event in today.messages)
    people = set(readers) | {person for pair in pairs for person in pair}
    measured = {
        person: (
            sum(_user(event["user_id"]) == person and event["action"] == "view" for event in today.feed),
            sum(_user(event["user_id"]) == person and event["action"] == "like" for event in today.feed),
            sum(count for (_, recipient), count in pairs.items() if recipient == person),
            sum(count for (sender, _), count in pairs.items() if sender == person),
            sum(recipient == person for _, recipient in pairs),
            sum(sender == person for sender, _ in pairs),
        )
        for person in people
    }
    attributes = _attributes(events, day, zone, attribute_days, people)
    slices: dict[tuple[str, str], tuple[int, ...]] = {}
    for person in people:
        for name, value in attributes[person].items():
            so_far = slices.get((name, value), (0,) * len(VALUES))
            slices[name, value] = tuple(a + b for a, b in zip(so_far, measured[person], strict=True))
    views, likes = (sum(event["action"] == action for event in today.feed) for action in ("view", "like"))
    totals = {
        "feed_users": (len(readers), 1),
        "messenger_users": (len({sender for sender, _ in pairs}), 1),
        "views": (views, 1),
        "likes": (likes, 1),
        "ctr": (likes, views),
        "messages_sent": (len(today.messages), 1),
    }
    users = {person: (readers[person], *measured[person], *attributes[person].values()) for person in people}
    return Day(users, slices, totals)


def local_day(event: Event, zone: ZoneInfo) -> date | None:
    """The local day of an event in the zone; None for an event without a time."""
    if event["time"] is None:
        return None
    moment: date = event["time"].replace(tzinfo=UTC).astimezone(zone).date()
    return moment


def _attributes(
    events: Events, day: date, zone: ZoneInfo, attribute_days: int, people: Iterable[int]
) -> dict[int, dict[str, str]]:
    """By user and attribute: from the user's own rows of the day, else of the newest day before, else unknown."""
    newest_first = [events.of_day(day - timedelta(days=back), zone) for back in range(attribute_days + 1)]
    own_rows = [
        {
            person: [event for event in (*then.feed, *then.messages) if _user(event["user_id"]) == person]
            for person in people
        }
        for then in newest_first
    ]
    return {
        person: {
            name: next((value for then in own_rows if (value := choose(then[person]))), "unknown")
            for name, choose in _CHOICES.items()
        }
        for person in people
    }


def _os(rows: Sequence[Event]) -> str:
    """The greatest string, cut to 64 characters."""
    return max((row["os"] for row in rows if row["os"] is not None), default="")[:64]


def _gender(rows: Sequence[Event]) -> str:
    """The greatest raw number."""
    return str(max((row["gender"] for row in rows if row["gender"] is not None), default=""))


def _age(rows: Sequence[Event]) -> str:
    """The greatest age; a negative one counts as missing."""
    return str(max((row["age"] for row in rows if row["age"] is not None and row["age"] >= 0), default=""))


_CHOICES: dict[str, Callable[[Sequence[Event]], str]] = {"os": _os, "gender": _gender, "age": _age}


def _user(user_id: int | None) -> int:
    """A missing user is user 0, so that the totals stay complete."""
    return user_id or 0


Slots = dict[tuple[datetime, str, str, str], tuple[int, ...]]
"""(slot, metric, dimension, dimension_value) -> (numerator, denominator), of a sub-slot with the minute it begins at"""

SUB_SLOTS = {"1 minute": 1, "3 minutes": 3, "5 minutes": 5}

TOP_COUNTRIES = 20
_AGE_BANDS = ((18, "0-17"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"))


def measure_slots(events: Events, day: date, start: datetime, end: datetime, zone: ZoneInfo) -> Slots:
    """Every row of ``slot_metrics`` from `start` to `end`, naive UTC times within a day of the zone."""
    before = events.of_day(day - timedelta(days=1), zone)
    measured: Slots = {}
    for rows, rows_before, measure, silence in (
        (
            events.feed,
            before.feed,
            _measure_feed,
            {"feed_users": (0, 1), "views": (0, 1), "likes": (0, 1), "ctr": (0, 0)},
        ),
        (events.messages, before.messages, _measure_messages, {"messenger_users": (0, 1), "messages_sent": (0, 1)}),
    ):
        top = _top_countries(rows_before)
        groups: dict[tuple[datetime, str, str], list[Event]] = {}
        for event in rows:
            if start <= event["time"] < end:
                slot = event["time"].replace(minute=event["time"].minute // 15 * 15, second=0)
                for dimension, value in _slices_of(event, top).items():
                    groups.setdefault((slot, dimension, value), []).append(event)
        for i in range((end - start) // timedelta(minutes=15)):
            slot = start + i * timedelta(minutes=15)
            measured |= {(slot, metric, "total", "all"): numbers for metric, numbers in silence.items()}
            inside = [event for event in rows if slot <= event["time"] < slot + timedelta(minutes=15)]
            for dimension, minutes in SUB_SLOTS.items():
                for (metric, side), found in _furthest(inside, slot, minutes, measure).items():
                    measured[slot, metric, dimension, side] = found
        for (slot, dimension, value), chosen in groups.items():
            measured |= {(slot, metric, dimension, value): numbers for metric, numbers in measure(chosen).items()}
    return measured


def _furthest(
    rows: Sequence[Event],
    slot: datetime,
    minutes: int,
    measure: Callable[[Sequence[Event]], dict[str, tuple[int, int]]],
) -> dict[tuple[str, str], tuple[int, int, int]]:
    """The least and the greatest of a slot's parts of so many minutes, the earliest of equal ones, by metric."""
    parts = []
    for begin in range(0, 15, minutes):
        start, end = (slot + timedelta(minutes=minute) for minute in (begin, begin + minutes))
        parts.append((begin, measure([event for event in rows if start <= event["time"] < end])))
    furthest = {}
    for metric in parts[0][1]:
        known = [(*numbers[metric], begin) for begin, numbers in parts if numbers[metric][1]] or [(0, 0, 0)]
        for side, choose in (("least", min), ("greatest", max)):
            best = choose(above / max(below, 1) for above, below, _ in known)
            furthest[metric, side] = next(part for part in known if part[0] / max(part[1], 1) == best)
    return furthest


def _measure_feed(rows: Sequence[Event]) -> dict[str, tuple[int, int]]:
    views, likes = (sum(event["action"] == action for event in rows) for action in ("view", "like"))
    users = len({_user(event["user_id"]) for event in rows})
    return {"feed_users": (users, 1), "views": (views, 1), "likes": (likes, 1), "ctr": (likes, views)}


def _measure_messages(rows: Sequence[Event]) -> dict[str, tuple[int, int]]:
    senders = len({_user(event["user_id"]) for event in rows})
    return {"messenger_users": (senders, 1), "messages_sent": (len(rows), 1)}


def _slices_of(event: Event, top_countries: Iterable[str]) -> dict[str, str]:
    """The slice of an event by dimension. It depends on the event's own row, unlike the slices of a day."""
    country = _text(event["country"])
    values = {
        "os": _text(event["os"]),
        "gender": "" if event["gender"] is None else str(event["gender"]),
        "age": _age_band(event["age"]),
        "source": _text(event["source"]),
        "country": country if not country or country in top_countries else "other",
    }
    return {"total": "all"} | {dimension: value or "unknown" for dimension, value in values.items()}


def _top_countries(rows: Iterable[Event]) -> list[str]:
    """The most frequent countries, ties by name; a missing country takes a place too."""
    counts = Counter(_text(event["country"]) for event in rows)
    return sorted(counts, key=lambda name: (-counts[name], name.encode()))[:TOP_COUNTRIES]


def _text(value: str | None) -> str:
    return (value or "")[:64]


def _age_band(age: int | None) -> str:
    if age is None or age < 0:
        return ""
    return next((band for limit, band in _AGE_BANDS if age < limit), "55+")
