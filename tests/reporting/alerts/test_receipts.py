"""Which lines of a long message are dropped first, and the receipts of pressed buttons."""

from datetime import datetime, timedelta

import pytest

from reporting.alerts import compose, compose_answer
from reporting.alerts.model import Action, Alert, AlertMetric, Handling
from reporting.alerts.text import html
from reporting.message import plain_text
from reporting.texts import en
from tests.reporting.samples import SLOT, alert_metric

QUARTER = timedelta(minutes=15)
LINK = ("Dashboard", "https://bi.example")


def metrics(count: int) -> list[AlertMetric]:
    return [alert_metric(name=f"m{i}", label=f"Metric {i} {'x' * 25}", since=SLOT) for i in range(count)]


def text_of(alert: Alert) -> str:
    """The text alone: no picture is drawn."""
    return plain_text(html(alert, alert.metrics, en))


def test_of_many_receipts_the_four_newest_are_shown() -> None:
    people = ["Anna", "Boris", "Vera", "Gleb", "Dina"]
    handled = [Handling("acknowledge", name, SLOT + i * QUARTER) for i, name in enumerate(people)]
    text = text_of(Alert(SLOT, SLOT + QUARTER, metrics(1), handled=handled))
    assert [line for line in text.split("\n") if line.startswith("acknowledged")] == [
        "acknowledged: Boris, 14:30",
        "acknowledged: Vera, 14:45",
        "acknowledged: Gleb, 15:00",
        "acknowledged: Dina, 15:15",
    ]


def test_details_of_lesser_metrics_go_before_links() -> None:
    # Every metric but the first loses its details before the link is dropped.
    shown = []
    for count in range(1, 13):
        text = text_of(Alert(SLOT, SLOT + QUARTER, metrics(count), [LINK]))
        shown.append((text.count("usually"), count, LINK[0] in text))
    some_gone = [has_link for details, count, has_link in shown if 1 < details < count]
    assert some_gone
    assert all(some_gone)


UNTIL = SLOT + timedelta(hours=2)
TOO_LATE = ("This alert is over already: the press changes nothing", "Алерт уже закрыт, нажатие ничего не меняет")


@pytest.mark.parametrize(
    ("action", "muted_until", "is_over", "english", "russian"),
    [
        ("acknowledge", None, False, "Acknowledged", "Взято в работу"),
        ("acknowledge", None, True, "Acknowledged", "Взято в работу"),
        ("mute", UNTIL, False, "Muted until 16:15", "Уведомления отключены до 16:15"),
        (
            "mute",
            UNTIL + timedelta(days=1),
            False,
            "Muted until 3 Nov, 16:15",
            "Уведомления отключены до 3 ноя, 16:15",
        ),
        ("unmute", None, False, "Unmuted: you will hear of changes again", "Уведомления включены"),
        ("unmute", UNTIL, False, "Muted until 16:15", "Уведомления отключены до 16:15"),  # somebody muted it again
        (
            "false_alarm",
            None,
            False,
            "Marked as a false alarm: you will hear no more of it",
            "Отмечено как ложная тревога: больше о ней не напомним",
        ),
        (
            "new_normal",
            None,
            False,
            "Marked as the new normal: this alert is over",
            "Отмечено как новая норма: алерт закрыт",
        ),
        ("reopen", None, False, "Open again: you will hear of changes", "Открыто заново: уведомления включены"),
        ("mute", UNTIL, True, *TOO_LATE),
        ("reopen", None, True, *TOO_LATE),
    ],
)
def test_a_press_is_answered_with_what_holds_now(
    action: Action, muted_until: datetime | None, is_over: bool, english: str, russian: str
) -> None:
    answers = [compose_answer(action, SLOT, language, muted_until, is_over=is_over) for language in ("en", "ru")]
    assert answers == [english, russian]


def test_receipts_say_what_was_undone_and_why_it_was_muted() -> None:
    handled = [
        Handling("mute", "anna", SLOT, SLOT + timedelta(hours=4), "release of the feed " + "x" * 100),
        Handling("unmute", "Boris", SLOT + QUARTER),
        Handling("reopen", "Vera", SLOT + 2 * QUARTER),
    ]
    text = text_of(Alert(SLOT, SLOT + QUARTER, metrics(1), handled=handled))
    lines = text.split("\n")
    (muted,) = [line for line in lines if line.startswith("muted")]
    assert muted.startswith("muted until 18:15: anna, 14:15 (release of the feed xxx")
    assert len(muted) < 100
    assert "unmuted: Boris, 14:30" in lines
    assert "reopened: Vera, 14:45" in lines


def test_what_was_done_can_be_undone() -> None:
    buttons: list[tuple[Action, str]] = [("unmute", "a"), ("reopen", "b")]
    message = compose(Alert(SLOT, SLOT + QUARTER, metrics(1), buttons=buttons), "en")
    assert [button.label for button in message.buttons] == ["Unmute", "Reopen"]
    message = compose(Alert(SLOT, SLOT + QUARTER, metrics(1), buttons=buttons), "ru")
    assert [button.label for button in message.buttons] == ["Включить уведомления", "Открыть заново"]
