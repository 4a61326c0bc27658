"""Times as people write them: texts with a date, and numbers whose unit is judged by their size."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from detectors.arrays import Array
from detectors.errors import DetectorError

At = Callable[[int], str]
"""The name of a row in messages, by its number."""

_UNITS = ((1e11, 1.0, "seconds"), (1e14, 1e3, "milliseconds"), (1e17, 1e6, "microseconds"), (1e20, 1e9, "nanoseconds"))
"""Numbers below the first limit are seconds (until the year 5138), and so on."""
_STAMPS = ((14, "%Y%m%d%H%M%S", "YYYYMMDDHHMMSS"), (12, "%Y%m%d%H%M", "YYYYMMDDHHMM"), (10, "%Y%m%d%H", "YYYYMMDDHH"),
           (8, "%Y%m%d", "YYYYMMDD"))  # fmt: skip
_YEARS = (1990, 2100)
"""Years of a number that is written as a date."""
_EXCEL = (20_000, 80_000)
"""Days since 1899-12-30 from 1954 to 2119."""
_LAST_YEAR = 9999
_ISO = re.compile(r"\d{4}-\d\d?(-\d\d?)?([T ].*)?|\d{8}T\d{2,}.*")
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d\d?)[/.](\d\d?)")
_YEAR_LAST = re.compile(r"(\d\d?)([/.-])(\d\d?)[/.-](\d{4}|\d\d)\b")
_OFFSET = re.compile(r"[T ]\d\d?(?::?\d\d)*(?:[.,]\d+)?(?: ?[AaPp][Mm])? ?(?:Z|[+-]\d\d:?\d\d|[+-]\d\d)$")
_ZONE = re.compile(r" ?(UTC|GMT|Z)$", re.IGNORECASE)
_MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)
_TOTAL = re.compile(r"(?:grand )?(?:total|sum|mean|average|итого|всего|сумма|gesamt|summe|totaux?)\b.*", re.IGNORECASE)
_MISSING = {"", "nan", "nat", "none", "null", "na", "n/a"}


@dataclass(frozen=True)
class Moments:
    """Seconds since 1970 of each row, whether they are of a wall clock, and how they were read."""

    seconds: Array
    naive: bool
    said: str | None = None


def looks_like_time(text: str) -> bool:
    """Whether a text begins with a date."""
    text = text.strip()
    dated = _ISO.fullmatch(text) or _YEAR_FIRST.match(text) or _YEAR_LAST.match(text)
    return bool(dated or (_MONTH.search(text) and re.search(r"\d", text)))


def read_moments(column: pd.Series[Any], at: At, day_first: bool = False) -> Moments:
    """Read a column of times.

    Parameters
    ----------
    column
        Texts, numbers or datetimes.
    at
        Names a row in messages.
    day_first
        Whether 05/01/2026 is the 5th of January.

    Raises
    ------
    DetectorError
        A time is missing or is none. The message names the row, and what the texts look like.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return _of_datetimes(column, at)
    texts = column.map(_text)
    _check_missing(texts, at)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    if np.isfinite(numbers).all():
        return _of_numbers(numbers, texts, at)
    if np.mean(np.isfinite(numbers)) >= 0.5:
        _refuse_text(texts, int(np.flatnonzero(~np.isfinite(numbers))[0]), at)
    return _of_texts(texts, at, day_first)


def written(seconds: float) -> str:
    """Return a moment as text, in UTC or of the wall clock."""
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _text(cell: Any) -> str:
    return "" if cell is None or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)) else str(cell).strip()


def _check_missing(texts: pd.Series[Any], at: At) -> None:
    for i in np.flatnonzero(texts.str.lower().isin(_MISSING)):
        raise DetectorError(f"{at(int(i))}: the timestamp is missing; is this a total? Remove the row")
    for i in np.flatnonzero(texts.str.fullmatch(_TOTAL.pattern, flags=re.IGNORECASE)):
        raise DetectorError(f"{at(int(i))}: {texts.iloc[i]!r} is a total, not a timestamp; remove the row")


def _of_datetimes(column: pd.Series[Any], at: At) -> Moments:
    if column.isna().any():
        raise DetectorError(f"{at(int(np.flatnonzero(column.isna())[0]))}: the timestamp is missing")
    aware = column.dt.tz is not None
    return Moments(_seconds(column.dt.tz_convert("UTC").dt.tz_localize(None) if aware else column), not aware)


def _seconds(moments: pd.Series[Any]) -> Array:
    ticks = moments.to_numpy().astype("datetime64[us]").astype(np.int64)
    return np.asarray(ticks / 1e6, dtype=np.float64)


def _of_numbers(numbers: Array, texts: pd.Series[Any], at: At) -> Moments:
    for digits, form, name in _STAMPS:
        if texts.str.fullmatch(rf"\d{{{digits}}}").all():
            dates = pd.to_datetime(texts, format=form, errors="coerce")
            if dates.notna().all() and dates.dt.year.between(*_YEARS).all():
                seconds = _seconds(dates)
                first = written(float(seconds[0]))
                return Moments(seconds, True, f"timestamps are read as {name}: {texts.iloc[0]} is {first}")
    middle = float(np.median(numbers))
    _refuse_small(numbers, texts, at, middle)
    _, factor, unit = next((row for row in _UNITS if abs(middle) < row[0]), _UNITS[-1])
    seconds = numbers / factor
    for i in np.flatnonzero((seconds < 0) | (seconds > 253_402_300_799)):
        raise DetectorError(
            f"{at(int(i))}: timestamp {texts.iloc[i]!r}, read as {unit}, is outside 1970 to {_LAST_YEAR}"
        )
    first = written(float(seconds[0]))
    return Moments(seconds, False, f"timestamps are read as {unit} since 1970: {texts.iloc[0]} is {first} UTC")


