"""Which lines of a long message are dropped first, and the receipts of pressed buttons."""

from datetime import timedelta

import pytest

from reporting.alerts import compose_answer
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


@pytest.mark.parametrize(
    ("action", "english", "russian"),
    [
        ("acknowledge", "Acknowledged", "Принято"),
        ("mute", "Mute 2 h", "Заглушить на 2 ч"),
        ("false_alarm", "False alarm", "Ложная тревога"),
        ("new_normal", "New normal", "Новая норма"),
        (None, "-", "-"),
    ],
)
def test_a_press_is_answered(action: Action | None, english: str, russian: str) -> None:
    answers = [compose_answer(action, timedelta(hours=2), language) for language in ("en", "ru")]
    assert answers == [english, russian]
