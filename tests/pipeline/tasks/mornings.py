"""Mornings after `SUNDAY`: `Morning` and `Weekly` on a source made of events, with an outbox and a chat."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import luigi
from luigi.task_register import Register

from pipeline.core import process
from pipeline.warehouse.engines import Engine
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import Case, Configuration, create_source, fresh_database, insert_events
from tests.pipeline.etl.stories import at
from tests.pipeline.reference import Event, Events

MONDAY = date(2026, 11, 9)
SUNDAY = MONDAY - timedelta(days=1)


def aware(day: date, hour: float) -> datetime:
    """A time on a day in Moscow."""
    return at(day, hour).replace(tzinfo=UTC)


@dataclass
class Mornings:
    """A source and a warehouse, on which each run is like a new process.

    Parameters
    ----------
    warehouse : Engine
        Source and results.
    source, results : str
        Names of the databases.
    folder : Path
        Directory of the outbox and the locks.
    sections : mapping
        Settings in addition to the usual ones.
    """

    warehouse: Engine
    source: str
    results: str
    folder: Path
    sections: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def arrive(self, feed: Sequence[Event] = (), messages: Sequence[Event] = ()) -> None:
        """Add events to the source."""
        insert_events(self.warehouse, self.source, _case(Events(list(feed), list(messages))))

    @contextlib.contextmanager
    def at(self, now: datetime) -> Iterator[None]:
        """Act as a new process at a time (aware)."""
        sections: Configuration = {
            **_case(Events([], [])).configuration(self.warehouse, self.source, self.results),
            "outbox": {"path": str(self.folder / "outbox")},
            "delivery": {"lock_path": str(self.folder / "locks")},
        }
        merged = {
            name: {**sections.get(name, {}), **self.sections.get(name, {})} for name in {*sections, *self.sections}
        }
        with configured(now.astimezone(UTC).replace(tzinfo=None), **merged):
            process.reset()
            Register.clear_instance_cache()
            yield

    def run(self, root: luigi.Task, now: datetime, *, fails: bool = False) -> None:
        """Run a root task at a time, as in a new process."""
        with self.at(now):
            done = luigi.build([root], local_scheduler=True, log_level="WARNING", detailed_summary=True)
            assert done.scheduling_succeeded is not fails, done.summary_text

    def text(self, key: str) -> str:
        """The text of a message in the outbox."""
        return (self.folder / "outbox" / f"{key}.txt").read_text(encoding="utf-8").strip()

    def messages(self) -> list[str]:
        """The keys of the messages in the outbox."""
        return sorted(path.stem for path in (self.folder / "outbox").glob("*.txt"))


@contextlib.contextmanager
def mornings(warehouse: Engine, folder: Path) -> Iterator[Mornings]:
    """Create a source without events and name an empty warehouse; both are dropped afterwards."""
    with fresh_database(warehouse) as source, fresh_database(warehouse) as results:
        create_source(warehouse, source, _case(Events([], [])))
        yield Mornings(warehouse, source, results, folder)


def _case(events: Events) -> Case:
    return Case(events=events, days=(SUNDAY,))
