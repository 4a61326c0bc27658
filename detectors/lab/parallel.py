"""Runs tasks on all cores and stores their results, so that a killed run resumes."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import sys
import threading
import warnings
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
    """Results by key in an append-only file, one JSON object per line.

    A kill leaves at most one incomplete line, which is ignored.

    Parameters
    ----------
    path
        The file; None keeps the results in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.results: dict[str, dict[str, Any]] = {}

    @contextmanager
    def open(self) -> Iterator[Store]:
        """Lock the file and read its results. Raises `DetectorError` if another run holds the lock."""
        if self.path is None:
            yield self
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b", buffering=0) as self._file:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DetectorError(
                    f"{self.path} is being written by another run; wait for it or choose another --out"
                ) from None
            self._read()
            yield self

    def _read(self) -> None:
        self._file.seek(0)
        text = self._file.readall() or b""
        for line in text.splitlines():
            try:
                record = json.loads(line)
                self.results[record["key"]] = record["result"]
            except (ValueError, TypeError, KeyError):
                continue  # a line that a kill left incomplete
        if text and not text.endswith(b"\n"):
            self._file.write(b"\n")

    def add(self, key: str, result: Mapping[str, Any]) -> None:
        """Store a result. After the return it survives a kill."""
        self.results[key] = dict(result)
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
    """Apply a function to all items that have no result in the store, and store the results.

    Parameters
    ----------
    function
        A module-level function, so that other processes can import it. Its result must be JSON serializable.
    items
        The items by key.
    store
        An open store.
    workers
        Number of processes; by default one per core. 1 runs in this process.
    what
        Label of the progress bar, which is shown on a terminal only.

    Returns
    -------
    dict
        The error of each failed item, by key. Failed items have no result, so the next run tries them again.

    Raises
    ------
    DetectorError
        A worker process was killed.
    """
    from tqdm import tqdm

    waiting = {key: item for key, item in items.items() if key not in store.results}
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
    # Not "fork", which would copy locks that other threads of this process hold.
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
                "a worker process was killed, perhaps because memory ran out; run the same command again to resume "
                "(--workers 1 takes the least memory)"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _guarded(function: Callable[[Item], Mapping[str, Any]], item: Item) -> Mapping[str, Any] | str:
    try:
        return function(item)
    except DetectorError as error:
        return str(error)
    except Exception as error:  # a detector can raise any exception; the other detectors continue
        return f"{type(error).__name__}: {error}"


def silence_libraries() -> None:
    """Keep warnings of libraries from the terminal, unless ``python -W`` asks for them."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _leave_with_parent() -> None:
    """Exit this worker when its parent dies; otherwise it would wait for work forever."""
    silence_libraries()
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait_for([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
