"""Temporary replacement of the alert settings, by another file or by given sections."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from luigi.configuration import LuigiConfigParser, get_config

from pipeline.core import clock, files, process, settings
from pipeline.core.errors import SettingsError

OVERRIDDEN = ("alerts", "calendar")
"""The sections that are replaced, with every [metric.NAME]. All others, such as [warehouse], stay."""


@contextmanager
def from_file(path: Path) -> Iterator[None]:
    """Use the alert settings of another file inside the context.

    Raises
    ------
    SettingsError
        If the file cannot be read or its settings are wrong.
    """
    if not path.is_file():
        raise SettingsError(f"{path}: no such file; name another luigi.cfg.")
    files.check_files([path])
    other = files.parse(path)
    with overridden({name: dict(other.items(name)) for name in other.sections() if _is_replaced(name)}):
        settings.check()
        yield


@contextmanager
def overridden(sections: dict[str, dict[str, str]]) -> Iterator[None]:
    """Use these sections instead of our own alert settings inside the context."""
    config = cast(LuigiConfigParser, get_config())
    before = {name: dict(config.items(name, raw=True)) for name in config.sections()}
    kept = {name: options for name, options in before.items() if not _is_replaced(name)}
    try:
        _load(config, {**kept, **sections})
        yield
    finally:
        _load(config, before)


def _load(config: LuigiConfigParser, sections: dict[str, dict[str, str]]) -> None:
    config.clear()
    config.read_dict(sections)
    clock.set_now(clock.now())  # `reset` forgets the clock reading, but the time must not move
    process.reset()


def _is_replaced(section: str) -> bool:
    return section in OVERRIDDEN or section.startswith("metric.")
