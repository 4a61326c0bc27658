"""The definition of every dimension. A new one is one entry in `DIMENSIONS`; days and slots loop over it.

In a day, a user counts in ONE value of a dimension. It comes from the user's own rows of that day. Of several values
the greatest is taken, so that every engine and every run choose the same one. A user without a value gets the newest
value of the ``[etl] attribute_days`` days before, or else ``unknown``. In a slot, each event counts by the value in its
own row. So slots and days have the same totals, but not always the same slices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

UNKNOWN = "unknown"
OTHER = "other"
"""The value of all that `Dimension.top` leaves out."""
LONGEST_VALUE = 64
"""Maximum characters of a value; longer values are cut."""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One way to slice."""

    name: str
    """Its name in tables."""
    column: str
    """The source column that holds its values. Days need it; slots of a table that lacks it have no such slices."""
    numeric: bool = False
    """Whether the source column must be an integer; otherwise it must be a string."""
    may_be_text: bool = False
    """Whether the source column of a numeric dimension may also be a string (male, female): `numeric` is then False."""
    daily: bool = False
    """Whether days are sliced by it too."""
    least: int | None = None
    """The smallest valid number in a day; smaller ones become ``unknown``."""
    event_value: str
    """SQL expression over an event of the source: a String, '' for unknown."""
    label: Mapping[str, str] = field(default_factory=dict)
    """The displayed name by language; `name` where a language is missing."""
    top: int = 0
    """Number of values that a slot keeps: those with most events the day before; others are `OTHER`. 0 keeps all."""

    @property
    def stored(self) -> str:
        """The column of the extracts that holds the values: what may be a number or text has one for each."""
        return f"{self.name}_text" if self.may_be_text and not self.numeric else self.name


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
        may_be_text=True,
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
"""Dimensions that slots do not store. The explanation of an incident reads them from raw events."""

DAILY: tuple[Dimension, ...] = tuple(dimension for dimension in DIMENSIONS if dimension.daily)
"""The dimensions of ``daily_metrics``."""


def readable(value: str) -> str:
    """SQL that cuts a string after `LONGEST_VALUE` characters or before its first byte that is not UTF-8."""
    # substringUTF8 of server 18.16 counts the bytes of an emoji as characters. Newer engines evaluate `extract` only
    # for values that are not plain ASCII, which makes this several times cheaper.
    return (
        f"if(match({value}, '^[ -~]{{0,{LONGEST_VALUE}}}$'), {value}, extract({value}, '^(?s).{{0,{LONGEST_VALUE}}}'))"
    )


def label(name: str, language: str) -> str:
    """The displayed name of a dimension."""
    return next((item.label.get(language, name) for item in (*DIMENSIONS, *RAW_DIMENSIONS) if item.name == name), name)
