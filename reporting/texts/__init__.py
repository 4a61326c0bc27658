"""The words, numbers and dates of each language: one file per language, found by its name."""

import importlib
import pkgutil
from typing import cast

from reporting.errors import SettingsError
from reporting.texts.base import Texts


def available() -> list[str]:
    """The languages there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "base")


def load(language: str) -> Texts:
    """The texts of `language`, e.g. "en".

    Raises
    ------
    SettingsError
        If there is no such language; the error lists those there are.
    """
    if language not in available():
        raise SettingsError(f"language {language!r} is unknown; choose one of: {', '.join(available())}")
    return cast(Texts, importlib.import_module(f"{__name__}.{language}"))
