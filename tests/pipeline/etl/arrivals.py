"""A source that changes after its days were loaded, or rows that were loaded wrongly."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

from pipeline.core import clock
from pipeline.warehouse.engines import Engine
from tests.pipeline.etl.running import Case, differences, insert_events, loaded, prepared, scratch_tables
from tests.pipeline.etl.stories import STORY, SUNDAY
from tests.pipeline.reference import Event, Events


def arrive(
    warehouse: Engine, source: str, case: Case, feed: Sequence[Event] = (), messages: Sequence[Event] = ()
) -> Case:
    """Insert late rows into the source; return the case with them."""
    insert_events(warehouse, source, replace(case, events=Events(feed, messages)))
    return replace(case, events=Events([*case.events.feed, *feed], [*case.events.messages, *messages]))


def check(warehouse: Engine, database: str, case: Case, *days: date) -> None:
    for day in days:
        assert differences(loaded(warehouse, database, day), case.expected(day)) == {}, day
    assert scratch_tables(warehouse, database) == []


@contextmanager
def on_sunday(warehouse: Engine, case: Case = STORY, **etl: str) -> Iterator[tuple[str, str]]:
    """Prepare a case on the Monday after its days."""
    with prepared(warehouse, case, etl=etl) as databases:
        clock.set_now(datetime.fromisoformat(f"{SUNDAY}T22:00:00Z"))  # Monday in Moscow
        yield databases


def damage(warehouse: Engine, database: str, column: str) -> None:
    """Add 7 to a column of the staged slices by os, as no task does."""
    warehouse.execute(
        f"INSERT INTO {database}.slice_day (event_date, dimension, dimension_value, {column}) "
        "SELECT toDate('2026-11-06'), 'os', 'iOS', 7"
    )
