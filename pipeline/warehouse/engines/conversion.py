"""Converts Python values for statements and inserts, and result columns to Python, the same for all engines."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from pipeline.core.errors import TerminalError

Columns: TypeAlias = Mapping[str, Sequence[Any] | npt.NDArray[Any]]
"""Values to insert, by column."""

_EPOCH = datetime(1970, 1, 1)
_SECOND = timedelta(seconds=1)
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2149, 6, 6)
_LAST_SECOND = 2**32 - 1
_PYTHON_TYPES = {"String": (str, bytes), "Float64": (float, int), "Float32": (float, int)}


def bare_type(kind: str) -> str:
    """Return a type without its wrappers: ``LowCardinality(Nullable(String))`` is a String."""
    for wrapper in ("LowCardinality(", "Nullable("):
        if kind.startswith(wrapper):
            kind = kind[len(wrapper) : -1]
    return kind


def bind(sql: str, params: Mapping[str, object] | None) -> str:
    """Put values into a statement, escaped by the driver.

    Parameters
    ----------
    sql : str
        A statement with ``%(name)s`` for each value; with params every other % is written %%.
    params : mapping, optional
        Values: None, bool (becomes 1 or 0), int, float, str, date, naive UTC datetime (to the second), numpy scalars,
        and lists or tuples of them. Without params `sql` is returned unchanged.

    Returns
    -------
    str
        The statement to run.

    Raises
    ------
    TerminalError
        A value has another type or a time zone, a name is missing, or a % is not doubled.
    """
    if params is None:
        return sql
    from clickhouse_driver.util.escape import escape_params

    # The driver needs a context only for datetimes, and `_plain` turned those into text.
    plain = {}
    for name, value in params.items():
        try:
            plain[name] = _plain(value)
        except ValueError as error:
            raise TerminalError(f"the value of {name}: {error}") from None
    escaped = escape_params(plain, None)
    # "x-%(n)s" with -5 must not become "x--5", a comment.
    padded = {name: f" {text}" if str(text).startswith("-") else text for name, text in escaped.items()}
    try:
        return sql % padded
    except KeyError as error:
        raise TerminalError(f"the statement needs a value for {error}, but was given {sorted(params)}") from None
    except (TypeError, ValueError) as error:
        raise TerminalError(f"the values cannot be put into the statement ({error}): write %% for a plain %") from None


def _plain(value: object) -> object:
    """Return a value that the driver escapes correctly."""
    if isinstance(value, np.datetime64):
        unit = "D" if np.datetime_data(value.dtype)[0] == "D" else "s"
        value = value.astype(f"datetime64[{unit}]").item()
    elif isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (int, float, date):
        return value
    if isinstance(value, datetime):
        return _naive(value).isoformat(" ", "seconds")
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # raises ValueError if UTF-8 cannot encode it
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    raise ValueError(f"a {type(value).__name__} cannot be bound")


def _naive(moment: datetime) -> datetime:
    if moment.tzinfo is not None:
        raise ValueError(f"{moment} has a time zone: pass it as UTC without one")
    return moment


def written(name: str, type_name: str, values: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
    """Convert a column to what the driver can write.

    Parameters
    ----------
    name : str
        The column, for messages.
    type_name : str
        Its ClickHouse type.
    values : sequence or ndarray
        Days for Date, naive UTC moments for DateTime, otherwise values of the type.

    Returns
    -------
    list
        Plain Python values; moments are seconds since 1970.

    Raises
    ------
    TerminalError
        A value does not fit the type.
    """
    nullable = type_name.startswith(("Nullable(", "LowCardinality(Nullable("))
    base = bare_type(type_name)
    integer = re.fullmatch(r"(U?)Int(8|16|32|64)", base)
    convert: Callable[[Any], Any]
    if base == "Date":
        convert = _day
        plain = _plain_values(values, "datetime64[D]")
    elif base.startswith("DateTime") and not base.startswith("DateTime64"):
        convert = _seconds
        plain = _plain_values(values, "datetime64[s]")
    else:
        plain = _plain_values(values)
        if integer:
            bits = int(integer[2])
            low, high = (0, 2**bits) if integer[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1))
            convert = partial(_integer, low=low, high=high)
        else:
            convert = partial(_instance, kinds=_PYTHON_TYPES.get(base, object))
    try:
        return [None if value is None and nullable else convert(value) for value in plain]
    except ValueError as error:
        raise TerminalError(f"column {name} ({type_name}): {error}") from None


def written_columns(
    table: str, types: Mapping[str, str], columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]]
) -> list[list[Any]]:
    """Convert columns to what the driver can write, in the order given.

    Parameters
    ----------
    table : str
        For messages.
    types : mapping of str to str
        The ClickHouse type of every column of the table.
    columns : mapping of str to sequence or ndarray
        The values to insert, by column.

    Raises
    ------
    TerminalError
        A column is unknown, or a value does not fit its type.
    """
    unknown = sorted(set(columns) - set(types))
    if unknown:
        raise TerminalError(f"{table} has no column {', '.join(unknown)}; it has {', '.join(types)}")
    return [written(f"{table}.{name}", types[name], values) for name, values in columns.items()]


def _plain_values(values: Sequence[Any] | npt.NDArray[Any], unit: str | None = None) -> list[Any]:
    """Return plain Python values; datetime64 becomes date or datetime by its unit, NaT becomes None."""
    if isinstance(values, np.ndarray):
        plain: list[Any] = (values.astype(unit) if unit and values.dtype.kind == "M" else values).tolist()
        return plain
    return [
        (value.astype(unit) if isinstance(value, np.datetime64) else value).item()
        if isinstance(value, np.generic)
        else value
        for value in values
    ]


def _day(value: Any) -> date:
    if type(value) is date and _FIRST_DAY <= value <= _LAST_DAY:
        return value
    raise ValueError(f"{value!r} is not a day from {_FIRST_DAY} to {_LAST_DAY}")


def _seconds(value: Any) -> int:
    if isinstance(value, datetime):
        seconds = (_naive(value) - _EPOCH) // _SECOND
        if 0 <= seconds <= _LAST_SECOND:
            return seconds
    raise ValueError(f"{value!r} is not a time from 1970 to 2106")


def _integer(value: Any, low: int, high: int) -> int:
    if isinstance(value, int) and low <= value < high:
        return value
    raise ValueError(f"{value!r} is not an integer from {low} to {high - 1}")


def _instance(value: Any, kinds: Any) -> Any:
    if isinstance(value, kinds) and value is not None:
        return value
    raise ValueError(f"{str(value)[:100]!r} is of type {type(value).__name__}")


def read(type_name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Convert a column of a result: every moment becomes naive UTC.

    Parameters
    ----------
    type_name : str
        The ClickHouse type.
    values : sequence
        The driver's values: aware datetimes if the type names a zone, else naive UTC ones.

    Returns
    -------
    sequence
        The values without zones.
    """
    if "DateTime" not in type_name or "'" not in type_name:
        return values
    return tuple(_moments(value, _without_zone) for value in values)


def unchanged(type_name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Return a column as the driver has it."""
    return values


def in_zone(type_name: str, values: Sequence[Any], zone: str) -> Sequence[Any]:
    """Convert a column of Native data for printing: its moments are naive UTC where the data do not name the zone.

    Parameters
    ----------
    type_name : str
        The ClickHouse type, with the zone if it has one.
    values : sequence
        The driver's values.
    zone : str
        The zone of a type that names none.

    Returns
    -------
    sequence
        The values, with moments as local times.
    """
    if "DateTime" not in type_name:
        return values
    named = re.search(r"DateTime(?:64)?\((?:\d+, *)?'([^']+)'", type_name)
    local = ZoneInfo(named[1] if named else zone)
    return tuple(_moments(value, lambda moment: _in_zone(moment, local)) for value in values)


def _moments(value: Any, convert: Callable[[datetime], datetime]) -> Any:
    """Convert each moment in a value."""
    if isinstance(value, datetime):
        return convert(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_moments(item, convert) for item in value)
    if isinstance(value, dict):
        return {_moments(key, convert): _moments(item, convert) for key, item in value.items()}
    return value


def _without_zone(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC).astimezone(zone)
