"""What an incident's message says from its first post to the reply that closes it."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting import alert as alerts
from reporting import alert_text, texts
from reporting.alert import Action, Alert, AlertMetric, Handling, Loss, Status, compose, compose_reply
from reporting.alert_text import TEXT_LIMIT
from reporting.causes import Cause, RatioSplit
from reporting.errors import ReportingError
from reporting.message import Message, parsed_length, plain_text
from tests.reporting.samples import HOSTILE, SLOT, alert_metric
from tests.servers.bot_rules import parse_html

QUARTER = timedelta(minutes=15)
KEY = "alert-messages_sent-20261102T1115Z"
BUTTONS: tuple[tuple[Action, str], ...] = (
    ("acknowledge", "ack:7"),
    ("mute", "mute:7"),
    ("false_alarm", "false:7"),
    ("new_normal", "new:7"),
)
WORST: dict[str, Any] = {"worst_at": SLOT + QUARTER, "worst_value": 0.0, "worst_expected": 158.0}
LIKES: dict[str, Any] = {
    "name": "likes",
    "label": "Likes",
    "part": "os iOS",
    "value": 1200.0,
    "expected": 2400.0,
    "lower": 2200.0,
    "upper": 2600.0,
    "since": SLOT + 2 * QUARTER,
}


def incident(slots_later: int = 0, *metrics: AlertMetric, **changes: Any) -> Alert:
    """The incident that opened in `SLOT`, as of some slots later."""
    start = SLOT + slots_later * QUARTER
    return Alert(start, start + QUARTER, metrics or (alert_metric(since=SLOT),), **({"key": KEY} | changes))


def growing(**changes: Any) -> Alert:
    given: dict[str, Any] = {
        "status": "growing",
        "causes": [Cause("os", ["iOS"], 0.93)],
        "splits": [RatioSplit("CTR", "Likes", "Views", -0.31, 0.004, mix=0.04)],
        "losses": [Loss("Views", -12_300.4), Loss("Likes", -2_450)],
        "handled": [
            Handling("acknowledge", "Anna Li (@anna)", SLOT + timedelta(minutes=17)),
            Handling("mute", "Boris", SLOT + timedelta(minutes=20), SLOT + timedelta(minutes=140)),
        ],
        "buttons": BUTTONS,
    }
    metrics = (alert_metric(state="ongoing", since=SLOT, **WORST), alert_metric(**LIKES))
    return incident(3, *metrics, **(given | changes))


def recovered(**changes: Any) -> Alert:
    ended = SLOT + 9 * QUARTER
    metrics = (
        alert_metric(state="ended", value=150.0, since=SLOT, until=ended, **WORST),
        alert_metric(**(LIKES | {"state": "ended", "value": 2390.0, "until": ended})),
    )
    return replace(
        growing(),
        **{"slot_start": SLOT + 12 * QUARTER, "slot_end": SLOT + 13 * QUARTER}
        | {"status": "recovered", "metrics": metrics}
        | changes,
    )


def text_of(alert: Alert, language: str = "en") -> str:
    """The text that `compose` would send, without drawing the picture."""
    return plain_text(alert_text.html(alert, alerts._sorted(alert), texts.load(language)))


def test_the_first_post() -> None:
    causes, losses = [Cause("os", ["iOS"], 0.93)], [Loss("Messages sent", -156.0)]
    message = compose(incident(causes=causes, losses=losses, buttons=BUTTONS), "en")
    assert (message.key, message.title) == (KEY, "Messages sent: 0, expected 156 (−100%)")
    assert message.plain == (
        "Messages sent: 0, expected 156 (−100%)\n"
        "usually 120 to 190; since 14:15; detector ensemble\n\n"
        "os iOS explains 93%\n"
        "lost against expected so far: −156 messages sent\n\n"
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
    assert (message.key, message.title) == (KEY, "Goes on for 1 h: Messages sent and 1 more")
    assert message.plain == (
        "Goes on for 1 h: Messages sent and 1 more\n\n"
        "Messages sent: 0, expected 156 (−100%)\n"
        "usually 120 to 190; since 14:15; 0, expected 158 (−100%) at the worst, 14:30; detector ensemble\n"
        "Likes, os iOS: 1,200, expected 2,400 (−50.0%)\n"
        "usually 2,200 to 2,600; since 14:45; detector ensemble\n\n"
        "os iOS explains 93%\n"
        "CTR: likes fell (−31.0%), views +0.4%; 96% within slices, 4% by their mix\n"
        "lost against expected so far: −12,300 views, −2,450 likes\n"
        "acknowledged: Anna Li (@anna), 14:32\n"
        "muted until 16:35: Boris, 14:35\n\n"
        "Monday, 2 November 2026, 15:00–15:15 (UTC+3)"
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
        "Продолжается уже 1 ч: Messages sent и ещё 1\n\n"
        "Messages sent: 0, ожидалось 156 (−100\u00a0%)\n"
        "обычно от 120 до 190; с 14:15; 0, ожидалось 158 (−100\u00a0%) в худший момент, 14:30; детектор ensemble\n"
        "Likes, os iOS: 1\u00a0200, ожидалось 2\u00a0400 (−50,0\u00a0%)\n"
        "обычно от 2\u00a0200 до 2\u00a0600; с 14:45; детектор ensemble\n\n"
        "Лайки: ОС iOS, Android объясняют 93\u00a0%\n"
        "CTR: просмотры выросли (+50,0\u00a0%), лайки +1,0\u00a0%\n"
        "пока потеряно против ожидания: просмотры −12\u00a0300\n"
        "пока сверх ожидания: лайки +2\u00a0450\n"
        "принято: Анна, 14:32\n"
        "заглушено до 3 ноя, 16:15: Борис, 3 ноя, 14:15\n\n"
        "понедельник, 2 ноября 2026, 15:00–15:15 (UTC+3)"
    )
    labels = [button.label for button in message.buttons]
    assert labels == ["Принять", "Заглушить на 2 ч", "Ложная тревога", "Новая норма"]


def test_the_end_and_the_reply_that_says_so() -> None:
    message, reply = compose(recovered(), "en"), compose_reply(recovered(), "en")
    assert message.key == KEY
    assert message.plain.split("\n")[:4] == [
        "Recovered after 2 h 15 min: Messages sent and 1 more",
        "",
        "Messages sent: back to normal, 150, expected 156",
        "usually 120 to 190; 14:15 to 16:30, lasted 2 h 15 min; 0, expected 158 (−100%) at the worst, 14:30; "
        "detector ensemble",
    ]
    assert "lost against expected: −12,300 views, −2,450 likes" in message.plain
    assert reply.key == f"{KEY}-recovered"
    assert (reply.picture, reply.buttons) == (None, ())
    assert reply.plain == (
        "Recovered after 2 h 15 min: Messages sent and 1 more\n"
        "Messages sent: 0, expected 158 (−100%) at the worst, 14:30\n"
        "os iOS explains 93%\n"
        "lost against expected: −12,300 views, −2,450 likes\n\n"
        "Monday, 2 November 2026, 14:15–16:30 (UTC+3)"
    )
    assert compose_reply(recovered(), "ru").plain == (
        "Восстановилось, длилось 2 ч 15 мин: Messages sent и ещё 1\n"
        "Messages sent: 0, ожидалось 158 (−100\u00a0%) в худший момент, 14:30\n"
        "os iOS объясняет 93\u00a0%\n"
        "потеряно против ожидания: views −12\u00a0300, likes −2\u00a0450\n\n"
        "понедельник, 2 ноября 2026, 14:15–16:30 (UTC+3)"
    )


def test_no_data_asks_why_is_told_once_more_and_is_corrected() -> None:
    missing = alert_metric(value=math.nan, since=SLOT)
    gone = incident(1, missing, status="no_data", source="feed_actions")
    assert compose(gone, "en").title == "No data since 14:15 in feed_actions: application or loading?"
    assert compose(replace(gone, source=""), "en").title == "No data since 14:15: application or loading?"
    assert compose(gone, "ru").title == "Нет данных в feed_actions с 14:15: приложение или загрузка?"
    assert "\nMessages sent: no data, expected 156\n" in compose(gone, "en").plain
    later = replace(gone, slot_start=SLOT + 7 * QUARTER, slot_end=SLOT + 8 * QUARTER)
    assert compose_reply(later, "en").plain == (
        "Still no data in feed_actions since 14:15, for 2 h: application or loading?\n"
        "Messages sent: no data, expected 156\n\n"
        "Monday, 2 November 2026, 14:15–16:15 (UTC+3)"
    )
    assert compose_reply(later, "ru").title == (
        "Всё ещё нет данных в feed_actions с 14:15, уже 2 ч: приложение или загрузка?"
    )
    landed = alert_metric(state="ended", value=150.0, since=SLOT, until=SLOT + 8 * QUARTER, **WORST)
    late = incident(9, landed, status="data_late", source="feed_actions")
    assert compose(late, "en").title == "Data was late: feed_actions, 14:15 to 16:15"
    assert compose(late, "ru").title == "Данные опоздали: feed_actions, с 14:15 до 16:15"
    # How low it seemed to be is not how low it was.
    assert compose_reply(late, "en").plain == (
        "Data was late: feed_actions, 14:15 to 16:15\n"
        "Messages sent: back to normal, 150, expected 156\n\n"
        "Monday, 2 November 2026, 14:15–16:15 (UTC+3)"
    )
    assert "worst" not in compose(late, "en").plain


@pytest.mark.parametrize(
    ("status", "english", "russian"),
    [("new_normal", "New normal", "Новая норма"), ("false_alarm", "False alarm", "Ложная тревога")],
)
def test_what_somebody_decided_names_him(status: Any, english: str, russian: str) -> None:
    handled = [Handling("acknowledge", "Boris", SLOT), Handling(status, "Anna", SLOT + QUARTER)]
    decided = incident(2, alert_metric(since=SLOT), status=status, handled=handled, causes=[Cause()])
    assert compose(decided, "en").plain.startswith(
        f"{english}: Messages sent\n\nMessages sent: 0, expected 156 (−100%)\n"
    )
    assert compose_reply(decided, "en").plain == (
        f"{english}: Messages sent\nnot explained by any slice\n{english.lower()}: Anna, 14:30\n\n"
        "Monday, 2 November 2026, 14:15–15:00 (UTC+3)"
    )
    reply = compose_reply(decided, "ru")
    assert reply.title == f"{russian}: Messages sent"
    assert f"ни один срез этого не объясняет\n{russian.lower()}: Anna, 14:30\n" in reply.plain


def test_who_leads_stays_whatever_joins_or_ends() -> None:
    first = alert_metric(name="z", label="First", state="ended", since=SLOT, until=SLOT + QUARTER)
    part = alert_metric(name="a", label="First", part="os iOS", since=SLOT)
    joined = alert_metric(name="b", label="Joined", since=SLOT + QUARTER)
    message = compose(incident(1, joined, part, first, status="growing"), "en")
    heads = [line for line in message.html.split("\n") if line.startswith("<b>")]
    assert [line.split(":")[0] for line in heads[1:]] == ["<b>First", "<b>First, os iOS", "<b>Joined"]
    assert message.title == "Goes on for 30 min: First and 2 more"


def test_an_incident_over_night_and_over_a_clock_change_has_its_real_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    began, ended = datetime(2026, 10, 24, 23, 30, tzinfo=berlin), datetime(2026, 10, 25, 4, 0, tzinfo=berlin)
    metric = alert_metric(ended, state="ended", since=began, until=ended)
    over = Alert(ended, ended + QUARTER, [metric], status="recovered")
    reply = compose_reply(over, "en")
    assert reply.plain == (
        "Recovered after 5 h 30 min: Messages sent\n\nSaturday, 24 October 2026, 23:30–25 Oct, 04:00 (UTC+1)"
    )


def test_the_incidents_own_ends_count_before_its_metrics() -> None:
    over = recovered(since=SLOT - QUARTER, until=SLOT + 10 * QUARTER)
    assert compose(over, "en").title == "Recovered after 2 h 45 min: Messages sent and 1 more"
    assert recovered().length == timedelta(hours=2, minutes=15)
    assert growing().length == timedelta(hours=1)


@pytest.mark.parametrize(
    ("losses", "lines"),
    [
        ([], []),
        ([Loss("Views", 0.3), Loss("Likes", math.nan), Loss("CTR", -math.inf), Loss("x", 1e18)], []),
        ([Loss("Views", 12_300.0)], ["above expected so far: +12,300 views"]),
        (
            [Loss("Views", -1.0), Loss("DAU", 5.0), Loss("Likes", -2.0)],
            ["lost against expected so far: −1 views, −2 likes", "above expected so far: +5 DAU"],
        ),
    ],
)
def test_losses(losses: list[Loss], lines: list[str]) -> None:
    text = text_of(incident(losses=losses))
    assert [line for line in text.split("\n") if "so far" in line] == lines


def test_many_losses_take_one_line_and_cost_no_detail() -> None:
    losses = [Loss(f"{index:02} {'x' * 30}", -1000.0 - index) for index in range(40)]
    text = text_of(incident(losses=losses))
    line = next(line for line in text.split("\n") if line.startswith("lost"))
    assert line.startswith("lost against expected so far: −1,000 00 xxx")
    assert 150 < len(line) < 250
    assert "usually 120 to 190" in text


def crowded(status: Status, count: int) -> Alert:
    metrics = [
        alert_metric(
            name=f"{index:03}",
            label=f"{index:03} {HOSTILE}",
            part=HOSTILE,
            since=SLOT,
            state="ended",
            until=SLOT + QUARTER,
            **WORST,
        )
        for index in range(count)
    ]
    return Alert(
        SLOT + QUARTER,
        SLOT + 2 * QUARTER,
        metrics,
        [(HOSTILE, "https://e.example/")] * 9,
        KEY,
        status,
        source=HOSTILE,
        causes=[Cause(HOSTILE, [HOSTILE] * 9, 0.5, HOSTILE)] * 3,
        splits=[RatioSplit(HOSTILE, HOSTILE, HOSTILE, -0.5, 0.2, 0.1)] * 3,
        losses=[Loss(HOSTILE, -1e14), Loss(HOSTILE, 1e14)] * 9,
        handled=[Handling("mute", HOSTILE, SLOT, SLOT + timedelta(days=3))] * 30,
        buttons=BUTTONS,
    )


@pytest.mark.parametrize("language", texts.available())
@pytest.mark.parametrize("status", get_args(Status))
@pytest.mark.parametrize("count", [1, 3, 40])
def test_everything_hostile_at_once_fits_a_caption(language: str, status: Status, count: int) -> None:
    alert = crowded(status, count)
    words = texts.load(language)
    for html in (
        alert_text.html(alert, alerts._sorted(alert), words),
        alert_text.reply_html(alert, alerts._sorted(alert), words),
    ):
        assert parsed_length(html) <= TEXT_LIMIT
        text = parse_html(html)
        assert "<b>&amp;" not in html
        assert text.split("\n")[0].count("…") <= 2
    text = alert_text.html(alert, alerts._sorted(alert), words)
    # The headline, the newest receipts and the slot are never among what goes.
    assert words.muted("").strip().lower()[:5] in text
    assert "UTC+3" in text
    assert "000 Robert" in text
    shown = sum(f">{index:03} Robert" in text for index in range(count))
    assert shown == count or words.more(count - shown) in text


def test_the_least_important_lines_go_first() -> None:
    full = growing(links=[("Dashboard", "https://bi.example")])
    bulk = [alert_metric(name=f"m{i}", label=f"Metric {i} {'x' * 30}", since=SLOT + QUARTER) for i in range(30)]
    kinds = {
        "more details": "usually 2,200",
        "links": "Dashboard",
        "more metrics": "Likes, os iOS",
        "split": "CTR:",
        "details": "usually 120",
        "cause": "explains",
        "loss": "lost",
        "receipt": "muted",
        "headline": "Messages sent: 0",
    }
    order = list(kinds)
    gone_before = 0
    for count in range(len(bulk) + 1):
        text = text_of(replace(full, metrics=[*full.metrics, *bulk[:count]]))
        gone = [kind for kind, words in kinds.items() if words not in text]
        assert gone == order[: len(gone)]
        assert len(gone) >= gone_before
        gone_before = len(gone)
    assert gone_before >= 3


times = st.integers(-2000, 2000).map(lambda quarters: SLOT + quarters * QUARTER)
numbers = st.floats() | st.sampled_from([0.0, -1.0, 1e14, -1e14])
causes = st.builds(Cause, st.text(), st.lists(st.text(), max_size=5), numbers, st.text())
splits = st.builds(RatioSplit, st.text(), st.text(), st.text(), numbers, numbers, numbers)
receipts = st.builds(Handling, st.sampled_from(["acknowledge", "false_alarm", "new_normal"]), st.text(), times)


@given(st.data())
@settings(max_examples=150)
def test_any_incident_gives_texts_that_telegram_accepts(data: st.DataObject) -> None:
    metrics = [
        alert_metric(
            name=str(index),
            label=data.draw(st.text()),
            part=data.draw(st.text()),
            value=data.draw(numbers),
            expected=data.draw(numbers),
            kind=data.draw(st.sampled_from(["count", "ratio"])),
            since=data.draw(times),
            worst_at=data.draw(st.none() | times),
            worst_value=data.draw(numbers),
            worst_expected=data.draw(numbers),
        )
        for index in range(data.draw(st.integers(1, 4)))
    ]
    alert = Alert(
        SLOT,
        SLOT + QUARTER,
        metrics,
        status=data.draw(st.sampled_from(get_args(Status))),
        since=data.draw(st.none() | times),
        until=data.draw(st.none() | times),
        source=data.draw(st.text()),
        causes=data.draw(st.lists(causes, max_size=4)),
        splits=data.draw(st.lists(splits, max_size=4)),
        losses=data.draw(st.lists(st.builds(Loss, st.text(), numbers), max_size=9)),
        handled=data.draw(st.lists(receipts, max_size=6)),
    )
    words = texts.load(data.draw(st.sampled_from(texts.available())))
    ordered = alerts._sorted(alert)
    for title, html in (
        (alert_text.title(alert, ordered, words), alert_text.html(alert, ordered, words)),
        (alert_text.reply_title(alert, ordered, words), alert_text.reply_html(alert, ordered, words)),
    ):
        assert parsed_length(html) <= TEXT_LIMIT
        parse_html(html)
        assert Message("key", title, html).plain.strip()


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: Handling("mute", "x", SLOT), "a mute needs `until`"),
        (lambda: Handling("acknowledge", "x", SLOT, SLOT), "nothing else has it"),
        (lambda: Handling("acknowledge", "x", datetime(2026, 11, 2)), "needs a time zone"),
        (lambda: incident(since=datetime(2026, 11, 2)), "needs a time zone"),
        (lambda: alert_metric(worst_at=datetime(2026, 11, 2)), "needs a time zone"),
        (lambda: compose(incident(key="a/b"), "en"), "not a file name"),
        (lambda: compose(incident(buttons=[("mute", "x" * 65)]), "en"), "64 bytes"),
    ],
)
def test_impossible_input_is_a_clear_error(build: Any, error: str) -> None:
    with pytest.raises(ReportingError, match=error):
        build()
