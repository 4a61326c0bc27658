"""SQL expressions for each daily dimension; they fill the holes in the statements of the load.

An attribute of a user is a dimension's value for one user. The extracts keep the greatest value of the user's own rows,
as the source stores it; ``user_day`` turns it into text and looks up what is missing.
"""

import re
from collections.abc import Callable, Sequence

from pipeline.core.dimensions import DAILY, UNKNOWN, Dimension, readable
from pipeline.warehouse.statements import Fragment

LIFT = 2**63
"""Maps Int64 to UInt64 when added: the smallest Int64 becomes 0, which stands for NULL. No source holds that number."""

_NUMBER = "toInt64OrZero(dimension_value)"


def each(
    expression: Callable[[Dimension], str], separator: str = ", ", dimensions: Sequence[Dimension] = DAILY
) -> Fragment:
    """Write an expression for every daily dimension; `Source.daily` has those that are text in this source."""
    return Fragment(separator.join(map(expression, dimensions)))


def extracted(dimension: Dimension) -> str:
    """Return the value of a dimension in a row of an extract, which may be of a time when it was a number."""
    if dimension.stored == dimension.name:
        return dimension.name
    return f"if({dimension.stored} = '', ifNull(toString({dimension.name}), ''), {dimension.stored})"


def extracted_value(dimension: Dimension) -> str:
    """Return the same with the name by which `text_of_day` knows it."""
    value, name = extracted(dimension), _value_name(dimension)
    return value if value == name else f"{value} AS {name}"


def _value_name(dimension: Dimension) -> str:
    return dimension.name if dimension.stored == dimension.name else f"value_of_{dimension.name}"


def slot_value() -> Fragment:
    """Return the value of a row of ``daily_metrics`` as slots have it: a number as the dimension groups it (ages)."""
    numbers = [dimension for dimension in DAILY if dimension.numeric and not dimension.may_be_text]
    grouped = [
        f"dimension = '{item.name}', " + re.sub(rf"\b{item.column}\b", _NUMBER, item.event_value) for item in numbers
    ]
    cases = ", ".join([f"dimension_value = '{UNKNOWN}', dimension_value", *grouped, "dimension_value"])
    return Fragment(f"multiIf({cases})")


def greatest(dimension: Dimension) -> str:
    """Return the greatest value of a group of feed events: NULL or '' if there is no value."""
    # Widened, because the source tables may have different integer types and UNION ALL refuses UInt64 with Int8.
    return f"toInt64(max({dimension.column}))" if dimension.numeric else f"ifNull(max({dimension.column}), '')"


def greatest_of_pair(dimension: Dimension) -> str:
    """Return the greatest value of a pair's messages. A number is lifted by `LIFT`, so that it is never NULL."""
    # Aggregating Nullable values costs more, and maxIf of server 18.16 turns NULL into 0.
    value = f"ifNull(toUInt64(max({dimension.column})) + {LIFT}, 0)" if dimension.numeric else greatest(dimension)
    return f"{value} AS greatest_{dimension.name}"


def greatest_of_nobody(dimension: Dimension) -> str:
    """Return what `greatest_of_pair` gives for no messages."""
    value = "toUInt64(0)" if dimension.numeric else "''"
    return f"{value} AS greatest_{dimension.name}"


def greatest_of_sender(dimension: Dimension) -> str:
    """Return the greatest value of all messages that a user sent, no longer lifted."""
    value = f"maxIf(greatest_{dimension.name}, end_ = 1)"
    return f"nullIf({value}, 0) - {LIFT}" if dimension.numeric else value


def text(dimension: Dimension, value: str) -> str:
    """Return an attribute as text, '' for unknown."""
    if not dimension.numeric:
        return readable(f"ifNull({value}, '')")
    number = f"toString({value})"
    if dimension.least is not None:
        number = f"if({value} < {dimension.least}, '', {number})"
    return f"ifNull({number}, '')"


def text_of_day(dimension: Dimension) -> str:
    """Return a user's attribute as text, from the rows of one day in both extracts."""
    return text(dimension, f"max({_value_name(dimension)})")


def own_text(dimension: Dimension) -> str:
    """Return a user's attribute as text, from the joined rows of both extracts."""
    feed, message = f"feed_{dimension.name}", f"message_{dimension.name}"
    # If one value is NULL, the other is taken. A string is '' if the user is missing in that extract.
    value = f"if(ifNull({feed} > {message}, isNull({message})), {feed}, {message})"
    return f"{text(dimension, value)} AS own_{dimension.name}"


def may_be_unknown(dimension: Dimension) -> str:
    """Return a condition: an extract's row may lack the attribute. It is cheaper to compute than `text`."""
    value, least = extracted(dimension), dimension.least
    if not dimension.numeric:
        return f"{value} < ' ' OR {value} > '~'"  # empty, or perhaps not UTF-8
    return f"isNull({value})" if least is None else f"ifNull({value}, {least - 1}) < {least}"


def latest(dimension: Dimension) -> str:
    """Return the most recent known attribute of a user in ``user_attributes``."""
    return f"argMaxIf({dimension.name}, event_date, {dimension.name} != '') AS latest_{dimension.name}"


def own_or_unknown(dimension: Dimension) -> str:
    """Choose a user's attribute without looking back."""
    return _own_or(dimension, f"'{UNKNOWN}'")


def own_or_latest(dimension: Dimension) -> str:
    """Choose a user's attribute: that of the day, else the latest of the days before, else unknown."""
    latest_text = f"ifNull(latest_{dimension.name}, '')"
    return _own_or(dimension, f"if({latest_text} != '', {latest_text}, '{UNKNOWN}')")


def _own_or(dimension: Dimension, otherwise: str) -> str:
    return f"if(own_{dimension.name} != '', own_{dimension.name}, {otherwise})"
