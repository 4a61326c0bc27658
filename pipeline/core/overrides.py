"""Other settings for a while: another file's, or some sections of one's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from luigi.configuration import LuigiConfigParser, get_config

from pipeline.core import clock, process, settings
from pipeline.core.errors import SettingsError

OVERRIDDEN = ("alerts", "calendar")
"""The sections (and every [metric.NAME]) that another configuration stands for; where the data is stays."""


@contextmanager
def from_file(path: Path) -> Iterator[None]:
    """Use the alert settings of another file meanwhile.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    other = LuigiConfigParser()
    if not path.is_file() or not other.read([str(path)]):
        raise SettingsError(f"{path}: no such file; name another luigi.cfg.")
    sections = {name: dict(other.items(name, raw=True)) for name in other.sections()}
    with overridden({name: options for name, options in sections.items() if _is_replaced(name)}):
        settings.check()
        yield


@contextmanager
def overridden(sections: dict[str, dict[str, str]]) -> Iterator[None]:
    """Use these sections of alert settings meanwhile, and none of our own."""
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
    clock.set_now(clock.now())  # the process goes on at the moment that it believes in
    process.reset()


def _is_replaced(section: str) -> bool:
    return section in OVERRIDDEN or section.startswith("metric.")
