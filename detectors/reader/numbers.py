"""Numbers as people write them: a decimal comma, thousands in groups, and marks of a missing value."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from detectors.arrays import Array
from detectors.errors import DetectorError
from detectors.reader.moments import At

MISSING = ("", "nan", "-nan", "na", "n/a", "#n/a", "null", "none", "<na>")
_GROUPS = r"[+-]?\d{1,3}(?:[ \xa0\u202f]\d{3})+"
_COMMA_DECIMAL = re.compile(
    rf"(?:[+-]?\d+|[+-]?\d{{1,3}}(?:\.\d{{3}})+|{_GROUPS})(?:,\d+)?(?:e[+-]?\d+)?", re.IGNORECASE
)
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
_LABELS = {"0": 0.0, "1": 1.0, "": 0.0, "false": 0.0, "true": 1.0, "0.0": 0.0, "1.0": 1.0, "nan": 0.0}


def is_numeric(column: pd.Series[Any]) -> bool:
    """Whether all known cells of a sample are numbers, and at least one is."""
    if pd.api.types.is_numeric_dtype(column):
        return True
    if pd.api.types.is_datetime64_any_dtype(column):
        return False
    known = [cell for cell in map(_text, column.iloc[:200]) if cell.lower() not in MISSING]
    return bool(known) and all(_COMMA_DECIMAL.fullmatch(cell) or _is_float(cell) for cell in known)


def read_numbers(column: pd.Series[Any], role: str, at: At, decimal: str | None = None) -> tuple[Array, str | None]:
    """Read a column of numbers.

    Parameters
    ----------
    column
        Texts or numbers.
    role
        "value", "numerator" and so on, for messages.
    at
        Names a row in messages.
    decimal
        "." or ","; None finds out.

    Returns
    -------
    (N,) and str or None
        The numbers, NaN where missing; and what was assumed.

    Raises
    ------
    DetectorError
        A cell is no finite number, or the meaning of its comma is unclear.
    """
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        said = None
    else:
        texts = column.map(_text)
        texts = texts.where(~texts.str.lower().isin(MISSING), "")
        plain, said = _with_points(texts, role, at, decimal)
        numbers = pd.to_numeric(plain.where(plain != ""), errors="coerce").to_numpy(np.float64)
        for i in np.flatnonzero(~np.isfinite(numbers) & (texts != "").to_numpy(bool)):
            _refuse(texts.iloc[i], role, at(int(i)))
    for i in np.flatnonzero(np.isinf(numbers)):
        raise DetectorError(f"{at(int(i))}: the {role} is infinite ({numbers[i]:g}); leave it empty if it is missing")
    if role == "denominator":
        for i in np.flatnonzero(numbers < 0):
            raise DetectorError(
                f"{at(int(i))}: the {role} is infinite or negative ({numbers[i]:g}); it must be a count"
            )
    return numbers, said


def read_labels(column: pd.Series[Any], at: At) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Read a column of labels: 1 or true in an incident, 0, false or empty outside."""
    found = np.array([_LABELS.get(_text(cell).lower(), np.nan) for cell in column])
    for i in np.flatnonzero(np.isnan(found)):
        cell = column.iloc[i]
        what = (
            f"label {cell!r} is neither 0 nor 1"
            if isinstance(cell, str)
            else f"the label is neither 0 nor 1 ({cell:g})"
        )
        raise DetectorError(f"{at(int(i))}: {what}")
    return found > 0


def divide(values: Array, numerators: Array | None, denominators: Array | None) -> Array:
    """Fill missing values with numerator / denominator. A value is NaN where its denominator is 0 or missing."""
    if denominators is None:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        quotients = np.nan if numerators is None else numerators / denominators
        filled = np.where(np.isnan(values), quotients, values)
    return np.where(denominators > 0, filled, np.nan)


def _with_points(texts: pd.Series[Any], role: str, at: At, decimal: str | None) -> tuple[pd.Series[Any], str | None]:
    """Return the texts with a decimal point and without groups, and what was assumed."""
    spaced = texts.str.fullmatch(rf"{_GROUPS}(?:[.,]\d+)?")
    texts = texts.where(~spaced, texts.str.replace(r"[ \xa0\u202f]", "", regex=True))
    with_comma = texts.str.contains(",", regex=False)
    if not with_comma.any():
        return texts, None
    known = texts[texts != ""]
    as_decimal = decimal != "." and bool(known.str.fullmatch(_COMMA_DECIMAL.pattern, flags=re.IGNORECASE).all())
    as_groups = decimal != "," and bool(known.str.fullmatch(_COMMA_GROUPS.pattern, flags=re.IGNORECASE).all())
    first = int(np.flatnonzero(with_comma)[0])
    if as_decimal and as_groups:
        cell = str(texts.iloc[first])
        raise DetectorError(
            f"{at(first)}: the {role} {cell!r} may be {cell.replace(',', '.')} or {cell.replace(',', '')}; say which "
            "mark is decimal (--decimal , or --decimal .)"
        )
    if as_decimal:
        plain = texts.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        return plain, f"the decimal mark of the {role} is a comma: {texts.iloc[first]} is {plain.iloc[first]}"
    if as_groups:
        plain = texts.str.replace(",", "", regex=False)
        return plain, f"commas in the {role} separate thousands: {texts.iloc[first]} is {plain.iloc[first]}"
    return texts, None


def _refuse(text: str, role: str, where: str) -> None:
    hint = "leave the cell empty if it is missing"
    if re.fullmatch(r"[\d.,+ -]+ ?%", text):
        hint = "remove the percent sign"
    elif re.fullmatch(r"[\d.]+,[\d.,]*", text):
        hint = "its comma contradicts the other rows: use one decimal mark"
    raise DetectorError(f"{where}: {role} {text!r} is not a finite number; {hint}")


def _text(cell: Any) -> str:
    return "" if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)) else str(cell).strip()


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
