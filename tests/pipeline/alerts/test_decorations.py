"""An incident is posted, edited and closed although nothing that decorates its messages can be made."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.alerts import detection
from pipeline.alerts.notify import compose
from pipeline.alerts.root_cause import explanation
from pipeline.core.errors import TerminalError
from pipeline.slots import measure
from pipeline.tasks import Alerts
from pipeline.tasks.base import MarkedTask
from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine
from reporting import plots
from tests.pipeline.alerts.place import BACK, OUTAGE, SLOT, Site, incident, site

pytestmark = pytest.mark.one_engine("server")

KEY = "alert-2026-11-12T0900Z-messages_sent"
COLUMNS = ("user_id", "receiver_id", "time", "gender", "age", "country", "city", "os", "source", "exp_group")


@pytest.fixture
def place(warehouse: Engine, tmp_path: Path) -> Iterator[Site]:
    with site(warehouse, tmp_path) as made:
        yield made


@pytest.fixture
def embedded(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[Site]:
    with site(embedded_warehouse, tmp_path) as made:
        yield made


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every status line that a task shows."""
    shown: list[str] = []
    tell = MarkedTask.tell

    def shown_too(task: MarkedTask, status: str, percent: float | None = None) -> None:
        shown.append(status)
        tell(task, status, percent)

    monkeypatch.setattr(MarkedTask, "tell", shown_too)
    return shown


def load(place: Site, *selected: str) -> None:
    """Most messages of iOS are missing for an hour; messages are read through a view with these columns."""
    place.load(incident("messages", -0.9, dimension="os", dimension_value="iOS"))
    messages = f"{place.database}.message_actions"
    place.warehouse.execute(f"RENAME TABLE {messages} TO {place.database}.all_messages")
    place.warehouse.execute(
        f"CREATE VIEW {messages} AS SELECT {', '.join(selected)} FROM {place.database}.all_messages"
    )
    place.alerts = {"metrics": "messages_sent", "slice_volume": "10"}


def live(place: Site, key: str = KEY) -> str:
    """Post, edit and close the incident; returns what was posted."""
    place.run(Alerts(), OUTAGE + SLOT)
    posted = place.messages()[key]
    place.run(Alerts(), OUTAGE + 2 * SLOT)
    edited = place.messages()
    assert list(edited) == [key]
    assert edited[key] != posted
    place.alerts = {**place.alerts, "catch_up_hours": "2"}
    place.run(Alerts(), BACK + 4 * SLOT)
    messages = place.messages()
    assert list(messages) == [key, f"{key}-recovered"]
    assert messages[key] != edited[key]
    return posted


