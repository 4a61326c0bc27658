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
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from luigi.configuration import LuigiConfigParser, get_config
from luigi.task_register import Register

from pipeline.core import files, logs
from pipeline.core.errors import SettingsError
from reporting.files import make_private

P = ParamSpec("P")
T = TypeVar("T")

LUIGI_DEFAULTS = {
    # RangeDaily and RangeByMinutes are tasks too.
    "core": {"log_level": "WARNING", "autoload_range": "true"},
    # A task whose run() leaves no output has failed. Each load checks its inputs itself.
    # A `Presses` that waits would tell luigid each second that it lives.
    "worker": {"check_complete_on_run": "true", "check_unfulfilled_deps": "false", "ping_interval": "10"},
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
    """Prepare the process of a command: read the user's own file, set `LUIGI_DEFAULTS`, shorten errors in the log.

    A command calls it once, after its imports and before Luigi starts. Importing `pipeline` does not.

    Raises
    ------
    SettingsError
        If a directory of data or messages is where its relative path pointed in an earlier version.
    """
    config = cast(LuigiConfigParser, get_config())
    own = files.own()
    if own is not None:
        config.read([str(own)], encoding="utf-8")
    logs.install()
    if own is not None:
        _resolve_paths(config, own)
    set_luigi_defaults()
    if not config.has_option("core", "lock_pid_dir"):
        config.set("core", "lock_pid_dir", _lock_directory().replace("%", "%%"))
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


def _resolve_paths(config: LuigiConfigParser, own: Path) -> None:
    """Make relative paths of the user's own file, and default paths, relative to the file's directory."""
    if own.parent == Path.cwd():
        return
    said = files.parse(own)
    for (section, option), default in files.PATHS.items():
        text = config.get(section, option, default).strip()
        if not text or (config.has_option(section, option) and not said.has_option(section, option)):
            continue
        path = own.parent / text
        if option == "path" and Path(text).exists() and not path.exists():
            raise SettingsError(
                f"[{section}] path = {text} is {path}, beside {own}, and not {Path(text).absolute()}: "
                "give the full path of the one that you mean."
            )
        config.set(section, option, str(path).replace("%", "%%"))


def make_lock_directory() -> None:
    """Make the directory of Luigi's lock files, unless the configuration names one of its own.

    Raises
    ------
    UnsafePathError
        Another user made it, or may replace files in it.
    """
    directory = _lock_directory()
    if get_config().get("core", "lock_pid_dir", "") == directory:
        make_private(Path(directory))


def _lock_directory() -> str:
    """Return the directory of Luigi's lock files: one of this configuration and this user.

    By default Luigi has one for the machine: the same command of another configuration would count as running, and the
    directory of another user could not be read.
    """
    try:
        temporary = tempfile.gettempdir()
    except FileNotFoundError:  # the disk is full; a run goes on without the lock
        temporary = os.environ.get("TMPDIR", "/tmp")
    return os.path.join(temporary, f"feedpulse-{os.getuid()}-{files.identity()}")
