"""SQL expressions of the slot metrics: the slices and sub-slots to which an event belongs."""

from pipeline.core.dimensions import DIMENSIONS, OTHER, UNKNOWN, Dimension, readable
from pipeline.slots import sub_slots
from pipeline.warehouse.source import Source
from pipeline.warehouse.statements import Fragment, statement


def slices(events: Source, kind: str) -> Fragment:
    """Return tuples (dimension, value) that one event of a kind belongs to, the total and sub-slots included."""
    dimensions = events.having(kind, DIMENSIONS)
    values = [("total", "'all'"), *((dimension.name, _value(dimension, events, kind)) for dimension in dimensions)]
    sliced = [f"('{name}', {value})" for name, value in values]
    return Fragment(", ".join([*sliced, *sub_slots.slices(events.column(kind, "time"))]))


def _value(dimension: Dimension, events: Source, kind: str) -> str:
    value: str = events.over(kind, readable(dimension.event_value))
    if dimension.top:
        time, count = events.column(kind, "time"), Fragment(str(dimension.top))
        top = statement("top_values", source=events.table(kind), value=Fragment(value), time=time, count=count)
        value = f"if({value} = '' OR {value} GLOBAL IN ({top}), {value}, '{OTHER}')"
    return f"if({value} = '', '{UNKNOWN}', {value})"
