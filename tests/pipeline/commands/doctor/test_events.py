"""What the doctor says of the source: columns, types and values."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.commands.doctor import events
from pipeline.core import process
from pipeline.core.errors import TerminalError
from tests.pipeline.commands.doctor.place import PERSON, Place, insert, now

FEED = (
    "user_id UInt32, action String, time DateTime, gender Int8, age Int16, country String, city String, os String, "
    "source String, exp_group Int8"
)


def remade(place: Place, columns: str) -> str:
    """Make the table of views and likes anew, empty, with other columns; return its name."""
    table = f"{place.database}.feed_actions"
    place.engine.execute(f"DROP TABLE {table}")
    place.engine.execute(f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY tuple()")
    process.reset()  # the embedded engine remembers the types of columns
    place.sections["alerts"]["detector"] = "ewma"  # the new table has no history
    return table


def test_what_is_counted_is_shown(place: Place) -> None:
    _, out = place.run()
    assert "'like' (50.0%), 'view' (50.0%)" in out
    assert re.search(r"newest row of \w+\.feed_actions is of [-\d]+ [:\d]+ \(Europe/Moscow\), [34] min ago", out)


@pytest.mark.parametrize(
    ("columns", "values", "says"),
    [
        (FEED.replace("os String, ", ""), {}, "has no column os"),
        (FEED.replace("age Int16, ", ""), {}, "has no column age"),
        (FEED.replace("action String, ", ""), {}, "has no column action"),
        (FEED.replace("time DateTime", "time String"), {"time": ""}, "time has type String; it must be DateTime"),
        (FEED.replace("time DateTime", "time UInt32"), {"time": 0}, "time has type UInt32; it must be DateTime"),
        (FEED.replace("age Int16", "age String"), {"age": "20"}, "age has type String; it must be an integer"),
        (FEED.replace("user_id UInt32", "user_id String"), {"user_id": "7"}, "user_id has type String"),
        (FEED.replace("os String", "os UInt8"), {"os": 1}, "os has type UInt8; it must be String"),
    ],
)
def test_a_column_that_is_missing_or_odd(place: Place, columns: str, values: dict[str, object], says: str) -> None:
    table = remade(place, columns)
    if "time" in values:
        moment = now()
        values = {"time": str(moment) if values["time"] == "" else int(moment.replace(tzinfo=UTC).timestamp())}
    for action in ("view", "like"):
        row = {**PERSON, "user_id": 7, "time": now(), "action": action, **values}
        place.engine.insert(table, {name: [value] for name, value in row.items() if f"{name} " in columns})
    found = place.wrong()
    assert says in found
    assert "feed_actions has: " in found
    # The view that it gives works as it stands.
    for setting, view in re.findall(r"set \[source\] (\w+) to it: (CREATE VIEW .*?;)", found):
        place.engine.execute(view.replace("YOUR_ACTION", "if(e.age > 0, 'view', 'like')"))
        place.sections["source"][setting] = f"{setting.removesuffix('_table')}_actions_fitting"
    code, out = place.run()
    assert code == 0, out


def test_tables_that_are_exchanged(place: Place) -> None:
    place.sections["source"] |= {"feed_table": "message_actions", "message_table": "feed_actions"}
    assert "`action` is in the other table: exchange [source] feed_table and message_table" in place.wrong()


def test_an_optional_column_that_is_missing_is_a_note(place: Place) -> None:
    table = remade(place, FEED.replace("city String, ", ""))
    for action in ("view", "like"):
        place.engine.insert(table, {"user_id": [7], "action": [action], "time": [now()]})
    (found,) = place.notes()
    assert "has no column city: no slices by city" in found


ODD = {
    "upper case": ("String", ["VIEW", "LIKE"]),
    "an Enum of upper case": ("Enum8('VIEW' = 1, 'LIKE' = 2)", ["VIEW", "LIKE"]),
    "spaces": ("String", ["view ", "like "]),
    "other words": ("String", ["open", "heart"]),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_action_that_is_never_view_or_like(place: Place, kind: str) -> None:
    column, actions = ODD[kind]
    table = remade(place, FEED.replace("action String", f"action {column}"))
    for action in actions:
        insert(place.engine, table, action=action)
    found = place.wrong()
    for action in actions:
        assert f"'{action}' (50.0%)" in found
    assert "never 'view' or 'like'" in found
    # What it says to do works as it stands.
    view = re.search(r"CREATE VIEW .*;", found)
    assert view is not None
    place.engine.execute(view[0].replace("YOUR VIEW", "open").replace("YOUR LIKE", "heart"))
    place.sections["source"]["feed_table"] = "feed_actions_fitting"
    code, out = place.run()
    assert (code, "'like' (50.0%), 'view' (50.0%)" in out) == (0, True), out


def test_an_action_of_another_name_is_named_in_the_settings(place: Place) -> None:
    table = remade(place, FEED)
    for action in ("VIEW", "LIKE", "share"):
        insert(place.engine, table, action=action)
    assert "Set [source] view_action = VIEW, like_action = LIKE." in place.wrong()
    place.sections["source"] |= {"view_action": "VIEW", "like_action": "LIKE"}
    (found,) = place.notes()
    assert "'share' make a user active and count as neither" in found
    place.sections["source"] |= {"view_action": "open"}
    (found,) = place.notes()
    assert "never 'open', which would be 0" in found


def test_columns_of_other_names(place: Place) -> None:
    renamed = FEED.replace("user_id ", "uid ").replace("time ", "`event time` ").replace("action ", "what ")
    table = remade(place, renamed)
    place.sections["source"]["columns"] = "feed.user_id=uid, feed.action=what, feed.time=event time"
    for action in ("view", "like"):
        place.engine.execute(
            f"INSERT INTO {table} (uid, what, `event time`) SELECT 7, '{action}', toDateTime('{now()}', 'UTC')"
        )
    place.notes()
    place.sections["source"]["columns"] = "feed.user_id=uid, feed.action=what, feed.time=sent"
    found = place.wrong()
    assert "feed_actions has no column sent, which [source] columns names for time." in found
    assert "feed_actions has: uid UInt32, what String, event time DateTime" in found


@pytest.mark.parametrize("table", ["feed_actions", "message_actions"])
def test_years_of_birth_in_the_place_of_ages(place: Place, table: str) -> None:
    name = f"{place.database}.{table}"
    insert(place.engine, name, rows=20, age=1990, **({"action": "view"} if "feed" in table else {"receiver_id": 8}))
    found = place.wrong()
    assert f"source column {name}.age holds years of birth, not ages. Make a view of {table} that fits" in found
    view = re.search(r"CREATE VIEW .*?;", found)
    assert view is not None
    place.engine.execute(view[0])
    place.sections["source"]["feed_table" if "feed" in table else "message_table"] = f"{table}_fitting"
    place.notes()


def test_actions_that_count_as_neither_are_a_note(place: Place) -> None:
    insert(place.engine, f"{place.database}.feed_actions", action="share")
    (found,) = place.notes()
    assert "'share' make a user active and count as neither" in found


def test_only_likes_are_missing(place: Place) -> None:
    insert(place.engine, remade(place, FEED), action="view")
    (found,) = place.notes()
    assert "never 'like', which would be 0" in found


def test_a_source_without_rows(place: Place) -> None:
    place.engine.execute(f"DROP TABLE {place.database}.message_actions")
    place.engine.execute(f"CREATE TABLE {place.database}.message_actions ({FEED}, receiver_id UInt32) ENGINE = Log")
    (found,) = place.notes()
    assert "message_actions has no rows" in found
    remade(place, FEED)
    assert "feed_actions has no rows" in place.wrong()


def test_rows_are_loaded_no_more(place: Place) -> None:
    table = remade(place, FEED)
    for action in ("view", "like"):
        insert(place.engine, table, action=action, time=now() - timedelta(hours=5, minutes=5))
    (found,) = place.notes()
    assert ", 5 h ago" in found


def test_times_that_are_not_plausible(place: Place) -> None:
    table = f"{place.database}.feed_actions"
    insert(place.engine, table, rows=400, action="view")
    insert(place.engine, table, rows=3, action="view", time=datetime(1970, 1, 1))
    insert(place.engine, table, rows=2, action="view", time=now() + timedelta(hours=3))
    old, ahead = place.notes()
    assert "3 of 417 rows of" in old
    assert "have a time before 2000" in old
    assert "2 of 417 rows of" in ahead
    insert(place.engine, table, rows=100, action="view", time=now() + timedelta(hours=3))
    assert "102 of 517 rows" in (found := place.wrong())
    assert "another zone" in found


def test_times_of_another_zone(place: Place) -> None:
    """The share in the future is small, as there are months of rows; the view that it gives works as it stands."""
    table = f"{place.database}.feed_actions"
    insert(place.engine, table, rows=1000, action="view", time=now() - timedelta(days=10))
    insert(place.engine, table, rows=50, action="view", time=now() - timedelta(hours=5))
    insert(place.engine, table, rows=3, action="like", time=now() + timedelta(hours=2, minutes=50))
    assert "3 of 1,065 rows of" in (found := place.wrong())
    assert "if every time is 3 h ahead, make a view" in found
    view = re.search(r"CREATE VIEW .*?;", found)
    assert view is not None
    place.engine.execute(view[0])
    place.sections["source"]["feed_table"] = "feed_actions_fitting"
    code, out = place.run()
    assert code == 0, out


def test_a_clock_that_was_set_for_a_trial(place: Place) -> None:
    place.sections["clock"] = {"now": f"{now() - timedelta(days=1):%Y-%m-%dT%H:%M}"}
    assert "have a time in the future" in (found := place.wrong())
    assert "Empty [clock] now" in found


def test_the_tables_of_another_month(place: Place) -> None:
    """A day without a row cannot be reported, so that is no note."""
    table = remade(place, FEED)
    insert(place.engine, table, action="view", time=now() - timedelta(days=3))
    assert "3 days ago: yesterday has no rows to report" in place.wrong()
    insert(place.engine, table, action="like", time=now() - timedelta(hours=20))
    place.notes()


def test_times_without_a_value(place: Place) -> None:
    table = remade(place, FEED.replace("time DateTime", "time Nullable(DateTime)"))
    for action in ("view", "like"):
        insert(place.engine, table, action=action)
    insert(place.engine, table, rows=1, action="view", time=None)
    (found,) = place.notes()
    assert "1 of 11 rows" in found
    assert "have no time" in found


def test_every_time_in_another_unit(place: Place) -> None:
    insert(place.engine, remade(place, FEED), action="view", time=datetime(1970, 1, 21))
    assert "5 of 5 rows" in (found := place.wrong())
    assert "another zone or unit" in found


def test_too_little_history(place: Place) -> None:
    place.sections["alerts"]["detector_params"] = '{"min_days": 21}'
    (found,) = place.notes()
    assert "there are 19 days of events; the detector is silent until there are 21" in found
    place.sections["alerts"]["history_days"] = "20"
    found = place.wrong()
    assert "[alerts] history_days = 20, and a detector needs 21 days" in found
    assert "Set [alerts] history_days = 42" in found


def test_every_row_has_one_user(place: Place) -> None:
    insert(place.engine, f"{place.database}.feed_actions", rows=1000, action="view", user_id=7)
    (found,) = place.notes()
    assert "1,010 recent rows of" in found
    assert "one and the same user_id" in found


def test_a_server_that_lets_no_statement_read_everything(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(table: str) -> events.Times:
        raise TerminalError(f"{table}: Limit for rows exceeded (code {code})\nRaise max_rows_to_read.", code)

    monkeypatch.setattr(events, "_read_times", refuse)
    code = 158
    notes = place.notes()
    assert ["were not checked: " in found for found in notes] == [True, True]
    _, out = place.run()
    assert "'like' (50.0%), 'view' (50.0%)" in out
    code = 279  # a shard that is away is no limit
    assert "Raise max_rows_to_read." in place.wrong()
