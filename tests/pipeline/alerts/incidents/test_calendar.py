from datetime import datetime, timedelta

import pytest

from pipeline.alerts.detection.checks import CheckResult, Verdict
from pipeline.alerts.incidents import calendar
from pipeline.core.errors import SettingsError
from pipeline.slots import Adjustment
from tests.pipeline.configuration import configured

MOSCOW = timedelta(hours=3)
NOON = datetime(2026, 11, 20, 12) - MOSCOW


def check(verdict: Verdict = "anomaly", score: float = -2.0, metric: str = "views") -> CheckResult:
    return CheckResult(metric, "total", "all", "seasonal", 1.0, 2.0, 1.5, 2.5, score, verdict, score, 1.0)


def verdict(slot: datetime, given: CheckResult) -> Verdict:
    (result,) = calendar.planned(calendar.entries(), slot, [given])
    return result.verdict


def test_maintenance_suppresses_anomalies_only_while_it_lasts() -> None:
    with configured(calendar={"release": "2026-11-20T12:00/2026-11-20T13:00 maintenance"}):
        assert verdict(NOON, check()) == "planned"
        assert verdict(NOON + timedelta(minutes=45), check(score=3.0)) == "planned"
        assert verdict(NOON + timedelta(hours=1), check()) == "anomaly"
        assert verdict(NOON - timedelta(minutes=15), check()) == "anomaly"
        assert verdict(NOON, check("ok", 0.0)) == "ok"
        assert verdict(NOON, check("no data")) == "no data"


def test_an_event_suppresses_rises_of_its_metrics_only() -> None:
    with configured(calendar={"sale": "2026-11-20T12:00/2026-11-21T12:00 event views,likes"}):
        assert verdict(NOON, check(score=2.0)) == "planned"
        assert verdict(NOON, check(score=-2.0)) == "anomaly"
        assert verdict(NOON, check(score=2.0, metric="messages_sent")) == "anomaly"


def test_planned_slots_are_not_learnt_from() -> None:
    with configured(calendar={"sale": "2026-11-20T12:00/2026-11-20T13:00 event views"}):
        assert calendar.adjustments(calendar.entries()) == [Adjustment("views", NOON, NOON + timedelta(hours=1))]


def test_entries_may_overlap() -> None:
    with configured(
        calendar={
            "sale": "2026-11-20T10:00/2026-11-20T13:00 event",
            "release": "2026-11-20T11:00/2026-11-20T14:00 maintenance views",
        }
    ):
        assert verdict(NOON, check(score=-2.0)) == "planned"
        assert verdict(NOON, check(score=-2.0, metric="likes")) == "anomaly"
        assert verdict(NOON, check(score=2.0, metric="likes")) == "planned"


def test_days_of_another_offset_are_local_too() -> None:
    with configured(
        clock={"timezone": "Europe/Berlin"}, calendar={"night": "2026-10-25T02:30/2026-10-25T03:30 maintenance"}
    ):
        (entry,) = calendar.entries()
    # 02:30 occurs twice. The entry begins at the first one, in summer time, and ends two hours later in UTC.
    assert (entry.start, entry.end) == (datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 2, 30))


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("2026-11-20T12:00/2026-11-20T11:00 event", "ends before it starts"),
        ("2026-11-20T12:00 event", "is not a period of time"),
        ("tomorrow/today event", "is not a period of time"),
        ("2026-11-20T12:00/2026-11-20T13:00", "the kind is '', not maintenance or event"),
        ("2026-11-20T12:00/2026-11-20T13:00 party", "the kind is 'party', not maintenance or event"),
        ("2026-11-20T12:00/2026-11-20T13:00 event clicks", "unknown metric clicks"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(entry: str, problem: str) -> None:
    with configured(calendar={"sale": entry}), pytest.raises(SettingsError, match=rf"\[calendar\] sale.*{problem}"):
        calendar.entries()


@pytest.mark.parametrize(
    ("hours", "quiet"),
    [
        ("23:00-08:00", [True, True, False, False, True]),
        ("11:00-12:30", [False, False, False, True, False]),
        ("", [False] * 5),
    ],
)
def test_quiet_hours_are_local_and_may_cross_midnight(hours: str, quiet: list[bool]) -> None:
    times = [(0, 0), (7, 59), (8, 0), (12, 0), (23, 0)]
    with configured(alerts={"quiet_hours": hours}):
        # A slot is reported at its end.
        ends = [datetime(2026, 11, 20, hour, minute) - MOSCOW for hour, minute in times]
        assert [calendar.is_quiet(end - timedelta(minutes=15), calendar.quiet_hours()) for end in ends] == quiet


def test_quiet_hours_that_cannot_be_read_are_named() -> None:
    with (
        configured(alerts={"quiet_hours": "at night"}),
        pytest.raises(SettingsError, match="write them as 23:00-08:00"),
    ):
        calendar.quiet_hours()
