"""Makes series for the lab from CSV files, folders, arrays and DataFrames.

Rows out of order, gaps, repeated timestamps and timestamps off the grid are corrected and reported in `Series.notes`.
Other faults raise `DetectorError` with the name of the series and the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from detectors.errors import DetectorError
from detectors.lab.series import Series, lay_out
from detectors.rows import RATIO, REQUIRED, Rows, check_numbers, divide, parse_timestamps, read_rows

if TYPE_CHECKING:
    import pandas


def collect(data: Any, *, period: int = 96, zone: str | None = None) -> list[Series]:
    """Convert data in any form that the lab accepts to series.

    Parameters
    ----------
    data
        A `Series`, the path of a CSV file or folder, or a list of these; a DataFrame with the columns of a CSV file,
        or with a DatetimeIndex and one series per column; an array (T,) or (S, T).
    period
        Points in a day. Applies to arrays only; files and DataFrames have timestamps.
    zone
        IANA name of the time zone whose wall clock the columns follow. Timestamps without an offset are in this
        zone. None is UTC.

    Returns
    -------
    list of Series
        The series of the data, in their order.

    Raises
    ------
    DetectorError
        The data cannot be used. The message names the series, the line and the remedy.
    """
    if isinstance(data, Series):
        collected = [data]
    elif isinstance(data, str | Path):
        collected = read(data, zone=zone)
    elif type(data).__module__.partition(".")[0] == "pandas":
        collected = from_frame(data, zone=zone)
    elif isinstance(data, np.ndarray):
        collected = from_array(data, period=period)
    elif isinstance(data, Sequence) and data and all(isinstance(item, Series | str | Path) for item in data):
        collected = [series for item in data for series in collect(item, period=period, zone=zone)]
    else:
        raise DetectorError("data must be Series, paths, a DataFrame or an array of the shape (T,) or (S, T)")
    names = [series.name for series in collected]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise DetectorError(f"two series are called {repeated!r}; rename one of them")
    return collected


def from_array(
    values: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    denominator: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    period: int = 96,
    start: datetime = datetime(2026, 1, 1),
) -> list[Series]:
    """Make series from an array.

    Parameters
    ----------
    values
        (T,) or (S, T), NaN = missing.
    labels, denominator
        In the shape of `values` or broadcastable to it.
    names
        S names; by default "series 1", "series 2" and so on.
    period
        Points in a day.
    start
        Wall clock of the first column.
    """
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
    """Make series from a DataFrame: the columns of a CSV file, or a DatetimeIndex and one series per column.

    `zone` is as in `collect`.
    """
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
        seconds, naive = parse_timestamps(map(str, stamps), where)
        aware = not naive
    columns = {
        key: frame[key].to_numpy(np.float64, na_value=np.nan) for key in ("value", *RATIO, "label") if key in frame
    }
    check_numbers(columns, where)
    values = divide(columns["value"], columns.get("numerator"), columns.get("denominator"))
    labels = np.nan_to_num(columns["label"]).astype(bool) if "label" in columns else None
    texts = [str(stamp) for stamp in stamps]
    return Rows(
        lines,
        texts,
        np.asarray(seconds, dtype=np.float64),
        values,
        columns.get("denominator"),
        labels,
        not aware,
        "row",
    )


def read(path: str | Path, *, zone: str | None = None) -> list[Series]:
    """Read a CSV file (.csv or .csv.gz), or every such file of a folder, in the format of `detectors.rows`.

    A file without the column "series" is one series with the name of the file. `zone` is as in `collect`.
    """
    place = Path(path)
    files = sorted(path for path in place.iterdir() if _is_table(path)) if place.is_dir() else [place]
    if not files:
        raise DetectorError(f"{place}: no .csv or .csv.gz file in this folder")
    return [series for file in files for series in _read_file(file, zone, several=len(files) > 1)]


def _is_table(file: Path) -> bool:
    return file.name.endswith((".csv", ".csv.gz"))


def _read_file(file: Path, zone: str | None, several: bool) -> Iterator[Series]:
    stem = file.name.removesuffix(".gz").removesuffix(".csv")
    for name, rows in read_rows(file).items():
        full = stem if name is None else f"{stem}/{name}" if several else name
        yield lay_out(full, rows, zone)
