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
    band_lower=BAND * 0.93, band_upper=BAND * 1.07, detector="weekday", drift=-0.03, drift_days=4,
    worst_at=MONDAY, worst_value=88_000.0, worst_expected=100_000.0,
)  # fmt: skip
ALERT = Alert(
    MONDAY, MONDAY + DAY, [LIKES], key="alert-2026-11-09-likes", losses=[Loss("Likes", -12_000.0)], unit="day"
)


def lines(message: Message) -> list[str]:
    return message.html.replace("<b>", "").replace("</b>", "").replace("<i>", "").replace("</i>", "").splitlines()


def test_the_first_message_says_the_day_and_the_drift() -> None:
    message = compose(ALERT, "en")
    assert message.title == "Mon 9 Nov, Likes: 88,000, expected 100,000 (−12.0%)"
    assert lines(message) == [
        "Monday, 9 November 2026, whole day",
        "",
        "Likes: 88,000, expected 100,000 (−12.0%)",
        "usually 93,000 to 107,000; −3.0% a day for 4 days; detector weekday",
        "",
        "lost against expected so far: −12,000 likes",
    ]
    assert message.picture


@pytest.mark.parametrize(
    ("language", "first"),
    [("en", "Monday, 9 November 2026, whole day"), ("ru", "Понедельник, 9 ноября 2026, за весь день")],
)
def test_both_languages(language: str, first: str) -> None:
    shown = lines(compose(ALERT, language))
    assert shown[0].casefold() == first.casefold()
    drift = {"en": "−3.0% a day for 4 days", "ru": "−3,0% в день на протяжении 4 дней"}[language]
    assert drift.replace(" ", "") in shown[3].replace("\xa0", "").replace(" ", "")


def test_what_goes_on_and_what_is_over_are_told_by_days() -> None:
    wednesday = MONDAY + 2 * DAY
    going = replace(ALERT, slot_start=wednesday, slot_end=wednesday + DAY, status="growing", since=MONDAY)
    assert compose(going, "en").title == "Goes on for 3 d: Likes"
    assert (
        "since Mon 9 Nov; 88,000, expected 100,000 (−12.0%) at the worst, Mon 9 Nov" in lines(compose(going, "en"))[3]
    )
    metric = replace(LIKES, state="ended", until=wednesday, value=100_000.0)
    over = replace(going, status="recovered", until=wednesday, metrics=[metric])
    assert lines(compose_reply(over, "en")) == [
        "Recovered after 2 d: Likes",
        "Likes: 88,000, expected 100,000 (−12.0%) at the worst, Mon 9 Nov",
        "lost against expected: −12,000 likes",
        "",
        "Mon 9 Nov – Tue 10 Nov",
    ]
    assert compose(replace(over, status="data_late", losses=()), "en").title == (
        "Data was late: Mon 9 Nov – Tue 10 Nov is as usual"
    )
