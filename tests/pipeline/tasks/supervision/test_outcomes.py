"""What a run did, in one line."""

import pytest

from pipeline.tasks.supervision.outcomes import describe
from pipeline.tasks.supervision.scheduling import Done
from tests.pipeline.configuration import configured


def check(slot: str, **did: object) -> Done:
    """A slot that was checked."""
    return Done("CheckAlerts", {"slot": slot}, {"metrics": 6, "slices": 94, **did})


def day(date: str) -> Done:
    """A day that was loaded."""
    return Done("DailyMetrics", {"date": date}, {})


@pytest.mark.parametrize(
    ("done", "text"),
    [
        ([], ""),
        ([check("2026-11-11T2130", messages=1)], "slot 00:30 checked, 6 metrics and 94 slices, 1 message"),
        (
            [check("2026-11-12T0015", messages=2), check("2026-11-11T2345"), check("2026-11-12T0000", messages=1)],
            "3 slots checked (02:45 to 03:15), 6 metrics and 94 slices, 3 messages",
        ),
        ([Done("FeedUserDay", {"date": "2026-11-11"}, {}), day("2026-11-11")], "day 2026-11-11 loaded"),
        (
            [day("2026-11-11"), day("2026-11-10"), Done("DailyReport", {"date": "2026-11-11"}, {"addresses": 2})],
            "2 days loaded (2026-11-10 to 2026-11-11), report of 2026-11-11 sent to 2 chats",
        ),
        (
            [Done("WeeklySummary", {"date": "2026-11-11"}, {"addresses": 1, "without": ["without proposal"]})],
            "summary of 2026-11-11 sent to 1 chat, without proposal",
        ),
        (
            [Done("CheckDays", {"date": "2026-11-11"}, {"days": ["2026-11-10", "2026-11-11"], "messages": 1})],
            "days 2026-11-10 to 2026-11-11 checked, 1 message",
        ),
        ([Done("CheckDays", {"date": "2026-11-11"}, {"days": ["2026-11-11"]})], "day 2026-11-11 checked"),
        ([Done("Presses", {}, {"presses": 0})], ""),
        ([Done("Presses", {}, {"presses": 2})], "2 button presses read"),
    ],
)
def test_what_was_done(done: list[Done], text: str) -> None:
    with configured(clock={"timezone": "Europe/Moscow"}):
        assert describe(done) == text
