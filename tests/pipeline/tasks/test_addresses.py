"""A message about a day is done for each channel and address: one that is added later gets today's, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import luigi
import pytest

from pipeline.core import clock
from pipeline.tasks import DailyReport, Morning, Weekly, WeeklySummary
from pipeline.warehouse import connections
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from tests.pipeline.etl.stories import at, seen
from tests.pipeline.tasks.mornings import SUNDAY, Mornings, mornings
from tests.servers.bot_api import CHAT, TOKEN, BotApi, refused

NEWS = "@feed_news"
NOW = datetime(2026, 11, 9, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
KICKED = refused(403, "Forbidden: bot was kicked from the supergroup chat")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", TOKEN)
    with BotApi(chats=(CHAT, NEWS)) as server:
        yield server


@pytest.fixture
def place(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[Mornings]:
    with mornings(embedded_warehouse, tmp_path) as made:
        yield made


def send_to(place: Mornings, channels: str, chats: str, api: BotApi) -> None:
    place.sections["report"] = place.sections["alerts"] = {"channels": channels}
    place.sections["telegram"] = {"chats": chats, "api_url": api.url}


def chats(api: BotApi) -> list[str]:
    return [sent.chat for sent in api.sent]


@pytest.mark.parametrize(
    ("root", "key"), [(Morning(), "daily_report-2026-11-08"), (Weekly(), "weekly_summary-2026-11-08")]
)
def test_a_chat_that_is_added_gets_todays_message_once(
    place: Mornings, api: BotApi, root: luigi.Task, key: str
) -> None:
    place.run(root, NOW)
    assert place.messages() == [key]
    send_to(place, "outbox,telegram", CHAT, api)
    for hour in (1, 2):
        place.run(root, NOW + hour * HOUR)
        assert chats(api) == [CHAT]
    send_to(place, "outbox,telegram", f"{CHAT},{NEWS}", api)
    for hour in (3, 4):
        place.run(root, NOW + hour * HOUR)
        assert chats(api) == [CHAT, NEWS]
    assert api.sent[0].text.splitlines()[0] == place.text(key).splitlines()[0]


def test_a_chat_that_is_added_gets_nothing_older(place: Mornings, api: BotApi) -> None:
    place.run(Morning(), NOW)
    send_to(place, "outbox,telegram", CHAT, api)
    place.run(Morning(), NOW + 24 * HOUR)
    assert ["9 November" in sent.text for sent in api.sent] == [True]
    with place.at(NOW + 25 * HOUR):
        assert DailyReport(date=SUNDAY).complete()


def test_a_chat_that_refuses_is_tried_again_and_nobody_else_gets_a_copy(place: Mornings, api: BotApi) -> None:
    send_to(place, "telegram", CHAT, api)
    place.run(Morning(), NOW)
    send_to(place, "telegram", f"{NEWS},{CHAT}", api)
    for hour in (1, 2):
        api.answer_next(KICKED)
        place.run(Morning(), NOW + hour * HOUR, fails=True)
        assert chats(api) == [CHAT]
    place.run(Morning(), NOW + 3 * HOUR)
    assert chats(api) == [CHAT, NEWS]


@pytest.mark.parametrize("kind", [DailyReport, WeeklySummary])
def test_many_days_are_asked_at_once(
    place: Mornings, api: BotApi, kind: type[DailyReport | WeeklySummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.arrive([seen(1, at(SUNDAY))])
    days = clock.days(SUNDAY - timedelta(days=30), SUNDAY)
    with place.at(NOW):
        assert list(kind.bulk_complete(days)) == []
        for day in (SUNDAY, SUNDAY - timedelta(days=1)):
            kind(date=day).run()
        assert list(kind.bulk_complete(days)) == days[-2:]
    send_to(place, "outbox,telegram", CHAT, api)
    with place.at(NOW):
        asked: list[str] = []
        engine = connections.warehouse()
        query = type(engine).query
        assert list(kind.bulk_complete(days[:1])) == []  # the warehouse is open

        def counted(self: Engine, sql: str, *rest: object) -> object:
            asked.append(sql)
            return query(self, sql, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(type(engine), "query", counted)
        assert list(kind.bulk_complete(iter(days))) == [days[-2]]
        assert len(asked) == 3  # the markers, and the message at each channel
