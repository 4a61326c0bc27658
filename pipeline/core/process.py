"""What a process remembers, and how it forgets.

A run asks the same questions many times: Luigi alone asks a task for its requirements several times. `once` remembers
an answer for the life of the process. `functools.cache` is for pure functions of their arguments only.

A function that writes is never remembered. What it did is remembered in a holder instead::

    @once
    def _created() -> set[str]:
        return set()
"""

import functools
import gc
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from luigi.configuration import LuigiConfigParser, get_config
from luigi.task_register import Register

from pipeline.core import logs

P = ParamSpec("P")
T = TypeVar("T")

_forget: list[Callable[[], None]] = []


def once(function: Callable[P, T]) -> Callable[P, T]:
    """Call a function once a process for the same arguments; they must be hashable."""
    cached = functools.cache(function)
    _forget.append(cached.cache_clear)
    return cast(Callable[P, T], cached)


def reset() -> None:
    """Forget everything, as a new process would: settings, the clock's reading, tables, the source, Luigi's tasks."""
    for forget in _forget:
        forget()
    Register.clear_instance_cache()


LUIGI_DEFAULTS = {
    "core": {"log_level": "INFO"},
    # A run() that produced nothing is a failure; inputs are checked by the loads themselves.
    "worker": {"check_complete_on_run": "true", "check_unfulfilled_deps": "false"},
    # With Luigi's own a task that failed ten times within minutes stays disabled for a day.
    "scheduler": {"disable_persist": "900", "retry_delay": "60"},
    # Luigi exits with 0 whatever happened.
    "retcode": {
        "already_running": "10",
        "missing_data": "20",
        "not_run": "25",
        "task_failed": "30",
        "scheduling_error": "35",
        "unhandled_exception": "40",
    },
}
"""Luigi's settings that feedpulse relies on; what the configuration file says wins."""


def install() -> None:
    """Prepare the process of a command: brief errors in the log, `LUIGI_DEFAULTS`, a faster start.

    Commands call it once, before Luigi starts.
    """
    logs.install()
    config = cast(LuigiConfigParser, get_config())
    for section, options in LUIGI_DEFAULTS.items():
        for option, value in options.items():
            if not config.has_option(section, option):
                config.set(section, option, value)
    # clickhouse-driver otherwise computes every day from 1900 to 2299 at its import: 0.1 s of each process.
    os.environ.setdefault("CLICKHOUSE_DRIVER_LASY_DATE_LUT", "1")
    # What is imported by now lives as long as the process: the collector need not go through it again and again.
    gc.freeze()
