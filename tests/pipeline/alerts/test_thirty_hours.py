"""Thirty hours of cron in Berlin, over a midnight and the end of summer time: each chat's messages and their times.

Times are UTC: the local time is two hours ahead until the 25th, 01:00, and one hour from then on.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.core import clock
from pipeline.demo.load import create_tables
from pipeline.slots import measure
from pipeline.tasks.alerts import CheckAlerts
from pipeline.warehouse.engines import EmbeddedEngine
from reporting.errors import ChannelError
from tests.pipeline.alerts.place import Site, site
from tests.servers.bot_api import CHAT, TOKEN, BotApi, refused

SLOT = clock.SLOT
NEWS = "@feed_news"
FIRST_DAY, LAST_DAY = date(2026, 10, 15), date(2026, 10, 25)
FIRST = datetime(2026, 10, 24, 10)
SLOTS = 120
KICKED = refused(403, "Forbidden: bot was kicked from the supergroup chat")


def at(text: str) -> datetime:
    """``25 09:15`` of October."""
    return datetime.strptime(f"2026-10-{text}", "%Y-%m-%d %H:%M")


# Half of a table's events are missing: from, to.
FALLS = {
    "feed_actions": [
        ("24 20:30", "24 22:15"),  # 22:30 to 00:15: begins before the quiet hours, goes on over midnight
        ("25 09:00", "25 09:30"),
        ("25 10:00", "25 10:15"),  # returns after two normal slots: the same incident
        ("25 13:00", "25 13:30"),  # returns after almost three hours: another incident
    ],
    "message_actions": [
        ("24 12:00", "24 12:30"),  # while cron is stopped
        ("25 00:30", "25 01:30"),  # 02:30 to 02:30, in the repeated hour, within the quiet hours
        ("25 05:30", "25 06:30"),  # 06:30 to 07:30: begins in the quiet hours and continues after them
    ],
}
QUIET_HOURS = "23:00-07:00"
STANDSTILL = at("24 12:00"), at("24 14:00")
"""Slots of this pause are checked at its end; those that ended by 13:00 are too old for a message."""
REFUSED = at("25 09:00")
"""In this slot the first chat refuses the first send."""


def both(slot: str, key: str) -> list[tuple[datetime, int, str, str]]:
    """A message to both chats in the first run of a slot."""
    return [(at(slot), 1, key, chat) for chat in (CHAT, NEWS)]


NIGHT = "alert-2026-10-24T2030Z-views"
MORNING = "alert-2026-10-25T0530Z-messages_sent"
NOON = "alert-2026-10-25T0900Z-views"
AFTERNOON = "alert-2026-10-25T1300Z-views"
# An incident is posted in its first slot that ends outside the quiet hours. It ends in its fourth normal slot.
EXPECTED = [
    *both("24 20:30", NIGHT),
    *both("24 23:00", f"{NIGHT}-recovered"),
    *both("25 05:45", MORNING),
    *both("25 07:15", f"{MORNING}-recovered"),
    (at("25 09:00"), 1, NOON, NEWS),
    (at("25 09:00"), 2, NOON, CHAT),
    *both("25 11:00", f"{NOON}-recovered"),
    *both("25 13:00", AFTERNOON),
    *both("25 14:15", f"{AFTERNOON}-recovered"),
]
INCIDENTS = [
    ("messages_sent:2026-10-24T1200", at("24 12:15"), False),
    ("messages_sent:2026-10-25T0030", at("25 01:15"), False),
    ("messages_sent:2026-10-25T0530", at("25 06:15"), True),
    ("views:2026-10-24T2030", at("24 22:00"), True),
    ("views:2026-10-25T0900", at("25 10:00"), True),
    ("views:2026-10-25T1300", at("25 13:15"), True),
]


@pytest.fixture
def place(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[Site]:
    with site(embedded_warehouse, tmp_path) as made:
        made.sections["clock"] = {"timezone": "Europe/Berlin"}
        made.alerts = {"metrics": "views,messages_sent", "quiet_hours": QUIET_HOURS, "channels": "telegram"}
        create_tables(embedded_warehouse, made.database)
        yield made


def usual(slot: datetime) -> int:
    """Events of a slot: three times as many from 06:00 local time on."""
    return 300 if clock.to_local(slot).hour >= 6 else 100


def load(place: Site) -> None:
    """Fill both tables, every other event from an iPhone, and measure every slot."""
    days = [FIRST_DAY + timedelta(days=i) for i in range((LAST_DAY - FIRST_DAY).days + 1)]
    starts = [slot for day in days for slot in clock.day_slots(day)]
    for table, falls in FALLS.items():
        counts = []
        for slot in starts:
            has_fallen = any(at(start) <= slot < at(end) for start, end in falls)
            counts.append(usual(slot) // 2 if has_fallen else usual(slot))
        times = np.repeat([clock.epoch(slot) for slot in starts], counts).astype("datetime64[s]")
        columns = {
            "time": times,
            "user_id": np.arange(times.size) % 50,
            "os": np.resize(np.array(["iOS", "Android"]), times.size),
        }
        if table == "feed_actions":
            columns["action"] = np.full(times.size, "view")
        place.warehouse.insert(f"{place.database}.{table}", columns)
    measure.measure_days(days, lambda _: None)


def check(place: Site, slot: datetime) -> None:
    """Check a slot as a run of cron does."""
    start, end = STANDSTILL
    with place.at(end if start <= slot < end else slot + SLOT):
        CheckAlerts(slot=slot).run()


def keys(place: Site) -> dict[tuple[str, str], str]:
    """The key of every sent message, by chat and message id."""
    rows = place.warehouse.query(
        f"SELECT address, message_id, message_key FROM {place.database}.deliveries FINAL WHERE state = 'sent'"
    )
    return {(address, message_id): key for address, message_id, key in rows}


@pytest.mark.long
def test_thirty_hours_of_cron(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", TOKEN)
    heard: list[tuple[datetime, int, str, str]] = []
    with BotApi(chats=(CHAT, NEWS)) as api:
        place.sections["telegram"] = {"chats": f"{CHAT}, {NEWS}", "api_url": api.url}
        with place.at(FIRST):
            load(place)
        for slot in (FIRST + i * SLOT for i in range(SLOTS)):
            for run in (1, 2):
                before = len(api.sent)
                if (slot, run) == (REFUSED, 1):
                    api.answer_next(KICKED)
                    with pytest.raises(ChannelError):
                        check(place, slot)
                else:
                    check(place, slot)
                names = keys(place) if len(api.sent) > before else {}
                heard += [(slot, run, names[sent.chat, str(sent.id)], sent.chat) for sent in api.sent[before:]]
    assert heard == EXPECTED
    known = [(state["incident_id"], state["last_anomaly"], state["notified"]) for state in place.incidents()]
    assert sorted(known) == [(name, str(last), posted) for name, last, posted in INCIDENTS]
    assert {state["outcome"] for state in place.incidents()} == {"recovered"}
