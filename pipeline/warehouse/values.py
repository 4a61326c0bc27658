"""Python values on their way into statements and columns, and columns on their way back; the same on both engines."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import TerminalError

_EPOCH = datetime(1970, 1, 1)
_SECOND = timedelta(seconds=1)
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2149, 6, 6)
_LAST_SECOND = 2**32 - 1


def bind(sql: str, params: Mapping[str, object] | None) -> str:
    """Put values into a statement with the driver's own escaping.

    Parameters
    ----------
    sql : str
        With ``%(name)s`` for each value; with params every other % is written %%.
    params : mapping, optional
        Values: None, bool (1 or 0), int, float, str, date, naive UTC datetime (its seconds), numpy scalars, and lists
        or tuples of them. None leaves `sql` as it is.

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

    # The context would only be asked for the server's zone, for datetimes: `_plain` turned them into text.
    escaped = escape_params({name: _plain(name, value) for name, value in params.items()}, None)
    # "x-%(n)s" with -5 must not become "x--5", a comment.
    padded = {name: f" {text}" if str(text).startswith("-") else text for name, text in escaped.items()}
    try:
        return sql % padded
    except KeyError as error:
        raise TerminalError(f"the statement wants a value for {error}, given are {sorted(params)}") from None
    except (TypeError, ValueError) as error:
        raise TerminalError(f"the statement cannot take its values ({error}): write %% for a plain %") from None


def _plain(name: str, value: object) -> object:
    """Return a value that the driver escapes correctly."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    elif isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (int, float, date):
        return value
    if isinstance(value, datetime):
        return _naive(name, value).isoformat(" ", "seconds")
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return _encodable(name, value)
    if isinstance(value, list):
        return [_plain(name, item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(name, item) for item in value)
    raise TerminalError(f"the value of {name} is a {type(value).__name__}: that cannot be bound")


def _encodable(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TerminalError(f"the value of {name} is not text that UTF-8 can hold: {text[:50]!a}") from None
    return text


def _naive(name: str, moment: datetime) -> datetime:
    if moment.tzinfo is not None:
        raise TerminalError(f"the moment of {name} has a time zone ({moment}): pass it as UTC without one")
    return moment


def written(name: str, type_name: str, values: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
    """Return a column as the driver writes it into a column of ClickHouse.

    Parameters
    ----------
    name : str
        The column, for messages.
    type_name : str
        Its ClickHouse type.
    values : sequence or ndarray
        Days for Date, naive UTC moments for DateTime, otherwise the type's own values.

    Returns
    -------
    list
        Moments are seconds since 1970; everything else is plain Python.

    Raises
    ------
    TerminalError
        A day or moment is outside what the type holds, or has a time zone, or is none.
    """
    base = re.sub(r"^(Nullable|LowCardinality)\((.*)\)$", r"\2", type_name)
    if base == "Date":
        return [_day(name, value) for value in _objects(values, "datetime64[D]")]
    if re.fullmatch(r"DateTime(\('[^']*'\))?", base):
        return [_seconds(name, value) for value in _objects(values, "datetime64[s]")]
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def written_columns(
    table: str, types: Mapping[str, str], columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]]
) -> list[list[Any]]:
    """Return columns as the driver writes them, in the order given.

    Parameters
    ----------
    table : str
        For messages.
    types : mapping of str to str
        ClickHouse's type of every column of the table.
    columns : mapping of str to sequence or ndarray
        What to insert.

    Raises
    ------
    TerminalError
        A column is unknown, or see `written`.
    """
    unknown = sorted(set(columns) - set(types))
    if unknown:
        raise TerminalError(f"{table} has no column {', '.join(unknown)}; it has {', '.join(types)}")
    return [written(f"{table}.{name}", types[name], values) for name, values in columns.items()]


def _objects(values: Sequence[Any] | npt.NDArray[Any], unit: str) -> list[Any]:
    """Return Python dates or datetimes; numpy's NaT becomes None."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        values = values.astype(unit).tolist()
    return [value.astype(unit).item() if isinstance(value, np.datetime64) else value for value in values]


def _day(name: str, value: Any) -> date | None:
    if value is None or (type(value) is date and _FIRST_DAY <= value <= _LAST_DAY):
        return value
    raise TerminalError(f"column {name}: {value!r} is no day from {_FIRST_DAY} to {_LAST_DAY}")


def _seconds(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        seconds = (_naive(f"column {name}", value) - _EPOCH) // _SECOND
        if 0 <= seconds <= _LAST_SECOND:
            return seconds
    raise TerminalError(f"column {name}: {value!r} is no moment that a DateTime holds (1970 to 2106)")


def read(type_name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Return a column of a result with every moment as naive UTC.

    Parameters
    ----------
    type_name : str
        The ClickHouse type.
    values : sequence
        What the driver made of it: aware datetimes where the type names a zone, naive UTC ones where not.

    Returns
    -------
    sequence
        The same values, without zones.
    """
    if "DateTime" not in type_name or "'" not in type_name:
        return values
    return tuple(_without_zone(value) for value in values)


def _without_zone(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, (list, tuple)):
        return type(value)(_without_zone(item) for item in value)
    if isinstance(value, dict):
        return {_without_zone(key): _without_zone(item) for key, item in value.items()}
    return value
