"""The difference of two days, explained by slices and by the two sides of a ratio; expected numbers are by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from pipeline.alerts.root_cause.days import explain, metric_to_explain
from pipeline.alerts.root_cause.explanation import Explanation
from pipeline.core.metrics import BY_NAME, Metric
from pipeline.etl.results import Counts, SliceOfDay

DAY, BEFORE = date(2026, 11, 8), date(2026, 11, 1)
Row = tuple[str, str, bool, int, int]
"""Dimension, value, whether the row is of the day (else of the day before), views, likes."""


def explain_day(rows: Sequence[Row], name: str) -> Explanation:
    """Explain a feed metric from rows of two days; the totals are those of the first dimension."""
    metric = BY_NAME[name]

    def counts(views: int, likes: int) -> Counts:
        return {"views": Counts(views, 1), "likes": Counts(likes, 1), "ctr": Counts(likes, views)}[name]

    def total(day: bool) -> Counts:
        chosen = [row for row in rows if row[0] == rows[0][0] and row[2] == day]
        return counts(sum(row[3] for row in chosen), sum(row[4] for row in chosen))

    slices = [SliceOfDay(dimension, value, is_day, counts(*numbers)) for dimension, value, is_day, *numbers in rows]
    return explain(metric, total(True), total(False), slices)


def test_a_day_is_explained_by_its_slices() -> None:
    rows = [
        ("os", "iOS", True, 500, 50),
        ("os", "iOS", False, 1000, 200),
        ("os", "Android", True, 2000, 400),
        ("os", "Android", False, 2000, 400),
        ("gender", "0", True, 1250, 225),
        ("gender", "0", False, 1500, 300),
        ("gender", "1", True, 1250, 225),
        ("gender", "1", False, 1500, 300),
    ]
    views = explain_day(rows, "views")
    assert views.cause is not None
    assert views.cause.values == ("iOS",)
    assert views.cause.explained == pytest.approx(1.0)
    ctr = explain_day(rows, "ctr")
    assert ctr.cause is not None
    assert ctr.cause.values == ("iOS",)
    assert ctr.cause.change == pytest.approx(-0.5)
    assert ctr.ratio is not None
    assert ctr.ratio.numerator == pytest.approx(-0.25, abs=0.001)
    assert ctr.ratio.denominator == pytest.approx(-1 / 6, abs=0.001)


def test_of_two_dimensions_the_one_that_explains_more_is_named() -> None:
    rows = [
        ("gender", "0", True, 1100, 0),
        ("gender", "0", False, 1500, 0),
        ("gender", "1", True, 1400, 0),
        ("gender", "1", False, 1500, 0),
        ("os", "iOS", True, 500, 0),
        ("os", "iOS", False, 1000, 0),
        ("os", "Android", True, 2000, 0),
        ("os", "Android", False, 2000, 0),
    ]
    alone = explain_day(rows[:4], "views").cause
    assert alone is not None
    assert (alone.dimension, alone.values) == ("gender", ("0",))
    assert alone.explained == pytest.approx(0.8)
    both = explain_day(rows, "views").cause
    assert both is not None
    assert (both.dimension, both.values) == ("os", ("iOS",))
    assert both.explained == pytest.approx(1.0)


def test_a_day_without_slices_is_not_explained() -> None:
    assert explain(BY_NAME["views"], Counts(50, 1), Counts(100, 1), []).cause is None


def test_a_day_on_which_likes_fall_and_views_rise() -> None:
    rows_of_days = [
        ("os", "iOS", True, 8000, 400),
        ("os", "iOS", False, 4000, 800),
        ("os", "Android", True, 6000, 1200),
        ("os", "Android", False, 6000, 1200),
    ]
    result = explain_day(rows_of_days, "ctr")
    assert result.cause is not None
    assert result.cause.values == ("iOS",)
    assert result.cause.explained == pytest.approx(1.0)
    # 8,000 views have 1,600 expected likes.
    assert result.cause.change == pytest.approx(-0.75)
    assert result.ratio is not None
    assert result.ratio.numerator == pytest.approx(-0.2, abs=0.001)
    assert result.ratio.denominator == pytest.approx(0.4, abs=0.001)
    assert result.ratio.mix == pytest.approx(0.0)
    likes = explain_day(rows_of_days, "likes")
    assert likes.ratio is None
    assert likes.cause is not None
    assert likes.cause.values == ("iOS",)
    assert likes.cause.change == pytest.approx(-0.5)


def per_sender() -> Metric:
    """An average whose denominator is not in the slices of a day."""
    numerator, denominator = "messages_sent", "messenger_users"
    return replace(BY_NAME["ctr"], name="per_sender", numerator=numerator, denominator=denominator, day_slice="")


def test_a_ratio_without_slices_is_still_split_into_its_sides() -> None:
    result = explain(per_sender(), Counts(6000, 2000), Counts(8000, 2000), [])
    assert (result.cause, result.is_sliced) == (None, False)
    assert result.ratio is not None
    assert result.ratio.numerator == pytest.approx(-0.25, abs=0.001)
    assert result.ratio.denominator == 0.0


def test_the_biggest_change_that_can_be_explained_is_explained() -> None:
    metrics = [BY_NAME["feed_users"], BY_NAME["views"], BY_NAME["likes"], per_sender()]
    totals = {
        "feed_users": {DAY: Counts(10, 1), BEFORE: Counts(100, 1)},  # slices of a day have no users
        "views": {DAY: Counts(120, 1), BEFORE: Counts(100, 1)},
        "likes": {DAY: Counts(70, 1), BEFORE: Counts(100, 1)},
        "per_sender": {DAY: Counts(10, 5), BEFORE: Counts(15, 5)},
    }

    def chosen(*names: str) -> str | None:
        result = metric_to_explain(totals, [metric for metric in metrics if metric.name in names], DAY, BEFORE)
        return result.name if result else None

    assert chosen("feed_users", "views", "likes", "per_sender") == "per_sender"
    assert chosen("feed_users", "views", "likes") == "likes"
    assert chosen("feed_users", "views") == "views"
    assert chosen("feed_users") is None
    totals["views"][DAY] = Counts(109, 1)  # less than a tenth
    assert chosen("views") is None


@pytest.mark.parametrize("before", [{}, {BEFORE: Counts(0, 1)}, {BEFORE: Counts(0, 0)}], ids=["absent", "zero", "none"])
def test_what_cannot_be_compared_is_not_explained(before: dict[date, Counts]) -> None:
    totals = {"views": {DAY: Counts(100, 1), **before}}
    assert metric_to_explain(totals, [BY_NAME["views"]], DAY, BEFORE) is None
