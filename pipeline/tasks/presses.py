"""Reads presses of buttons: those that are there, and with ``--wait-minutes`` those that come."""

import itertools
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import luigi

from pipeline.alerts.incidents import current_rules, store
from pipeline.alerts.notify import KEPT_UP, poll_buttons, refresh
from pipeline.alerts.notify.buttons import Polled
from pipeline.core import clock, files, process, settings
from pipeline.tasks.alerts import monitors_and_channels
from pipeline.tasks.base import Told
from pipeline.warehouse.tables import open_warehouse
from reporting import decoration
from reporting.decoration import optional

if TYPE_CHECKING:
    from reporting.channels import Channel

REQUEST_SECONDS = 50
"""How long one request waits: many networks cut a connection that is silent for a minute."""
END_SECONDS = 3
"""Time to end before the minute in which cron starts the next run."""

_LOG = logging.getLogger(__name__)


class Presses(Told):
    """For cron, every minute: reads button presses, shows them on the messages, and waits for more.

    While it waits it holds no connection to the warehouse.
    """

    wait_minutes: int = luigi.IntParameter(
        default=0, significant=False, description="for how long to wait for presses; 0 reads those that are there"
    )

    done = False

    def complete(self) -> bool:
        """Whether this run has read the presses; each run reads the new ones. Luigi calls this first."""
        if not self.done:
            settings.check()
            open_warehouse()
        return self.done

    def run(self) -> None:
        """Apply the presses that are there, then each that comes, until the time is over or a signal ends the run."""
        presses = foreign = 0
        with _Wait(self.wait_minutes) as wait:
            is_there = True
            while is_there:
                polled, channels = self._apply()
                presses, foreign = presses + len(polled.incidents), foreign + polled.foreign
                self.did(presses=presses, foreign=foreign)
                # A press that is left in the queue would end a wait at once. Cron's next run reads it.
                is_there = not polled.is_left and wait.for_press(channels)
                process.reset()  # as a new run: another time, history and server
        self.done = True

    def _apply(self) -> "tuple[Polled, Mapping[str, Channel]]":
        """Record and answer each press, and edit the message of its incident."""
        monitors, channels = monitors_and_channels()
        polled = poll_buttons(channels)
        pressed = polled.incidents
        if pressed:
            from pipeline.alerts.notify import days  # a quiet run does not need it

            days.refresh(pressed, monitors, current_rules(), channels)
        is_due = pressed or store.has_noticed_incidents(clock.utcnow() - KEPT_UP)
        slot = store.last_checked_slot() if is_due else None  # the newest slot may not be measured yet
        if slot is not None:
            with decoration.recorded() as left_out:
                edited = refresh(slot, monitors, current_rules(), channels, pressed)
            if edited.messages and self.set_status_message is not None:
                self.set_status_message("; ".join([f"edited {edited.messages} messages", *left_out]))
        if pressed:
            from pipeline.tasks.status import page

            optional("status page", page.rewrite)
        if polled.failure:
            raise polled.failure
        return polled, channels


class _Stopped(BaseException):
    """Ends a request that waits."""


class _Wait:
    """Waits for presses until the time is over, a file of settings changes, or a signal says to end.

    SIGTERM and Ctrl-C end a request that waits at once. While a press is applied they let that be done first.
    """

    def __init__(self, minutes: int) -> None:
        begun = time.time()
        seconds = (begun + 60 * minutes) // 60 * 60 - END_SECONDS - begun if minutes else 0.0
        self._end = time.monotonic() + seconds
        self._files = _changed()
        self._is_over = False
        self._is_waiting = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if self._left() > 0 and threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
            if sys.stderr.isatty():
                _LOG.info("Presses waits for %s; Ctrl-C ends it", timedelta(seconds=round(self._left())))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        return isinstance(error, _Stopped)

    def for_press(self, channels: "Mapping[str, Channel]") -> bool:
        """Wait until a channel has a press. False: the run is to end."""
        able = [channel for channel in channels.values() if channel.can_wait]
        for channel in itertools.cycle(able):
            seconds = min(self._left(), REQUEST_SECONDS / len(able))
            if seconds < 1 or self._is_over:
                break
            with self._interruptible():
                is_there = channel.await_press(int(seconds))
            if _changed() != self._files:  # a press is for the next run, with the new settings
                break
            if is_there:
                return True
        return False

    def _left(self) -> float:
        return self._end - time.monotonic()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        self._is_waiting = True
        try:
            if self._is_over:
                raise _Stopped
            yield
        finally:
            self._is_waiting = False

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_over = True
        if self._is_waiting:
            raise _Stopped


def _changed() -> list[tuple[Path, int]]:
    """The files of settings, with the time of their last change."""
    return [(file, file.stat().st_mtime_ns) for file in files.found() if file.exists()]
