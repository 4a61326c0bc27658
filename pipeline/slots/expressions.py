"""SQL expressions of the slot metrics: the slices to which an event belongs."""

from pipeline.core.dimensions import DIMENSIONS, UNKNOWN, Dimension, readable
from pipeline.warehouse.statements import Fragment, statement


def slices(table: str) -> Fragment:
    """Return the tuples (dimension, value) of an event of `table` (``database.table``), with that of the total."""
    values = [("total", "'all'"), *((dimension.name, _value(dimension, table)) for dimension in DIMENSIONS)]
    return Fragment(", ".join(f"('{name}', {value})" for name, value in values))


def _value(dimension: Dimension, table: str) -> str:
    value = readable(dimension.event_value)
    if dimension.top:
        top = statement("top_values", source=table, value=Fragment(value), count=Fragment(str(dimension.top)))
        value = f"if({value} = '' OR {value} GLOBAL IN ({top}), {value}, 'other')"
    return f"if({value} = '', '{UNKNOWN}', {value})"
