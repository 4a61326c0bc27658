"""The properties that follow from the definition of a metric."""

import pytest

from pipeline.core.errors import SettingsError
from pipeline.core.metrics import BY_NAME, FEED, MESSAGES, METRICS, Metric, defined, slot_measures
from pipeline.warehouse.tables import VALUES

ONE = Metric(name="one", table=FEED, slot="count()", day="sum(one)", day_slice="one")
TWO = Metric(name="two", table=FEED, slot="sum(x)", day="sum(two)", day_slice="two")
USERS = Metric(name="users", table=FEED, slot="uniqExact(y)", day="count()", is_additive=False, events="one")


def ratio(numerator: str, denominator: str, **changes: str) -> Metric:
    """A ratio of two of the counts above."""
    return Metric(name="ratio", numerator=numerator, denominator=denominator, **changes)  # type: ignore[arg-type]


def test_a_ratio_takes_its_table_and_its_sql_from_its_counts() -> None:
    *_, made = defined(ONE, TWO, ratio("one", "two"))
    assert (made.table, made.slot, made.slot_denominator) == (FEED, "count()", "sum(x)")
    assert (made.day, made.day_denominator) == ("sum(one)", "sum(two)")
    assert (made.day_slice, made.day_slice_denominator, made.is_additive) == ("one", "two", True)


def test_a_ratio_may_be_defined_before_its_counts() -> None:
    made, *_ = defined(ratio("one", "two"), ONE, TWO)
    assert made.slot == "count()"


@pytest.mark.parametrize("sides", [("one", "users"), ("users", "one")])
def test_a_ratio_of_users_has_no_slices_of_days_and_does_not_add_up(sides: tuple[str, str]) -> None:
    *_, made = defined(ONE, USERS, ratio(*sides))
    assert (made.day_slice, made.day_slice_denominator, made.is_additive) == ("", "", False)


@pytest.mark.parametrize("sides", [("one", "three"), ("three", "one"), ("one", "ratio")])
def test_a_side_that_is_no_count_is_refused(sides: tuple[str, str]) -> None:
    unknown = next(name for name in sides if name != "one")
    with pytest.raises(SettingsError, match=f"metric ratio: no count is called {unknown}"):
        defined(ONE, TWO, ratio(*sides))


def test_counts_of_two_tables_are_refused() -> None:
    other = Metric(name="other", table=MESSAGES, slot="count()", day="sum(other)")
    with pytest.raises(SettingsError, match="one is counted in feed and other in messages"):
        defined(ONE, other, ratio("one", "other"))


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("feed_users", {"views"}),
        ("messenger_users", {"messages_sent"}),
        ("likes", {"views", "ctr"}),
        ("views", set()),
        ("ctr", set()),
        ("messages_sent", set()),
    ],
)
def test_events_explain_more_than_users_and_a_ratio_more_than_its_numerator(name: str, better: set[str]) -> None:
    assert BY_NAME[name].better_explained_by == better


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("feed_users", None),
        ("messenger_users", None),
        ("views", "views"),
        ("likes", "likes"),
        ("ctr", "likes"),
        ("messages_sent", "messages_sent"),
    ],
)
def test_a_deviation_costs_events_and_no_users(name: str, cost: str | None) -> None:
    priced = BY_NAME[name].cost
    assert (priced and priced.name) == cost


def test_how_values_are_written() -> None:
    assert [ONE.format, ratio("one", "two").format, ratio("one", "two", unit="per").format] == [
        "count",
        "ratio",
        "average",
    ]


def test_slices_of_days_are_columns_of_the_public_table() -> None:
    assert {metric.day_slice for metric in METRICS if metric.day_slice} <= set(VALUES)


def test_each_metric_is_measured_once() -> None:
    for metric in METRICS:
        assert [f"('{metric.name}', " in slot_measures(table) for table in (FEED, MESSAGES)].count(True) == 1
