"""Finds detectors by name.

A method is a file of ``detectors/methods`` with the method's name, any imported subclass of `Detector` with a name, or
an entry point of the group "detectors" in an installed package.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from detectors.base import Detector
from detectors.errors import DetectorError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "detectors"


def available() -> list[str]:
    """Return the names of all methods: built in, imported subclasses, and entry points of installed packages."""
    _import_methods()
    return sorted({*Detector.registered, *(entry_point.name for entry_point in _entry_points())})


def find(name: str) -> type[Detector]:
    """Return the class of the method `name`.

    Raises
    ------
    DetectorError
        There is no such method (the message lists all names), or its package cannot be loaded.
    """
    if name not in Detector.registered:
        _import_method(name)
    if name not in Detector.registered:
        _import_methods()
    if name in Detector.registered:
        return Detector.registered[name]
    for entry_point in _entry_points():
        if entry_point.name == name:
            return _load(entry_point)
    raise DetectorError(f"no detector is called {name!r}; there are: {', '.join(available())}")


def create(name: str, **parameters: Any) -> Detector:
    """Make the detector `name`.

    Parameters
    ----------
    name
        One of `available()`.
    **parameters
        Parameters of the method. Omitted parameters have their defaults.

    Raises
    ------
    DetectorError
        There is no such method or parameter (the message lists them), or the value is invalid.
    """
    cls = find(name)
    known = [declared.name for declared in fields(cls) if declared.init]
    unknown = [given for given in parameters if given not in known]
    if unknown:
        raise DetectorError(f"{name} has no parameter {unknown[0]!r}; it has: {', '.join(known)}")
    return cls(**parameters)


def forget(name: str) -> None:
    """Remove a method that was registered when its module was imported. For tests."""
    Detector.registered.pop(name, None)


def _import_methods() -> None:
    """Import every file of ``detectors/methods``. The import registers the method."""
    import pkgutil

    import detectors.methods as methods

    for module in pkgutil.iter_modules(methods.__path__):
        importlib.import_module(f"{methods.__name__}.{module.name}")


def _import_method(name: str) -> None:
    """Import the file of this method only, if it exists. A check of one slot needs no other method."""
    from importlib.util import find_spec

    if name.isidentifier() and find_spec(module := f"detectors.methods.{name}"):
        importlib.import_module(module)


def _entry_points() -> Iterator[EntryPoint]:
    from importlib.metadata import entry_points

    yield from entry_points(group=ENTRY_POINT_GROUP)


def _load(entry_point: EntryPoint) -> type[Detector]:
    try:
        cls = entry_point.load()
    except Exception as error:  # the code of another package can raise any exception
        raise DetectorError(f"detector {entry_point.name!r} ({entry_point.value}) cannot be loaded: {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, Detector) and getattr(cls, "name", None) == entry_point.name):
        raise DetectorError(f"entry point {entry_point.name!r} ({entry_point.value}) is not a Detector of that name")
    return cls
