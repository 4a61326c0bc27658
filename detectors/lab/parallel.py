"""Tasks on all cores, their results kept: a run that was killed goes on where it was."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any, TypeVar

from detectors.errors import DetectorError

Item = TypeVar("Item")
_QUEUED_PER_WORKER = 4


class Store:
    """Results by key in a file that is only ever appended to, one a line.

    A kill leaves at most one line torn, which does not count; without a file results are kept in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.found: dict[str, dict[str, Any]] = {}

    @contextmanager
    def open(self) -> Iterator[Store]:
        """Read what there is and be the only one that appends."""
        if self.path is None:
            yield self
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b", buffering=0) as self._file:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DetectorError(
                    f"{self.path} is being written by another run; wait for it or name another --out"
                ) from None
            self._read()
            yield self

    def _read(self) -> None:
        self._file.seek(0)
        text = self._file.readall() or b""
        for line in text.splitlines():
            try:
                record = json.loads(line)
                self.found[record["key"]] = record["result"]
            except (ValueError, TypeError, KeyError):
                continue  # torn by a kill
        if text and not text.endswith(b"\n"):
            self._file.write(b"\n")

    def add(self, key: str, result: Mapping[str, Any]) -> None:
        """Keep a result: once this returns, a kill does not lose it."""
        self.found[key] = dict(result)
        if self.path is not None:
            self._file.write(json.dumps({"key": key, "result": result}).encode() + b"\n")


def run_all(
    function: Callable[[Item], Mapping[str, Any]],
    items: Mapping[str, Item],
    store: Store,
    *,
    workers: int | None = None,
    what: str = "",
) -> dict[str, str]:
    """Apply a function to the items whose results are not in the store.

    Parameters
    ----------
    function
        Of a module, so that other processes find it; returns what JSON can hold.
    items
        By key.
    workers
        Processes; all cores by default, 1 is this process.
    what
        Label of the progress bar, which shows on a terminal only.

    Returns
    -------
    dict
        By key, the error of those that failed; they have no result and are tried again next time.
    """
    from tqdm import tqdm

    waiting = {key: item for key, item in items.items() if key not in store.found}
    count = min(workers or len(os.sched_getaffinity(0)), max(1, len(waiting)))
    errors: dict[str, str] = {}
    with tqdm(total=len(items), initial=len(items) - len(waiting), desc=what, unit="run", disable=None) as bar:
        for key, outcome in _outcomes(function, waiting.items(), count):
            if isinstance(outcome, str):
                errors[key] = outcome
            else:
                store.add(key, outcome)
            bar.update()
    return errors


def _outcomes(
    function: Callable[[Item], Mapping[str, Any]], items: Iterable[tuple[str, Item]], workers: int
) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    if workers == 1:
        for key, item in items:
            yield key, _guarded(function, item)
        return
    # Fresh processes: nothing that this one has loaded or locked is copied into them.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_with_parent) as pool:
        running: dict[Future[Mapping[str, Any] | str], str] = {}
        remaining = iter(items)
        try:
            while True:
                for key, item in remaining:
                    running[pool.submit(_guarded, function, item)] = key
                    if len(running) >= _QUEUED_PER_WORKER * workers:
                        break
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        except BrokenProcessPool:
            raise DetectorError(
                "a worker process was killed, perhaps for want of memory; the same command goes on where it stopped "
                "(--workers 1 takes the least memory)"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _guarded(function: Callable[[Item], Mapping[str, Any]], item: Item) -> Mapping[str, Any] | str:
    try:
        return function(item)
    except DetectorError as error:
        return str(error)
    except Exception as error:  # somebody else's detector: one that fails spoils no other's result
        return f"{type(error).__name__}: {error}"


def _leave_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait_for([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
