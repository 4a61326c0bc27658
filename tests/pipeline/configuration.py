"""luigi.cfg for a test: only what the test says, and nothing remembered from another."""

from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from luigi.configuration import LuigiConfigParser, get_config

from pipeline.core import clock, process


@contextmanager
def configured(now: datetime | None = None, /, **sections: Mapping[str, str]) -> Iterator[None]:
    """Use these sections, ``configured(clock={"timezone": "UTC"})``, and everything else at its default.

    A moment (naive UTC) is what the clock shows meanwhile.
    """
    config = get_config()
    assert isinstance(config, LuigiConfigParser)
    before = {name: dict(config.items(name, raw=True)) for name in config.sections()}
    time_before = clock.set_now(None)
    try:
        _replace(config, {name.replace("__", "."): values for name, values in sections.items()})
        clock.set_now(time_before if now is None else now.replace(tzinfo=UTC))
        yield
    finally:
        _replace(config, before)
        clock.set_now(time_before)


def shipped(section: str) -> dict[str, str]:
    """A section of the project's luigi.cfg, as everybody gets it."""
    parser = ConfigParser()
    parser.read_string((Path(__file__).parents[2] / "luigi.cfg").read_text(encoding="utf-8"))
    return dict(parser[section])


def _replace(config: LuigiConfigParser, sections: Mapping[str, Mapping[str, str]]) -> None:
    config.clear()
    config.read_dict(sections)
    process.reset()
