"""What the picture of an incident shows: earlier days, other incidents, and the slices that explain it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.evaluation import Evaluation
from pipeline.alerts.incidents import Incident, Notice
from pipeline.alerts.incidents.incident import Member
from pipeline.alerts.notify import compose, drawn
from pipeline.alerts.root_cause.adtributor import Cause
from pipeline.alerts.root_cause.explanation import Explanation
from pipeline.core import clock
from pipeline.slots import Adjustment, Part, Series
from reporting.alerts import text
from reporting.texts import en
from tests.pipeline.configuration import configured

SLOT = datetime(2026, 11, 12, 9, 45)
OPENED, UNTIL = SLOT - clock.SLOT, SLOT + clock.SLOT
VIEWS, IOS, ANDROID = Part("views"), Part("views", "os", "iOS"), Part("views", "os", "Android")
CTR_IOS, CTR_ANDROID = Part("ctr", "os", "iOS"), Part("ctr", "os", "Android")
WEEK = 7 * clock.SLOTS_A_DAY
INCIDENT = Incident(
    "views:2026-11-12T0930", OPENED, SLOT, (Member(*VIEWS, since=OPENED, last=SLOT, sign=-1, bad_slots=2),)
)


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(compose, "installation_id", lambda: "")
    with configured(SLOT, clock={"timezone": "UTC"}, warehouse={"path": str(tmp_path)}):
        yield


def evaluation(
    numbers: dict[Part, tuple[float, float]], adjustments: tuple[Adjustment, ...] = (), **results: CheckResult
) -> Evaluation:
    """A week and a slot of parts, each (numerator, denominator) all the time; the newest numerator is half of it."""
    width = WEEK + 1
    numerators = np.array([[numerator] * width for numerator, _ in numbers.values()])
    denominators = np.array([[denominator] * width for _, denominator in numbers.values()])
    numerators[:, -1] /= 2
    # Each earlier day can be told by its numbers.
    numerators[:, -1 - clock.SLOTS_A_DAY] += 1
    numerators[:, 0] += 2
    series = Series(tuple(numbers), SLOT, numerators, denominators, np.arange(width))
    return Evaluation(series, {result.part: result for result in results.values()}, [], adjustments)


def explained(*parts: Part) -> Explanation:
    cause = Cause(parts[0].dimension, tuple(part.value for part in parts), 0.9, -0.5, 0.1, 9.0)
    return Explanation(parts[0].metric, cause, None)


def test_a_slot_is_drawn_beside_the_day_before_and_the_week_before() -> None:
    fields = drawn.history(VIEWS, evaluation({VIEWS: (100.0, 1.0)}), {})
    assert [series[-1] for series in (fields["values"], *fields["before"])] == [50.0, 101.0, 102.0]
    assert fields["times"][-1] == SLOT.replace(tzinfo=UTC)
    # The series has no column a week before the slots before its newest one.
    assert np.isnan(fields["before"][1][:-1]).all()
    assert np.isnan(drawn.history(Part("likes"), evaluation({VIEWS: (1.0, 1.0)}), {})["values"]).all()


def test_other_incidents_are_those_of_the_metric_and_not_its_own() -> None:
    def stretch(part: Part | str, hours: int, factor: float | None = None) -> Adjustment:
        return Adjustment(part, SLOT - timedelta(hours=hours), SLOT - timedelta(hours=hours - 1), factor)

    own = Adjustment(VIEWS, OPENED, UNTIL)
    others = (
        stretch(VIEWS, 5),
        stretch(IOS, 4),
        stretch("views", 3),
        stretch(Part("likes"), 6),
        stretch(VIEWS, 9, 0.5),
    )
    found = evaluation({VIEWS: (1.0, 1.0)}, (own, *others))

    def hours(part: Part) -> list[int]:
        return [start.hour for start, _ in drawn.others(part, INCIDENT, UNTIL, found)]

    assert hours(VIEWS) == [SLOT.hour - 5]
    assert hours(IOS) == [SLOT.hour - 5, SLOT.hour - 4]


def test_one_culprit_is_drawn_with_its_check_and_several_by_their_sum() -> None:
    check = CheckResult(*IOS, "seasonal", 20.0, 41.0, 30.0, 52.0, -2.0, "anomaly", -2.0, 1.0)
    numbers = evaluation({VIEWS: (100.0, 1.0), IOS: (40.0, 1.0), ANDROID: (60.0, 1.0)}, ios=check)
    one = drawn.culprit(explained(IOS), INCIDENT, UNTIL, numbers, {})
    both = drawn.culprit(explained(IOS, ANDROID), INCIDENT, UNTIL, numbers, {})
    assert one is not None
    assert both is not None
    assert (one.part, one.value, one.expected, one.state) == ("os iOS", 20.0, 41.0, "ongoing")
    assert (both.part, both.value) == ("os iOS, Android", 50.0)
    assert np.isnan(both.expected)


def test_culprits_of_a_ratio_are_drawn_by_the_ratio_of_their_sums() -> None:
    numbers = evaluation({CTR_IOS: (20.0, 100.0), CTR_ANDROID: (80.0, 300.0)})
    both = drawn.culprit(explained(CTR_IOS, CTR_ANDROID), replace(INCIDENT, ended=True), UNTIL, numbers, {})
    assert both is not None
    assert (both.value, both.values[-2]) == (50.0 / 400.0, 100.0 / 400.0)
    assert (both.state, both.until) == ("ended", UNTIL.replace(tzinfo=UTC))


def test_slices_of_raw_events_and_what_is_not_explained_have_no_panel() -> None:
    numbers = evaluation({VIEWS: (100.0, 1.0)})
    for explanation in (None, Explanation("views", None, None), explained(Part("views", "city", "Kazan"))):
        assert drawn.culprit(explanation, INCIDENT, UNTIL, numbers, {}) is None


def test_a_slice_that_deviates_itself_is_drawn_once() -> None:
    numbers = evaluation({IOS: (40.0, 1.0)})
    (member,) = INCIDENT.members
    of_slice = replace(INCIDENT, members=(replace(member, dimension="os", value="iOS"),))
    (alert,) = compose.alerts([Notice("post", of_slice, True)], numbers, {of_slice.incident_id: explained(IOS)})
    assert ([metric.part for metric in alert.metrics], alert.culprit) == (["os iOS"], None)
    (alert,) = compose.alerts([Notice("post", INCIDENT, True)], numbers, {INCIDENT.incident_id: explained(IOS)})
    assert alert.culprit is not None


def test_a_new_normal_is_not_back_to_normal() -> None:
    check = CheckResult(*VIEWS, "seasonal", 50.0, 100.0, 80.0, 120.0, -2.0, "anomaly", -2.0, 1.0)
    numbers = evaluation({VIEWS: (100.0, 1.0)}, views=check)
    over = replace(INCIDENT, ended=True, outcome="new normal", notified=True)
    (alert,) = compose.alerts([Notice("close", over)], numbers, {})
    html = text.html(alert, alert.metrics, en)
    assert html.startswith("<b>✅ New normal: Views −50.0%</b>\n\n<b>Views: 50, expected 100 (−50.0%)</b>\n")


def test_what_got_worse_is_told_beside_what_was_told_before() -> None:
    check = CheckResult(*VIEWS, "seasonal", 50.0, 100.0, 80.0, 120.0, -2.0, "anomaly", -2.0, 1.0)
    numbers = evaluation({VIEWS: (100.0, 1.0)}, views=check)
    (member,) = INCIDENT.members
    told = replace(member, change=-0.5, score=2.5, told_change=-0.22, told_score=1.1)
    growing = replace(INCIDENT, members=(told,), notified=True)
    (alert,) = compose.alerts([Notice("worse", growing, True)], numbers, {})
    assert text.reply_html(alert, alert.metrics, en).split("\n")[:3] == [
        "<b>🔴 Worse: Views −50.0%, ongoing for 30 min</b>",
        "Views: 50, expected 100 (−50.0%)",
        "told before: −22.0%",
    ]


def test_only_what_still_receives_rows_is_told_as_not_final() -> None:
    check = CheckResult(*VIEWS, "seasonal", 150.0, 100.0, 80.0, 120.0, 2.0, "anomaly", 2.0, 1.0)
    numbers = evaluation({VIEWS: (100.0, 1.0)}, views=check)
    for is_final, title in ((True, "🟠 Views +50.0%, ongoing for 30 min"), (False, "🟠 Views +50.0% so far")):
        (alert,) = compose.alerts([Notice("post", INCIDENT, True)], numbers, {}, is_final=is_final)
        assert text.title(alert, alert.metrics, en) == title


@pytest.mark.parametrize(
    ("metric", "value", "expected"), [("views", 0.0, 40.0), ("ctr", 0.1, 120.0), ("feed_users", 3.0, np.nan)]
)
def test_minutes_that_deviate_are_shown_beside_what_is_usual_in_them(
    metric: str, value: float, expected: float
) -> None:
    minutes = SLOT + timedelta(minutes=5), SLOT + timedelta(minutes=10)
    (member,) = INCIDENT.members
    inside = replace(
        member,
        metric=metric,
        inside_from=minutes[0],
        inside_to=minutes[1],
        inside_value=value,
        slot_expected=120.0,
    )
    brief = replace(INCIDENT, members=(inside,))
    check = CheckResult(metric, "total", "all", "seasonal", 90.0, 120.0, 80.0, 150.0, -2.0, "anomaly", -2.0, 1.0)
    for incident, shown in ((brief, (*(time.replace(tzinfo=UTC) for time in minutes),)), (INCIDENT, None)):
        numbers = evaluation({Part(metric): (100.0, 1.0), VIEWS: (1.0, 1.0)}, result=check)
        (alert,) = compose.alerts([Notice("post", incident, True)], numbers, {})
        assert alert.metrics[0].minutes == shown
        if shown:
            assert alert.metrics[0].minutes_value == value
            np.testing.assert_equal(alert.metrics[0].minutes_expected, expected)
