"""Makes series for the lab and for ``score`` from CSV files, folders, arrays and DataFrames.

Rows out of order, gaps, repeated timestamps and timestamps off the grid are corrected and reported in `Series.notes`.
What the reader assumed of a file is in `Series.read_as`. Other faults raise `DetectorError` with the name of the series
and the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from detectors.errors import DetectorError
from detectors.lab.series import Series

if TYPE_CHECKING:
    import pandas

    from detectors.lab.grid import Laid, Layout
    from detectors.reader.format import Format
    from detectors.reader.rows import Rows, Table


def collect(
    data: Any,
    *,
    period: int = 96,
    zone: str | None = None,
    layout: Layout | None = None,
    file_format: Format | None = None,
) -> list[Series]:
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
    layout
        How files and DataFrames are laid on a grid; None means as they are, in `zone`.
    file_format
        What is known of the columns; None finds out.

    Returns
    -------
    list of Series
        The series of the data, in their order.

    Raises
    ------
    DetectorError
        The data cannot be used. The message names the series, the line and the remedy.
    """
    collected = list(_collect(data, period, _layout(zone, layout), file_format))
    names = [series.name for series in collected]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise DetectorError(f"two series are called {repeated!r}; rename one of them")
    return collected


def _collect(data: Any, period: int, layout: Layout, file_format: Format | None) -> Iterator[Series]:
    if isinstance(data, Series):
        yield data
    elif isinstance(data, str | Path):
        yield from read(data, layout=layout, file_format=file_format)
    elif type(data).__module__.partition(".")[0] == "pandas":
        yield from from_frame(data, layout=layout, file_format=file_format)
    elif isinstance(data, np.ndarray):
        yield from from_array(data, period=period)
    elif isinstance(data, Sequence) and data and all(isinstance(item, Series | str | Path) for item in data):
        for item in data:
            yield from _collect(item, period, layout, file_format)
    else:
        raise DetectorError("data must be Series, paths, a DataFrame or an array of the shape (T,) or (S, T)")


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


def from_frame(
    frame: pandas.DataFrame | pandas.Series[Any],
    *,
    zone: str | None = None,
    layout: Layout | None = None,
    file_format: Format | None = None,
) -> list[Series]:
    """Make series from a DataFrame: the columns of a CSV file, or a DatetimeIndex and one series per column.

    `zone`, `layout` and `file_format` are as in `collect`.
    """
    import pandas as pd

    from detectors.reader import names, tables

    how = _layout(zone, layout)
    if isinstance(frame, pd.Series):
        frame = frame.to_frame(frame.name if frame.name is not None else "value")
    known = {names.role_of(str(column)) for column in frame.columns}
    if isinstance(frame.index, pd.DatetimeIndex) and file_format is None and "value" not in known:
        wide = [(str(column), frame[column].rename("value").to_frame()) for column in frame]
        parts = [(name, tables.from_frame(part, name=name)) for name, part in wide]
    else:
        parts = [("series", tables.from_frame(frame, file_format))]
    return [laid.series for name, table in parts for laid, _ in _lay_out(table, name, how)]


def read(
    path: str | Path,
    *,
    zone: str | None = None,
    layout: Layout | None = None,
    file_format: Format | None = None,
) -> list[Series]:
    """Read a CSV file (.csv, .tsv or .txt, or one of these and .gz), or every such file of a folder.

    A file without a column of series is one series with the name of the file. `zone`, `layout` and `file_format` are as
    in `collect`.
    """
    from detectors.reader import tables

    place = Path(path)
    files = sorted(path for path in place.iterdir() if _is_table(path)) if place.is_dir() else [place]
    if not files:
        raise DetectorError(f"{place}: no .csv or .csv.gz file in this folder")
    how = _layout(zone, layout)
    return [
        laid.series
        for file in files
        for laid, _ in _lay_out(tables.read(file, file_format), _stem(file), how, several=len(files) > 1)
    ]


def read_one(path: str, layout: Layout, file_format: Format) -> list[tuple[Laid, Rows]]:
    """Read a file, or stdin if the path is "-": each series with its rows."""
    import sys

    from detectors.reader import tables

    if path == "-":
        return _lay_out(tables.read_stream(sys.stdin.buffer, "stdin", file_format), "stdin", layout)
    return _lay_out(tables.read(Path(path), file_format), _stem(Path(path)), layout)


def _lay_out(table: Table, stem: str, layout: Layout, several: bool = False) -> list[tuple[Laid, Rows]]:
    """Lay each series of a table on its grid. `stem` is the name of the only series, or goes before the names."""
    from detectors.lab.grid import lay_out

    made = []
    for name, rows in table.rows.items():
        full = stem if name is None else f"{stem}/{name}" if several else name
        laid = lay_out(full, rows, layout)
        made.append((replace(laid, series=replace(laid.series, read_as=table.said)), rows))
    return made


def _layout(zone: str | None, layout: Layout | None) -> Layout:
    from detectors.lab.grid import Layout

    return layout if layout is not None else Layout(zone=zone)


def _stem(file: Path) -> str:
    name = file.name.removesuffix(".gz")
    return next((name.removesuffix(end) for end in (".csv", ".tsv", ".txt") if name.endswith(end)), name)


def _is_table(file: Path) -> bool:
    return file.name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz"))
