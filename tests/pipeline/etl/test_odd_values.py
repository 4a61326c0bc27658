"""Values that are not what they seem: actions of other names, and years of birth in `age`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.alerts.notify.report import message_key
from pipeline.core import clock, process
from pipeline.core.errors import SourceError
from pipeline.etl import ages
from pipeline.tasks import Daily, DailyReport
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import Case, build, differences, load, loaded, prepared, run
from tests.pipeline.etl.stories import FRIDAY, STORY
from tests.pipeline.reference import Event, Events
from tests.pipeline.warehouse.source.test_events import declare

CASE = replace(STORY, attribute_days=0)
OTHER_NAMES = {"view": "open", "like": "it's 100%", "share": "view"}
"""One of them is ours for something else."""


def renamed(case: Case) -> Case:
    """The same events with other names of actions."""
    feed = [{**event, "action": OTHER_NAMES[event["action"]]} for event in case.events.feed]
    return replace(case, events=Events(feed, case.events.messages))


@pytest.mark.parametrize("kind", ["String", "Nullable(Enum8('it\\'s 100%' = 2, 'open' = 0, 'view' = 7))"])
def test_actions_may_have_other_names(warehouse: Engine, kind: str) -> None:
    named = {"view_action": "open", "like_action": "it's 100%%"}
    with prepared(warehouse, renamed(CASE), source=named) as (origin, database):
        declare(warehouse, origin, "feed_actions", {"action": kind})
        load(FRIDAY)
        assert differences(loaded(warehouse, database, FRIDAY), CASE.expected(FRIDAY)) == {}


def test_actions_may_be_numbers(warehouse: Engine) -> None:
    numbers = {"view": 1, "like": 2, "share": 3}
    feed = [{**event, "action": str(numbers[event["action"]])} for event in CASE.events.feed]
    case = replace(CASE, events=Events(feed, CASE.events.messages))
    with prepared(warehouse, case, source={"view_action": "1", "like_action": "2"}) as (origin, database):
        table = f"{origin}.feed_actions"
        columns = [name for name, *_ in warehouse.query(f"DESCRIBE TABLE {table}")]
        warehouse.execute(f"RENAME TABLE {table} TO {origin}.former")
        made = ", ".join("toUInt8(action) AS action" if name == "action" else name for name in columns)
        warehouse.execute(f"CREATE TABLE {table} ENGINE = Memory AS SELECT {made} FROM {origin}.former")
        load(FRIDAY)
        assert differences(loaded(warehouse, database, FRIDAY), CASE.expected(FRIDAY)) == {}


def test_an_enum_without_a_like_is_a_day_without_likes(warehouse: Engine) -> None:
    feed = [event for event in CASE.events.feed if event["action"] != "like"]
    case = replace(CASE, events=Events(feed, CASE.events.messages))
    with prepared(warehouse, case) as (origin, database):
        declare(warehouse, origin, "feed_actions", {"action": "Enum8('view' = 1, 'share' = 2)"})
        load(FRIDAY)
        assert differences(loaded(warehouse, database, FRIDAY), case.expected(FRIDAY)) == {}


def test_a_day_with_rows_and_neither_view_nor_like_is_said(
    embedded_warehouse: EmbeddedEngine,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox, delivery = {"path": str(tmp_path / "outbox")}, {"lock_path": str(tmp_path / "locks")}
    with prepared(embedded_warehouse, renamed(CASE), outbox=outbox, delivery=delivery) as (_, database):
        renamed_view = "feed_actions has 3 rows, and none is a view or a like: set [source] view_action and like_action"
        run(DailyReport(date=FRIDAY))
        assert f"{FRIDAY}: {renamed_view} (view and like)" in caplog.text
        text = (tmp_path / "outbox" / f"{message_key(FRIDAY)}.txt").read_text(encoding="utf-8")
        assert "No row for 6 Nov in feed_actions is a view or a like: do the actions have other names?" in text
        assert loaded(embedded_warehouse, database, FRIDAY).totals["views"] == (0, 1)
        caplog.clear()
        process.reset()
        run(DailyReport(date=FRIDAY))
        assert "none is a view" not in caplog.text


def test_a_usual_day_says_nothing_of_its_actions(
    embedded_warehouse: EmbeddedEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox, delivery = {"path": str(tmp_path / "outbox")}, {"lock_path": str(tmp_path / "locks")}
    with prepared(embedded_warehouse, CASE, outbox=outbox, delivery=delivery):
        run(DailyReport(date=FRIDAY))
    assert "view or a like" not in caplog.text + (tmp_path / "outbox" / f"{message_key(FRIDAY)}.txt").read_text()


def born(case: Case) -> Case:
    """The same events with a year of birth as the age."""

    def years(events: Sequence[Event]) -> list[Event]:
        return [{**event, "age": 2026 - event["age"]} for event in events]

    return replace(case, events=Events(years(case.events.feed), years(case.events.messages)))


def test_years_of_birth_are_refused_with_the_view_that_mends_them(warehouse: Engine) -> None:
    case = replace(born(CASE), days=(FRIDAY,))
    with prepared(warehouse, case, etl={"attribute_days": "0", "start": str(FRIDAY)}) as (origin, database):
        for table in ("feed_actions", "message_actions"):
            declare(warehouse, origin, table, {"age": "Nullable(UInt64)"})
        clock.set_now(clock.moment().replace(year=2026, month=11, day=7, hour=9))
        assert not build(Daily())
        with pytest.raises(SourceError) as refused:
            ages.require_ages(FRIDAY)
        first, *others = str(refused.value).splitlines()
        assert first == f"source column {origin}.feed_actions.age holds years of birth, not ages."
        views = re.findall(r"set \[source\] (\w+) to it:\n(CREATE VIEW (\w+)\.(\w+) AS .*;)", "\n".join(others))
        assert [setting for setting, *_ in views] == ["feed_table", "message_table"]
        for _, view, *_ in views:
            warehouse.execute(view)
        options = CASE.configuration(warehouse, origin, database)
        named = {setting: name for setting, _, _, name in views}
        with configured(CASE.now, **{**options, "source": {**options["source"], **named}}):
            ages.require_ages(FRIDAY)
            load(FRIDAY)
            assert differences(loaded(warehouse, database, FRIDAY), CASE.expected(FRIDAY)) == {}
