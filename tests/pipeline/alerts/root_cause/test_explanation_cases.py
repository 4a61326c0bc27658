"""The explained metric of an incident, its cause, and the two sides of a ratio; expected numbers are by hand."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import numpy as np
import pytest

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.alerts.root_cause.explanation import explain, slices
from pipeline.slots.series import Array, Part, Series

SLOT = datetime(2026, 11, 20, 10)
QUARTER = timedelta(minutes=15)
WIDTH = 20 * 96 + 41

Counts = tuple[float, float]
"""Events per slot: before the incident, and in its two slots."""


def history(counts: Mapping[Part, Counts], of: Mapping[Part, Counts] | None = None) -> Series:
    """Counts, constant until the incident; `of` has the denominators of the ratios."""
    denominators = [(of or {}).get(part, (1.0, 1.0)) for part in counts]
    return Series(tuple(counts), SLOT, rows(counts.values()), rows(denominators), np.arange(WIDTH))


def rows(counts: Iterable[Counts]) -> Array:
    return np.array([[before] * (WIDTH - 2) + [now] * 2 for before, now in counts])


def by_os(metric: str, ios: Counts, android: Counts) -> dict[Part, Counts]:
    whole = (ios[0] + android[0], ios[1] + android[1])
    return {Part(metric): whole, Part(metric, "os", "iOS"): ios, Part(metric, "os", "Android"): android}


def ctr_by_os(views: dict[Part, Counts], likes: dict[Part, Counts]) -> Series:
    """CTR, its slices, and the totals of its two sides."""
    numerators = {part._replace(metric="ctr"): counts for part, counts in likes.items()}
    of = {part._replace(metric="ctr"): counts for part, counts in views.items()}
    return history(
        numerators | {Part(name): side[Part(name)] for name, side in (("views", views), ("likes", likes))}, of
    )


def days_before(series: Series, part: Part, slots_ago: int, numerator: float, denominator: float = 1.0) -> None:
    """Change the counts of the days before at the newest slot's time of day, or some slots earlier."""
    row = series.parts.index(part)
    at = np.arange(WIDTH - 1 - slots_ago - 96, 0, -96)
    series.numerators[row, at] = numerator
    series.denominators[row, at] = denominator


def incident(*metrics: str, last: datetime = SLOT) -> Incident:
    members = tuple(Member(name, "total", "all", SLOT - QUARTER, last, -1, bad_slots=2, worst=-0.4) for name in metrics)
    return Incident(f"{metrics[0]}:x", SLOT - QUARTER, last, members)


def checks(**expected: float) -> dict[Part, CheckResult]:
    """Checks with the detector's expectations in the newest slot."""
    return {
        Part(name): CheckResult(name, "total", "all", "seasonal", 0.0, level, level, level, -4, "anomaly", -4, 1)
        for name, level in expected.items()
    }


@pytest.mark.parametrize("level", [1.0, 1.1], ids=["as on the days before", "a tenth above them"])
def test_a_slice_that_likes_less_explains_ctr_and_more_views_are_no_part_of_it(level: float) -> None:
    # One in five views is liked. In the incident iOS has twice the views and half the likes; Android is unchanged.
    views, likes = by_os("views", (400, 800), (600, 600)), by_os("likes", (80, 40), (120, 120))
    result = explain(ctr_by_os(views, likes), incident("ctr"), checks(ctr=0.2 * level, likes=200, views=1000))
    assert result.cause is not None
    assert (result.metric, result.cause.dimension, result.cause.values) == ("ctr", "os", ("iOS",))
    # In two slots, 1,600 views of iOS have 320 expected likes, and 1,200 views of Android 240, times the level.
    lost_ios, lost_android = 320 * level - 80, 240 * level - 240
    assert result.cause.explained == pytest.approx(lost_ios / (lost_ios + lost_android))
    assert result.cause.change == pytest.approx(80 / (320 * level) - 1)
    assert result.ratio is not None
    assert result.ratio.numerator == pytest.approx(-0.2, abs=0.001)
    assert result.ratio.denominator == pytest.approx(0.4, abs=0.001)
    # Both have a CTR of one in five, so the mix does not matter.
    assert result.ratio.mix_dimension == "os"
    assert result.ratio.mix == pytest.approx(0.0)


def test_other_shares_of_slices_that_like_as_ever_are_a_mix_and_no_cause() -> None:
    views, likes = by_os("views", (400, 1600), (600, 600)), by_os("likes", (40, 160), (180, 180))
    result = explain(ctr_by_os(views, likes), incident("ctr"), checks(ctr=0.22, likes=220, views=1000))
    assert result.cause is None
    assert result.ratio is not None
    assert result.ratio.mix == pytest.approx(1.0)
    assert result.ratio.numerator == pytest.approx(340 / 220 - 1, abs=0.003)
    assert result.ratio.denominator == pytest.approx(2200 / 1000 - 1, abs=0.003)


@pytest.mark.parametrize("unknown", ["likes", "views"])
def test_without_a_check_of_both_sides_ctr_has_a_cause_and_no_sides(unknown: str) -> None:
    views, likes = by_os("views", (400, 800), (600, 600)), by_os("likes", (80, 40), (120, 120))
    watched = checks(ctr=0.2, likes=200, views=1000)
    del watched[Part(unknown)]
    result = explain(ctr_by_os(views, likes), incident("ctr"), watched)
    assert result.cause is not None
    assert result.ratio is None


