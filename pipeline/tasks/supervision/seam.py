"""The one place through which every run passes, of ``feedpulse run`` and of Luigi's own command."""

import contextlib
import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import luigi.interface
from luigi.interface import PidLockAlreadyTakenExit
from luigi.parameter import ParameterException
from luigi.rpc import RPCError
from luigi.task_register import Register

from pipeline.core import clock, files, process
from pipeline.core.errors import WarehouseError, is_ours
from pipeline.tasks.supervision import causes, heartbeat, loads, memory, outcomes, watch
from pipeline.tasks.supervision.causes import Cause
from pipeline.tasks.supervision.memory import State
from pipeline.tasks.supervision.notes import Notes, is_unattended
from pipeline.tasks.supervision.outcomes import Ended
from pipeline.tasks.supervision.scheduling import Factory, Record
from pipeline.warehouse import runs
from pipeline.warehouse.runs import ALREADY_RUNNING, ERROR, FAILED, NOT_RUN, OK, REFUSED, Run
from reporting.errors import UnsafePathError

PRESSES = "Presses"
QUIET_ROW_SECONDS = 3600
MOST_UNWRITTEN = 100
STOPPED = Ended(FAILED, Cause("stopped", "stopped by a signal, such as that of `timeout`, before it had ended"))
STOP_SECONDS = 60
"""A run that is stopped has this long to say so."""

_LOG = logging.getLogger(__name__)


def install() -> None:
    """Supervise the runs of this process: `luigi.interface._run` is what both commands call."""
    if not hasattr(luigi.interface._run, "__wrapped__"):
        luigi.interface._run = _supervised(luigi.interface._run)


def refused(arguments: Sequence[str], error: Exception) -> None:
    """Say in the channels that a run was refused before Luigi ran it. Never fails: the configuration may be wrong.

    Where a file is missing nothing is said: the default channel would write wherever the command was started.
    """
    found = files.found()
    if not found or not all(file.is_file() for file in found):
        return
    try:
        process.install()
        _conclude(_root(arguments), Ended(REFUSED, causes.of_exception(error)), 0.0, Record(), is_logged=True)
    except Exception as unsaid:
        _LOG.debug("the refusal was not said: %s", unsaid)


