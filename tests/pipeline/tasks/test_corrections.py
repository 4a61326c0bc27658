"""A report whose day is loaded again with other numbers is corrected by an edit, once at each address."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.tasks import DailyMetrics, Morning
from pipeline.tasks.etl import invalidate, load_chain
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from tests.pipeline.etl.stories import at, seen
from tests.pipeline.reference import Event
from tests.pipeline.tasks.mornings import MONDAY, SUNDAY, Mornings, aware, mornings
from tests.servers.bot_api import CHAT, TOKEN, BotApi, refused

KEY = "daily_report-2026-11-08"
NEWS = "@feed_news"
SEVEN = aware(MONDAY, 7)
HOUR = timedelta(hours=1)
FORBIDDEN = refused(403, "Forbidden: bot was kicked from the supergroup chat")


def views(users: int, day: date = SUNDAY, like: bool = False) -> list[Event]:
    return [seen(user, at(day, 1 + user % 20), "like" if like else "view") for user in range(1, users + 1)]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", TOKEN)
    with BotApi(chats=(CHAT, NEWS)) as server:
        yield server


@pytest.fixture
def place(embedded_warehouse: EmbeddedEngine, tmp_path: Path, api: BotApi) -> Iterator[Mornings]:
    with mornings(embedded_warehouse, tmp_path) as made:
        send_to(made, api, "outbox,telegram", CHAT)
        yield made


def send_to(place: Mornings, api: BotApi, channels: str, chats: str) -> None:
    place.sections["report"] = {"channels": channels}
    place.sections["telegram"] = {"chats": chats, "api_url": api.url}


def top(text: str) -> list[str]:
    """The lines between the title and the end of the first metric."""
    return text.splitlines()[2:6]


FIRST_LINE = "Corrected 9 Nov 08:00: DAU 4 → 6, views 4 → 6, likes 0 → 3, CTR 0% → 50.0%"
SECOND_LINE = "Corrected 9 Nov 10:00: DAU 6 → 8, views 6 → 8, CTR 50.0% → 37.5%"


def test_a_day_that_is_loaded_again_is_corrected_once_a_change(place: Mornings, api: BotApi) -> None:
    place.arrive(views(4))
    place.run(Morning(), SEVEN)
    assert "Corrected" not in place.text(KEY)
    place.arrive([*views(6)[4:], *views(3, like=True)])
    for hour in (1, 2):
        place.run(Morning(), SEVEN + hour * HOUR)
        (shown,) = api.sent
        assert shown.edits == 1
        expected = [FIRST_LINE, "", "DAU: 6", "vs yesterday: -; vs last Sunday: -"]
        assert top(place.text(KEY)) == top(shown.text) == expected
    place.arrive(views(8)[6:])
    for hour in (3, 4):
        place.run(Morning(), SEVEN + hour * HOUR)
        (shown,) = api.sent
        assert shown.edits == 2
        assert top(place.text(KEY)) == top(shown.text) == [FIRST_LINE, SECOND_LINE, "", "DAU: 8"]
    assert place.messages() == [KEY]


@pytest.mark.parametrize("engine", ["embedded", "server"])
def test_a_report_without_data_is_corrected_when_they_come(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    warehouse: Engine = request.getfixturevalue(f"{engine}_warehouse")
    with mornings(warehouse, tmp_path) as place:
        place.sections["report"] = {"language": "ru"}
        place.run(Morning(), SEVEN)
        assert "DAU: нет данных" in place.text(KEY)
        place.arrive([*views(6), *views(3, like=True)])
        place.run(Morning(), SEVEN + HOUR)
        assert top(place.text(KEY)) == [
            "Исправлено 9 ноя 08:00: DAU 0 → 6, просмотры 0 → 6, лайки 0 → 3, CTR - → 50,0\u00a0%",
            "",
            "DAU: 6",
            "к вчера: -; к прошлому воскресенью: -",
        ]
        assert "Нет данных" not in place.text(KEY)


def test_later_reports_are_left_alone(place: Mornings, api: BotApi) -> None:
    place.arrive([*views(4), *views(4, MONDAY)])
    place.run(Morning(), SEVEN)
    place.run(Morning(), SEVEN + 24 * HOUR)
    later = place.text("daily_report-2026-11-09")
    assert "DAU: 4\nvs yesterday: 0.0%" in later
    place.arrive(views(6)[4:])
    place.run(Morning(), SEVEN + 25 * HOUR)
    assert top(place.text(KEY))[0] == "Corrected 10 Nov 08:00: DAU 4 → 6, views 4 → 6"
    assert place.text("daily_report-2026-11-09") == later
    assert [message.edits for message in api.sent] == [1, 0]


@pytest.mark.long
def test_a_load_with_the_same_numbers_corrects_nothing(place: Mornings, api: BotApi) -> None:
    place.arrive(views(4))
    place.run(Morning(), SEVEN)
    # An action that no metric counts, and a load by hand.
    place.arrive([seen(1, at(SUNDAY), "share")])
    place.run(Morning(), SEVEN + HOUR)
    with place.at(SEVEN + 2 * HOUR):
        invalidate([DailyMetrics(date=SUNDAY)])
    place.run(Morning(), SEVEN + 2 * HOUR)
    assert [message.edits for message in api.sent] == [0]
    assert "Corrected" not in place.text(KEY)


def test_a_day_that_somebody_loads_again_is_corrected(place: Mornings, api: BotApi) -> None:
    place.sections["etl"] = {"reload_days": "0"}
    place.arrive(views(4))
    place.run(Morning(), SEVEN)
    place.arrive(views(6)[4:])
    place.run(Morning(), SEVEN + HOUR)
    assert [message.edits for message in api.sent] == [0]
    with place.at(SEVEN + 24 * HOUR):
        invalidate(load_chain(SUNDAY))
    place.run(DailyMetrics(date=SUNDAY), SEVEN + 24 * HOUR)
    place.run(Morning(), SEVEN + 24 * HOUR)
    assert top(place.text(KEY))[0] == "Corrected 10 Nov 07:00: DAU 4 → 6, views 4 → 6"


def test_a_chat_that_refuses_the_edit_is_tried_again(place: Mornings, api: BotApi) -> None:
    send_to(place, api, "telegram", f"{CHAT},{NEWS}")
    place.arrive(views(4))
    place.run(Morning(), SEVEN)
    place.arrive(views(6)[4:])
    for hour in (1, 2):
        api.answer_next(FORBIDDEN)
        place.run(Morning(), SEVEN + hour * HOUR, fails=True)
        assert [(message.chat, message.edits) for message in api.sent] == [(CHAT, 0), (NEWS, 1)]
    place.run(Morning(), SEVEN + 3 * HOUR)
    assert [(message.chat, message.edits) for message in api.sent] == [(CHAT, 1), (NEWS, 1)]
    assert {top(message.text)[0] for message in api.sent} == {"Corrected 9 Nov 08:00: DAU 4 → 6, views 4 → 6"}


@pytest.mark.parametrize("is_deleted", [True, False])
@pytest.mark.long
def test_a_message_that_cannot_be_edited_is_sent_again_once(place: Mornings, api: BotApi, is_deleted: bool) -> None:
    place.arrive(views(4))
    place.run(Morning(), SEVEN)
    (first,) = api.sent
    if is_deleted:
        api.delete(first.id)
    else:
        api.freeze(first.id)
    place.arrive(views(6)[4:])
    for hour in (1, 2):
        place.run(Morning(), SEVEN + hour * HOUR)
        *_, newest = api.sent
        assert len(api.sent) == (1 if is_deleted else 2)
        assert newest.text.startswith("Daily report: Sunday, 8 November 2026\n\nCorrected 9 Nov 08:00: DAU 4 → 6")


def test_a_chat_that_is_added_after_a_correction_gets_it_once(place: Mornings, api: BotApi) -> None:
    place.arrive(views(4))
    place.run(Morning(), SEVEN)
    place.arrive(views(6)[4:])
    place.run(Morning(), SEVEN + HOUR)
    send_to(place, api, "outbox,telegram", f"{CHAT},{NEWS}")
    for hour in (2, 3):
        place.run(Morning(), SEVEN + hour * HOUR)
        assert [(message.chat, top(message.text)[0]) for message in api.sent] == [
            (chat, "Corrected 9 Nov 08:00: DAU 4 → 6, views 4 → 6") for chat in (CHAT, NEWS)
        ]


@pytest.mark.long
def test_a_report_that_nobody_got_is_not_corrected(place: Mornings, api: BotApi) -> None:
    send_to(place, api, "telegram", CHAT)
    place.arrive(views(4))
    api.answer_next(FORBIDDEN)
    place.run(Morning(), SEVEN, fails=True)
    place.arrive(views(6)[4:])
    place.run(Morning(), SEVEN + HOUR)
    assert [top(message.text)[0] for message in api.sent] == ["DAU: 6"]