@pytest.mark.parametrize("metrics", [("views", "messages_sent"), ("messages_sent", "views")])
@pytest.mark.parametrize("plainest", ["views", "messages_sent"])
def test_the_metric_with_the_most_significant_cause_names_it(metrics: tuple[str, str], plainest: str) -> None:
    numbers = history(
        {
            part: counts
            for name in metrics
            for part, counts in by_os(name, (400, 0 if name == plainest else 200), (600, 600)).items()
        }
    )
    result = explain(numbers, incident(*metrics), checks(views=1000, messages_sent=1000))
    assert result.cause is not None
    assert (result.metric, result.cause.values) == (plainest, ("iOS",))
    assert result.cause.change == pytest.approx(-1.0)


def test_a_metric_without_a_cause_does_not_hide_that_of_another() -> None:
    numbers = history({Part("messages_sent"): (1000, 500)} | by_os("views", (400, 0), (600, 600)))
    result = explain(numbers, incident("messages_sent", "views"), checks(views=1000, messages_sent=1000))
    assert (result.metric, result.cause is None) == ("views", False)


@pytest.mark.parametrize(
    ("metrics", "explained"),
    [
        (("feed_users", "views"), "views"),
        (("messenger_users", "messages_sent"), "messages_sent"),
        (("likes", "views"), "views"),
        (("likes", "ctr"), "ctr"),
        (("likes", "feed_users"), "likes"),
        (("feed_users", "messages_sent"), "feed_users"),
        (("messenger_users",), "messenger_users"),
    ],
    ids=lambda given: given if isinstance(given, str) else "+".join(given),
)
def test_events_are_explained_rather_than_their_users_and_what_is_behind_likes(
    metrics: tuple[str, ...], explained: str
) -> None:
    # The first metric has the clearest cause, but another metric may be behind it.
    counts: dict[Part, Counts] = {}
    for name in metrics:
        size = 10 if name == metrics[0] else 1
        counts |= by_os(name, (400 * size, 0), (600 * size, 600 * size))
    of = {part: (4.0 * before, 4.0 * before) for part, (before, _) in counts.items() if part.metric == "ctr"}
    levels = {name: 0.25 if name == "ctr" else counts[Part(name)][0] for name in metrics}
    result = explain(history(counts, of), incident(*metrics), checks(**levels))
    assert result.cause is not None
    assert (result.metric, result.cause.values) == (explained, ("iOS",))


def test_events_of_no_slice_are_part_of_the_whole() -> None:
    numbers = history(by_os("views", (300, 0), (500, 400)) | {Part("views"): (1000, 600)})
    result = explain(numbers, incident("views"), checks(views=1000))
    assert result.cause is not None
    # 200 are in no slice and unchanged. 400 of 1,000 are lost, 300 of them on iOS.
    assert result.cause.values == ("iOS",)
    assert result.cause.explained == pytest.approx(300 / 400)


def test_what_slices_count_twice_leaves_no_negative_rest() -> None:
    # A person with two phones is a user in both slices.
    numbers = history(by_os("feed_users", (500, 450), (600, 560)) | {Part("feed_users"): (1000, 980)})
    (made,) = slices(numbers, "feed_users", SLOT)
    assert list(made.values) == ["iOS", "Android", ""]
    assert made.actual.tolist() == [450, 560, 0]
    assert made.forecast.tolist() == [500, 600, 0]


def test_what_never_was_at_this_time_of_day_is_not_explained() -> None:
    result = explain(history(by_os("views", (0, 40), (0, 60))), incident("views"), checks(views=0))
    assert (result.metric, result.cause) == ("views", None)


def test_a_slot_that_was_always_empty_does_not_undo_what_the_slot_before_it_says() -> None:
    numbers = history(by_os("views", (400, 0), (600, 600)))
    numbers.numerators[:, -1] = 0
    for part in numbers.parts:
        days_before(numbers, part, 0, 0)
    result = explain(numbers, incident("views"), checks(views=0))
    assert result.cause is not None
    assert result.cause.values == ("iOS",)
    assert result.cause.explained == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("slots_ago", "likes", "views"), [(1, 0, 0), (0, 50, 0), (0, 0, 1000)], ids=["nothing", "no views", "no likes"]
)
def test_a_ratio_that_was_never_known_at_this_time_of_day_is_not_explained(
    slots_ago: int, likes: float, views: float
) -> None:
    numbers = ctr_by_os(by_os("views", (400, 800), (600, 600)), by_os("likes", (80, 40), (120, 120)))
    days_before(numbers, Part("ctr"), slots_ago, likes, views)
    result = explain(numbers, incident("ctr", last=SLOT - slots_ago * QUARTER), checks(ctr=0.2))
    assert (result.metric, result.cause) == ("ctr", None)


def test_slices_whose_earlier_days_are_unknown_have_no_forecast() -> None:
    series = history(by_os("views", (100.0, 50.0), (100.0, 100.0)))
    for part in series.parts:
        days_before(series, part, 0, np.nan)
    (os,) = slices(series, "views", SLOT)
    assert os.forecast.tolist() == [0, 0, 0]


def test_the_first_slot_of_the_history_is_a_day_to_compare_with() -> None:
    parts = tuple(by_os("views", (0, 0), (0, 0)))
    counts = np.zeros((3, 97))
    counts[:, 0], counts[:, 96] = [30, 10, 20], [25, 5, 20]
    series = Series(parts, SLOT, counts, np.ones_like(counts), np.arange(97))
    (os,) = slices(series, "views", SLOT)
    assert (os.actual.tolist(), os.forecast.tolist()) == ([5, 20, 0], [10, 20, 0])
