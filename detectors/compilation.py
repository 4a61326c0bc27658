"""Chooses between numpy and the loops that numba compiles."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from detectors.arrays import Array

if TYPE_CHECKING:
    from types import ModuleType

MIN_POINTS = 250_000
"""Points from which the import of numba pays off: about 100 series of 4 weeks. A check of one slot has far fewer."""


def kernels_for(values: Array) -> ModuleType | None:
    """Return `detectors.kernels`; None if `values` are fewer than `MIN_POINTS` or numba is not installed."""
    if values.size < MIN_POINTS:
        return None
    try:
        return importlib.import_module("detectors.kernels")
    except ImportError:
        return None
