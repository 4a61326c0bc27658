"""luigi.cfg for a test: only what the test says, and nothing remembered from another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from luigi.configuration import LuigiConfigParser, get_config

from pipeline import settings


@contextmanager
def configured(**sections: Mapping[str, str]) -> Iterator[None]:
    """Use these sections, ``configured(clock={"timezone": "UTC"})``, and everything else at its default."""
    config = get_config()
    assert isinstance(config, LuigiConfigParser)
    before = {name: dict(config.items(name, raw=True)) for name in config.sections()}
    try:
        _replace(config, {name.replace("__", "."): values for name, values in sections.items()})
        yield
    finally:
        _replace(config, before)


def _replace(config: LuigiConfigParser, sections: Mapping[str, Mapping[str, str]]) -> None:
    config.clear()
    config.read_dict(sections)
    settings.check.cache_clear()
