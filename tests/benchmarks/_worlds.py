"""Weeks of demo events with labelled incidents, counted by slot and slice as ``slot_metrics`` counts them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.events import Columns, generate
from pipeline.demo.population import COUNTRIES, Population, populate
from pipeline.demo.rates import POPULATION, SlotRates, slot_rates, stream
from pipeline.demo.scenario import SLOT_SECONDS, LabelledIncident, Scenario
from pipeline.slots.sub_slots import LENGTHS, NUMBERS

FIRST_DAY = date(2026, 8, 3)
WARM_UP_DAYS = 28
CHECKED_DAYS = 42
SLOTS_A_DAY = 96
BRIEF_SECONDS = 300

Events = Literal["views", "likes", "messages"]
Kind = tuple[Events, str, str, float]

AGE_BOUNDS = (18, 25, 35, 45, 55)
AGES = ("0-17", "18-24", "25-34", "35-44", "45-54", "55+")
VALUES: dict[str, tuple[str, ...]] = {
    "total": ("all",),
    "os": ("Android", "iOS"),
    "gender": ("0", "1"),
    "age": AGES,
    "source": ("ads", "organic"),
    "country": tuple(sorted(COUNTRIES)),
}
COUNTS = ("feed_users", "messenger_users", "views", "likes", "messages_sent")

# Incidents as (events, dimension, value, sizes). Every kind and size occurs in every world.
SIZES: dict[Events, tuple[float, ...]] = {
    "views": (-1.0, -0.5, -0.3, 0.3, 0.6),
    "likes": (-1.0, -0.5, -0.3, 0.3, 0.6),
    "messages": (-1.0, -1.0, -0.5, -0.4, -0.3, 0.3, 0.6, 1.0),
}
WHOLE: tuple[Kind, ...] = tuple((events, "total", "all", size) for events, sizes in SIZES.items() for size in sizes)
SLICED: tuple[Kind, ...] = (
    ("views", "os", "iOS", -1.0),
    ("views", "os", "iOS", -0.5),
    ("views", "os", "Android", -0.3),
    ("views", "source", "ads", -0.5),
    ("views", "source", "ads", 0.6),
    ("views", "country", "Russia", -0.5),
    ("views", "country", "Ukraine", -1.0),
    ("views", "country", "Belarus", -1.0),
    ("views", "gender", "1", -0.4),
    ("likes", "os", "iOS", -0.5),
    ("likes", "os", "Android", -0.3),
    ("likes", "source", "organic", -0.4),
    ("likes", "country", "Russia", -0.4),
    ("likes", "country", "Ukraine", -1.0),
    ("likes", "gender", "0", -0.5),
    ("messages", "os", "iOS", -1.0),
    ("messages", "os", "Android", -0.7),
    ("messages", "source", "ads", -1.0),
    ("messages", "country", "Russia", -1.0),
    ("messages", "gender", "0", -1.0),
)
# Lasting shifts: they begin in the last days and do not end. They are the last two of a world.
LASTING: tuple[Kind, ...] = (("views", "total", "all", -0.25), ("messages", "total", "all", 0.4))
LASTING_DAYS_BEFORE_END = (12, 6)


@dataclass(frozen=True)
class World:
    """A scenario and its counts.

    Attributes
    ----------
    scenario : Scenario
        The settings of the generated events.
    lasting : tuple of LabelledIncident
        The incidents that do not end.
    counts : dict
        By metric and dimension, (values, slots): as in ``slot_metrics``.
    brief : tuple of LabelledIncident
        Outages of five minutes, with the slots that they touch.
    inside : dict
        By metric and length, (2, 2, slots): of the least and the greatest sub-slot, numerator and denominator.
    """

    scenario: Scenario
    lasting: tuple[LabelledIncident, ...]
    counts: dict[tuple[str, str], NDArray[np.int64]]
    brief: tuple[LabelledIncident, ...] = ()
    inside: dict[tuple[str, str], NDArray[np.int64]] = field(default_factory=dict)

    @cached_property
    def rates(self) -> SlotRates:
        """The true rates without incidents."""
        return slot_rates(self.scenario)

    @cached_property
    def people(self) -> Population:
        """The users behind the events."""
        return populate(stream(self.scenario, POPULATION), self.scenario.users)

    def slot_of(self, moment: datetime) -> int:
        """The column of a time."""
        return (int(moment.timestamp()) - int(self.rates.start[0])) // SLOT_SECONDS


@dataclass(frozen=True)
class Outage:
    """An outage of five minutes: the slots that it touches, and its first second, Unix time."""

    label: LabelledIncident
    start: int


def make_world(
    seed: int, days: int = WARM_UP_DAYS + CHECKED_DAYS, *, is_healthy: bool = False, has_brief: bool = False
) -> World:
    """Generate the events of a seed and count them; without incidents if it is healthy, with brief ones if wanted."""
    incidents, lasting = ([], ()) if is_healthy else _place(seed, days)
    outages = _place_brief(seed, incidents, lasting) if has_brief else []
    scenario = Scenario(first_day=FIRST_DAY, days=days, seed=seed, incidents=(*incidents, *lasting))
    people = populate(stream(scenario, POPULATION), scenario.users)
    codes = {
        "total": np.zeros(scenario.users, dtype=np.int64),
        "gender": people.gender.astype(np.int64),
        "age": np.searchsorted(AGE_BOUNDS, people.age, side="right"),
        "source": np.searchsorted(np.array(VALUES["source"], dtype=str), people.source.astype(str)),
        "country": np.searchsorted(np.array(VALUES["country"], dtype=str), people.country.astype(str)),
    }
    parts: dict[tuple[str, str], list[NDArray[np.int64]]] = {}
    inside: dict[tuple[str, str], list[NDArray[np.int64]]] = {}
    for index, day in enumerate(generate(scenario)):
        start, slots = scenario.day_start(index), (scenario.day_start(index + 1) - scenario.day_start(index)) // 900
        feed, messages = _without(outages, day.feed_actions), _without(outages, day.message_actions)
        for key, found in _sub_slots(feed, messages, start, slots).items():
            inside.setdefault(key, []).append(found)
        is_view = feed["action"] == "view"
        for names, events, chosen in (
            (("feed_users", ""), feed, slice(None)),
            (("", "views"), feed, is_view),
            (("", "likes"), feed, ~is_view),
            (("messenger_users", "messages_sent"), messages, slice(None)),
        ):
            slot = (events["time"][chosen] - start) // SLOT_SECONDS
            user = events["user_id"][chosen].astype(np.int64) - int(people.user_id[0])
            ios = (events["os"][chosen] == "iOS").astype(np.int64)
            pairs = np.unique((slot * scenario.users + user) * 2 + ios)
            for name, rows in ((names[0], pairs), (names[1], (slot * scenario.users + user) * 2 + ios)):
                if not name:
                    continue
                who, when = rows // 2 % scenario.users, rows // 2 // scenario.users
                for dimension, values in VALUES.items():
                    if dimension != "os" and name == names[0]:  # two devices in a slot: one user
                        single = np.unique(rows // 2)
                        who, when = single % scenario.users, single // scenario.users
                    elif dimension == "os":
                        who, when = rows // 2 % scenario.users, rows // 2 // scenario.users
                    code = rows % 2 if dimension == "os" else codes[dimension][who]
                    table = np.bincount(code * slots + when, minlength=len(values) * slots)
                    parts.setdefault((name, dimension), []).append(table.reshape(len(values), slots))
    counts = {key: np.concatenate(tables, axis=1) for key, tables in parts.items()}
    within = {key: np.concatenate(tables, axis=2) for key, tables in inside.items()}
    return World(scenario, lasting, counts, tuple(outage.label for outage in outages), within)


def _without(outages: Sequence[Outage], events: Columns) -> Columns:
    """Leave out what outages prevented: a message, a like, or a view with its like."""
    lost = np.zeros(len(events["time"]), dtype=bool)
    for outage in outages:
        kind = outage.label.events
        if (kind == "messages") == ("receiver_id" in events):
            during = (events["time"] >= outage.start) & (events["time"] < outage.start + BRIEF_SECONDS)
            lost |= during & (events["action"] == "like") if kind == "likes" else during
    return {name: column[~lost] for name, column in events.items()}


def _sub_slots(feed: Columns, messages: Columns, start: int, slots: int) -> dict[tuple[str, str], NDArray[np.int64]]:
    """The least and the greatest sub-slot of a day's totals, as `World.inside`."""
    found = {}
    is_view = feed["action"] == "view"
    for length, minutes in LENGTHS.items():
        shape = slots, NUMBERS[length]

        def counted(events: Columns, chosen: Any, *, is_users: bool = False) -> NDArray[np.int64]:
            at = (events["time"][chosen] - start) // (60 * minutes)  # noqa: B023
            if is_users:
                at = np.unique(at << 32 | events["user_id"][chosen].astype(np.int64)) >> 32
            return np.bincount(at, minlength=shape[0] * shape[1]).reshape(shape)  # noqa: B023

        views, likes = counted(feed, is_view), counted(feed, ~is_view)
        one = np.ones(shape, dtype=np.int64)
        for metric, above, below in (
            ("feed_users", counted(feed, slice(None), is_users=True), one),
            ("views", views, one),
            ("likes", likes, one),
            ("ctr", likes, views),
            ("messenger_users", counted(messages, slice(None), is_users=True), one),
            ("messages_sent", counted(messages, slice(None)), one),
        ):
            found[metric, length] = _furthest(above, below)
    return found