def _supervised(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def supervised(arguments: Sequence[str]) -> Any:
        begun, record = time.monotonic(), Record()
        ended = Ended(ERROR)
        try:
            with _said_when_stopped(_root(arguments), begun):
                result = _run(run, arguments, record)
            ended = outcomes.of_result(result, record)
            return result
        except KeyboardInterrupt:
            ended = STOPPED
            raise
        except PidLockAlreadyTakenExit:
            ended = Ended(ALREADY_RUNNING)
            raise
        except Exception as error:
            ended = _failed(error, record)
            raise
        finally:
            try:
                _conclude(_root(arguments), ended, time.monotonic() - begun, record)
            except Exception as error:  # a bug here must not fail a run
                _LOG.warning(
                    "the run is not supervised: %s", causes.of_exception(error).text, exc_info=not is_ours(error)
                )

    return supervised


def _run(run: Callable[..., Any], arguments: Sequence[str], record: Record) -> Any:
    """Run Luigi's command; when luigid is lost in the middle, begin again without it: what is done stays done."""
    factory = Factory(record)
    try:
        return _run_locked(run, arguments, factory, record)
    except RPCError:
        factory.lose()
        return run([*arguments, "--no-lock"], worker_scheduler_factory=factory)  # this process has the lock


def _run_locked(run: Callable[..., Any], arguments: Sequence[str], factory: Factory, record: Record) -> Any:
    """Run Luigi's command; where Luigi cannot write its lock file, without it: two runs at once do no harm."""
    try:
        process.make_lock_directory()
        return run(arguments, worker_scheduler_factory=factory)
    except (OSError, UnsafePathError) as error:
        if record.root or "--no-lock" in arguments:  # it was not the lock
            raise
        _LOG.warning("Luigi's lock file cannot be written, so this run goes on without it: %s", error)
        return run([*arguments, "--no-lock"], worker_scheduler_factory=factory)


@contextlib.contextmanager
def _said_when_stopped(root: str, begun: float) -> Iterator[None]:
    """Say it when the run is stopped, as `timeout` stops one that hangs; then it ends by the signal as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    this = os.getpid()

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() == this:  # not a worker of it
            signal.alarm(STOP_SECONDS)
            with contextlib.suppress(Exception):
                _conclude(root, STOPPED, time.monotonic() - begun, Record())
        os.kill(os.getpid(), number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _failed(error: Exception, record: Record) -> Ended:
    """Return how a run ended with an exception of Luigi's; before any task that is mostly a wrong argument."""
    if not record.root and isinstance(error, (ValueError, ParameterException)):
        return Ended(REFUSED, causes.of_argument(error))
    cause = causes.of_exception(error)
    return Ended(outcomes.refusal_of(cause) if is_ours(error) else ERROR, cause)


def _root(arguments: Sequence[str]) -> str:
    """Return the family of the root task: the first argument that is a task's name."""
    names = Register.task_names()
    return next((argument for argument in arguments if argument in names), "feedpulse")


def _conclude(root: str, ended: Ended, seconds: float, record: Record, *, is_logged: bool = False) -> None:
    """Log one line, say in the channels what changed, write the row, and tell the dead man's check."""
    error = ended.cause.text if ended.cause else ""
    if record.without:
        error = error or f"luigid does not answer at {record.without}; the run went on without it"
    run = Run(root, _began(seconds), round(seconds, 3), ended.outcome, ended.did, error)
    is_quiet = root == PRESSES and (ended.outcome == ALREADY_RUNNING or (ended.outcome == OK and not ended.did))
    if not is_quiet and not is_logged:
        _log(run, is_idle=not record.done)
    with memory.opened() as state:
        try:
            _tell(Notes(state, root), state, run, ended, record)
        except Exception as unsaid:
            _LOG.warning("not everything was said in the channels: %s", causes.of_exception(unsaid).text)
        is_row_due = not is_quiet or abs(time.time() - state.get("quiet_row", 0)) >= QUIET_ROW_SECONDS
        if is_quiet and is_row_due:
            state["quiet_row"] = int(time.time())
        if is_row_due:
            _write(run, state, is_away=not _is_writable(ended))
    if is_row_due and ended.outcome != ALREADY_RUNNING:
        _show(run, record, is_away=not _is_writable(ended))
    if ended.outcome == OK:
        heartbeat.beat(root)


def _began(seconds: float) -> datetime:
    try:
        begun = clock.utcnow() if clock.is_simulated() else clock.moment() - timedelta(seconds=seconds)
        return begun.replace(microsecond=0)
    except Exception:  # [clock] is what is wrong
        return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def _log(run: Run, *, is_idle: bool) -> None:
    """The closing line; the cause of a failure has been logged by Luigi, unless a signal is the cause."""
    did = run.did or ("nothing to do" if run.outcome == OK and is_idle else "")
    if STOPPED.cause and run.error == STOPPED.cause.text:
        did = run.error
    parts = [*([run.outcome] if run.outcome != OK else []), *([did] if did else []), f"{run.seconds:.1f} s"]
    level = logging.INFO if run.outcome in (OK, ALREADY_RUNNING, NOT_RUN) else logging.ERROR
    _LOG.log(level, "%s: %s", run.root, ", ".join(parts))


def _tell(notes: Notes, state: State, run: Run, ended: Ended, record: Record) -> None:
    root, key = run.root, f"run:{run.root}"
    if ended.outcome == OK:
        has_sent = any(done.did.get("messages") or done.did.get("addresses") for done in record.done)
        notes.lift(key, lambda words: words.run_works(root, ended.late), is_news=ended.late > 0, has_sent=has_sent)
    if record.with_luigid:
        notes.lift("luigid", lambda words: words.with_luigid())
    if root == "Alerts" and ended.outcome == OK:
        notes.lift("slots", lambda words: words.checks_again())
        watch.watch_history(notes, record.done)
        loads.watch_learning(notes, record.done)
        loads.watch_rhythm(notes)
        watch.watch_report(notes, state)
    if not is_unattended():
        return
    if root in ("Daily", "Morning") and ended.outcome == OK:
        watch.watch_slots(notes)
    if any(done.did.get("foreign") for done in record.done):
        watch.tell_foreign_presses(notes, state)
    if record.without:
        remedy = f"{record.without}: start it, or set [core] local_scheduler = true"
        notes.put("luigid", "luigid", lambda words: words.without_luigid(), remedy)
    if ended.outcome in (ALREADY_RUNNING, NOT_RUN):
        _tell_wait(notes, root, ended.outcome)
    elif ended.outcome != OK:
        _tell_failure(notes, root, ended)


def _tell_wait(notes: Notes, root: str, outcome: str) -> None:
    if root == PRESSES and outcome == ALREADY_RUNNING:  # one process waits for presses, perhaps on another machine
        return
    notes.put(
        f"run:{root}",
        outcome,
        lambda words: words.run_waits(root) if outcome == ALREADY_RUNNING else words.run_blocked(root),
        "" if outcome == ALREADY_RUNNING else "luigid's page and the log name the task",
        patience=60 if root == PRESSES else 4,
    )


def _tell_failure(notes: Notes, root: str, ended: Ended) -> None:
    cause = ended.cause or causes.Cause("unknown", "the log says more")
    could_not_start = ended.outcome in (REFUSED, runs.NOT_SCHEDULED)
    notes.put(
        f"run:{root}",
        cause.kind,
        lambda words: words.run_refused(root) if could_not_start else words.run_failed(root),
        cause.text,
        patience=5 if root == PRESSES else 3 if cause.passes else 1,  # Presses runs each minute
        group="run",
    )


def _is_writable(ended: Ended) -> bool:
    """Whether the warehouse may be opened: it answers, and nothing is wrong with what names it."""
    is_away = ended.cause is not None and ended.cause.kind.startswith(("unreachable", "stopped"))
    return ended.outcome != REFUSED and not is_away


def _show(run: Run, record: Record, *, is_away: bool) -> None:
    """Write the status page; a page that cannot be written is a warning."""
    from pipeline.tasks.status import page  # a run without a page needs none of it

    try:
        page.write(run, record.done, is_away=is_away)
    except Exception as error:
        _LOG.warning("the status page is not written: %s", causes.of_exception(error).text)


def _write(run: Run, state: State, *, is_away: bool) -> None:
    """Write the row, and those that could not be written before; keep it while the warehouse is away."""
    waiting = [Run(root, datetime.fromisoformat(began), *row) for root, began, *row in state.get("unwritten", ())]
    try:
        if is_away:
            raise WarehouseError("not to be opened")
        runs.record([*waiting, run])
        state.pop("unwritten", None)
    except WarehouseError:
        rows = [[row.root, row.began.isoformat(), *row[2:]] for row in (*waiting, run)]
        state["unwritten"] = rows[-MOST_UNWRITTEN:]
