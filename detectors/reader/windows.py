"""Labels in a file of their own: windows (start, end), or a label per time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array
from detectors.errors import DetectorError
from detectors.reader import names, text
from detectors.reader.cells import Cells
from detectors.reader.columns import listed
from detectors.reader.format import Format
from detectors.reader.moments import read_moments
from detectors.reader.tables import open_cells, parse


@dataclass(frozen=True)
class Windows:
    """Incidents by their first and last moment, both inclusive.

    Parameters
    ----------
    starts, ends
        (W,) seconds since 1970, of the wall clock if `naive`.
    series
        W names of series; None means every series.
    naive
        Whether the moments have no UTC offset.
    name
        The name of the file in messages.
    """

    starts: Array
    ends: Array
    series: list[str] | None
    naive: bool
    name: str

    def of(self, series: str) -> NDArray[np.intp]:
        """Return the windows of a series."""
        if self.series is None:
            return np.arange(self.starts.size)
        return np.flatnonzero(np.array(self.series, dtype=object) == series)


def read_windows(path: Path, wanted: Format | None = None) -> Windows:
    """Read labels from a CSV file with the columns start and end, or time and label; a column of series may be added.

    Raises
    ------
    DetectorError
        The file has other columns, or a window ends before it starts.
    """
    wanted = wanted or Format()
    raw = text.read_bytes(path)
    cells, _ = open_cells(raw, path.name, Format(delimiter=wanted.delimiter, encoding=wanted.encoding))
    plain = [names.plain(header) for header in cells.header]
    starts = next((i for i, name in enumerate(plain) if name in names.KNOWN["start"]), None)
    ends = next((i for i, name in enumerate(plain) if name in names.KNOWN["end"]), None)
    if starts is None or ends is None:
        return _of_points(raw, cells, path.name, wanted)
    first = read_moments(cells.columns[starts], cells.at, wanted.day_first)
    last = read_moments(cells.columns[ends], cells.at, wanted.day_first)
    if first.naive != last.naive:
        raise DetectorError(f"{path.name}: starts and ends with and without a UTC offset are mixed; use one form")
    for i in np.flatnonzero(last.seconds < first.seconds):
        raise DetectorError(f"{cells.at(int(i))}: the window ends before it starts")
    series = next((i for i, name in enumerate(plain) if name in names.KNOWN["series"]), None)
    of = None if series is None else [str(cell) for cell in cells.columns[series]]
    return Windows(first.seconds, last.seconds, of, first.naive, path.name)


def _of_points(raw: bytes, cells: Cells, name: str, wanted: Format) -> Windows:
    """Windows of one point each, where the label is 1."""
    if not any(names.role_of(header) == "label" for header in cells.header):
        raise DetectorError(
            f"{name}: labels need the columns start and end, or time and label; there are: {listed(cells)}"
        )
    label = next(i for i, header in enumerate(cells.header) if names.role_of(header) == "label")
    table = parse(raw, name, Format(value=cells.header[label], label=cells.header[label], day_first=wanted.day_first,
                                    delimiter=wanted.delimiter, encoding=wanted.encoding))  # fmt: skip
    at = [(rows.seconds[rows.labels], name) for name, rows in table.rows.items() if rows.labels is not None]
    moments = np.concatenate([seconds for seconds, _ in at])
    naive = next(iter(table.rows.values())).naive
    series = [str(name) for seconds, name in at for _ in seconds] if None not in table.rows else None
    return Windows(moments, moments, series, naive, name)
