"""How numbers are sliced. A new dimension is one entry in `DIMENSIONS`; days and slots loop over it.

In a day a user counts in ONE value of a dimension: his own rows of that day decide, and where they hold several
values, the greatest (so the choice is the same on every engine and in every run); without any, the most recent of
the ``[etl] attribute_days`` days before; else ``unknown``. In a slot an event counts by its own row. So totals
agree between slots and days, and slices need not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

UNKNOWN = "unknown"
LONGEST_VALUE = 64
"""Longer values are cut to so many characters: a slice is a name, not a document."""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One way to slice."""

    name: str
    """Its name in tables."""
    column: str
    """The source column that it reads; required in both tables."""
    numeric: bool = False
    """Whether the source column must be an integer (else a string)."""
    daily: bool = False
    """Whether days are sliced so too, by the column's greatest in a user's rows."""
    least: int | None = None
    """In a day, lesser numbers are no values: unknown."""
    event_value: str
    """SQL expression over one event of the source; yields a String, '' for unknown."""
    label: Mapping[str, str] = field(default_factory=dict)
    """What people read, by language; the name where a language is missing."""
    top: int = 0
    """Keep so many values in a slot, those with the most events the day before, and sum up the rest; 0 keeps all."""


AGE_BANDS = (
    "multiIf(age < 0, '', age < 18, '0-17', age < 25, '18-24', age < 35, '25-34', age < 45, '35-44', "
    "age < 55, '45-54', '55+')"
)

DIMENSIONS: tuple[Dimension, ...] = (
    Dimension(
        name="os",
        column="os",
        daily=True,
        event_value="ifNull(os, '')",
        label={"en": "os", "ru": "ОС"},
    ),
    Dimension(
        name="gender",
        column="gender",
        numeric=True,
        daily=True,
        event_value="ifNull(toString(gender), '')",
        label={"en": "gender", "ru": "пол"},
    ),
    Dimension(
        name="age",
        column="age",
        numeric=True,
        daily=True,
        least=0,  # a negative age is not an age
        event_value=f"if(isNull(age), '', ifNull({AGE_BANDS}, ''))",
        label={"en": "age", "ru": "возраст"},
    ),
    Dimension(
        name="source",
        column="source",
        event_value="ifNull(source, '')",
        label={"en": "source", "ru": "источник"},
    ),
    Dimension(
        name="country",
        column="country",
        event_value="ifNull(country, '')",
        label={"en": "country", "ru": "страна"},
        top=20,
    ),
)

RAW_DIMENSIONS: tuple[Dimension, ...] = (
    Dimension(name="city", column="city", event_value="ifNull(city, '')", label={"en": "city", "ru": "город"}),
    Dimension(
        name="exp_group",
        column="exp_group",
        numeric=True,
        event_value="ifNull(toString(exp_group), '')",
        label={"en": "experiment group", "ru": "группа эксперимента"},
    ),
)
"""Not kept by slot: looked up in raw events, for the slots of an incident and those it is compared with."""

DAILY: tuple[Dimension, ...] = tuple(dimension for dimension in DIMENSIONS if dimension.daily)
"""The dimensions of `daily_metrics`."""


def readable(value: str) -> str:
    """SQL for a string cut to `LONGEST_VALUE` characters, and where it ceases to be UTF-8."""
    # Not substringUTF8: server 18.16 takes the bytes of an emoji for characters. Newer engines extract only where the
    # value is not plain, which is several times cheaper.
    return (
        f"if(match({value}, '^[ -~]{{0,{LONGEST_VALUE}}}$'), {value}, extract({value}, '^(?s).{{0,{LONGEST_VALUE}}}'))"
    )


def label(name: str, language: str) -> str:
    """What people read for a dimension."""
    return next((item.label.get(language, name) for item in (*DIMENSIONS, *RAW_DIMENSIONS) if item.name == name), name)
