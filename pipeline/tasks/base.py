"""Base classes of the tasks: tasks of a day or a slot, whose output is a marker."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Self, TypeVar, cast

import luigi

from pipeline.core import clock, settings
from pipeline.core.errors import WarehouseError
from pipeline.core.parameters import FixedParameters
from pipeline.core.process import once
from pipeline.warehouse import markers
from pipeline.warehouse.markers import Marker, RawRows, State, Token

T = TypeVar("T", bound=luigi.Task)
R = TypeVar("R")


class Told(luigi.Task):
    """A task that says what it did; Luigi hands it on to the process that closes the run."""

    _did: Mapping[str, object] | None = None

    def did(self, **what: object) -> None:
        """Say what was done, as `supervision.outcomes` reads it: ``did(messages=1, slices=94)``."""
        self._did = what

    def on_success(self) -> Mapping[str, object] | None:
        """Return what was done."""
        return self._did


def lasting(requires: Callable[[T], R]) -> Callable[[T], R]:
    """Make the requirements of a root, which the warehouse decides, last until the end of the run.

    Luigi asks for them again for its summary. If the warehouse is gone by then, those of before hold: otherwise the
    run ends with an internal error in place of the failure of its task.
    """

    @functools.wraps(requires)
    def remembered(root: T) -> R:
        known = vars(root)
        if not known.get("_is_warehouse_gone"):
            try:
                known["_required"] = requires(root)
            except WarehouseError:
                if "_required" not in known:
                    raise
                known["_is_warehouse_gone"] = True
        return cast(R, known["_required"])

    return remembered


class MarkedTask(FixedParameters, Told):
    """A task that is done when its marker says so."""

    def output(self) -> Marker:
        """The marker of this task."""
        raise NotImplementedError

    def require_closed(self) -> None:
        """Refuse a day or slot that is not over yet."""
        raise NotImplementedError

    def complete(self) -> bool:
        """Whether the marker says done. Also checks settings and dates, because Luigi calls this first."""
        settings.check()
        self.require_closed()
        return bool(self.output().exists())

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[Any]) -> Iterator[Any]:
        """Return the parameters whose tasks are done, in one query (for Luigi's Range tasks)."""
        return bulk_complete(cls, parameter_tuples)

    def tell(self, status: str, percent: float | None = None) -> None:
        """Show a status line and progress in Luigi's visualiser, and trigger the event PROGRESS."""
        self.trigger_event(luigi.Event.PROGRESS, self)
        if self.set_status_message is not None:  # Luigi sets these only during run()
            self.set_status_message(status)
        if percent is not None and self.set_progress_percentage is not None:
            self.set_progress_percentage(round(percent))


class DayTask(MarkedTask):
    """A task of one day of the zone."""

    date: date = luigi.DateParameter(description="a day of [clock] timezone")

    def require_closed(self) -> None:
        """Refuse a day that is not over yet."""
        clock.require_closed_day(self.date)


class CheckTask(MarkedTask):
    """A task of the alerts, whose marker is invalidated only if the clock was ahead (`tasks.wrong_clock`)."""

    _state = markers.UNKNOWN
    _is_read = False
    """Whether the marker was read since Luigi asked last."""

    def complete(self) -> bool:
        """Whether the marker says done; a yes is remembered."""
        if not self._state.done:
            settings.check()
            self.require_closed()
            if not self._is_read:
                read([self, *(task for task in self.asked_next() if not task._state.done and not task._is_read)])
            self._is_read = False
        return self._state.done

    def asked_next(self) -> "Iterable[CheckTask]":
        """The tasks that Luigi asks for next if this one is not done: their markers are read in the same query."""
        return ()

    @property
    def is_known_done(self) -> bool:
        """Whether the task is done, as far as this process knows."""
        return self._state.done

    @property
    def was_taken_back(self) -> bool:
        """Whether the marker was invalidated since the task was done."""
        return self._state.version.invalidations > 0 and not self._state.done

    def finish(self, *others: "CheckTask") -> None:
        """Mark the task as done, together with `others`: all or none."""
        tasks = [self, *others]
        markers.finish_all([Token(task.output(), task._state.version) for task in tasks])
        for task in tasks:
            version = task._state.version
            task._state = State(True, RawRows(), version._replace(loads=version.loads + 1))


def read(tasks: Iterable[CheckTask]) -> None:
    """Read the markers of tasks in one query, which answers the next `complete` of each."""
    update_ids = {task: task.output().update_id for task in tasks}
    states = markers.states(update_ids.values())
    for task, update_id in update_ids.items():
        task._state, task._is_read = states.get(update_id, markers.UNKNOWN), True


class SlotTask(CheckTask):
    """A task of one 15-minute slot."""

    slot: datetime = luigi.DateMinuteParameter(interval=15, description="a slot's start, UTC")

    def require_closed(self) -> None:
        """Refuse a slot that is not over yet."""
        clock.require_closed_slot(self.slot)

    def complete(self) -> bool:
        """Whether the marker says done. A slot that is not done is one that this run may do with an earlier one."""
        is_done = super().complete()
        if not is_done:
            self._missed().add(self.slot)
        return is_done

    def is_missed(self, slot: datetime) -> bool:
        """Whether Luigi found the task of a slot not done in this process."""
        return slot in self._missed()

    def still_missed(self) -> list[Self]:
        """Return this task and later ones of this run that nobody has done, the oldest first; none if this one is done.

        Earlier tasks of this run may have done some, in this process or another one, and so may another machine. So
        their markers are read again, but not for the first task of a run.
        """
        if self.is_known_done:
            return []
        slots = sorted(self._missed() | {self.slot})
        tasks = [self, *(type(self)(slot=slot) for slot in slots if slot > self.slot)]
        if slots[0] < self.slot:
            read([task for each in tasks for task in each.done_before()])
        return [] if self.is_known_done else [task for task in tasks if not task.is_known_done]

    def done_before(self) -> Iterable[CheckTask]:
        """The task itself, and those without which it cannot run."""
        return [self]

    def _missed(self) -> set[datetime]:
        return _missed(self.task_family)


@once
def _missed(family: str) -> set[datetime]:
    """The slots whose tasks Luigi found not done in this process."""
    return set()


def bulk_complete(cls: Callable[[Any], MarkedTask], parameter_tuples: Iterable[Any]) -> Iterator[Any]:
    """Return the parameters whose tasks are done. `cls` may be a partial; `parameter_tuples` may be an iterator."""
    settings.check()
    update_ids = {parameter: cls(parameter).output().update_id for parameter in parameter_tuples}
    done = markers.done(update_ids.values())
    return (parameter for parameter, update_id in update_ids.items() if update_id in done)
