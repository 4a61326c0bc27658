"""Ways to send a message, each found by its name.

To add a channel, put a module or a package into this folder that defines one subclass of `Channel`. Its name is the
channel's name in luigi.cfg; the fields of the dataclass are its settings.
"""

import importlib
import pkgutil
from dataclasses import MISSING, fields

from reporting.channels.base import Channel, Finding, Page, Press
from reporting.errors import SettingsError

__all__ = ["Channel", "Finding", "Page", "Press", "available", "create"]


def available() -> list[str]:
    """Return the names of all channels."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "base")


def create(name: str, **settings: str) -> Channel:
    """Make the channel `name` with its settings.

    Raises
    ------
    SettingsError
        If the channel or a setting is unknown, missing or impossible; the error lists the valid ones.
    """
    if name not in available():
        raise SettingsError(f"channel {name!r} is unknown; choose one of: {', '.join(available())}")
    kind = _class_of(name)
    known = {field.name: field for field in fields(kind) if field.init}
    for setting in settings:
        if setting not in known:
            raise SettingsError(f"[{name}] has no setting {setting!r}; it has: {', '.join(known)}")
    for setting, field in known.items():
        if setting not in settings and field.default is MISSING:
            raise SettingsError(f"[{name}] needs the setting {setting!r}")
    return kind(**settings)


def _class_of(name: str) -> type[Channel]:
    """Return the channel that the module or package `name` defines, not one that it imports."""
    module = importlib.import_module(f"{__name__}.{name}")
    return next(
        kind
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Channel)
        and f"{kind.__module__}.".startswith(f"{module.__name__}.")
    )
