"""Reads CSV files into rows, for ``python -m detectors score`` and for the lab.

The header is ``timestamp,value[,numerator,denominator][,label][,series]``. Timestamps are ISO 8601 or Unix seconds. An
empty value is computed as numerator / denominator if these are given, and is missing otherwise. An invalid row raises
`DetectorError` with the names of the file and the series, and the line.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array
from detectors.errors import DetectorError

REQUIRED = ("timestamp", "value")
RATIO = ("numerator", "denominator")
OPTIONAL = (*RATIO, "label", "series")
_END_OF_TIME = 253_402_300_800
"""Unix seconds of the year 10000. `datetime` ends before it."""
_LABELS = {"0": False, "1": True, "": False, "false": False, "true": True, "0.0": False, "1.0": True}


@dataclass(frozen=True)
class Rows:
    """Rows of one series, in the order of the file.

    Parameters
    ----------
    lines
        (N,) the line of each row.
    timestamps
        N timestamps as written.
    seconds
        (N,) seconds since 1970-01-01 UTC, or since 1970-01-01 of the wall clock if `naive`.
    values
        (N,), NaN where the value is missing or its denominator is 0.
    denominators, labels
        (N,) or None if there is no such column.
    naive
        Whether the timestamps have no UTC offset.
    unit
        The word for a row in error messages: "line" of a file or "row" of a DataFrame.
    """

    lines: NDArray[np.int64]
    timestamps: Sequence[str]
    seconds: Array
    values: Array
    denominators: Array | None
    labels: NDArray[np.bool_] | None
    naive: bool
    unit: str = "line"

    def at(self, i: int) -> str:
        """Return the name of row i in messages."""
        return f"{self.unit} {self.lines[i]}"


def read_rows(path: Path, optional: Sequence[str] = OPTIONAL) -> dict[str | None, Rows]:
    """Read a CSV file, or a gzipped one (.gz), in UTF-8.

    Parameters
    ----------
    path
        The file.
    optional
        Columns that the file may have besides `REQUIRED`.

    Returns
    -------
    dict
        Rows by the name of their series; the name is None in a file without the column "series".

    Raises
    ------
    DetectorError
        The file is not a CSV file of this format, or a row is invalid.
    OSError
        The file cannot be read.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="", encoding="utf-8-sig") as stream:
        try:
            return parse_rows(stream, path.name, optional)
        except UnicodeDecodeError:
            with opener(path, "rb") as raw:
                line = next(number for number, text in enumerate(raw, 1) if not _is_utf8(text))
            raise DetectorError(f"{path.name}, line {line}: not UTF-8; save the file in that encoding") from None
        except (EOFError, gzip.BadGzipFile) as error:
            raise DetectorError(f"{path.name}: {error}") from None


def parse_rows(lines: Iterable[str], file: str, optional: Sequence[str] = OPTIONAL) -> dict[str | None, Rows]:
    """Parse the lines of a CSV file; `file` names it in messages. Otherwise as `read_rows`."""
    from tqdm import tqdm

    reader = csv.reader(lines, strict=True)
    table = _cells(reader, file)
    header = [name.strip() for name in next(table, [])]
    _check_header(header, optional, file)
    places = {name: header.index(name) for name in header}
    raw: dict[str | None, list[tuple[int, list[str]]]] = {}
    for cells in tqdm(table, desc=f"reading {file}", unit=" rows", disable=None):
        if not cells:
            continue
        if len(cells) != len(header):
            raise DetectorError(f"{file}, line {reader.line_num}: {len(cells)} cells under {len(header)} columns")
        name = cells[places["series"]] if "series" in places else None
        raw.setdefault(name, []).append((reader.line_num, cells))
    if not raw:
        raise DetectorError(f"{file}: no rows")
    return {name: _parse(rows, places, file if name is None else f"{file}, {name}") for name, rows in raw.items()}


def check_numbers(columns: Mapping[str, Array], where: Sequence[str]) -> None:
    """Raise `DetectorError` for an invalid value, count or label. `where` names the rows."""
    for key, column in columns.items():
        wrong, rule = np.isinf(column), "infinite ({:g}); leave it empty if it is missing"
        if key == "denominator":
            wrong, rule = wrong | (column < 0), "infinite or negative ({:g}); it must be a count"
        elif key == "label":
            wrong, rule = ~(np.isnan(column) | np.isin(column, (0, 1))), "neither 0 nor 1 ({:g})"
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise DetectorError(f"{where[first]}: the {key} is {rule.format(column[first])}")


