"""Generates the events of both source tables from a seed, a day at a time, without I/O.

The count of a 15-minute slot has a Poisson distribution around the slot's rate. An incident removes or adds
events with its own random numbers, so the events outside its slots do not depend on it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.population import OS_NAMES, Population, draw_users, populate
from pipeline.demo.rates import FEED_EVENTS, INCIDENT_EVENTS, MESSAGE_EVENTS, POPULATION, SlotRates, slot_rates, stream
from pipeline.demo.scenario import SLOT_SECONDS, LabelledIncident, Scenario

FIRST_POSTS = 2000  # posts that exist when the scenario starts
NEW_POSTS_A_DAY = 60
MEAN_POST_AGE = 200  # in posts behind the newest one
MEAN_SECONDS_TO_LIKE = 10

Columns = dict[str, NDArray[Any]]
_Draw = Callable[[np.random.Generator, NDArray[np.int64], float], Columns]


@dataclass(frozen=True, eq=False)
class DayEvents:
    """The events of one local day, ordered by time.

    Attributes
    ----------
    day : date
        The local day.
    feed_actions : dict of str to numpy.ndarray
        user_id, post_id, action, time, gender, age, country, city, os, source, exp_group.
    message_actions : dict of str to numpy.ndarray
        user_id (the sender), receiver_id, time and the sender's attributes as above.

    Notes
    -----
    `time` is int64 (UTC epoch seconds); ids are uint32, gender and exp_group int8, age int16, texts objects.
    """

    day: date
    feed_actions: Columns
    message_actions: Columns


def generate(scenario: Scenario, days: Iterable[int] | None = None) -> Iterator[DayEvents]:
    """Yield the events of `scenario` day by day.

    Parameters
    ----------
    scenario : Scenario
        What to generate.
    days : iterable of int, optional
        Indexes of the days to generate, from 0; all by default. A day does not depend on other days.
    """
    simulation = _Simulation(scenario)
    for day in range(scenario.days) if days is None else days:
        yield simulation.events(day)


class _Simulation:
    """The users and rates that the days of a scenario share.

    Unfinished events are columns too: `user` and `os` are indexes, and `time` is as in the result. A view also has
    `luck` (it is liked if this is less than the CTR) and `delay`, the seconds from the view to a like.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.people: Population = populate(stream(scenario, POPULATION), scenario.users)
        self.rates: SlotRates = slot_rates(scenario)

    def events(self, day: int) -> DayEvents:
        views = self._with_incidents("views", day, self._draw_views, stream(self.scenario, FEED_EVENTS, day))
        likes = self._likes(views)
        feed = {name: np.concatenate([views[name], likes[name]]) for name in ("user", "post_id", "time", "os")}
        feed["action"] = np.repeat(np.array(["view", "like"], object), [views["time"].size, likes["time"].size])
        messages = self._with_incidents(
            "messages", day, self._draw_messages, stream(self.scenario, MESSAGE_EVENTS, day)
        )
        return DayEvents(self.scenario.day(day), self._finished(feed), self._finished(messages))

    def _with_incidents(self, events: str, day: int, draw: _Draw, rng: np.random.Generator) -> Columns:
        """Draw the day's `events`, then remove or add events for the incidents."""
        slots = self._slots(self.scenario.day_start(day), self.scenario.day_start(day + 1))
        columns = draw(rng, slots, 1.0)
        for incident in self.scenario.incidents:
            hit_slots = np.intersect1d(slots, self._slots(incident.start.timestamp(), incident.end.timestamp()))
            if incident.events != events or not hit_slots.size:
                continue
            rng = stream(self.scenario, INCIDENT_EVENTS, crc32(incident.seed.encode()), day)
            if incident.size < 0:
                candidates = np.flatnonzero(self._hit(incident, columns))
                lost = candidates[rng.random(candidates.size) < -incident.size]
                columns = {name: np.delete(column, lost) for name, column in columns.items()}
            else:
                more = draw(rng, hit_slots, incident.size)
                hit = self._hit(incident, more)
                columns = {name: np.concatenate([column, more[name][hit]]) for name, column in columns.items()}
        return columns

    def _slots(self, start: float, end: float) -> NDArray[np.int64]:
        """Indexes of the slots that start in a range of UTC epoch seconds."""
        return np.flatnonzero((self.rates.start >= start) & (self.rates.start < end))

    def _hit(self, incident: LabelledIncident, columns: Columns) -> NDArray[np.bool_]:
        """Whether each event lies in the incident's time and slice."""
        time = columns["time"]
        hit: NDArray[np.bool_] = (time >= incident.start.timestamp()) & (time < incident.end.timestamp())
        if incident.dimension == "os":
            hit &= np.equal(OS_NAMES, incident.dimension_value)[columns["os"]]
        elif incident.dimension != "total":
            of_user = getattr(self.people, incident.dimension)
            hit &= (of_user.astype(str) == incident.dimension_value)[columns["user"]]
        return hit

    def _draw_times(
        self, rng: np.random.Generator, slots: NDArray[np.int64], rates: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        time = np.repeat(self.rates.start[slots], rng.poisson(rates))
        return np.sort(time + rng.integers(0, SLOT_SECONDS, time.size))

    def _draw_views(self, rng: np.random.Generator, slots: NDArray[np.int64], scale: float) -> Columns:
        time = self._draw_times(rng, slots, self.rates.views[slots] * scale)
        user = draw_users(rng, self.people.reading, time.size)
        newest = FIRST_POSTS + (time - self.rates.start[0]) * NEW_POSTS_A_DAY // 86_400
        age = rng.standard_exponential(time.size, np.float32) * MEAN_POST_AGE
        return {
            "user": user,
            "time": time,
            "os": self.people.event_os(rng, user),
            "post_id": np.maximum(newest - age.astype(np.int64), 1).astype(np.uint32),
            "luck": rng.random(time.size),
            "delay": rng.standard_exponential(time.size, np.float32) * MEAN_SECONDS_TO_LIKE,
        }

    def _likes(self, views: Columns) -> Columns:
        """Draw the likes of these views: same user, post and device, in the slot of the view."""
        slot = (views["time"] - self.rates.start[0]) // SLOT_SECONDS
        ctr = self.rates.ctr[slot]
        for incident in self.scenario.incidents:
            if incident.events == "likes":
                ctr[self._hit(incident, views)] *= 1 + incident.size
        liked = np.flatnonzero(views["luck"] < ctr)
        likes = {name: column[liked] for name, column in views.items()}
        slot_end = self.rates.start[slot[liked]] + SLOT_SECONDS
        return likes | {"time": np.minimum(likes["time"] + likes["delay"].astype(np.int64), slot_end - 1)}

    def _draw_messages(self, rng: np.random.Generator, slots: NDArray[np.int64], scale: float) -> Columns:
        time = self._draw_times(rng, slots, self.rates.messages[slots] * scale)
        sender = draw_users(rng, self.people.writing, time.size)
        recipient = self.people.recipients(rng, sender)
        return {
            "user": sender,
            "time": time,
            "os": self.people.event_os(rng, sender),
            "receiver_id": self.people.user_id[recipient],
        }

    def _finished(self, columns: Columns) -> Columns:
        """Order by time, cut at `until` and add the attributes of the users."""
        order = np.argsort(columns["time"], kind="stable")  # stable: a like stays after its view
        if self.scenario.until is not None:
            order = order[: np.count_nonzero(columns["time"] < self.scenario.until.timestamp())]
        columns = {name: column[order] for name, column in columns.items()}
        user, os = columns.pop("user"), columns.pop("os")
        people = self.people
        return columns | {
            "user_id": people.user_id[user],
            "os": OS_NAMES[os],
            "gender": people.gender[user],
            "age": people.age[user],
            "country": people.country[user],
            "city": people.city[user],
            "source": people.source[user],
            "exp_group": people.exp_group[user],
        }
