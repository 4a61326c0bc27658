"""The types of source columns that can be read without doubt, and the SQL that reads them.

A type may be wrapped in Nullable and LowCardinality. Text is String, FixedString (without the zero bytes at its end) or
Enum. What a plain type needs no SQL for is read as it is, so that it costs nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from pipeline.core.dimensions import Dimension
from pipeline.warehouse.engines.conversion import bare_type

INTEGER = r"U?Int(8|16|32|64)"
NARROW = r"UInt(8|16|32)"
_ENUM = r"Enum(8|16)\(.*\)"
_FIXED = r"FixedString\(\d+\)"
_TIME = r"DateTime(64)?(\(.*\))?"
_NO_NUMBER = -100_000
"""A number that no name of an Enum has."""
_NO_UUID = "00000000-0000-0000-0000-000000000000"

NUMBER, TEXT, UUID = "number", "text", "UUID"


class Reading(NamedTuple):
    """How a column is read."""

    sql: str
    """The value."""
    kind: str
    """`NUMBER`, `TEXT` or `UUID`: what is compared between the two tables must be the same in both."""


Reader: TypeAlias = Callable[[str, str], Reading | None]
"""Returns how a column is read, given its type and its name as SQL; None if it cannot be read without doubt."""


def read_number(kind: str, column: str) -> Reading | None:
    """Read an integer; a Bool is 0 or 1."""
    bare = bare_type(kind)
    if bare == "Bool":
        return Reading(f"toUInt8({column})", NUMBER)
    return Reading(column, NUMBER) if re.fullmatch(INTEGER, bare) else None


def read_text(kind: str, column: str) -> Reading | None:
    """Read a text."""
    bare = bare_type(kind)
    if bare == "String":
        return Reading(column, TEXT)
    if re.fullmatch(_FIXED, bare):
        return Reading(f"toStringCutToZero({column})", TEXT)
    if re.fullmatch(_ENUM, bare):
        return Reading(f"toString({column})" if kind == bare else _name_of_enum(bare, column), TEXT)
    return None


def read_number_or_text(kind: str, column: str) -> Reading | None:
    """Read an integer or a text, each as what it is."""
    return read_number(kind, column) or read_text(kind, column)


def read_as_text(kind: str, column: str) -> Reading | None:
    """Read a text, or an integer as its digits."""
    number = read_number(kind, column)
    return read_text(kind, column) or (Reading(f"toString({number.sql})", TEXT) if number else None)


def read_time(kind: str, column: str) -> Reading | None:
    """Read a moment."""
    return Reading(column, "time") if re.fullmatch(_TIME, bare_type(kind)) else None


def read_id(kind: str, column: str) -> Reading | None:
    """Read a user's id: an integer as it is, a text or a UUID as its hash of 64 bits. NULL, '' and zeros are user 0.

    That two of a million users have the same hash has a probability of 3 in 100 million; of 100 million, 3 in 10,000.
    """
    bare = bare_type(kind)
    if re.fullmatch(INTEGER, bare):
        return Reading(column, NUMBER)
    if bare == "String":
        text = f"ifNull({column}, '')"
    elif re.fullmatch(_FIXED, bare):  # its bytes may be those of a UUID, with zeros inside
        text = rf"ifNull(replaceRegexpOne(toString({column}), '\\0+$', ''), '')"
    elif bare == "UUID":
        text = f"ifNull(nullIf(toString({column}), '{_NO_UUID}'), '')"
    else:
        return None
    return Reading(f"if({text} = '', toUInt64(0), sipHash64({text}))", UUID if bare == "UUID" else TEXT)


def action_reader(names: Mapping[str, str]) -> Reader:
    """Return the reader of `action`, which is compared as text.

    Parameters
    ----------
    names : mapping
        The result of `settings.action_names`. Where they are not ours, integers can be read too.
    """
    is_ours = all(ours == theirs for ours, theirs in names.items())

    def read(kind: str, column: str) -> Reading | None:
        # An Enum that has both names is compared as it is: that is cheaper. Without one, 18.16 refuses the comparison.
        if is_ours and re.fullmatch(_ENUM, bare_type(kind)) and set(names) <= {*_entries(kind)}:
            return Reading(column, TEXT)
        reading = read_text(kind, column) if is_ours else read_as_text(kind, column)
        return reading if reading is None or is_ours else Reading(_renamed(reading.sql, names), TEXT)

    return read


def dimension_reader(dimension: Dimension) -> Reader:
    """Return the reader of a dimension's column."""
    if dimension.numeric:
        return read_number_or_text if dimension.may_be_text else read_number
    return read_text if dimension.daily else read_as_text


def literal(text: str) -> str:
    """Return a text as SQL, for a statement whose values are bound."""
    from clickhouse_driver.util.escape import escape_param

    return str(escape_param(text, None)).replace("%", "%%")


def quoted(name: str) -> str:
    """Return a column's name as SQL, whatever signs it has."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _renamed(sql: str, names: Mapping[str, str]) -> str:
    """SQL of an action by our names; one that has our name and means something else is none."""
    renamed = ", ".join(f"{sql} = {literal(theirs)}, '{ours}'" for ours, theirs in names.items())
    ours = ", ".join(f"'{name}'" for name in names)
    return f"multiIf({renamed}, {sql} IN ({ours}), '', {sql})"


def _name_of_enum(kind: str, column: str) -> str:
    """SQL of the name of a Nullable Enum, '' for NULL: 18.16 cannot turn NULL into text, as no name has its number."""
    entries = _entries(kind)
    texts = ", ".join(f"'{name}'" for name in entries)
    listed = f"[{', '.join(entries.values())}], [{texts}]".replace("%", "%%")
    return f"transform(ifNull(toInt32({column}), {_NO_NUMBER}), {listed}, '')"


def _entries(kind: str) -> dict[str, str]:
    """The names of an Enum, as they are in its type, with their numbers."""
    return dict(re.findall(r"'((?:[^'\\]|\\.)*)' = (-?\d+)", kind))