def parse_timestamps(texts: Iterable[str], where: Sequence[str]) -> tuple[Array, bool]:
    """Return seconds since 1970, and whether the timestamps have no UTC offset. `where` names the rows."""
    moments = [_moment(text, at) for text, at in zip(texts, where, strict=True)]
    naive = bool(moments) and moments[0][1]
    mixed = next((at for (_, bare), at in zip(moments, where, strict=True) if bare != naive), None)
    if mixed is not None:
        raise DetectorError(f"{mixed}: timestamps with and without a UTC offset are mixed; use one form")
    return np.array([seconds for seconds, _ in moments]), naive


def divide(values: Array, numerators: Array | None, denominators: Array | None) -> Array:
    """Fill missing values with numerator / denominator. A value is NaN where its denominator is 0 or missing."""
    if denominators is None:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        quotients = np.nan if numerators is None else numerators / denominators
        filled = np.where(np.isnan(values), quotients, values)
    return np.where(denominators > 0, filled, np.nan)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _cells(reader: Any, file: str) -> Iterator[list[str]]:
    """Yield the cells of each row. Raise `DetectorError` for an error of the csv module."""
    try:
        yield from reader
    except csv.Error as error:
        raise DetectorError(f"{file}, line {reader.line_num}: {error}") from None


def _check_header(header: list[str], optional: Sequence[str], file: str) -> None:
    known = (*REQUIRED, *optional)
    wrong = [name for name in header if name not in known or header.count(name) > 1]
    absent = [name for name in REQUIRED if name not in header]
    if wrong or absent:
        what = f"column {wrong[0]!r} is unknown or repeated" if wrong else f"no column {absent[0]!r}"
        rest = "".join(f"[,{name}]" for name in optional if name not in RATIO)
        raise DetectorError(f"{file}, line 1: {what}; the header must be timestamp,value[,numerator,denominator]{rest}")


def _parse(rows: list[tuple[int, list[str]]], places: dict[str, int], name: str) -> Rows:
    where = [f"{name}, line {line}" for line, _ in rows]
    texts = {key: [cells[place] for _, cells in rows] for key, place in places.items()}
    columns = {
        key: np.array([_number(text, key, at) for text, at in zip(texts[key], where, strict=True)])
        for key in ("value", *RATIO)
        if key in texts
    }
    check_numbers(columns, where)
    labels = None
    if "label" in texts:
        labels = np.array([_label(text, at) for text, at in zip(texts["label"], where, strict=True)])
    seconds, naive = parse_timestamps(texts["timestamp"], where)
    values = divide(columns["value"], columns.get("numerator"), columns.get("denominator"))
    lines = np.array([line for line, _ in rows])
    return Rows(lines, texts["timestamp"], seconds, values, columns.get("denominator"), labels, naive)


def _number(text: str, key: str, where: str) -> float:
    if not text.strip() or text.strip().lower() == "nan":
        return np.nan
    try:
        number = float(text)
    except ValueError:
        number = np.inf
    if not np.isfinite(number):
        raise DetectorError(f"{where}: {key} {text!r} is not a finite number; leave the cell empty if it is missing")
    return number


def _label(text: str, where: str) -> bool:
    if text.strip().lower() not in _LABELS:
        raise DetectorError(f"{where}: label {text!r} is neither 0 nor 1")
    return _LABELS[text.strip().lower()]


def _moment(text: str, where: str) -> tuple[float, bool]:
    """Seconds since 1970, and whether the timestamp has no UTC offset."""
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if not 0 <= seconds < _END_OF_TIME:
            raise DetectorError(f"{where}: timestamp {text!r} is outside 1970 to 9999; are these milliseconds?")
        return seconds, False
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise DetectorError(f"{where}: timestamp {text!r} is neither ISO 8601 nor Unix seconds") from None
    naive = moment.tzinfo is None
    return (moment.replace(tzinfo=UTC) if naive else moment).timestamp(), naive
