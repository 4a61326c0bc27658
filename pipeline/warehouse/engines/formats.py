"""Writes a result as text in ClickHouse's formats: the native protocol of a server sends values, not text.

The text equals that of ClickHouse 26, to the byte, so both engines print the same. The csv and json modules cannot do
that: ClickHouse quotes by type but never quotes NULL, and escapes ``/``, control characters and containers its own way.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from pipeline.core.errors import TerminalError
from pipeline.warehouse.engines.conversion import bare_type, in_zone
from pipeline.warehouse.engines.native import Block

FORMATS = (
    "TabSeparated",
    "TSV",
    "TabSeparatedWithNames",
    "TSVWithNames",
    "CSV",
    "CSVWithNames",
    "JSONEachRow",
    "Vertical",
)

_ESCAPES = {"\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\"}
_TEXT = str.maketrans(_ESCAPES | {"\0": r"\0", "'": r"\'"})
_JSON = str.maketrans(
    {chr(code): f"\\u{code:04X}" for code in (*range(32), 0x2028, 0x2029)} | _ESCAPES | {'"': r"\"", "/": r"\/"}
)
_NUMBERS = re.compile(r"(U?Int\d+|Float\d+|Decimal.*|Bool|Interval\w+)")

Types = Sequence[tuple[str, str]]
Row = Sequence[Any]


def formatted(format: str, types: Types, rows: Iterable[Row]) -> Iterator[bytes]:
    """Write a result as text.

    Parameters
    ----------
    format : str
        One of `FORMATS`.
    types : sequence of (str, str)
        Name and ClickHouse type of each column.
    rows : iterable of sequence
        The driver's values; a datetime is printed in its own zone.

    Yields
    ------
    bytes
        The header, if the format has one, and the rows, in UTF-8; invalid UTF-8 is passed through.

    Raises
    ------
    TerminalError
        The format is not one of `FORMATS`.
    """
    if format not in FORMATS:
        raise TerminalError(f"a server's results can be printed as {', '.join(FORMATS)}, not as {format[:50]!r}")
    if format == "Vertical":
        lines = _vertical(types, rows)
    elif format == "JSONEachRow":
        names = [f"{_json_string(name)}:" for name, _ in types]
        lines = (_json_line(names, types, row) for row in rows)
    else:
        separator, write = (",", _csv) if format.startswith("CSV") else ("\t", _tab_separated)
        lines = (
            separator.join(write(kind, value) for (_, kind), value in zip(types, row, strict=True)) + "\n"
            for row in rows
        )
        if format.endswith("WithNames"):
            yield _encoded(separator.join(write("String", name) for name, _ in types) + "\n")
    for line in lines:
        yield _encoded(line)


def formatted_blocks(format: str, types: Types, zone: str, blocks: Iterable[Block]) -> Iterator[bytes]:
    """Write blocks of Native data as text, as `formatted` writes rows.

    Parameters
    ----------
    format : str
        One of `FORMATS`.
    types : sequence of (str, str)
        Name and ClickHouse type of each column; the data do not name every zone.
    zone : str
        The zone of moments whose type has none.
    blocks : iterable of Block
        The driver's values, unchanged.
    """
    columns = (
        [in_zone(kind, values, zone) for (_, kind), values in zip(types, block.columns, strict=True)]
        for block in blocks
    )
    return formatted(format, types, (row for block in columns for row in zip(*block, strict=True)))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _vertical(types: Types, rows: Iterable[Row]) -> Iterator[str]:
    width = max((len(name) for name, _ in types), default=0) + 2
    for number, row in enumerate(rows, 1):
        head = f"Row {number}:"
        rule = "─" * len(f"Row {number + 1}:")  # like ClickHouse: row 9 gets a longer rule
        lines = ["" if number == 1 else "\n", head, "\n", rule, "\n"]
        for (name, kind), value in zip(types, row, strict=True):
            lines.append(f"{name}:".ljust(width) + ("ᴺᵁᴸᴸ" if value is None else _plain(kind, value)) + "\n")
        yield "".join(lines)


def _json_line(names: Sequence[str], types: Types, row: Row) -> str:
    values = (name + _json(kind, value) for name, (_, kind), value in zip(names, types, row, strict=True))
    return "{" + ",".join(values) + "}\n"


def _tab_separated(kind: str, value: Any) -> str:
    if value is None:
        return r"\N"
    text = _plain(kind, value)
    return text if _is_container(kind) else text.translate(_TEXT)


def _csv(kind: str, value: Any) -> str:
    if value is None:
        return r"\N"
    text = _plain(kind, value)
    return text if _is_number(kind) else '"' + text.replace('"', '""') + '"'


def _json(kind: str, value: Any) -> str:
    if value is None:
        return "null"
    name, inner = _unwrapped(kind)
    if name in ("Array", "Tuple"):
        return "[" + ",".join(_each(_json, name, inner, value)) + "]"
    if name == "Map":
        pairs = (f"{_json_string(_plain(inner[0], key))}:{_json(inner[1], item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    text = _plain(kind, value)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return text if _is_number(kind) else _json_string(text)


def _json_string(text: str) -> str:
    return '"' + text.translate(_JSON) + '"'


def _nested(kind: str, value: Any) -> str:
    """Return the text of a value in a container: quoted unless it is a number or a container."""
    if value is None:
        return "NULL"
    text = _plain(kind, value)
    return text if _is_number(kind) or _is_container(kind) else "'" + text.translate(_TEXT) + "'"


def _plain(kind: str, value: Any) -> str:
    """Return a value's text without quotes and escapes, except inside containers."""
    name, inner = _unwrapped(kind)
    if name == "Array":
        return "[" + ",".join(_each(_nested, name, inner, value)) + "]"
    if name == "Tuple":
        return "(" + ",".join(_each(_nested, name, inner, value)) + ")"
    if name == "Map":
        return "{" + ",".join(f"{_nested(inner[0], key)}:{_nested(inner[1], v)}" for key, v in value.items()) + "}"
    if isinstance(value, bytes):
        text = value.decode("utf-8", "surrogateescape")
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float):
        text = _float(np.float32(value) if name == "Float32" else value)
    elif isinstance(value, Decimal):
        text = format(value.normalize(), "f")
    elif isinstance(value, datetime):
        scale = int(inner[0]) if name == "DateTime64" else 0
        text = value.strftime("%Y-%m-%d %H:%M:%S") + (f".{value.microsecond:06d}".ljust(10, "0"))[: scale and scale + 1]
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        text = str(value)
    return text.ljust(int(inner[0]), "\0") if name == "FixedString" else text


