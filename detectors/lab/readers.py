"""Series for the lab: read from CSV files, folders, arrays and DataFrames, and laid on a grid of whole days.

What can be put right is, and is said in `Series.notes`: rows out of order, gaps, repeated and unpunctual timestamps.
What cannot is refused with the name of the series and the line.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from detectors.arrays import Array
from detectors.errors import DetectorError
from detectors.lab.series import Rows, Series, lay_out

if TYPE_CHECKING:
    import pandas

REQUIRED = ("timestamp", "value")
OPTIONAL = ("numerator", "denominator", "label", "series")
_AFTER_9999 = 253_402_300_800
"""Unix seconds that no datetime has."""
_LABELS = {"0": 0.0, "1": 1.0, "": 0.0, "false": 0.0, "true": 1.0, "0.0": 0.0, "1.0": 1.0}


def collect(data: Any, *, period: int = 96, zone: str | None = None) -> list[Series]:
    """Take data in any form that the lab knows.

    Parameters
    ----------
    data
        A `Series` or several; a path of a CSV file or of a folder, or several; a DataFrame with the columns of a CSV
        file, or with a DatetimeIndex and a series in each column; an array (T,) or (S, T).
    period
        Points in a day, of arrays; files and DataFrames say it by their timestamps.
    zone
        IANA name: the series are laid on its wall clock, and timestamps without an offset are of it. None is UTC.

    Raises
    ------
    DetectorError
        Data that cannot be used; names the series, the line and what to do.
    """
    if isinstance(data, Series):
        found = [data]
    elif isinstance(data, str | Path):
        found = read(data, zone=zone)
    elif type(data).__module__.partition(".")[0] == "pandas":
        found = from_frame(data, zone=zone)
    elif isinstance(data, np.ndarray):
        found = from_array(data, period=period)
    elif isinstance(data, Sequence) and data and all(isinstance(one, Series | str | Path) for one in data):
        found = [series for one in data for series in collect(one, period=period, zone=zone)]
    else:
        raise DetectorError("data must be Series, paths, a DataFrame or an array of the shape (T,) or (S, T)")
    names = [one.name for one in found]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise DetectorError(f"two series are called {repeated!r}; rename one")
    return found


def from_array(
    values: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    denominator: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    period: int = 96,
    start: datetime = datetime(2026, 1, 1),
) -> list[Series]:
    """Series of an array (T,) or (S, T), NaN = missing; labels and denominators are of that shape."""
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if names is not None and len(names) != len(table):
        raise DetectorError(f"{len(names)} names for {len(table)} series")
    truth = None if labels is None else np.broadcast_to(np.asarray(labels, dtype=bool), table.shape)
    counts = None if denominator is None else np.broadcast_to(np.asarray(denominator, dtype=np.float64), table.shape)
    return [
        Series(
            name=names[i] if names is not None else f"series {i + 1}",
            values=row,
            labels=None if truth is None else truth[i],
            denominator=None if counts is None else counts[i],
            period=period,
            start=start,
        )
        for i, row in enumerate(table)
    ]


def from_frame(frame: pandas.DataFrame | pandas.Series[Any], *, zone: str | None = None) -> list[Series]:
    """Series of a DataFrame: the columns of a CSV file, or a DatetimeIndex with a series in each column."""
    import pandas as pd

    if isinstance(frame, pd.Series):
        frame = frame.to_frame(frame.name if frame.name is not None else "value")
    if isinstance(frame.index, pd.DatetimeIndex):
        if "value" not in frame:
            wide = [(str(name), frame[name].rename("value").to_frame()) for name in frame]
            return [lay_out(name, _rows_of_frame(name, one.assign(timestamp=one.index)), zone) for name, one in wide]
        frame = frame.assign(timestamp=frame.index)
    if not all(name in frame for name in REQUIRED):
        raise DetectorError("a DataFrame needs the columns timestamp and value, or a DatetimeIndex")
    frame = frame.assign(row=np.arange(1, len(frame) + 1))
    long = [("series", frame)]
    if "series" in frame:
        long = [(str(name), part) for name, part in frame.groupby("series", sort=False)]
    return [lay_out(name, _rows_of_frame(name, part), zone) for name, part in long]


def _rows_of_frame(name: str, frame: pandas.DataFrame) -> Rows:
    import pandas as pd

    lines = frame["row"].to_numpy(np.int64) if "row" in frame else np.arange(1, len(frame) + 1)
    where = [f"{name}, row {line}" for line in lines]
    stamps = frame["timestamp"]
    if stamps.isna().any():
        raise DetectorError(f"{where[int(np.flatnonzero(stamps.isna())[0])]}: the timestamp is missing")
    if pd.api.types.is_datetime64_any_dtype(stamps):
        aware = stamps.dt.tz is not None
        moments = stamps.dt.tz_convert("UTC").dt.tz_localize(None) if aware else stamps
        seconds = (moments - pd.Timestamp(0)).dt.total_seconds().to_numpy(np.float64)
    else:
        seconds, naive = _moments(map(str, stamps), where)
        aware = not naive
    columns = {
        key: frame[key].to_numpy(np.float64, na_value=np.nan) for key in ("value", *OPTIONAL[:3]) if key in frame
    }
    _check_numbers(columns, where)
    values = _divide(columns["value"], columns.get("numerator"), columns.get("denominator"))
    labels = np.nan_to_num(columns["label"]).astype(bool) if "label" in columns else None
    return Rows(
        lines, np.asarray(seconds, dtype=np.float64), values, columns.get("denominator"), labels, not aware, "row"
    )


def read(path: str | Path, *, zone: str | None = None) -> list[Series]:
    """Read a CSV file (or .csv.gz), or every one in a folder.

    The header is timestamp,value[,numerator,denominator][,label][,series]; timestamps are ISO 8601 or Unix seconds;
    an empty value is missing, or numerator / denominator. A file without the column series is one series, called as
    the file.
    """
    place = Path(path)
    files = sorted(one for one in place.iterdir() if _is_table(one)) if place.is_dir() else [place]
    if not files:
        raise DetectorError(f"{place}: no .csv or .csv.gz file in this folder")
    return [series for file in files for series in _read_file(file, zone, several=len(files) > 1)]


def _is_table(file: Path) -> bool:
    return file.name.endswith((".csv", ".csv.gz"))


def _read_file(file: Path, zone: str | None, several: bool) -> Iterator[Series]:
    stem = file.name.removesuffix(".gz").removesuffix(".csv")
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", newline="", encoding="utf-8-sig") as stream:
        try:
            grouped = _group(stream, file.name)
        except UnicodeDecodeError:
            with opener(file, "rb") as raw:
                line = next(number for number, text in enumerate(raw, 1) if not _is_utf8(text))
            raise DetectorError(f"{file.name}, line {line}: not UTF-8; save the file in that encoding") from None
        except (EOFError, gzip.BadGzipFile) as error:
            raise DetectorError(f"{file.name}: {error}") from None
    for name, rows in grouped.items():
        full = stem if name is None else f"{stem}/{name}" if several else name
        yield lay_out(full, rows, zone)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _group(lines: Iterable[str], file: str) -> dict[str | None, Rows]:
    """Parse a file into the rows of each series."""
    reader = csv.reader(lines, strict=True)
    rows = _cells(reader, file)
    header = [name.strip() for name in next(rows, [])]
    _check_header(header, file)
    places = {name: header.index(name) for name in header}
    raw: dict[str | None, list[tuple[int, list[str]]]] = {}
    for cells in rows:
        if not cells:
            continue
        if len(cells) != len(header):
            raise DetectorError(f"{file}, line {reader.line_num}: {len(cells)} cells under {len(header)} columns")
        name = cells[places["series"]] if "series" in places else None
        raw.setdefault(name, []).append((reader.line_num, cells))
    if not raw:
        raise DetectorError(f"{file}: no rows")
    return {name: _parse(rows, places, file if name is None else f"{file}, {name}") for name, rows in raw.items()}


def _cells(reader: Any, file: str) -> Iterator[list[str]]:
    """Rows of a file; one that is no CSV is refused by its line."""
    try:
        yield from reader
    except csv.Error as error:
        raise DetectorError(f"{file}, line {reader.line_num}: {error}") from None


def _check_header(header: list[str], file: str) -> None:
    known = REQUIRED + OPTIONAL
    wrong = [name for name in header if name not in known or header.count(name) > 1]
    absent = [name for name in REQUIRED if name not in header]
    if wrong or absent:
        what = f"column {wrong[0]!r} is unknown or repeated" if wrong else f"no column {absent[0]!r}"
        raise DetectorError(
            f"{file}, line 1: {what}; the header must be timestamp,value[,numerator,denominator][,label][,series]"
        )


def _parse(rows: list[tuple[int, list[str]]], places: dict[str, int], name: str) -> Rows:
    where = [f"{name}, line {line}" for line, _ in rows]
    columns: dict[str, Array] = {}
    for key in ("value", "numerator", "denominator"):
        if key in places:
            texts = (cells[places[key]] for _, cells in rows)
            columns[key] = np.array([_number(text, key, at) for text, at in zip(texts, where, strict=True)])
    _check_numbers(columns, where)
    labels = None
    if "label" in places:
        labels = np.array([_label(cells[places["label"]], at) for (_, cells), at in zip(rows, where, strict=True)])
    seconds, naive = _moments((cells[places["timestamp"]] for _, cells in rows), where)
    values = _divide(columns["value"], columns.get("numerator"), columns.get("denominator"))
    numbers = np.array([line for line, _ in rows])
    return Rows(numbers, seconds, values, columns.get("denominator"), labels, naive)


def _check_numbers(columns: Mapping[str, Array], where: Sequence[str]) -> None:
    """Refuse numbers that no value, count or label can be, by their line."""
    for key, column in columns.items():
        wrong, rule = np.isinf(column), "infinite; leave it empty where it is missing"
        if key == "denominator":
            wrong, rule = wrong | (column < 0), "infinite or negative; it must be a count"
        elif key == "label":
            wrong, rule = ~(np.isnan(column) | np.isin(column, (0, 1))), "neither 0 nor 1"
        if wrong.any():
            raise DetectorError(f"{where[int(np.flatnonzero(wrong)[0])]}: the {key} is {rule}")


def _moments(texts: Iterable[str], where: Sequence[str]) -> tuple[Array, bool]:
    """Seconds since 1970, and whether they are of a wall clock that is not named."""
    moments = [_moment(text, at) for text, at in zip(texts, where, strict=True)]
    naive = bool(moments) and moments[0][1]
    mixed = next((at for (_, one), at in zip(moments, where, strict=True) if one != naive), None)
    if mixed is not None:
        raise DetectorError(f"{mixed}: timestamps with and without an offset are mixed; write all of them alike")
    return np.array([seconds for seconds, _ in moments]), naive


def _divide(values: Array, numerators: Array | None, denominators: Array | None) -> Array:
    """Fill missing values with the quotient; no value where the denominator is 0."""
    if denominators is None:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        quotients = np.nan if numerators is None else numerators / denominators
        filled = np.where(np.isnan(values), quotients, values)
    return np.where(denominators > 0, filled, np.nan)


def _number(text: str, key: str, where: str) -> float:
    if not text.strip() or text.strip().lower() == "nan":
        return np.nan
    try:
        number = float(text)
    except ValueError:
        number = np.inf
    if not np.isfinite(number):
        raise DetectorError(f"{where}: {key} {text!r} is no finite number; leave it empty where it is missing")
    return number


def _label(text: str, where: str) -> bool:
    if text.strip().lower() not in _LABELS:
        raise DetectorError(f"{where}: label {text!r} is neither 0 nor 1")
    return bool(_LABELS[text.strip().lower()])


def _moment(text: str, where: str) -> tuple[float, bool]:
    """Seconds since 1970, and whether they are of a wall clock that is not named."""
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if not 0 <= seconds < _AFTER_9999:
            raise DetectorError(f"{where}: timestamp {text!r} is no second of 1970 to 9999; are these milliseconds?")
        return seconds, False
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise DetectorError(f"{where}: timestamp {text!r} is neither ISO 8601 nor Unix seconds") from None
    naive = moment.tzinfo is None
    return (moment.replace(tzinfo=UTC) if naive else moment).timestamp(), naive