def _furthest(above: NDArray[np.int64], below: NDArray[np.int64]) -> NDArray[np.int64]:
    """(2, 2, slots): numerator and denominator of the least and the greatest of a slot's parts, (slots, parts)."""
    value = above / np.maximum(below, 1)
    least, greatest = (np.where(below > 0, value, none) for none in (np.inf, -np.inf))
    at = np.stack([least.argmin(axis=1), greatest.argmax(axis=1)])[:, np.newaxis, :, np.newaxis]
    return np.take_along_axis(np.stack([above, below])[np.newaxis], at, axis=3)[..., 0]


def _place_brief(seed: int, incidents: Sequence[LabelledIncident], lasting: Sequence[LabelledIncident]) -> list[Outage]:
    """An outage of five minutes between each two incidents, from any second on; none while a shift begins."""
    rng = np.random.default_rng([seed, 98])
    pause = timedelta(hours=5)
    kinds: tuple[Events, ...] = ("views", "likes", "messages")
    placed = []
    for number, (before, after) in enumerate(pairwise(incidents)):
        seconds = int((after.start - before.end - 2 * pause).total_seconds())
        at = before.end + pause + timedelta(seconds=int(rng.integers(max(seconds, 1))))
        if seconds > 0 and not any(-pause < at - shift.start < timedelta(hours=36) for shift in lasting):
            first = int(at.timestamp())
            bounds = first // SLOT_SECONDS, -(-(first + BRIEF_SECONDS) // SLOT_SECONDS)
            start, end = (datetime.fromtimestamp(slot * SLOT_SECONDS, UTC) for slot in bounds)
            label = LabelledIncident("brief outage", start, end, kinds[number % len(kinds)], -1.0)
            placed.append(Outage(label, first))
    return placed


