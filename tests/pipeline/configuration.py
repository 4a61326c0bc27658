"""luigi.cfg for a test: only what the test says, and nothing remembered from another."""

from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from luigi.configuration import LuigiConfigParser, get_config
from luigi.task_register import Register

from pipeline.core import clock, settings
from pipeline.slots import completeness, history, measure
from pipeline.tasks import daily
from pipeline.warehouse import source, tables


@contextmanager
def configured(now: datetime | None = None, /, **sections: Mapping[str, str]) -> Iterator[None]:
    """Use these sections, ``configured(clock={"timezone": "UTC"})``, and everything else at its default.

    A moment (naive UTC) is what the clock shows meanwhile.
    """
    config = get_config()
    assert isinstance(config, LuigiConfigParser)
    before = {name: dict(config.items(name, raw=True)) for name in config.sections()}
    time_before = clock._now
    try:
        _replace(config, {name.replace("__", "."): values for name, values in sections.items()})
        if now is not None:
            clock.set_now(now.replace(tzinfo=UTC))
        yield
    finally:
        _replace(config, before)
        clock._now = time_before


def shipped(section: str) -> dict[str, str]:
    """A section of the project's luigi.cfg, as everybody gets it."""
    parser = ConfigParser()
    parser.read_string((Path(__file__).parents[2] / "luigi.cfg").read_text(encoding="utf-8"))
    return dict(parser[section])


def _replace(config: LuigiConfigParser, sections: Mapping[str, Mapping[str, str]]) -> None:
    config.clear()
    config.read_dict(sections)
    forget_everything()


def forget_everything() -> None:
    """Forget what a process remembers of settings, tables and source, as the next one would."""
    for remembered in (
        tables._ensure,
        source._checked,
        daily.reload_changed,
        completeness.recount,
        completeness.lag_seconds,
    ):
        remembered.cache_clear()
    settings.forget()
    Register.clear_instance_cache()
    history._last_read.clear()
    measure._filled.clear()
