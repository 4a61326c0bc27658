"""Weeks of demo events with labelled incidents, counted by slot and slice as ``slot_metrics`` counts them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.events import generate
from pipeline.demo.population import COUNTRIES, Population, populate
from pipeline.demo.rates import POPULATION, SlotRates, slot_rates, stream
from pipeline.demo.scenario import SLOT_SECONDS, LabelledIncident, Scenario

FIRST_DAY = date(2026, 8, 3)
WARM_UP_DAYS = 28
CHECKED_DAYS = 42
SLOTS_A_DAY = 96

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
    """

    scenario: Scenario
    lasting: tuple[LabelledIncident, ...]
    counts: dict[tuple[str, str], NDArray[np.int64]]

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


def make_world(seed: int, days: int = WARM_UP_DAYS + CHECKED_DAYS, *, is_healthy: bool = False) -> World:
    """Generate the events of a seed and count them; without incidents if it is healthy."""
    incidents, lasting = ([], ()) if is_healthy else _place(seed, days)
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
    for index, day in enumerate(generate(scenario)):
        start, slots = scenario.day_start(index), (scenario.day_start(index + 1) - scenario.day_start(index)) // 900
        feed, messages = day.feed_actions, day.message_actions
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
    return World(scenario, lasting, {key: np.concatenate(tables, axis=1) for key, tables in parts.items()})


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
