"""Decides whether a computation uses the loops that numba compiles, or numpy."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from detectors.arrays import Array

if TYPE_CHECKING:
    from types import ModuleType

MIN_POINTS = 250_000
"""Points that repay the import of numba: about 100 series of 4 weeks. A check of one slot stays far below it."""


def kernels_for(values: Array) -> ModuleType | None:
    """Return `detectors.kernels` if `values` are many enough; None if they are few or numba is not installed."""
    if values.size < MIN_POINTS:
        return None
    try:
        return importlib.import_module("detectors.kernels")
    except ImportError:
        return None
