"""From a file or a DataFrame to the rows of each series."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detectors.errors import DetectorError
from detectors.reader import text
from detectors.reader.cells import Cells, split
from detectors.reader.columns import find_columns
from detectors.reader.format import Format
from detectors.reader.moments import Moments, read_moments
from detectors.reader.numbers import divide, read_labels, read_numbers
from detectors.reader.rows import Rows, Table

_NUMBERS = ("value", "numerator", "denominator", "least", "greatest")


def read(path: Path, wanted: Format | None = None) -> Table:
    """Read a CSV file, which may be gzipped.

    Raises
    ------
    DetectorError
        A part of the file cannot be read. The message names the file, the line and the remedy.
    OSError
        The file cannot be opened.
    """
    return parse(text.read_bytes(path), path.name, wanted)


def read_stream(stream: BinaryIO, name: str, wanted: Format | None = None) -> Table:
    """Read a stream of bytes, such as stdin. `name` is its name in messages."""
    return parse(stream.read(), name, wanted)


def parse(raw: bytes, name: str, wanted: Format | None = None) -> Table:
    """Read the bytes of a CSV file."""
    cells, said = open_cells(raw, name, wanted or Format())
    return _to_table(cells, wanted or Format(), said)


def open_cells(raw: bytes, name: str, wanted: Format) -> tuple[Cells, list[str]]:
    """Return the cells of a CSV file, and what was assumed of its encoding and delimiter."""
    decoded, encoding = text.decode(raw, name, wanted.encoding)
    cells, said = split(decoded, name, wanted.delimiter)
    return cells, [*([f"the encoding is {encoding}"] if encoding else []), *said]


def from_frame(frame: pd.DataFrame, wanted: Format | None = None, name: str = "series") -> Table:
    """Read a DataFrame with the columns of a CSV file. A DatetimeIndex is its time."""
    if isinstance(frame.index, pd.DatetimeIndex):
        frame = frame.assign(timestamp=frame.index)
    columns = [frame.iloc[:, i].reset_index(drop=True) for i in range(frame.shape[1])]
    header = [str(column) for column in frame.columns]
    if not len(frame):
        raise DetectorError(f"{name}: no rows")
    return _to_table(Cells(name, header, columns, np.arange(1, len(frame) + 1), "row"), wanted or Format(), [])


def moments_of(cells: Cells, found: dict[str, int], wanted: Format) -> Moments:
    """Read the times of a table, whose clock may be a column of its own."""
    column = cells.columns[found["time"]]
    if "clock" in found:
        column = column.map(str) + " " + cells.columns[found["clock"]].map(str)
    return read_moments(column, cells.at, wanted.day_first)


def _to_table(cells: Cells, wanted: Format, said: list[str]) -> Table:
    found, assumed = find_columns(cells, wanted)
    groups = _groups(cells, found)
    moments = moments_of(cells, found, wanted)
    numbers: dict[str, NDArray[np.float64]] = {}
    remarks = [*said, *assumed, moments.said]
    for role in _NUMBERS:
        if role in found:
            numbers[role], remark = read_numbers(cells.columns[found[role]], role, cells.at, wanted.decimal)
            remarks.append(remark)
    numbers.setdefault("value", np.full(len(cells.lines), np.nan))
    numbers["value"] = divide(numbers["value"], numbers.pop("numerator", None), numbers.get("denominator"))
    labels = read_labels(cells.columns[found["label"]], cells.at) if "label" in found else None
    texts = cells.columns[found["time"]].map(str).to_numpy(object)

    def rows_of(chosen: NDArray[np.intp]) -> Rows:
        return Rows(
            cells.lines[chosen],
            texts[chosen].tolist(),
            moments.seconds[chosen],
            numbers["value"][chosen],
            labels=None if labels is None else labels[chosen],
            naive=moments.naive,
            unit=cells.unit,
            denominators=_some(numbers.get("denominator"), chosen),
            least=_some(numbers.get("least"), chosen),
            greatest=_some(numbers.get("greatest"), chosen),
        )

    return Table({name: rows_of(chosen) for name, chosen in groups}, tuple(_unique(remarks)))


def _groups(cells: Cells, found: dict[str, int]) -> list[tuple[str | None, NDArray[np.intp]]]:
    """The rows of each series, in the order of their first rows."""
    if "series" not in found:
        return [(None, np.arange(len(cells.lines)))]
    codes, names = pd.factorize(cells.columns[found["series"]].map(str))
    return [(str(name), np.flatnonzero(codes == code)) for code, name in enumerate(names)]


def _some(numbers: NDArray[Any] | None, chosen: NDArray[np.intp]) -> Any:
    return None if numbers is None else numbers[chosen]


def _unique(remarks: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(remark for remark in remarks if remark))
