"""The message of an incident from its first post to the reply that closes it."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reporting import texts
from reporting.alerts import text
from reporting.alerts.compose import compose, compose_reply
from reporting.alerts.model import Alert, Correction, Handling, Loss
from reporting.causes import Cause, RatioSplit
from tests.reporting.alerts.incidents import BUTTONS, KEY, QUARTER, WORST, growing, incident, recovered, text_of
from tests.reporting.samples import SLOT, alert_metric


def test_the_first_post() -> None:
    causes, losses = [Cause("os", ["iOS"], 0.93)], [Loss("Messages sent", -156.0)]
    message = compose(incident(causes=causes, losses=losses, buttons=BUTTONS), "en")
    assert (message.key, message.title) == (KEY, "🔴 Messages sent −100%, ongoing for 15 min")
    assert message.plain == (
        "🔴 Messages sent −100%, ongoing for 15 min\n\n"
        "Messages sent: 0, expected 156 (−100%)\n"
        "usually 120 to 190\n\n"
        "os iOS explains 93%\n"
        "lost so far: 156 messages sent\n\n"
        "Monday, 2 November 2026, 14:15–14:30 (UTC+3)"
    )
    assert [(button.label, button.data) for button in message.buttons] == [
        ("Acknowledge", "ack:7"),
        ("Mute 2 h", "mute:7"),
        ("False alarm", "false:7"),
        ("New normal", "new:7"),
    ]
    assert message.picture is not None


def test_as_it_grows_in_english() -> None:
    message = compose(growing(), "en")
    assert (message.key, message.title) == (KEY, "🔴 Messages sent −100% and 1 more, ongoing for 1 h")
    assert message.plain == (
        "🔴 Messages sent −100% and 1 more, ongoing for 1 h\n\n"
        "Messages sent: 0, expected 156 (−100%)\n"
        "usually 120 to 190\n"
        "worst at 14:30: 0, expected 158 (−100%)\n"
        "Likes, os iOS: 1,200, expected 2,400 (−50.0%)\n"
        "usually 2,200 to 2,600\n"
        "since 14:45\n\n"
        "os iOS explains 93%\n"
        "CTR: likes fell (−31.0%), views +0.4%; 96% within slices, 4% by their mix\n"
        "lost so far: 12,300 views, 2,450 likes\n"
        "acknowledged: Anna Li (@anna), 14:32\n"
        "muted until 16:35: Boris, 14:35\n\n"
        "Monday, 2 November 2026, 14:15–15:15 (UTC+3)"
    )
    assert compose_reply(growing(), "en").plain == (
        "🔴 Worse: Messages sent −100% and 1 more, ongoing for 1 h\n"
        "Messages sent: 0, expected 156 (−100%)\n"
        "told before: −40.0%\n"
        "Likes, os iOS: 1,200, expected 2,400 (−50.0%)\n"
        "os iOS explains 93%\n"
        "lost so far: 12,300 views, 2,450 likes\n\n"
        "Monday, 2 November 2026, 14:15–15:15 (UTC+3)"
    )


def test_as_it_grows_in_russian() -> None:
    handled = [Handling("acknowledge", "Анна", SLOT + timedelta(minutes=17))]
    handled.append(Handling("mute", "Борис", SLOT + timedelta(days=1), SLOT + timedelta(days=1, hours=2)))
    message = compose(
        growing(
            causes=[Cause("ОС", ["iOS", "Android"], 0.93, metric="Лайки")],
            splits=[RatioSplit("CTR", "Лайки", "Просмотры", 0.01, 0.5)],
            losses=[Loss("Просмотры", -12_300.4), Loss("Лайки", 2_450)],
            handled=handled,
        ),
        "ru",
    )
    assert message.plain == (
        "🔴 Messages sent −100\u00a0% и ещё 1, длится 1 ч\n\n"
        "Messages sent: 0, ожидалось 156 (−100\u00a0%)\n"
        "обычно от 120 до 190\n"
        "сильнее всего в 14:30: 0, ожидалось 158 (−100\u00a0%)\n"
        "Likes, os iOS: 1\u00a0200, ожидалось 2\u00a0400 (−50,0\u00a0%)\n"
        "обычно от 2\u00a0200 до 2\u00a0600\n"
        "с 14:45\n\n"
        "Лайки: ОС iOS, Android объясняют 93\u00a0%\n"
        "CTR: просмотры выросли (+50,0\u00a0%), лайки +1,0\u00a0%\n"
        "пока недобор: просмотры 12\u00a0300\n"
        "пока сверх ожидания: лайки 2\u00a0450\n"
        "взято в работу: Анна, 14:32\n"
        "уведомления отключены до 3 ноя, 16:15: Борис, 3 ноя, 14:15\n\n"
        "понедельник, 2 ноября 2026, 14:15–15:15 (UTC+3)"
    )
    labels = [button.label for button in message.buttons]
    assert labels == ["Взять в работу", "Без уведомлений 2 ч", "Ложная тревога", "Новая норма"]


def test_the_end_and_the_reply_that_says_so() -> None:
    message, reply = compose(recovered(), "en"), compose_reply(recovered(), "en")
    assert message.key == KEY
    assert message.plain.split("\n")[:4] == [
        "✅ Messages sent and 1 more: recovered after 2 h 15 min",
        "",
        "Messages sent: 150, expected 156 (back to normal)",
        "worst at 14:30: 0, expected 158 (−100%)",
    ]
    assert "lost: 12,300 views, 2,450 likes" in message.plain
    assert reply.key == f"{KEY}-recovered"
    assert (reply.picture, reply.buttons) == (None, ())
    assert reply.plain == (
        "✅ Messages sent and 1 more: recovered after 2 h 15 min\n"
        "Messages sent, worst at 14:30: 0, expected 158 (−100%)\n"
        "os iOS explains 93%\n"
        "lost: 12,300 views, 2,450 likes\n\n"
        "Monday, 2 November 2026, 14:15–16:30 (UTC+3)"
    )
    assert compose_reply(recovered(), "ru").plain == (
        "✅ Messages sent и ещё 1: снова в норме, длилось 2 ч 15 мин\n"
        "Messages sent, сильнее всего в 14:30: 0, ожидалось 158 (−100\u00a0%)\n"
        "os iOS объясняет 93\u00a0%\n"
        "недобор: views 12\u00a0300, likes 2\u00a0450\n\n"
        "понедельник, 2 ноября 2026, 14:15–16:30 (UTC+3)"
    )


def test_no_data_asks_why_is_told_once_more_and_is_corrected() -> None:
    missing = alert_metric(value=math.nan, since=SLOT)
    no_rows = incident(1, missing, status="no_data", source="feed_actions")
    assert compose(no_rows, "en").title == "🔴 No data in feed_actions since 14:15"
    assert compose(replace(no_rows, source=""), "en").title == "🔴 No data since 14:15"
    assert compose(no_rows, "ru").plain.split("\n")[:2] == [
        "🔴 Нет данных в feed_actions с 14:15",
        "Не работает приложение или опаздывает загрузка?",
    ]
    assert "\nMessages sent: no data, expected 156\n" in compose(no_rows, "en").plain
    later = replace(no_rows, slot_start=SLOT + 7 * QUARTER, slot_end=SLOT + 8 * QUARTER)
    assert compose_reply(later, "en").plain == (
        "🔴 Still no data in feed_actions, for 2 h\n"
        "Is the application down or the load late?\n"
        "Messages sent: no data, expected 156\n\n"
        "Monday, 2 November 2026, 14:15–16:15 (UTC+3)"
    )
    assert compose_reply(later, "ru").title == "🔴 Всё ещё нет данных в feed_actions, уже 2 ч"
    landed = alert_metric(state="ended", value=150.0, since=SLOT, until=SLOT + 8 * QUARTER, **WORST)
    late = incident(9, landed, status="data_late", source="feed_actions")
    assert compose(late, "en").title == "✅ Data was late: feed_actions, 14:15 to 16:15"
    assert compose(late, "ru").title == "✅ Данные опоздали: feed_actions, с 14:15 до 16:15"
    # While rows are missing, the worst value is not real, so it is not written.
    assert compose_reply(late, "en").plain == (
        "✅ Data was late: feed_actions, 14:15 to 16:15\n"
        "Messages sent: 150, expected 156 (back to normal)\n\n"
        "Monday, 2 November 2026, 14:15–16:15 (UTC+3)"
    )
    assert "worst" not in compose(late, "en").plain


def test_what_late_rows_have_corrected_is_told_beside_what_is_true() -> None:
    corrections = [
        Correction("Views", "count", 22.0, 435.0, 409.0, 435.0),
        Correction("Active users, os iOS", "count", 0.0, 57.0),
        Correction("CTR", "ratio", 0.1, 0.2, 0.19, 0.2),
        Correction("Likes", "count", 3.0, 0.0),
    ]
    late = {"late_until": SLOT + 5 * QUARTER, "corrections": corrections}
    lines = (
        "data was late until 15:30, so this is corrected:\n"
        "Views: worst −6.0%, first told as −94.9%\n"
        "Active users, os iOS: as usual, first told as −100%\n"
        "CTR: worst −1.00\u00a0pp, −5.0%, first told as −10.00\u00a0pp, −50.0%\n"
    )
    for message in (compose(growing(**late), "en"), compose_reply(recovered(**late), "en")):
        assert lines in message.plain
    assert (
        "данные опаздывали до 15:30, уточнено:\n"
        "Views: не сильнее −6,0\u00a0%, раньше сообщалось −94,9\u00a0%\n"
        "Active users, os iOS: как обычно, раньше сообщалось −100\u00a0%\n"
    ) in compose_reply(recovered(**late), "ru").plain
    assert "as usual, first told as 3" in text_of(growing(**late | {"corrections": corrections[3:]}))
    assert "late" not in text_of(growing(late_until=SLOT))  # what people were told was true


def test_the_last_line_and_the_picture_say_when_the_incident_was() -> None:
    over = recovered()
    assert compose(over, "en").plain.endswith("\nMonday, 2 November 2026, 14:15–16:30 (UTC+3)")
    assert text.picture_title(over, texts.load("en")) == "Mon 2 Nov, 14:15–16:30 (UTC+3)"
    assert text.picture_title(growing(), texts.load("ru")) == "пн 2 ноя, 14:15–15:15 (UTC+3)"


def test_periods_over_a_clock_change_have_both_offsets() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    began = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).astimezone(berlin)  # 02:30 for the first time
    ended = began.astimezone(UTC) + timedelta(hours=1)
    ended = ended.astimezone(berlin)  # 02:30 for the second time
    metric = alert_metric(ended, state="ended", since=began, until=ended)
    over = Alert(ended, ended + QUARTER, [metric], status="data_late")
    for language, sentence in (("en", "02:30 (UTC+2) to 02:30 (UTC+1)"), ("ru", "с 02:30 (UTC+2) до 02:30 (UTC+1)")):
        message = compose(over, language)
        assert sentence in message.title
        assert "02:30 (UTC+2) – 02:30 (UTC+1)" in message.plain.split("\n")[-1]
    # The slot in which clocks change.
    start = ended - timedelta(minutes=45)
    last = datetime(2026, 10, 25, 0, 45, tzinfo=UTC).astimezone(berlin)
    now = Alert(last, start.replace(hour=2, minute=0, fold=1), [alert_metric(last, since=began)])
    assert text.period(now, texts.load("en")) == "Sunday, 25 October 2026, 02:30 (UTC+2) – 02:00 (UTC+1)"


@pytest.mark.parametrize(
    ("status", "english", "russian"),
    [
        ("new_normal", "New normal: Messages sent −100%", "Новая норма: Messages sent −100\u00a0%"),
        ("false_alarm", "False alarm: Messages sent", "Ложная тревога: Messages sent"),
    ],
)
def test_what_somebody_decided_names_him(status: Any, english: str, russian: str) -> None:
    handled = [Handling("acknowledge", "Boris", SLOT), Handling(status, "Anna", SLOT + QUARTER)]
    decided = incident(2, alert_metric(since=SLOT), status=status, handled=handled, causes=[Cause()])
    assert compose(decided, "en").plain.startswith(f"✅ {english}\n\nMessages sent: 0, expected 156 (−100%)\n")
    mark = english.partition(":")[0].lower()
    assert compose_reply(decided, "en").plain == (
        f"✅ {english}\nno slice stands out\n{mark}: Anna, 14:30\n\nMonday, 2 November 2026, 14:15–15:00 (UTC+3)"
    )
    reply = compose_reply(decided, "ru")
    assert reply.title == f"✅ {russian}"
    mark = russian.partition(":")[0].lower()
    assert f"ни один срез не выделяется\n{mark}: Anna, 14:30\n" in reply.plain


def test_the_worst_total_that_goes_on_leads() -> None:
    first = alert_metric(name="z", label="First", state="ended", since=SLOT, until=SLOT + QUARTER)
    part = alert_metric(name="a", label="First", part="os iOS", since=SLOT)
    joined = alert_metric(name="b", label="Joined", since=SLOT + QUARTER)
    message = compose(incident(1, first, part, joined, status="growing"), "en")
    heads = [line for line in message.html.split("\n") if line.startswith("<b>")]
    assert [line.split(":")[0] for line in heads[1:]] == ["<b>Joined", "<b>First, os iOS", "<b>First"]
    assert message.title == "🔴 Joined −100% and 2 more, ongoing for 30 min"


def test_an_incident_over_night_and_over_a_clock_change_has_its_real_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    began, ended = datetime(2026, 10, 24, 23, 30, tzinfo=berlin), datetime(2026, 10, 25, 4, 0, tzinfo=berlin)
    metric = alert_metric(ended, state="ended", since=began, until=ended)
    over = Alert(ended, ended + QUARTER, [metric], status="recovered")
    reply = compose_reply(over, "en")
    assert reply.plain == (
        "✅ Messages sent: recovered after 5 h 30 min\n\n"
        "Saturday, 24 October 2026, 23:30 (UTC+2) – 25 Oct, 04:00 (UTC+1)"
    )


def test_the_incidents_own_ends_count_before_its_metrics() -> None:
    over = recovered(since=SLOT - QUARTER, until=SLOT + 10 * QUARTER)
    assert compose(over, "en").title == "✅ Messages sent and 1 more: recovered after 2 h 45 min"
    assert recovered().length == timedelta(hours=2, minutes=15)
    assert growing().length == timedelta(hours=1)


@pytest.mark.parametrize(
    ("losses", "lines"),
    [
        ([], []),
        ([Loss("Views", 0.3), Loss("Likes", math.nan), Loss("CTR", -math.inf), Loss("x", 1e18)], []),
        ([Loss("Views", 12_300.0)], ["above expected so far: 12,300 views"]),
        (
            [Loss("Views", -1.0), Loss("DAU", 5.0), Loss("Likes", -2.0)],
            ["lost so far: 1 views, 2 likes", "above expected so far: 5 DAU"],
        ),
    ],
)
def test_losses(losses: list[Loss], lines: list[str]) -> None:
    text = text_of(incident(losses=losses))
    assert [line for line in text.split("\n") if "so far" in line] == lines
