"""What the rules of the contract share: test series and comparisons."""

from __future__ import annotations

import numpy as np

from detectors.base import Array, Bounds, Detector
from detectors.errors import ContractError

FIELDS = ("expected", "lower", "upper", "score")


def healthy_counts(period: int, days: int, rng: np.random.Generator) -> Array:
    """Return three series of counts with a daily shape and no incidents, (3, T). They end in the middle of a day."""
    columns = days * period + period // 2
    shape = 1 + 0.5 * np.sin(2 * np.pi * np.arange(columns) / period)
    counts: Array = rng.poisson(shape * np.array([[20.0], [300.0], [5000.0]])).astype(np.float64)
    return counts


def differing(left: Bounds, right: Bounds, tolerance: float = 1e-9) -> str | None:
    """Name of the first array that differs, or None."""
    for name in FIELDS:
        a, b = getattr(left, name), getattr(right, name)
        if a.shape != b.shape or not np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True):
            return name
    return None


def require_equal(left: Bounds, right: Bounds, what: str, tolerance: float = 1e-9) -> None:
    """Raise `ContractError` if an array differs."""
    name = differing(left, right, tolerance)
    require(name is None, f"{name} differs {what}")


def require(holds: bool | np.bool_, otherwise: str) -> None:
    """Raise `ContractError` with the text `otherwise` unless the condition holds."""
    if not holds:
        raise ContractError(otherwise)


def with_incidents(values: Array) -> Array:
    """Add an outage, a spike, missing points and a constant run."""
    odd = values.copy()
    columns = odd.shape[1]
    odd[:, columns // 3 : columns // 3 + 5] = 0
    odd[:, -3:-1] *= 4
    odd[:, columns // 2 + 1 :: 17] = np.nan
    odd[0, columns // 4 : columns // 4 + 20] = odd[0, columns // 4]
    return odd


def denominator_for(detector: Detector, values: Array) -> Array | None:
    """Counts for a detector of ratios, which requires a denominator; otherwise None."""
    return np.full(values.shape, 50.0) if getattr(detector, "kind", None) == "ratio" else None
