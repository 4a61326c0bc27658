"""Checks of this machine: directories that feedpulse writes to, and free disk space. Nothing is written."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline import __version__
from pipeline.commands.doctor.report import note, ok, wrong
from reporting.channels.base import Finding
from reporting.files import danger

LEAST_BYTES = 100 * 2**20
"""With less free space than this a run is likely to fail."""
FEW_BYTES = 2 * 2**30
LOCKS = "[delivery] lock_path"


def copies() -> Iterator[Finding]:
    """Say which copy of feedpulse runs, and whether the working directory holds another one."""
    running = Path(__file__).parents[3]
    yield ok(f"feedpulse {__version__} in {running}, Python {platform.python_version()}")
    here = Path.cwd()
    if (here / "pipeline" / "commands").is_dir() and here != running:
        yield note(
            f"the working directory holds another copy, which does not run: {here}",
            "Make them one: .venv/bin/pip install -e . there, with the same extras.",
        )


def directories() -> Iterator[Finding]:
    """Check each directory that runs write to."""
    for setting, path in _directories().items():
        there = _existing(path)
        if not there.is_dir():
            problem = f"{there} is not a directory"
        elif not os.access(there, os.W_OK | os.X_OK):
            problem = f"this user may not write into {there}"
        elif setting == LOCKS and there == path and (unsafe := danger(path)):
            yield wrong(f"{setting} = {path}: {unsafe}", f"Until then no message is sent: correct it, or {setting}.")
            continue
        else:
            yield ok(f"{setting} = {path}" + ("" if there == path else ": made by the first run"))
            continue
        yield wrong(f"{setting} = {path}: {problem}", f"Set {setting} to a directory that you may write to.")


def disks() -> Iterator[Finding]:
    """Check the free space below these directories, each disk once."""
    seen = set()
    for setting, path in _directories().items():
        there = _existing(path)
        disk = there.stat().st_dev
        if disk in seen:
            continue
        seen.add(disk)
        free = shutil.disk_usage(there).free
        text = f"free disk space at {there} ({setting}): {free / 2**30:.1f} GiB"
        if free < LEAST_BYTES:
            yield wrong(text, "Free some space: databases and outboxes fail when a disk is full.")
        else:
            yield note(text) if free < FEW_BYTES else ok(text)


def _directories() -> dict[str, Path]:
    from luigi.configuration import get_config

    from pipeline.core import files, settings

    warehouse, source = settings.WarehouseSettings(), settings.SourceSettings()
    paths = {LOCKS: settings.DeliverySettings().lock_path}
    paths["[core] lock_pid_dir"] = str(get_config().get("core", "lock_pid_dir"))
    if warehouse.engine == "embedded":
        paths["[warehouse] path"] = warehouse.path
    if source.engine == "embedded":
        paths["[source] path"] = source.path
    if "outbox" in settings.names(f"{settings.ReportSettings().channels},{settings.AlertSettings().channels}"):
        paths["[outbox] path"] = settings.options("outbox").get("path", "") or files.PATHS["outbox", "path"]
    return {setting: Path(path).absolute() for setting, path in paths.items()}


def _existing(path: Path) -> Path:
    """Return a path, or the nearest directory above it that exists."""
    return next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
