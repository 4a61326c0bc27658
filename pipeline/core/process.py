"""The cache of a process, and the setup of a command's process.

`once` is the one cache of the project: it keeps a result until the process ends or `reset` is called. Pure functions
use `functools.cache` instead. A function that writes must not be cached; it records what it has done in a cached
container::

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

LUIGI_DEFAULTS = {
    "core": {"log_level": "INFO"},
    # A task whose run() leaves no output has failed. Each load checks its inputs itself.
    "worker": {"check_complete_on_run": "true", "check_unfulfilled_deps": "false"},
    # Luigi disables a task for a day after ten failures within minutes.
    "scheduler": {"disable_persist": "900", "retry_delay": "60"},
    # Luigi exits with 0 even when tasks fail.
    "retcode": {
        "already_running": "10",
        "missing_data": "20",
        "not_run": "25",
        "task_failed": "30",
        "scheduling_error": "35",
        "unhandled_exception": "40",
    },
}
"""Luigi's settings that feedpulse relies on; the configuration file overrides them."""

_clear: list[Callable[[], None]] = []


def once(function: Callable[P, T]) -> Callable[P, T]:
    """Call a function once per process for the same arguments, which must be hashable."""
    cached = functools.cache(function)
    _clear.append(cached.cache_clear)
    return cast(Callable[P, T], cached)


def reset() -> None:
    """Forget everything that `once` keeps, and Luigi's task instances, as if the process were new."""
    for clear in _clear:
        clear()
    Register.clear_instance_cache()


def install() -> None:
    """Prepare the process of a command: shorten errors in the log, set `LUIGI_DEFAULTS` and speed up the start.

    A command calls it once, after its imports and before Luigi starts. Importing `pipeline` does not.
    """
    logs.install()
    set_luigi_defaults()
    # Otherwise clickhouse-driver computes every date from 1900 to 2299 when imported, which takes 0.1 s.
    os.environ.setdefault("CLICKHOUSE_DRIVER_LASY_DATE_LUT", "1")
    # Imported modules live until the process ends; the garbage collector need not scan them again.
    gc.freeze()


def set_luigi_defaults() -> None:
    """Set each of `LUIGI_DEFAULTS` that the configuration does not set."""
    config = cast(LuigiConfigParser, get_config())
    for section, options in LUIGI_DEFAULTS.items():
        for option, value in options.items():
            if not config.has_option(section, option):
                config.set(section, option, value)
