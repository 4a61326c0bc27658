"""``[source] columns`` and the action names: what the source calls our columns and the actions that metrics count."""

import re

from pipeline.core.dimensions import DIMENSIONS, RAW_DIMENSIONS
from pipeline.core.errors import SettingsError
from pipeline.core.metrics import COUNTED, FEED, MESSAGES
from pipeline.core.process import once
from pipeline.core.settings.sections import SourceSettings

RECIPIENT = "receiver_id"
"""Our name of the column of a message's recipient."""

_SHARED = ("user_id", "time", *(dimension.column for dimension in (*DIMENSIONS, *RAW_DIMENSIONS)))
COLUMNS = {FEED: (*_SHARED, "action"), MESSAGES: (*_SHARED, RECIPIENT)}
"""Our names of the columns that are read, by kind of events."""

TAKEN = frozenset({
    "below", "denominator", "dimension", "dimension_value", "end_", "feed_rows", "greatest_age", "greatest_gender",
    "greatest_os", "known_age", "likes", "measure", "measures", "message_rows", "messages", "metric", "moment",
    "name", "numerator", "pair", "pairs", "person", "quarter", "rows", "slice", "slice_denominator",
    "slice_numerator", "slice_value", "slot", "slot_seconds", "stretch", "top_value", "total", "users", "views",
})  # fmt: skip
"""Names that our statements over the source give to results: there, a column of such a name would mean the result."""


@once
def source_columns() -> dict[tuple[str, str], str]:
    """Read ``[source] columns``.

    Returns
    -------
    dict
        By kind of events and our name of a column, the name that the source's table has for it.

    Raises
    ------
    SettingsError
        An entry cannot be read, or names a column that is not read, or one twice.
    """
    general: dict[tuple[str, str], str] = {}
    special: dict[tuple[str, str], str] = {}
    text = SourceSettings().columns
    for entry in text.split(",") if text.strip() else []:
        ours, theirs = _parsed(entry)
        table, _, name = ours.rpartition(".")
        kinds = [kind for kind in ([table] if table else COLUMNS) if name in COLUMNS.get(kind, ())]
        if not kinds:
            raise SettingsError(_unknown(entry, ours, theirs))
        into = special if table else general
        for kind in kinds:
            if (kind, name) in into:
                raise SettingsError(f"[source] columns: {ours} is named twice.")
            into[kind, name] = theirs
    names = {**general, **special}
    _require_single(names)
    return {key: theirs for key, theirs in names.items() if theirs != key[1]}


def action_names() -> dict[str, str]:
    """Return, for each action that metrics count, the value that the source has for it.

    Raises
    ------
    SettingsError
        Both are the same, or one is empty.
    """
    section = SourceSettings()
    values = dict(zip(COUNTED, (section.view_action, section.like_action), strict=True))
    for ours, theirs in values.items():
        if not theirs.strip():
            raise SettingsError(f"[source] {ours}_action is empty: give the value of `action` in the rows of a {ours}.")
    if len(set(values.values())) < len(values):
        raise SettingsError(f"[source] view_action and like_action are both {section.view_action}.")
    return values


def _parsed(entry: str) -> tuple[str, str]:
    ours, equals, theirs = (part.strip() for part in entry.partition("="))
    if not (ours and equals and theirs):
        raise SettingsError(
            f"[source] columns: {entry.strip()!r} cannot be read: write our_name=your_name, separated by commas."
        )
    if re.search(r"""[=`'"\\%\x00-\x1f]""", theirs):
        problem = "has a sign that cannot be part of a mapped name"
    elif theirs in TAKEN:
        problem = "is also the name of a result in feedpulse's SQL"
    else:
        return ours, theirs
    raise SettingsError(
        f"[source] columns: {theirs!r} {problem}. Make a view that has this column as {ours.rpartition('.')[2]}, and "
        "set it as [source] feed_table or message_table."
    )


def _unknown(entry: str, ours: str, theirs: str) -> str:
    known = dict.fromkeys(name for names in COLUMNS.values() for name in names)
    if theirs in known:
        return f"[source] columns: {entry.strip()}: our name comes first: {theirs}={ours}."
    tables = " or ".join(f"{kind}." for kind in COLUMNS)
    return (
        f"[source] columns: feedpulse reads no column {ours}; it reads {', '.join(known)}. For one table alone, write "
        f"{tables} before the name."
    )


def _require_single(names: dict[tuple[str, str], str]) -> None:
    for kind in COLUMNS:
        theirs = [column for (owner, _), column in names.items() if owner == kind]
        if twice := sorted({column for column in theirs if theirs.count(column) > 1}):
            raise SettingsError(f"[source] columns: {', '.join(twice)} stands for two columns.")
