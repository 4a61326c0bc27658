"""The parameters of a demo and its incidents."""

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.core.errors import SettingsError
from pipeline.demo.population import FEWEST_USERS

SLOT_SECONDS = 900

# Metrics that change with the number of events. A like needs a view, so views change likes and leave CTR unchanged.
METRICS_MOVED: dict[str, tuple[str, ...]] = {
    "views": ("feed_users", "views", "likes"),
    "likes": ("likes", "ctr"),
    "messages": ("messenger_users", "messages_sent"),
}
DIMENSIONS = ("total", "os", "gender", "source", "country")


@dataclass(frozen=True)
class LabelledIncident:
    """A labelled incident: for some time one kind of event is less or more frequent, in a slice or everywhere.

    Parameters
    ----------
    kind : str
        A label, such as 'outage', 'drop', 'spike' or 'level shift'.
    start, end : datetime
        Aware, on 15-minute boundaries; `end` is exclusive.
    events : {'views', 'likes', 'messages'}
        The kind of event.
    size : float
        The relative change: -1 leaves nothing, -0.5 leaves half, +0.6 adds 60 %.
    dimension, dimension_value : str
        The slice: 'os', 'gender', 'source' or 'country' of the event; 'total' and 'all' for everything.

    Raises
    ------
    SettingsError
        If a parameter is impossible.
    """

    kind: str
    start: datetime
    end: datetime
    events: Literal["views", "likes", "messages"]
    size: float
    dimension: str = "total"
    dimension_value: str = "all"

    @property
    def seed(self) -> str:
        """The text that seeds the random numbers of this incident: all of its parameters.

        It keeps the name that the class had first, so that a seed gives the same events in every version.
        """
        parameters = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))
        return f"Incident({parameters})"

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment.tzinfo is None or moment.timestamp() % SLOT_SECONDS:
                raise SettingsError(f"incident {self.kind!r}: {moment} is not an aware time on a 15-minute boundary")
        if self.start >= self.end:
            raise SettingsError(f"incident {self.kind!r} ends at {self.end}, not after its start at {self.start}")
        if self.events not in METRICS_MOVED or self.dimension not in DIMENSIONS:
            known = f"events: {', '.join(METRICS_MOVED)}; dimensions: {', '.join(DIMENSIONS)}"
            raise SettingsError(f"incident {self.kind!r}: no {self.events!r} by {self.dimension!r} to change ({known})")
        if not -1 <= self.size < float("inf"):
            raise SettingsError(f"incident {self.kind!r}: the size {self.size} is not a relative change of -1 or more")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that change."""
        return METRICS_MOVED[self.events]


def default_incidents(end: datetime) -> tuple[LabelledIncident, ...]:
    """Place the demo's incidents before `end` (aware): three in the last 8 hours and a level shift days earlier.

    They do not overlap.
    """
    end = datetime.fromtimestamp(end.timestamp() // SLOT_SECONDS * SLOT_SECONDS, UTC)

    def ago(days: float = 0, hours: float = 0) -> datetime:
        return end - timedelta(days=days, hours=hours)

    return (
        LabelledIncident("level shift", ago(days=6), ago(days=2), "views", -0.25, "source", "ads"),
        LabelledIncident("spike", ago(hours=7.5), ago(hours=6.75), "views", 0.6),
        LabelledIncident("drop", ago(hours=5.5), ago(hours=4), "likes", -0.5, "os", "iOS"),
        LabelledIncident("outage", ago(hours=2.5), ago(hours=1.25), "messages", -1.0),
    )


@dataclass(frozen=True)
class Scenario:
    """Parameters of a demo; equal scenarios generate equal events.

    Parameters
    ----------
    first_day : date
        First local day of `timezone`.
    days : int
        Number of local days.
    seed : int
        Not negative.
    timezone : str
        IANA name of the time zone of the users.
    users : int
        Number of users, including those who only receive messages; at least 20.
    views_per_day, messages_per_day : float
        Averages over a week.
    likes_share : float
        The average CTR, likes per view.
    noise_sd, noise_phi : float
        Standard deviation and lag-1 autocorrelation of the log-noise of views and messages; CTR has a third of the sd.
    incidents : tuple of LabelledIncident
        The incidents.
    until : datetime, optional
        Aware, in the last day: there are no events from this time on.

    Raises
    ------
    SettingsError
        If a parameter is impossible.
    """

    first_day: date
    days: int = 28
    seed: int = 1
    timezone: str = "Europe/Moscow"
    users: int = 30_000
    views_per_day: float = 700_000
    messages_per_day: float = 15_000
    likes_share: float = 0.20
    noise_sd: float = 0.03
    noise_phi: float = 0.9
    incidents: tuple[LabelledIncident, ...] = ()
    until: datetime | None = None

    def __post_init__(self) -> None:
        def check(good: bool, problem: str) -> None:
            if not good:
                raise SettingsError(f"demo scenario: {problem}")

        check(self.days >= 1, f"{self.days} days; at least 1 is needed")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SettingsError(
                f"demo scenario: no time zone {self.timezone!r}; use a name such as Europe/Moscow"
            ) from error
        check(self.seed >= 0, f"the seed {self.seed} is negative")
        check(self.users >= FEWEST_USERS, f"{self.users} users; at least {FEWEST_USERS} are needed")
        check(min(self.views_per_day, self.messages_per_day) >= 0, "a negative number of events a day")
        check(0 <= self.likes_share <= 0.5, f"likes_share {self.likes_share} is outside 0 to 0.5")
        check(self.noise_sd >= 0, f"noise_sd {self.noise_sd} is negative")
        check(0 <= self.noise_phi < 1, f"noise_phi {self.noise_phi} is outside 0 to 1 (1 excluded)")
        if self.until is not None:
            last_day = range(self.day_start(self.days - 1), self.day_start(self.days) + 1)
            aware = self.until.tzinfo is not None
            check(aware and int(self.until.timestamp()) in last_day, f"until {self.until} is not in the last day")

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone of the local days."""
        return ZoneInfo(self.timezone)

    def day(self, index: int) -> date:
        """The local day with this index, from 0."""
        return self.first_day + timedelta(days=index)

    def day_start(self, index: int) -> int:
        """Start of the day with this index, in UTC epoch seconds."""
        return int(datetime.combine(self.day(index), time(), self.zone).timestamp())
