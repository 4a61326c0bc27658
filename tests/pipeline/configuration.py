"""luigi.cfg for a test: only the test's settings, and nothing cached from other tests."""

from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from luigi.configuration import LuigiConfigParser, get_config

from pipeline.core import clock, process


@contextmanager
def configured(now: datetime | None = None, /, **sections: Mapping[str, str]) -> Iterator[None]:
    """Use these sections, ``configured(clock={"timezone": "UTC"})``, and defaults for all other settings.

    `now` (naive UTC) sets the clock meanwhile.
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
    """A section of the project's luigi.cfg, as shipped."""
    parser = ConfigParser()
    parser.read_string((Path(__file__).parents[2] / "luigi.cfg").read_text(encoding="utf-8"))
    return dict(parser[section])


def _replace(config: LuigiConfigParser, sections: Mapping[str, Mapping[str, str]]) -> None:
    config.clear()
    config.read_dict(sections)
    process.reset()
