"""The texts of differences between loaded rows and the source; tests/pipeline/etl finds them in real tables."""

from pipeline.etl.reconciliation import Difference, RawDay, listed, moved
from pipeline.warehouse.markers import RawRows


def test_a_difference_is_said_with_its_sign() -> None:
    difference = Difference("sum(views) by country", 11_000, "views in feed_actions", 12_345)
    assert str(difference) == "sum(views) by country is 11,000, views in feed_actions: 12,345 (difference -1,345)"


def test_the_first_differences_are_named_and_the_others_counted() -> None:
    many = [Difference(f"sum({column})", 2, "rows", 1) for column in "abcde"]
    texts = [str(item) for item in many]
    assert listed(many[:3]) == "; ".join(texts[:3])
    assert listed(many[:4]) == "; ".join([*texts[:3], "and 1 more"])
    assert listed(many) == "; ".join([*texts[:3], "and 2 more"])


def test_only_the_counts_that_moved_are_said() -> None:
    assert moved(RawRows(1_000, 5), RawRows(1_000, 5)) == ""
    assert moved(RawRows(1_000, 5), RawRows(1_200, 5)) == "feed_actions 1,000 -> 1,200 rows (+200)"
    both = "feed_actions 1,000 -> 999 rows (-1), message_actions 5 -> 6 rows (+1)"
    assert moved(RawRows(1_000, 5), RawRows(999, 6)) == both


def test_each_column_has_the_sum_that_the_source_gives() -> None:
    raw = RawDay(rows=RawRows(feed=30, messages=4), views=20, likes=10, pairs=3)
    assert {column: number for column, (_, number) in raw.sums.items()} == {
        "views": 20,
        "likes": 10,
        "messages_received": 4,
        "messages_sent": 4,
        "users_received": 3,
        "users_sent": 3,
    }
    words = {column: text for column, (text, _) in raw.sums.items()}
    assert words["views"] == "views in feed_actions"
    assert words["likes"] == "likes in feed_actions"
    assert words["messages_sent"] == "rows of message_actions"
    assert words["users_sent"] == "distinct (sender, recipient) pairs of message_actions"
