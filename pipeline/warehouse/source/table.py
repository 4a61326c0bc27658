"""The source tables as they are: their columns, and what they call ours."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.core import settings
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.core.settings.source_columns import RECIPIENT
from pipeline.warehouse import forms
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.source.columns import quoted
from pipeline.warehouse.statements import statement

RECIPIENT_SPELLINGS = ("receiver_id", "reciever_id")  # both occur: the source corrected its misspelling in 2023


@dataclass(frozen=True)
class Table:
    """A source table as it is."""

    kind: str
    """The kind of its events, `FEED` or `MESSAGES`."""
    database: str
    name: str
    types: Mapping[str, str]
    """The type of each column."""
    engine: str
    """Its table engine; '' if the user may not see it."""

    def __str__(self) -> str:
        return f"{self.database}.{self.name}"

    def theirs(self, ours: str) -> str:
        """Return the table's name of a column of ours."""
        mapped = settings.source_columns().get((self.kind, ours))
        if mapped or ours != RECIPIENT:
            return mapped or ours
        return next((name for name in RECIPIENT_SPELLINGS if name in self.types), ours)

    def sql(self, ours: str) -> str:
        """Return the same as SQL."""
        return quoted(self.theirs(ours)) if (self.kind, ours) in settings.source_columns() else self.theirs(ours)

    def like(self, ours: str) -> str:
        """Return a column whose name differs from ours in case and signs alone, such as userId; '' if there is none."""
        bare = ours.replace("_", "")
        return next((name for name in self.types if re.sub(r"[\W_]", "", name).lower() == bare), "")

    def described(self, ours: str) -> str:
        """Return a column with its type, for people."""
        return f"{self}.{self.theirs(ours)} has type {self.types[self.theirs(ours)]}"


def read_tables(engine: Engine, section: settings.SourceSettings) -> dict[str, Table]:
    """Return the source tables that exist, by kind of events; one query."""
    names = {FEED: section.feed_table, MESSAGES: section.message_table}
    bound = {"database": section.database, "tables": tuple(names.values())}
    rows = forms.listed(engine, statement("source_columns"), bound)
    tables = {}
    for kind, name in names.items():
        types = {column: type_ for table, column, type_ in rows if table == name}
        engine_name = types.pop("", "")
        if types:
            tables[kind] = Table(kind, section.database, name, types, engine_name)
    return tables