def _place(seed: int, days: int) -> tuple[list[LabelledIncident], tuple[LabelledIncident, ...]]:
    """One incident about every 22 hours, at any time of day, one to four hours long; then the lasting ones."""
    rng = np.random.default_rng([seed, 99])
    start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC) + timedelta(days=WARM_UP_DAYS)
    end = start + timedelta(days=days - WARM_UP_DAYS)
    kinds = list(WHOLE + SLICED)
    order = rng.permutation(len(kinds))
    shifts = [end - timedelta(days=before) for before in LASTING_DAYS_BEFORE_END]
    moment, placed = start, []
    for index in order:
        events, dimension, value, size = kinds[index]
        moment += timedelta(minutes=15 * int(rng.integers(64, 96)))
        # Around a lasting shift nothing else happens for a day and a half, so that each has its own message.
        for shift in shifts:
            if shift - timedelta(hours=8) < moment < shift + timedelta(hours=36):
                moment = shift + timedelta(hours=36)
        length = timedelta(minutes=15 * int(rng.integers(4, 17)))
        if moment + length + timedelta(hours=8) > end:
            break
        kind = "outage" if size == -1 and dimension == "total" else "drop" if size < 0 else "spike"
        placed.append(LabelledIncident(kind, moment, moment + length, events, size, dimension, value))
    lasting = tuple(
        LabelledIncident("level shift", shift, end, events, size, dimension, value)
        for shift, (events, dimension, value, size) in zip(shifts, LASTING, strict=True)
    )
    return placed, lasting
