"""Luigi's schedulers for a run: they record what the tasks did, and a run goes on when luigid does not answer."""

import json
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from luigi.rpc import RemoteScheduler, RPCError
from luigi.scheduler import Scheduler
from luigi.worker import Worker

from pipeline.tasks.supervision import causes
from pipeline.tasks.supervision.causes import Cause

LUIGID_SECONDS = 3
"""How long luigid may take to accept a connection."""
RETRY_SECONDS = 3
"""Pause before a request to luigid is tried again, twice; Luigi's own is half a minute."""

_LOG = logging.getLogger(__name__)


class Done(NamedTuple):
    """A task that this run has completed: its family, its parameters, and what it says it did."""

    family: str
    params: dict[str, str]
    did: dict[str, Any]

    @property
    def slot(self) -> datetime:
        """The slot of a task that has one, naive UTC."""
        return datetime.strptime(self.params["slot"], "%Y-%m-%dT%H%M")


@dataclass
class Record:
    """What the schedulers of a run were told.

    Attributes
    ----------
    root : str
        The id of the root task; '' if none was scheduled.
    complete : set of str
        The ids of the tasks that are complete.
    done : list of Done
        The tasks that this run has run.
    failed, unscheduled : list of Cause
        Why tasks failed, and why tasks could not be scheduled.
    without : str
        The address of luigid if it did not answer.
    with_luigid : bool
        Whether luigid answered.
    """

    root: str = ""
    complete: set[str] = field(default_factory=set)
    done: list[Done] = field(default_factory=list)
    failed: list[Cause] = field(default_factory=list)
    unscheduled: list[Cause] = field(default_factory=list)
    without: str = ""
    with_luigid: bool = False

    def add_task(self, told: dict[str, Any]) -> None:
        """Record the arguments of a scheduler's `add_task`."""
        self.root = self.root or told["task_id"]
        if told["status"] == "DONE":
            self.complete.add(told["task_id"])
        if "expl" in told and told["status"] == "DONE":
            did = json.loads(told["expl"])
            self.done.append(Done(told["family"], told["params"], did if isinstance(did, dict) else {}))
        elif told["status"] == "FAILED":
            self.failed.append(causes.of_traceback(_text(told.get("expl"))))


class _Local(Scheduler):
    """Luigi's own scheduler of one process."""

    def __init__(self, record: Record) -> None:
        super().__init__(prune_on_get_work=True, record_task_history=False)
        self._record = record

    def add_task(self, *args: Any, **told: Any) -> Any:
        self._record.add_task(told)
        return super().add_task(*args, **told)

    def announce_scheduling_failure(self, **told: Any) -> Any:
        self._record.unscheduled.append(causes.of_traceback(told["expl"]))
        return super().announce_scheduling_failure(**told)


class _Remote(RemoteScheduler):
    """luigid. Once it is lost, no later request waits for it; a task's status line and link fail in silence."""

    def __init__(self, record: Record, url: str) -> None:
        super().__init__(url)
        self._rpc_retry_wait, self._rpc_log_retries = RETRY_SECONDS, False
        self._record = record
        self._is_lost = False

    def _fetch(self, *args: Any) -> Any:
        if self._is_lost:
            raise RPCError(f"{self._url} was lost")
        try:
            return super()._fetch(*args)
        except RPCError:
            self._is_lost = True
            raise

    def add_task(self, *args: Any, **told: Any) -> Any:
        if told["status"] == "RUNNING" and "tracking_url" in told:
            with suppress(RPCError):
                return super().add_task(*args, **told)  # type: ignore[misc]
            return None
        self._record.add_task(told)
        return super().add_task(*args, **told)  # type: ignore[misc]

    def announce_scheduling_failure(self, **told: Any) -> Any:
        self._record.unscheduled.append(causes.of_traceback(told["expl"]))
        return super().announce_scheduling_failure(**told)  # type: ignore[misc]

    def set_task_status_message(self, *args: Any) -> Any:
        with suppress(RPCError):
            return super().set_task_status_message(*args)  # type: ignore[misc]

    def set_task_progress_percentage(self, *args: Any) -> Any:
        with suppress(RPCError):
            return super().set_task_progress_percentage(*args)  # type: ignore[misc]


class Factory:
    """Makes the scheduler and the worker of a run, as Luigi's own factory does.

    Parameters
    ----------
    record : Record
        Where the schedulers record.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._url = ""

    def create_local_scheduler(self) -> Scheduler:
        """Make the scheduler for ``--local-scheduler``."""
        return _Local(self._record)

    def create_remote_scheduler(self, url: str) -> Scheduler | RemoteScheduler:
        """Make the client of luigid, or a local scheduler if luigid does not answer."""
        self._url = url
        if not self._record.without and _answers(url):
            self._record.with_luigid = True
            return _Remote(self._record, url)
        self.lose()
        return self.create_local_scheduler()

    def lose(self) -> None:
        """Record that luigid does not answer; the schedulers made from now on are local."""
        if not self._record.without:
            address = urlsplit(self._url).netloc.rpartition("@")[2] or self._url  # without a password
            _LOG.warning("luigid does not answer at %s: this run goes on with a local scheduler", address)
            self._record.without = address
        self._record.with_luigid = False
        self._record.failed, self._record.unscheduled = [], []

    def create_worker(self, scheduler: Scheduler, worker_processes: int, assistant: bool = False) -> Worker:
        """Make the worker."""
        return Worker(scheduler=scheduler, worker_processes=worker_processes, assistant=assistant)


def _text(explanation: str | None) -> str:
    """Return an explanation of Luigi's, which is JSON but for a task that could not be loaded."""
    try:
        return str(json.loads(explanation or '""'))
    except ValueError:
        return str(explanation)


def _answers(url: str) -> bool:
    """Whether something accepts connections at the address; Luigi would try for a minute."""
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:  # a Unix socket
        return True
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        with socket.create_connection((address.hostname, port), timeout=LUIGID_SECONDS):
            return True
    except (OSError, ValueError):
        return False