def selected(**instead: str) -> Sequence[str]:
    """The columns, some of them as another expression; '' leaves one out."""
    return [f"{instead.get(name, name)} AS {name}" for name in COLUMNS if instead.get(name) != ""]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (selected(city="", exp_group=""), "has no column city: no slices by city"),
        (selected(city="toFloat32(7)"), "city of type Float32, not an integer, String, FixedString or Enum: no slices"),
        (selected(country="", source=""), "has no column country: no slices by country"),
    ],
    ids=["missing", "odd city", "missing in slots"],
)
def test_dimensions_whose_columns_do_not_fit_are_left_out(
    place: Site, columns: Sequence[str], said: str, statuses: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    load(place, *columns)
    posted = live(place)
    assert "os iOS explains" in posted
    found = [text for text in warnings(caplog) if said in text]
    assert found
    assert all(text.startswith(f"source table {place.database}.message_actions has ") for text in found)
    assert any("without slices by " in status and " of message_actions" in status for status in statuses)
    assert not [text for text in warnings(caplog) if "left out" in text]


def test_a_statement_that_is_refused_costs_only_its_slices(
    place: Site, statuses: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    # Only the slices of raw events read this column, and the engine refuses to compute it.
    load(place, *selected(city="toString(throwIf(user_id >= 0))"))
    assert "os iOS explains" in live(place)
    what = "slices of raw events of messages_sent:2026-11-12T0900"
    found = [text for text in warnings(caplog) if text.startswith(f"left out: {what}: ")]
    assert found
    assert all("(code 395)" in text and "\n" not in text for text in found)
    assert any(status.endswith(f"; without {what}") for status in statuses)


def test_actions_may_be_computed_by_an_alias(place: Site, caplog: pytest.LogCaptureFixture) -> None:
    place.load(incident("views", -0.9, dimension="os", dimension_value="iOS"))
    feed, usual = (
        f"{place.database}.feed_actions",
        ", ".join(name for name in COLUMNS if name not in ("receiver_id", "city")),
    )
    types = "user_id UInt32, time DateTime, gender Int8, age Int16, country String, city String, os String, "
    place.warehouse.execute(f"RENAME TABLE {feed} TO {place.database}.all_actions")
    place.warehouse.execute(
        f"CREATE TABLE {feed} ({types} source String, exp_group Int8, ev String, action String ALIAS lower(ev)) "
        "ENGINE = MergeTree PARTITION BY toYYYYMM(time) ORDER BY time"
    )
    place.warehouse.execute(
        f"INSERT INTO {feed} ({usual}, city, ev) "
        f"SELECT {usual}, if(os = 'iOS', 'Kazan', 'Omsk'), upper(action) FROM {place.database}.all_actions"
    )
    place.alerts = {"metrics": "views"}
    posted = live(place, "alert-2026-11-12T0900Z-views")
    assert "Views: city Kazan explains" in posted
    assert warnings(caplog) == []


def test_an_explanation_reads_columns_of_other_names_and_types(
    embedded: Site, caplog: pytest.LogCaptureFixture
) -> None:
    embedded.load(incident("views", -0.9, dimension="os", dimension_value="iOS"))
    people = "if(gender = 1, 'male', 'female') AS gender, age, os, country, source, exp_group"
    what = "CAST(if(action = 'view', 'open', 'heart') AS Nullable(Enum8('open' = 1, 'heart' = 2)))"
    town = "CAST(if(os = 'iOS', 'Kazan, \\'old\\'', 'Omsk') AS Enum8('Kazan, \\'old\\'' = 1, 'Omsk' = 2))"
    made = {
        "feed_actions": f"toString(user_id) AS uid, {what} AS what, time AS `sent at`, {town} AS town, {people}",
        "message_actions": f"toString(user_id) AS user_id, toString(receiver_id) AS receiver_id, time, {people}",
    }
    for table, columns in made.items():
        name = f"{embedded.database}.{table}"
        embedded.warehouse.execute(f"RENAME TABLE {name} TO {embedded.database}.plain_{table}")
        order = "`sent at`" if table == "feed_actions" else "time"
        embedded.warehouse.execute(
            f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY {order} "
            f"AS SELECT {columns} FROM {embedded.database}.plain_{table}"
        )
    embedded.sections["source"] = {
        "database": embedded.database,
        "columns": "feed.user_id=uid, feed.action=what, feed.time=sent at, feed.city=town",
        "view_action": "open",
        "like_action": "heart",
    }
    embedded.alerts = {"metrics": "views"}
    posted = live(embedded, "alert-2026-11-12T0900Z-views")
    assert "Views: city Kazan, 'old' explains" in posted
    assert [text for text in warnings(caplog) if "message_actions has no column city" not in text] == []


def test_a_limit_of_the_server_costs_only_the_slices_of_raw_events(
    server_warehouse: ServerEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with site(server_warehouse, tmp_path) as place:
        load(place, *selected(city="toString(length(range(1500 + user_id % 2)))"))
        limited = {"engine": "server", "host": server_warehouse.host, "port": str(server_warehouse.port)}
        place.sections["source"] = {"database": place.database, **limited, "user": "limited"}
        assert "os iOS explains" in live(place)
    found = [text for text in warnings(caplog) if text.startswith("left out: slices of raw events of ")]
    assert found
    assert ["(code 241)" in text for text in found] == [True] * len(found), found


def test_a_picture_library_that_fails_costs_the_picture(
    place: Site, monkeypatch: pytest.MonkeyPatch, statuses: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError("In FT2Font: Can not load face")

    load(place, *COLUMNS)
    monkeypatch.setattr(plots, "draw_bands", broken)
    assert "os iOS explains" in live(place)
    assert list((place.folder / "outbox").glob("*.png")) == []
    text = f"left out: picture of {KEY}: RuntimeError: In FT2Font: Can not load face (reporting.alerts.compose:"
    assert {message.startswith(text) for message in warnings(caplog)} == {True}
    assert any(status.endswith(f"; without picture of {KEY}") for status in statuses)


@pytest.mark.parametrize("name", ["explain", "bands", "links_for", "losses_of", "cause_of"])
def test_an_error_of_our_own_costs_a_line_and_is_said_with_its_place(
    embedded: Site, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = {"explain": explanation, "bands": detection}.get(name, compose)

    def wrong(*_: object) -> object:
        return dict[str, object]()["nothing"]

    load(embedded, *COLUMNS)
    monkeypatch.setattr(module, name, wrong)
    embedded.run(Alerts(), OUTAGE + SLOT)
    assert "Messages sent" in embedded.messages()[KEY]
    (text,) = warnings(caplog)
    assert text.startswith("left out: ")
    assert "KeyError: 'nothing' (pipeline.alerts." in text


def test_a_metric_that_is_no_longer_checked_closes_its_incident(embedded: Site) -> None:
    embedded.load(incident("messages", -0.9))
    embedded.alerts = {"metrics": "messages_sent"}
    embedded.run(Alerts(), OUTAGE + SLOT)
    embedded.alerts = {"metrics": "views"}
    embedded.run(Alerts(), OUTAGE + 2 * SLOT)
    messages = embedded.messages()
    assert list(messages) == [KEY, f"{KEY}-recovered"]
    assert "Messages sent" in messages[f"{KEY}-recovered"]


def test_a_slice_that_is_no_longer_checked_closes_its_incident(
    embedded: Site, caplog: pytest.LogCaptureFixture
) -> None:
    load(embedded, *COLUMNS)
    embedded.run(Alerts(), OUTAGE + SLOT)
    (state,) = embedded.incidents()
    assert {member["dimension"] for member in state["members"]} == {"os"}
    embedded.alerts = {"metrics": "messages_sent", "slice_volume": "100000"}
    embedded.run(Alerts(), OUTAGE + 2 * SLOT)
    assert list(embedded.messages()) == [KEY, f"{KEY}-recovered"]
    assert warnings(caplog) == []


def test_a_column_that_goes_away_is_no_outage_of_its_slices(embedded: Site, caplog: pytest.LogCaptureFixture) -> None:
    embedded.load()
    embedded.alerts = {"metrics": "messages_sent", "slice_volume": "1"}
    embedded.run(Alerts(), OUTAGE)
    messages = f"{embedded.database}.message_actions"
    embedded.warehouse.execute(f"RENAME TABLE {messages} TO {embedded.database}.all_messages")
    kept = ", ".join(name for name in COLUMNS if name not in ("country", "source"))
    embedded.warehouse.execute(f"CREATE VIEW {messages} AS SELECT {kept} FROM {embedded.database}.all_messages")
    embedded.run(Alerts(), OUTAGE + SLOT)
    rows = embedded.warehouse.query(
        f"SELECT slot, groupUniqArray(dimension) FROM {embedded.database}.slot_checks FINAL GROUP BY slot ORDER BY slot"
    )
    before, after = (set(dimensions) for _, dimensions in rows)
    assert before - after == {"country", "source"}
    assert embedded.messages() == {}
    assert len(warnings(caplog)) == 2


def test_a_statement_that_is_only_for_the_log_does_not_stop_alerts(
    embedded: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> list[str]:
        raise TerminalError("h:9000: memory limit exceeded (code 241)", 241)

    load(embedded, *COLUMNS)
    monkeypatch.setattr(measure, "cut_dimensions", refuse)
    embedded.run(Alerts(), OUTAGE + SLOT)
    assert list(embedded.messages()) == [KEY]
    assert "left out: check for dimensions with very many values on 2026-11-11: h:9000: memory limit" in caplog.text
