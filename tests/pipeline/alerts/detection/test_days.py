"""Days: adjustments, drifts, special days; and what is planned, told or incomplete."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from pipeline.alerts import daily
from pipeline.alerts.detection import Monitor, holidays, monitors
from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.detection.days import DaySeries, evaluate
from pipeline.alerts.incidents import Incident, days
from pipeline.alerts.incidents.calendar import Entry
from pipeline.alerts.incidents.incident import Member
from pipeline.core import clock
from pipeline.slots import Adjustment, Part
from tests.pipeline.configuration import configured

WEEK = np.array([1.0, 1.02, 1.03, 1.02, 1.05, 0.86, 0.82])
TUESDAY = date(2026, 11, 10)
VIEWS = Part("views")


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    with configured(clock={"timezone": "Europe/Moscow"}, alerts={"metrics": "views"}):
        yield


def made(last: date, count: int, noise: float = 0.01, level: float = 50_000) -> DaySeries:
    """Days of views, without slices."""
    chosen = tuple(clock.days(last - timedelta(days=count - 1), last))
    rng = np.random.default_rng(4)
    shape = WEEK[[day.weekday() for day in chosen]] * np.exp(noise * rng.standard_normal(count))
    return DaySeries((VIEWS,), chosen, np.round(level * shape)[np.newaxis], np.ones((1, count)))


def changed(series: DaySeries, **factors: float) -> DaySeries:
    """Multiply days, each given as d11_10."""
    numbers = series.numerators.copy()
    for name, factor in factors.items():
        month, day = map(int, name[1:].split("_"))
        numbers[0, [item for item, at in enumerate(series.days) if (at.month, at.day) == (month, day)]] *= factor
    return replace(series, numerators=numbers)


def verdict(series: DaySeries, *adjustments: Adjustment) -> CheckResult:
    return evaluate(series, monitors(), adjustments).results[VIEWS]


def test_a_day_is_compared_with_its_weekday() -> None:
    series = made(TUESDAY, 60)
    assert verdict(series).verdict == "ok"
    low = verdict(changed(series, d11_10=0.88))
    assert (low.verdict, low.detector) == ("anomaly", "weekday")
    assert low.expected == pytest.approx(50_000 * WEEK[1], rel=0.02)
    sunday = made(date(2026, 11, 8), 60)
    assert verdict(sunday).expected == pytest.approx(50_000 * WEEK[6], rel=0.02)


def test_a_stretch_of_the_history_is_left_out_or_rescaled() -> None:
    start = datetime(2026, 11, 6, 21)
    shifted = changed(made(TUESDAY, 60), **{f"d11_{day}": 0.7 for day in range(7, 11)})
    assert verdict(shifted).verdict == "anomaly"
    rescaled = verdict(shifted, Adjustment("views", datetime.min, start, 0.7))
    assert rescaled.verdict == "ok"
    assert rescaled.expected == pytest.approx(35_000 * WEEK[1], rel=0.03)
    factors = shifted.factors([Adjustment("views", start, start + timedelta(hours=1))])
    assert not np.isnan(factors).any()  # an hour is less than a twentieth
    factors = shifted.factors([Adjustment("views", start, start + timedelta(hours=30))])
    assert [shifted.days[i] for i in np.flatnonzero(np.isnan(factors))] == [date(2026, 11, 7), date(2026, 11, 8)]
    # The day in which a level changes belongs to neither level.
    noon = shifted.factors([Adjustment("views", datetime.min, start + timedelta(hours=12), 0.7)])
    assert np.isnan(noon[shifted.days.index(date(2026, 11, 7))])
    assert noon[shifted.days.index(date(2026, 11, 6))] == 0.7


def test_a_level_that_begins_later_is_not_that_of_the_day() -> None:
    series = made(TUESDAY, 60)
    midnight, hour = datetime(2026, 11, 9, 21), timedelta(hours=1)
    outage = Adjustment("views", midnight, midnight + 3 * hour)
    for began in (midnight + 26 * hour, midnight + hour):
        later = Adjustment("views", datetime.min, began, 0.7)
        assert (series.factors([outage, later]) == 1).all()
        assert verdict(series, outage, later).verdict == "ok"


def test_a_stretch_of_one_slice_is_no_history_of_the_shares_beside_it() -> None:
    total = made(TUESDAY, 60)
    parts = (VIEWS, Part("views", "os", "iOS"), Part("views", "os", "Android"), Part("views", "gender", "1"))
    numbers = np.round(total.numerators * np.array([[1.0], [0.4], [0.6], [0.5]]))
    numbers[:, -12:-1] = np.round([[0.6], [0.0], [0.6], [0.3]] * total.numerators[:, -12:-1])
    series = replace(total, parts=parts, numerators=numbers, denominators=np.ones_like(numbers))
    while_out = (datetime(2026, 10, 29, 21), datetime(2026, 11, 9, 21))
    bands = evaluate(series, monitors(), [Adjustment(parts[1], *while_out)]).bands
    android, gender = (bands[part][0][-1] / numbers[0, -1] for part in parts[2:])
    assert android == pytest.approx(0.6, rel=1e-3)
    assert gender == pytest.approx(0.5, rel=1e-3)
    unknown = evaluate(series, monitors()).bands[parts[2]][0][-1] / numbers[0, -1]
    assert unknown > 0.62


def test_a_new_normal_of_slots_of_users_ends_their_history() -> None:
    incident = replace(told("views"), outcome="new normal", ended=True)
    users = replace(incident, members=(*incident.members, replace(incident.members[0], metric="feed_users")))
    views, of_users = daily._told([users, replace(incident, notified=False)])
    assert (views.part, views.end, views.factor) == (VIEWS, NINE, 0.9)
    assert (of_users.metric, of_users.end) == ("feed_users", NINE)
    series = made(TUESDAY + timedelta(days=3), 60)
    factors = series.factors([of_users])
    assert [day for day, factor in zip(series.days, factors, strict=True) if factor == 1] == list(series.days[-3:])
    assert np.isnan(factors[:-3]).all()


def test_a_drift_is_written_only_if_each_day_is_further_off() -> None:
    falling = changed(made(TUESDAY, 60, 0.001), d11_7=0.97, d11_8=0.94, d11_9=0.91, d11_10=0.88)
    assert evaluate(falling, monitors()).drift(VIEWS) == pytest.approx(-0.03, abs=0.003)
    once = changed(made(TUESDAY, 60, 0.001), d11_10=0.88)
    assert math.isnan(evaluate(once, monitors()).drift(VIEWS))


def test_days_with_missing_and_no_events() -> None:
    series = made(TUESDAY, 60)
    numbers = series.numerators.copy()
    numbers[0, [10, 30, 31]] = np.nan
    assert (
        verdict(replace(series, numerators=numbers, denominators=np.where(np.isnan(numbers), np.nan, 1.0))).verdict
        == "ok"
    )
    assert verdict(changed(series, d11_10=0.0)).verdict == "anomaly"
    assert verdict(made(TUESDAY, 20)).verdict == "no history"
    assert verdict(made(TUESDAY, 22)).verdict == "ok"


RESULT = CheckResult("likes", "total", "all", "weekday", 880.0, 1000.0, 930, 1070, -1.7, "anomaly", -1.7, 1.0)
NINE = datetime(2026, 11, 10, 6)  # 09:00 in Moscow


def entry(start: datetime, hours: float, kind: str, metric: str = "likes") -> Entry:
    return Entry("planned", start, start + timedelta(hours=hours), kind, (metric,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chosen", "score", "expected"),
    [
        (entry(NINE, 3, "maintenance"), -1.7, "planned"),
        (entry(NINE, 0.5, "maintenance"), -1.7, "anomaly"),
        (entry(NINE, 3, "maintenance", "views"), -1.7, "anomaly"),
        (entry(NINE, 3, "event"), -1.7, "anomaly"),
        (entry(NINE, 3, "event"), 1.7, "planned"),
        (entry(NINE + timedelta(days=1), 24, "event"), 1.7, "anomaly"),
    ],
)
def test_what_is_planned(chosen: Entry, score: float, expected: str) -> None:
    (judged,) = days.judged([replace(RESULT, score=score)], TUESDAY, [chosen], [])
    assert judged.verdict == expected


def told(metric: str, sign: int = -1, excess: float = -100, notified: bool = True, value: str = "") -> Incident:
    part = ("os", value) if value else ("total", "all")
    last = NINE + timedelta(hours=3)
    member = Member(metric, *part, NINE, last, sign, worst=0.5 * sign, observed=1000 + excess, expected=1000)
    return Incident(f"{metric}:2026-11-10T0600", NINE, last, (member,), notified=notified)


@pytest.mark.parametrize(
    ("incident", "expected"),
    [
        (told("likes"), "told"),
        (told("likes", excess=-50), "anomaly"),
        (told("likes", notified=False), "anomaly"),
        (told("likes", sign=1, excess=100), "anomaly"),
        (told("likes", value="iOS"), "told"),
        (told("views"), "told"),  # 3.25 hours at -50 % of what likes follow
        (told("messages_sent"), "anomaly"),
        (replace(told("likes"), mark="false alarm"), "anomaly"),
    ],
)
def test_what_slots_have_told(incident: Incident, expected: str) -> None:
    (judged,) = days.judged([RESULT], TUESDAY, [], [incident])
    assert judged.verdict == expected
    (later,) = days.judged([RESULT], TUESDAY + timedelta(days=2), [], [incident])
    assert later.verdict == "anomaly"


IOS, ANDROID = (replace(RESULT, dimension="os", dimension_value=value) for value in ("iOS", "Android"))
TOTAL = replace(RESULT, value=1950.0, expected=2000.0, score=-0.5, verdict="ok")


@pytest.mark.parametrize(
    ("result", "incident", "expected"),
    [
        # 200 of 2,000 events are lost in iOS: the share of Android grows by a ninth.
        (replace(ANDROID, value=1100.0, score=1.5), told("likes", excess=-200, value="iOS"), "told"),
        (replace(ANDROID, value=1100.0, score=1.5), told("views", excess=-200, value="iOS"), "told"),
        (replace(ANDROID, value=1100.0, score=1.5), told("likes", excess=-50, value="iOS"), "anomaly"),
        (replace(ANDROID, value=900.0), told("likes", excess=-200, value="iOS"), "anomaly"),
        (replace(ANDROID, value=1100.0, score=1.5), told("likes", excess=-200, value="Android"), "anomaly"),
        (replace(ANDROID, metric="ctr", value=1100.0, score=1.5), told("likes", excess=-200, value="iOS"), "anomaly"),
        (IOS, told("likes", excess=-100, value="iOS"), "told"),
        (IOS, told("likes", excess=-100), "anomaly"),  # of the total that is half as much
    ],
)
def test_what_slots_have_told_of_slices(result: CheckResult, incident: Incident, expected: str) -> None:
    views = replace(TOTAL, metric="views")
    assert days.judged([result, TOTAL, views], TUESDAY, [], [incident])[0].verdict == expected


def test_falls_without_rows_are_incomplete() -> None:
    rise = replace(RESULT, score=1.7)
    judged = days.incomplete([RESULT, rise, replace(RESULT, metric="messages_sent")], ["feed"])
    assert [result.verdict for result in judged] == ["incomplete", "anomaly", "anomaly"]


class TestHolidays:
    """A country's holidays; Russia Day is on a Friday in 2026, Unity Day on a Wednesday."""

    UNITY = date(2026, 11, 4)

    def judge(self, series: DaySeries, holiday: str = "RU") -> CheckResult:
        with configured(clock={"timezone": "Europe/Moscow", "holidays": holiday}, alerts={"metrics": "views"}):
            chosen: list[Monitor] = monitors()
            return evaluate(series, chosen).results[VIEWS]

    def test_without_the_setting_it_is_any_day(self) -> None:
        series = changed(made(self.UNITY, 60), d11_4=0.82)
        assert self.judge(series, "").verdict == "anomaly"
        assert holidays.classes(series.days) == {}

    def test_with_few_holidays_known_the_band_is_wider(self) -> None:
        ordinary, special = (self.judge(changed(made(self.UNITY, 60), d11_4=0.9), name) for name in ("", "RU"))
        assert special.verdict == "ok"
        assert special.upper - special.expected == pytest.approx(3 * (ordinary.upper - ordinary.expected), rel=0.05)
        assert self.judge(changed(made(self.UNITY, 60), d11_4=0.3)).verdict == "anomaly"

    def test_an_effect_is_learnt_from_earlier_holidays(self) -> None:
        low = {f"d{month}_{day}": 0.8 for month, day in ((5, 1), (5, 11), (6, 12))}
        usual = self.judge(changed(made(self.UNITY, 300), **low, d11_4=0.8))
        assert usual.verdict == "ok"
        assert usual.expected == pytest.approx(0.8 * 50_000 * WEEK[2], rel=0.06)

    def test_a_holiday_is_no_history(self) -> None:
        wednesday = self.UNITY + timedelta(days=7)
        after = changed(made(wednesday, 60), d11_4=0.5, d11_3=0.6, d11_5=0.7)
        assert self.judge(after).expected == pytest.approx(50_000 * WEEK[2], rel=0.02)

    def test_special_days(self) -> None:
        with configured(clock={"timezone": "Europe/Moscow", "holidays": "RU"}):
            special = holidays.classes(clock.days(date(2026, 10, 30), date(2026, 12, 1)))
        assert special == {
            date(2026, 10, 31): "last day of a month",
            date(2026, 11, 1): "first day of a month",
            date(2026, 11, 3): "day before a holiday",
            date(2026, 11, 4): "holiday",
            date(2026, 11, 5): "day after a holiday",
            date(2026, 11, 30): "last day of a month",
            date(2026, 12, 1): "first day of a month",
        }
