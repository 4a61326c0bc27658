"""One run of ``luigi --module pipeline Daily``, and how it is killed."""

import contextlib
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.patience import HANGS_SECONDS
from tests.process.project import Project
from tests.soak.engines import LiveEngine

LUIGI = "luigi"
WORKER = "worker"

_POLL_SECONDS = 0.002
# Luigi may wait forever for a killed worker. Such a run is ended and does not fail the soak.
_WITHOUT_WORKER_SECONDS = 180


@dataclass(frozen=True)
class Kill:
    """A planned SIGKILL."""

    victim: str
    """`LUIGI` (with its workers), `WORKER` (one of them), or the engine's process: ``owner`` or ``server``."""
    moment: float
    """Time of the kill, as a fraction of the duration of an undisturbed run."""
    outage_seconds: float
    """Seconds until a killed server is restarted."""
    seed: int
    """Chooses the worker to kill."""


@dataclass(frozen=True)
class Attempt:
    """The result of a run."""

    code: int
    """Its exit code; -9 when it was killed itself."""
    seconds: float
    """Its duration."""
    hit: bool
    """Whether the victim was killed while it ran."""
    in_task: bool
    """Whether a task was running at that moment."""
    log: str
    """Its output."""
    hung: bool = False
    """Whether it waited forever and was ended, as by `timeout` in the crontab.

    Luigi's workers report through one `multiprocessing.Queue`. If a worker is killed while it reports, the lock of the
    queue stays held, or half a message stays in it (Python's documentation warns of that), and the others wait forever.
    """


class HangError(Exception):
    """A run does not end."""


def attempt(
    project: Project, engine: LiveEngine, workers: int, kill: Kill | None = None, after: float = 0.0
) -> Attempt:
    """Run ``Daily`` to its end, with the planned kill.

    Parameters
    ----------
    project : Project
        The project to run in.
    engine : Engine
        Its engine.
    workers : int
        Luigi's ``--workers``.
    kill : Kill, optional
        The planned kill.
    after : float
        Seconds to wait before the kill.

    Raises
    ------
    HangError
        If the run does not end although no worker of it was killed; the run is killed first.
    """
    log = project.directory / "run.log"
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        process = project.start_task(
            "Daily", "--workers", str(workers), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    hit = in_task = hung = lost_worker = False
    try:
        if kill:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=after)
            hit, in_task = _strike(kill, process, engine, log)
        lost_worker = hit and kill is not None and kill.victim == WORKER
        process.wait(timeout=_WITHOUT_WORKER_SECONDS if lost_worker else HANGS_SECONDS)
    except subprocess.TimeoutExpired:
        hung = lost_worker
        if not hung:
            raise HangError(f"a run did not end:\n{log.read_text(encoding='utf-8')[-3000:]}") from None
    finally:
        _kill_group(process)
    seconds = time.monotonic() - began
    return Attempt(process.returncode, seconds, hit, in_task, log.read_text(encoding="utf-8"), hung)


def _strike(kill: Kill, process: subprocess.Popen[str], engine: LiveEngine, log: Path) -> tuple[bool, bool]:
    """Kill the victim of a run; return whether the run was running, and whether a task was."""
    if kill.victim == WORKER:
        worker = _a_worker(process, random.Random(kill.seed))
        in_task = _task_is_running(log)
        if worker is None:
            return False, False
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
            return True, in_task
        return False, False
    in_task = _task_is_running(log)
    if process.poll() is not None:
        return False, False
    if kill.victim == LUIGI:
        _kill_group(process)
        hit = process.wait(timeout=HANGS_SECONDS) == -signal.SIGKILL
    else:
        hit = engine.kill()
        if hit:
            time.sleep(kill.outage_seconds)
            engine.revive()
    return hit, in_task and hit


def _kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _a_worker(process: subprocess.Popen[str], rng: random.Random) -> int | None:
    """Wait for worker processes and choose one; None if the run ended first."""
    while process.poll() is None:
        if workers := _forks(process.pid):
            return rng.choice(workers)
        time.sleep(_POLL_SECONDS)
    return None


def _forks(parent: int) -> list[int]:
    """Return child processes of the same program: Luigi's workers, not the engine that one of them starts."""
    forks = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent_of, *_ = path.read_text().rpartition(")")[2].split()
            if int(parent_of) == parent and state not in "ZX" and _command(path) == _command(Path(f"/proc/{parent}/x")):
                forks.append(int(path.parent.name))
    return sorted(forks)


def _command(path: Path) -> bytes:
    return path.with_name("cmdline").read_bytes()


def _task_is_running(log: Path) -> bool:
    """Return whether a task has started and has neither ended nor failed, according to the log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    began = sum("] Worker Worker(" in line and ") running   " in line for line in lines)
    ended = sum("] Worker Worker(" in line and (") done      " in line or ") failed    " in line) for line in lines)
    return began > ended
