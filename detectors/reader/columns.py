"""Which column of a table is what."""

from __future__ import annotations

import re

import numpy as np

from detectors.errors import DetectorError
from detectors.reader import names
from detectors.reader.cells import Cells
from detectors.reader.format import ROLES, Format
from detectors.reader.moments import looks_like_time
from detectors.reader.numbers import is_numeric

_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?( ?[ap]\.?m\.?)?", re.IGNORECASE)
_SAMPLE = 50


def find_columns(cells: Cells, wanted: Format) -> tuple[dict[str, int], list[str]]:
    """Find the column of each role.

    Returns
    -------
    dict and list of str
        The number of the column by role of `ROLES`; "clock" is a column of times of day beside one of dates. And what
        was assumed.

    Raises
    ------
    DetectorError
        A column that was named is not there, or the time or the value is unclear. The message names the columns.
    """
    found = {role: _named(cells, name) for role in ROLES if (name := wanted.column(role)) is not None}
    for role in ROLES:
        if role not in found:
            column = _known(cells, role, set(found.values()))
            if column is not None:
                found[role] = column
    said = []
    if "time" not in found:
        found["time"] = _time(cells, set(found.values()))
        said.append(f"the time is the column {cells.where(found['time'])}")
    _join_clock(cells, found)
    if "value" not in found and not {"numerator", "denominator"} <= found.keys():
        found["value"] = _value(cells, set(found.values()))
        said.append(f"the value is the column {cells.where(found['value'])}")
    if ("least" in found) != ("greatest" in found):
        found.pop("least", None)
        found.pop("greatest", None)
    unused = [cells.where(i) for i in range(len(cells.header)) if i not in found.values() and not _is_index(cells, i)]
    if unused:
        said.append(f"{'a column is' if len(unused) == 1 else 'columns are'} not used: {', '.join(unused)}")
    return found, said


def listed(cells: Cells) -> str:
    """Return the names of all columns for messages."""
    return ", ".join(cells.where(i) for i in range(len(cells.header)))


def _named(cells: Cells, name: str) -> int:
    for same in (str, lambda text: names.plain(str(text))):
        places = [i for i, header in enumerate(cells.header) if same(header) == same(name)]
        if len(places) > 1:
            raise DetectorError(f"{cells.name}: {len(places)} columns are called {name!r}; rename one of them")
        if places:
            return places[0]
    raise DetectorError(f"{cells.name}: no column {name!r}; there are: {listed(cells)}")


def _known(cells: Cells, role: str, taken: set[int]) -> int | None:
    """The column with the most usual name of a role."""
    plain = [names.plain(header) for header in cells.header]
    for name in names.KNOWN[role]:
        places = [i for i, header in enumerate(plain) if header == name and i not in taken]
        if role == "series" and name in ("metric", "name", "item"):
            places = [i for i in places if not is_numeric(cells.columns[i])]
        if len(places) > 1:
            raise DetectorError(
                f"{cells.name}: column {cells.header[places[0]]!r} is repeated; rename one of them, or name the column "
                f"(--{role} COLUMN)"
            )
        if places:
            return places[0]
    return None


def _time(cells: Cells, taken: set[int]) -> int:
    """The first column whose cells are dates."""
    for i, column in enumerate(cells.columns):
        if i not in taken and all(looks_like_time(str(cell)) for cell in column.iloc[:_SAMPLE]):
            return i
    raise DetectorError(
        f"{cells.name}{', line 1' * (cells.unit == 'line')}: no column 'timestamp', nor another one of times; name it "
        f"(--time COLUMN); there are: {listed(cells)}"
    )


def _value(cells: Cells, taken: set[int]) -> int:
    """The only column of numbers that has no other role."""
    free = [i for i in range(len(cells.header)) if i not in taken and not _is_index(cells, i)]
    numeric = [i for i in free if is_numeric(cells.columns[i])]
    if len(numeric) == 1:
        return numeric[0]
    if len(free) == 1:
        return free[0]
    if not free:
        raise DetectorError(f"{cells.name}: no column of values; there are: {listed(cells)}")
    several = ", ".join(cells.where(i) for i in numeric or free)
    raise DetectorError(f"{cells.name}: the value may be any of {several}; name it (--value COLUMN)")


def _is_index(cells: Cells, i: int) -> bool:
    """Whether a column is an index that pandas or R wrote: a name of an index, and row numbers."""
    if not names.is_index(cells.header[i]):
        return False
    numbers = cells.columns[i].map(str).str.fullmatch(r"\d+")
    return bool(numbers.all()) and bool((np.diff(cells.columns[i].map(int)) == 1).all())


def _join_clock(cells: Cells, found: dict[str, int]) -> None:
    """Add the column of times of day if the time is a date and the table has both."""
    plain = [names.plain(header) for header in cells.header]
    if "date" not in plain or "time" not in plain:
        return
    date, clock = plain.index("date"), plain.index("time")
    if found["time"] in (date, clock) and all(
        _CLOCK.fullmatch(str(cell)) for cell in cells.columns[clock].iloc[:_SAMPLE]
    ):
        found["time"], found["clock"] = date, clock