def _refuse_small(numbers: Array, texts: pd.Series[Any], at: At, middle: float) -> None:
    """Raise for numbers that are no time since 1970: row numbers, years and the days of Excel."""
    steps = np.diff(np.sort(numbers))
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    if step > 32 or middle >= 1e8 or (not step and middle > _EXCEL[1]) or numbers.size == 1 and not numbers[0]:
        return
    if _EXCEL[0] < middle < _EXCEL[1]:
        moment = datetime(1899, 12, 30) + timedelta(days=float(numbers[0]))
        raise DetectorError(
            f"{at(0)}: {texts.iloc[0]} looks like the serial number of a date in Excel ({moment:%Y-%m-%d %H:%M}); "
            "format the cells as yyyy-mm-dd hh:mm and save the file again"
        )
    if step == 1 and numbers.min() in (0, 1):
        raise DetectorError(
            f"{at(0)}: the times are {texts.iloc[0]}, {texts.iloc[min(1, len(texts) - 1)]} and so on, which are row "
            "numbers; name the column of times (--time COLUMN)"
        )
    raise DetectorError(f"{at(0)}: {texts.iloc[0]!r} is too small a number for a time; name the column of times "
                        "(--time COLUMN)")  # fmt: skip


def _of_texts(texts: pd.Series[Any], at: At, day_first: bool) -> Moments:
    uniform = texts.str.replace(_YEAR_FIRST.pattern, r"\1-\2-\3", regex=True)
    uniform = uniform.str.replace(_ZONE.pattern, "Z", regex=True, flags=re.IGNORECASE)
    uniform = uniform.str.replace(r" ([+-]\d\d:?\d\d)$", r"\1", regex=True)
    aware = uniform.str.contains(_OFFSET.pattern, regex=True).to_numpy(bool)
    for i in np.flatnonzero(aware != aware[0]):
        raise DetectorError(f"{at(int(i))}: timestamps with and without a UTC offset are mixed; use one form")
    first = next((text for text in texts if looks_like_time(text)), "")
    said = None
    if _YEAR_LAST.match(first):
        parsed, said = _year_last(uniform, texts, at, day_first)
    elif _ISO.fullmatch(first) or _YEAR_FIRST.match(first):
        parsed = _iso(uniform)
    else:
        named = uniform.where(uniform.str.contains(_MONTH.pattern, regex=True, flags=re.IGNORECASE))
        parsed = pd.to_datetime(named, format="mixed", dayfirst=day_first, utc=True, errors="coerce")
    for i in np.flatnonzero(parsed.isna()):
        raise DetectorError(
            f"{at(int(i))}: timestamp {texts.iloc[i]!r} is neither ISO 8601 nor Unix seconds; write 2026-01-05 10:00"
        )
    return Moments(_seconds(parsed.dt.tz_localize(None)), not bool(aware[0]), said)


def _refuse_text(texts: pd.Series[Any], i: int, at: At) -> None:
    raise DetectorError(
        f"{at(i)}: timestamp {texts.iloc[i]!r} is neither ISO 8601 nor Unix seconds; write 2026-01-05 10:00"
    )


def _iso(texts: pd.Series[Any]) -> pd.Series[Any]:
    parsed = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    if parsed.isna().any():  # one digit for a month or an hour: 2026-1-5 9:00
        padded = texts.str.replace(r"(?<!\d)(\d)(?=[-:T ]|$)", r"0\1", regex=True)
        parsed = pd.to_datetime(padded, format="ISO8601", utc=True, errors="coerce")
    return parsed


def _year_last(
    uniform: pd.Series[Any], texts: pd.Series[Any], at: At, day_first: bool
) -> tuple[pd.Series[Any], str | None]:
    """Read 05/01/2026. Days come first only if the caller says so."""
    parts = uniform.str.extract(rf"^{_YEAR_LAST.pattern}(.*)$")
    mark = str(parts[1].dropna().iloc[0])
    numbers = parts[[0, 2]].apply(pd.to_numeric)
    for i in np.flatnonzero((numbers[0] > 12) & ~np.bool_(day_first)):
        raise DetectorError(f"{at(int(i))}: {texts.iloc[i]!r} has its day first; say so (--dayfirst)")
    if mark != "/" and not day_first:
        raise DetectorError(
            f"{at(0)}: in {texts.iloc[0]!r} the day may come first; say so (--dayfirst), or write 2026-01-05"
        )
    day, month = (0, 2) if day_first else (2, 0)
    year = parts[3].where(parts[3].str.len() == 4, "20" + parts[3])
    rest = parts[4].str.strip(" ,T")
    clock = rest.where(rest != "", "00:00")
    merged = year + "-" + parts[month].str.zfill(2) + "-" + parts[day].str.zfill(2) + " " + clock
    halves = bool(merged.str.contains(r"[ap]\.?m", case=False, regex=True).any())
    parsed = pd.to_datetime(merged, format="mixed", utc=True, errors="coerce") if halves else _iso(merged)
    order = "day" if day_first else "month"
    if parsed.isna().iloc[0]:
        return parsed, None
    return parsed, f"dates are read with the {order} first: {texts.iloc[0]} is {parsed.iloc[0]:%d %B %Y}"
