"""The message of an incident of days, in both languages."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from reporting.alerts import Alert, AlertMetric, Loss, compose, compose_reply
from reporting.message import Message

MONDAY = datetime(2026, 11, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TIMES = [MONDAY - back * DAY for back in range(20, -1, -1)]
BAND = np.full(21, 100_000.0)
LIKES = AlertMetric(
    name="likes", label="Likes", kind="count", state="opened", value=88_000.0, expected=100_000.0, lower=93_000.0,
    upper=107_000.0, since=MONDAY, until=None, times=TIMES, values=BAND * 0.99, band_expected=BAND,
    band_lower=BAND * 0.93, band_upper=BAND * 1.07, drift=-0.03, drift_days=4,
    worst_at=MONDAY, worst_value=88_000.0, worst_expected=100_000.0,
)  # fmt: skip
ALERT = Alert(
    MONDAY, MONDAY + DAY, [LIKES], key="alert-2026-11-09-likes", losses=[Loss("Likes", -12_000.0)], unit="day"
)


def lines(message: Message) -> list[str]:
    return message.html.replace("<b>", "").replace("</b>", "").replace("<i>", "").replace("</i>", "").splitlines()


def test_the_first_message_says_the_day_and_the_drift() -> None:
    message = compose(ALERT, "en")
    assert message.title == "🟠 Likes −12.0% on Mon 9 Nov"
    assert lines(message) == [
        "🟠 Likes −12.0% on Mon 9 Nov",
        "",
        "Likes: 88,000, expected 100,000 (−12.0%)",
        "usually 93,000 to 107,000",
        "−3.0% a day for 4 days",
        "",
        "lost so far: 12,000 likes",
        "",
        "Monday, 9 November 2026, whole day",
    ]
    assert message.picture


@pytest.mark.parametrize(
    ("language", "first", "last"),
    [
        ("en", "🟠 Likes −12.0% on Mon 9 Nov", "Monday, 9 November 2026, whole day"),
        ("ru", "🟠 Likes −12,0\u00a0% (пн 9 ноя)", "понедельник, 9 ноября 2026, за весь день"),
    ],
)
def test_both_languages(language: str, first: str, last: str) -> None:
    shown = lines(compose(ALERT, language))
    assert (shown[0], shown[-1]) == (first, last)
    drift = {"en": "−3.0% a day for 4 days", "ru": "−3,0% в день на протяжении 4 дней"}[language]
    assert drift.replace(" ", "") in shown[4].replace("\xa0", "").replace(" ", "")


def test_what_goes_on_and_what_is_over_are_told_by_days() -> None:
    wednesday = MONDAY + 2 * DAY
    going = replace(ALERT, slot_start=wednesday, slot_end=wednesday + DAY, status="growing", since=MONDAY)
    assert compose(going, "en").title == "🟠 Likes −12.0%, ongoing for 3 d"
    assert "worst on Mon 9 Nov: 88,000, expected 100,000 (−12.0%)" in lines(compose(going, "en"))
    assert lines(compose(going, "en"))[-1] == "Mon 9 Nov – Wed 11 Nov"
    joined = replace(LIKES, since=MONDAY + DAY)
    assert "since Tue 10 Nov" in lines(compose(replace(going, metrics=[joined]), "en"))
    assert compose_reply(going, "en").title == "🟠 Worse: Likes −12.0%, ongoing for 3 d"
    metric = replace(LIKES, state="ended", until=wednesday, value=100_000.0)
    over = replace(going, status="recovered", until=wednesday, metrics=[metric])
    assert lines(compose_reply(over, "en")) == [
        "✅ Likes: recovered after 2 d",
        "Likes, worst on Mon 9 Nov: 88,000, expected 100,000 (−12.0%)",
        "lost: 12,000 likes",
        "",
        "Mon 9 Nov – Tue 10 Nov",
    ]
    assert compose(replace(over, status="data_late", losses=()), "en").title == (
        "✅ Data was late: Mon 9 Nov – Tue 10 Nov is as usual"
    )
