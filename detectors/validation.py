"""Checks the parameters and the input arrays of a detector."""

from __future__ import annotations

import math
import numbers
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.arrays import Array
from detectors.errors import DetectorError


def check_parameter(method: str, name: str, value: Any, kind: Any, limits: Mapping[str, float | None]) -> None:
    """Raise `DetectorError` if a parameter has the wrong type or is outside its limits.

    Parameters
    ----------
    method, name
        For the message.
    value
        The value to check.
    kind
        Its annotation: int, float, bool or a Literal.
    limits
        "above", "least" and "most", as in `detectors.parameter`.
    """
    choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
    is_bool = isinstance(value, bool | np.bool_)
    valid, wanted = {
        int: (isinstance(value, numbers.Integral) and not is_bool, "a whole number"),
        float: (isinstance(value, numbers.Real) and not is_bool and math.isfinite(value), "a finite number"),
        bool: (is_bool, "true or false"),
    }.get(kind, (value in choices if choices else True, f"one of {', '.join(map(str, choices))}"))
    above, least, most = (limits.get(limit) for limit in ("above", "least", "most"))
    if above is not None:
        valid, wanted = valid and value > above, f"{wanted} above {above:g}"
    if least is not None:
        valid, wanted = valid and value >= least, f"{wanted}, at least {least:g}"
    if most is not None:
        valid, wanted = valid and value <= most, f"{wanted}, at most {most:g}"
    if not valid:
        raise DetectorError(f"{method}: {name} must be {wanted}, not {value!r}")


def validate(
    values: ArrayLike, denominator: ArrayLike | None, columns: range | None = None, name: str = "values"
) -> tuple[Array, Array | None, tuple[int, ...]]:
    """Check the arrays of a detector and convert them.

    Parameters
    ----------
    values, denominator
        As `Detector.detect` takes them.
    columns
        The original column numbers, for messages, if `values` are only some of the caller's columns.
    name
        The name of `values` in messages.

    Returns
    -------
    table, counts, shape
        Read-only float64 arrays (S, T) of the values and of the denominator, and the shape of `values`. A value is
        NaN where its denominator is 0 or missing.

    Raises
    ------
    DetectorError
        The arrays are not numeric, have the wrong shape, or hold infinite values or negative denominators.
    """
    table = _to_floats(values, name)
    if table.ndim not in (1, 2):
        raise DetectorError(f"{name} must have the shape (T,) or (S, T), not {table.shape}")
    shape = table.shape
    counts = None
    if denominator is not None:
        what = "denominator" if name == "values" else f"{name}_denominator"
        counts = spread(_to_floats(denominator, what), shape, what)
        if not np.all((counts >= 0) & (counts < np.inf) | np.isnan(counts)):
            raise DetectorError(f"{what} must hold counts: zero or more, finite, NaN = missing")
        table = np.where(counts > 0, table, np.nan)
    if np.isinf(table).any():
        column = int(np.argwhere(np.isinf(table))[0][-1])
        column = column if columns is None else columns[column]
        verb = "are" if name == "values" else "is"
        raise DetectorError(f"{name} {verb} infinite at column {column}; use NaN for a missing value")
    return _two_dimensional(table), None if counts is None else _two_dimensional(counts), shape


def spread(denominator: NDArray[Any], shape: tuple[int, ...], name: str = "denominator") -> NDArray[Any]:
    """Broadcast a denominator to the shape of the values, or raise `DetectorError`, which calls it `name`."""
    try:
        return np.broadcast_to(denominator, shape)
    except ValueError:
        raise DetectorError(f"{name} has the shape {denominator.shape}, values have {shape}") from None


def to_array(given: Any, what: str) -> NDArray[Any]:
    """Convert array-like input to an array of numbers; masked values become NaN. `what` names it in the error."""
    try:
        # Only a subclass of ndarray can be masked. Testing for that first avoids the import of numpy.ma.
        masked = (
            isinstance(given, np.ndarray) and type(given) is not np.ndarray and isinstance(given, np.ma.MaskedArray)
        )
        array = np.asarray(np.ma.filled(given.astype(np.float64), np.nan) if masked else given)
        if array.dtype.kind not in "biufO":
            raise TypeError
        return array if array.dtype.kind != "O" else array.astype(np.float64)
    except (TypeError, ValueError):
        raise DetectorError(f"{what} must be numbers in an array of the shape (T,) or (S, T), NaN = missing") from None


def _to_floats(given: Any, what: str) -> Array:
    return to_array(given, what).astype(np.float64, copy=False)


def _two_dimensional(array: Array) -> Array:
    # A read-only view, so that a method that writes into its input fails immediately.
    table = np.atleast_2d(array).view()
    table.flags.writeable = False
    return table
