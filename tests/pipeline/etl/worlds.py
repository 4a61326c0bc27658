"""Random sources: few users and values, so that all combinations occur, and the oddities of real sources."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.pipeline.etl.running import Case
from tests.pipeline.reference import Events

# A zone and the middle one of three days. On these days clocks change in Berlin and New York, and by half an hour on
# Lord Howe. Kathmandu is 5:45 ahead. Sao Paulo had no midnight, Havana had two, and Apia skipped the whole day.
PLACES = [
    ("Europe/Moscow", date(2026, 11, 1)),
    ("UTC", date(2024, 2, 29)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/New_York", date(2026, 3, 8)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Asia/Kolkata", date(2026, 1, 1)),
    ("Asia/Kathmandu", date(2026, 7, 1)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Havana", date(2024, 11, 3)),
    ("Pacific/Apia", date(2011, 12, 30)),
]
HOSTILE = [
    "",
    "unknown",
    "'; DROP TABLE daily_metrics; --",
    '"><script>alert(1)</script>&amp;',
    "100%",
    "%(date)s %s %%",
    "{user_day} {}",
    "\\",
    "\\'",
    "\\N",
    "a\nb\r\tc",
    "a\0b",
    "\u202eandroid",
    "😀" * 70,
    "é" * 64 + "x",
    "b" * 10_000,
    "b" * 9_999 + "c",
]
# Android and iOS are more frequent than all others.
OS = st.sampled_from(["iOS", "Android", "Windows"]) | st.sampled_from(HOSTILE)
ACTIONS = st.sampled_from(["view", "view", "like"]) | st.sampled_from(["View", "share", "", "view ", "😀"])
USERS = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 2**32 - 1])
SECOND = timedelta(seconds=1)


@st.composite
def cases(draw: st.DrawFn, zone: str, middle: date) -> Case:
    """A source of at most a few hundred events around three days, which are loaded in any order."""
    days = [middle + timedelta(days=offset) for offset in (-1, 0, 1)]
    nullable = draw(st.booleans())
    attribute_days = draw(st.integers(0, 2))
    moments = _moments(ZoneInfo(zone), days[0] - timedelta(days=attribute_days + 1), days[-1] + timedelta(days=1))

    def value(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(strategy, strategy, st.none()) if nullable else strategy

    attributes = {
        "user_id": value(USERS),
        "time": moments,
        "gender": value(st.integers(-1, 1)),
        "age": value(st.sampled_from([-32768, -1, 0, 9, 20, 100, 32767])),
        "os": value(OS),
        "country": value(st.sampled_from(["Russia", "", "Côte d'Ivoire"])),
        "city": value(st.just("Moscow")),
        "source": value(st.sampled_from(["ads", "organic", ""])),
        "exp_group": value(st.integers(0, 4)),
    }
    feed = draw(_events({**attributes, "action": value(ACTIONS)}))
    messages = draw(_events({**attributes, "receiver_id": value(USERS)}))
    return Case(
        events=Events(feed, messages),
        days=tuple(draw(st.permutations(days))),
        zone=zone,
        attribute_days=attribute_days,
        recipient=draw(st.sampled_from(["receiver_id", "reciever_id"])),
        nullable=nullable,
        time_type=draw(st.sampled_from(["DateTime", "DateTime('UTC')", "DateTime('America/New_York')"])),
    )


def _moments(zone: ZoneInfo, first: date, last: date) -> st.SearchStrategy[datetime]:
    """Naive UTC times of the days, most of them near midnight."""
    midnights = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        local = datetime(day.year, day.month, day.day, tzinfo=zone)
        midnights.append(local.astimezone(UTC).replace(tzinfo=None))
    edges = [moment + step for moment in midnights for step in (-SECOND, timedelta(), SECOND, timedelta(minutes=30))]
    anywhere = st.datetimes(midnights[0], midnights[-1]).map(lambda moment: moment.replace(microsecond=0))
    return st.sampled_from(edges) | anywhere


@st.composite
def _events(draw: st.DrawFn, columns: Mapping[str, st.SearchStrategy[Any]]) -> list[dict[str, Any]]:
    events = draw(st.lists(st.fixed_dictionaries(dict(columns)), min_size=draw(st.sampled_from([40, 0])), max_size=60))
    doubled = draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
    return events + doubled
