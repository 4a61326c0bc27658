"""The cells of a file: its delimiter, its header and the line of each row."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detectors.errors import DetectorError
from detectors.reader import names
from detectors.reader.moments import looks_like_time

DELIMITERS = "\t;,|"
_SAMPLE = 200
_NUMBER = re.compile(r"[+-]?\d[\d., \xa0]*(e[+-]?\d+)?|[+-]?\.\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Cells:
    """A table before its meaning is known.

    Parameters
    ----------
    name
        The name of the table in messages.
    header
        The names of the columns; "1", "2" and so on in a file without a header.
    columns
        A pandas Series per column: texts of a file, or any type of a DataFrame.
    lines
        (N,) the line of each row.
    unit
        "line" or "row".
    delimiter
        Of the file; a decimal comma is possible if it is not a comma.
    """

    name: str
    header: list[str]
    columns: list[pd.Series[Any]]
    lines: NDArray[np.int64]
    unit: str = "line"
    delimiter: str = ""

    def at(self, i: int) -> str:
        """Return the name of row i in messages."""
        return f"{self.name}, {self.unit} {self.lines[i]}"

    def where(self, column: int) -> str:
        """Return the name of a column in messages."""
        return repr(self.header[column]) if self.header[column] else f"number {column + 1}"


def split(text: str, name: str, delimiter: str | None) -> tuple[Cells, list[str]]:
    """Split a text into cells. The second result is what was assumed.

    The csv module splits, not pandas: `pandas.read_csv` fills short rows and skips blank lines in silence, so an error
    could not name its line. Blank lines and rows of empty cells are skipped.
    """
    mark = delimiter or _delimiter(text)
    records = list(_records(text, name, mark))
    rows = [(line, cells) for line, cells in records if any(cell.strip() for cell in cells)]
    if not rows:
        raise DetectorError(f"{name}, line 1: no column 'timestamp': the file is empty")
    said = [] if delimiter or mark == "," else [f"the delimiter is {'a tab' if mark == chr(9) else mark}"]
    width = len(rows[0][1])
    uneven = next(((line, cells) for line, cells in rows if len(cells) != width), None)
    if uneven is not None:
        raise DetectorError(f"{name}, line {uneven[0]}: {len(uneven[1])} cells under {width} columns")
    header = [cell.strip() for cell in rows[0][1]]
    if _is_data(header):
        header = [str(i + 1) for i in range(width)]
        said.append("the file has no header: its columns are called 1, 2 and so on")
    else:
        rows = rows[1:]
    if not rows:
        raise DetectorError(f"{name}: no rows")
    lines = np.array([line for line, _ in rows])
    columns = [pd.Series([cells[i].strip() for _, cells in rows], dtype=object) for i in range(width)]
    empty = sum(bool(cells) for _, cells in records) - len(rows) - (header != [str(i + 1) for i in range(width)])
    if empty:
        said.append(f"{empty} rows of empty cells are skipped")
    return Cells(name, header, columns, lines, "line", mark), said


def _records(text: str, name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the cells of each record. A record over several lines has the number of its last line."""
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise DetectorError(f"{name}, line {reader.line_num}: {error}") from None


def _delimiter(text: str) -> str:
    """The delimiter by which most lines have the same number of cells, at least two. Without one it is a comma."""
    lines = [line for line in text[:100_000].split("\n")[:_SAMPLE] if line.strip()]
    best, most = ",", 0
    for mark in DELIMITERS:
        try:
            widths = Counter(len(cells) for cells in csv.reader(lines, delimiter=mark, skipinitialspace=True))
        except csv.Error:
            continue
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        if width > 1 and count > most:
            best, most = mark, count
    return best


def _is_data(cells: Sequence[str]) -> bool:
    """Whether the first row holds data: a time or a number, and no name that is known."""
    if any(names.role_of(cell) for cell in cells):
        return False
    return any(_NUMBER.fullmatch(cell) or looks_like_time(cell) for cell in cells)