def _float(value: Any) -> str:
    """Return the shortest digits that identify this number; exponents only below 1e-6 and from 1e21."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    sign = "-" if math.copysign(1, value) < 0 else ""
    number = Decimal(str(abs(value))).normalize()
    digits = "".join(map(str, number.as_tuple().digits))
    point = number.adjusted() + 1  # digits before the decimal point
    if number and not -6 < point <= 21:
        return f"{sign}{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e{point - 1}"
    return sign + format(number, "f")


@cache
def _is_number(kind: str) -> bool:
    return bool(_NUMBERS.fullmatch(bare_type(kind)))


def _is_container(kind: str) -> bool:
    return kind.startswith(("Array(", "Tuple(", "Map("))


def _each(write: Callable[[str, Any], str], name: str, inner: Sequence[str], values: Sequence[Any]) -> Iterator[str]:
    kinds = [inner[0]] * len(values) if name == "Array" else inner
    return (write(kind, value) for kind, value in zip(kinds, values, strict=True))


@cache
def _unwrapped(kind: str) -> tuple[str, list[str]]:
    """Split ``Name(a, b(c, d))`` into Name and [a, b(c, d)], ignoring Nullable and LowCardinality."""
    name, _, rest = kind.partition("(")
    parts, depth, quoted = [""], 0, False
    for character in rest[:-1]:
        quoted ^= character == "'"
        if not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    inner = [part.strip() for part in parts if part.strip()]
    return _unwrapped(inner[0]) if name in ("Nullable", "LowCardinality") else (name, inner)
