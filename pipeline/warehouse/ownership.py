"""What belongs to this installation: decided from a record in the warehouse, before anything is created or altered.

The table ``installation`` records which tables are ours (``table:NAME``) and what decides the meaning of "done": the
result table, the source and the time zone. A table is recorded before it is created, so a killed run leaves no table
that is not ours.

`inspect` reads, `require_ours` refuses, `record` writes. `tables.open_warehouse` calls them in this order. A command
that must not fail on what it finds (``status``, ``doctor``, ``adopt``) calls `tables.inspect` and reads the properties
of `Inspection`.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import uuid4

from pipeline.core.errors import ACCESS_DENIED, SettingsError, TerminalError
from pipeline.warehouse import cluster, forms
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.forms import Form
from pipeline.warehouse.source import fitting
from pipeline.warehouse.statements import statement

RECORD = "installation"
MARKERS = "table_updates"
RESULT = "daily_metrics"
OURS = "ours"
"""The value of a ``table:NAME`` item."""

DECISIVE = {"result_table": "result table", "source": "source", "timezone": "time zone"}
"""The items that a configuration must share with the record, with their names for people."""


@dataclass(frozen=True)
class Installation:
    """What one configuration writes, and where it reads from."""

    database: str
    prefix: str
    result_table: str
    source: str
    """``database.feed_table, database.message_table``; not their server, which may move."""
    timezone: str
    tables: tuple[str, ...]
    """Our tables as the code calls them, such as 'daily_metrics'."""

    def name(self, table: str) -> str:
        """Return the name of one of our tables in the database."""
        return self.result_table if table == RESULT else f"{self.prefix}{table}"

    @property
    def names(self) -> dict[str, str]:
        """Our tables by their name in the database."""
        return {self.name(table): table for table in self.tables}

    @property
    def decisive(self) -> dict[str, str]:
        """The values of `DECISIVE`."""
        return {"result_table": self.result_table, "source": self.source, "timezone": self.timezone}


class Foreign(NamedTuple):
    """An existing table of one of our names that we may not write."""

    name: str
    """``database.table``."""
    differences: tuple[str, ...]
    """Why it cannot become ours; empty if it has the form that we need."""
    recorded: bool
    """Whether it was ours, and somebody has changed or replaced it."""


class Changed(NamedTuple):
    """A setting that differs from the record."""

    item: str
    """One of `DECISIVE`."""
    recorded: str
    configured: str


@dataclass(frozen=True)
class Inspection:
    """What exists in the database, compared with what a configuration writes."""

    installation: Installation
    forms: Mapping[str, Form]
    """The form of each existing table of our names and of scratch tables, by its name in the database."""
    recorded: Mapping[str, str]
    """The items of the record; empty if there is none."""
    early_results: frozenset[str] | None
    """Names of the result tables of an earlier release that kept no record; None if there was none."""
    added: Mapping[str, Mapping[str, str]]
    """By table, the columns that feedpulse adds where they are missing."""
    seconds: int = 0
    """The clock of the warehouse's server, Unix seconds."""

    @property
    def existing(self) -> dict[str, str]:
        """Our tables that exist, ours or not, by their name in the database."""
        return {name: table for name, table in self.installation.names.items() if name in self.forms}

    @property
    def missing(self) -> list[str]:
        """Our tables that do not exist, as the code calls them."""
        return [table for name, table in self.installation.names.items() if name not in self.forms]

    @property
    def replicated(self) -> dict[str, str]:
        """Those of our tables whose rows several servers share, and how: ``Replicated`` or ``Shared``."""
        return {table: form.replication for table in self.existing.values() if (form := self.form(table)).replication}

    @property
    def foreign(self) -> list[Foreign]:
        """The tables that we may not write. The record itself may be without a row: a run was killed in between."""
        found = []
        for name, table in self.existing.items():
            recorded = self.recorded.get(f"table:{name}") == OURS
            different = self.differences(table)
            if different or not (recorded or self._is_early(table) or table == RECORD):
                found.append(Foreign(f"{self.installation.database}.{name}", different, recorded))
        return found

    @property
    def changed(self) -> list[Changed]:
        """The settings that differ from the record, or from what an earlier release has loaded."""
        configured = self.installation.decisive
        changed = [
            Changed(item, self.recorded[item], configured[item])
            for item in DECISIVE
            if _unfitted(self.recorded.get(item, configured[item])) != _unfitted(configured[item])
        ]
        if self.early_results and self.installation.result_table not in self.early_results:
            changed.append(
                Changed("result_table", ", ".join(sorted(self.early_results)), self.installation.result_table)
            )
        return changed

    def _is_early(self, table: str) -> bool:
        """Whether an earlier release made a table; it made another result table if its markers name another."""
        if self.early_results is None:
            return False
        return table != RESULT or not self.early_results or self.installation.result_table in self.early_results

    def form(self, table: str) -> Form:
        """Return the form of one of our tables that exists."""
        return self.forms[self.installation.name(table)]

    def differences(self, table: str) -> tuple[str, ...]:
        """Return in which respects an existing table is not what feedpulse needs."""
        added = self.added.get(table, {})
        wanted = forms.expected(table, added)
        return tuple(forms.differences(self.form(table), wanted, added))


def _unfitted(text: str) -> str:
    """Return a source without the ending of a view that makes it fit: its rows are those of the table."""
    return re.sub(rf"{fitting.ENDING}\b", "", text)


def inspect(engine: Engine, installation: Installation, added: Mapping[str, Mapping[str, str]]) -> Inspection:
    """Read what exists. Writes nothing.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    installation : Installation
        What the configuration writes.
    added : mapping
        By table, the columns that feedpulse adds where they are missing.
    """
    existing = forms.read(engine, installation.database, list(installation.names))
    found = Inspection(installation, existing, {}, None, added)

    def has(table: str) -> bool:
        return installation.name(table) in existing and not found.differences(table)

    recorded: dict[str, str] = {}
    if has(RECORD):
        sql = statement("read_installation", installation=_full_name(installation, RECORD))
        recorded = dict(engine.query(sql))
        seconds = int(recorded.pop(""))
    else:
        ((seconds,),) = engine.query(statement("read_clock"))
    early = _early_results(engine, installation) if not recorded and has(MARKERS) else None
    return Inspection(installation, existing, recorded, early, added, seconds)


def require_ours(found: Inspection) -> None:
    """Refuse to write what is not ours.

    Raises
    ------
    SettingsError
        A table is not ours, or a setting differs from the record; the text names each, and the remedies.
    """
    if changed := found.changed:
        raise SettingsError(_changed_text(found, changed))
    if foreign := found.foreign:
        raise SettingsError(_foreign_text(found, foreign))


def record(engine: Engine, found: Inspection) -> None:
    """Record the installation, and every table that exists or is about to be created.

    Raises
    ------
    SettingsError
        Another installation in the database has the same result table.
    """
    installation = found.installation
    wanted = {**installation.decisive, **{f"table:{name}": OURS for name in installation.names}}
    wanted["id"] = found.recorded.get("id", uuid4().hex)
    items = {item: value for item, value in wanted.items() if found.recorded.get(item) != value}
    if not items:
        return
    result = f"table:{installation.result_table}"
    if result in items:
        require_unclaimed(engine, installation)
    if RECORD in found.missing:
        cluster.create_table(engine, RECORD, _full_name(installation, RECORD), {})
    write(engine, installation, items)
    if result in items:
        try:  # again: of two that start at the same moment, the later one sees the other
            require_unclaimed(engine, installation)
        except SettingsError:
            write(engine, installation, {result: ""})
            raise


def require_unclaimed(engine: Engine, installation: Installation) -> None:
    """Refuse a result table that another installation in the database has recorded: it may have one writer only.

    Raises
    ------
    SettingsError
        Names the other installation.
    """
    database = installation.database
    bound = {"database": database, "own": installation.name(RECORD)}
    for (other,) in engine.query(statement("other_records"), bound):
        if _records(engine, f"{database}.{other}", f"table:{installation.result_table}"):
            raise SettingsError(
                f"{_full_name(installation, RESULT)} belongs to another installation, that of {database}.{other}: "
                "set another [etl] table."
            )


def _records(engine: Engine, record: str, item: str) -> bool:
    """Whether another record has an item as its own; False if this user may not read it."""
    try:
        return engine.query(statement("recorded_item", installation=record), {"item": item}) == [(OURS,)]
    except TerminalError as error:
        if error.code != ACCESS_DENIED:
            raise
        return False


def _full_name(installation: Installation, table: str) -> str:
    return f"{installation.database}.{installation.name(table)}"


def write(engine: Engine, installation: Installation, items: Mapping[str, str]) -> None:
    """Write items into the record, which exists."""
    table = _full_name(installation, RECORD)
    ((newest,),) = engine.query(statement("newest_version", installation=table))
    version = max(time.time_ns(), newest + 1)  # the clock may have been fast before
    engine.insert(table, {"item": list(items), "value": list(items.values()), "version": [version] * len(items)})


def _early_results(engine: Engine, installation: Installation) -> frozenset[str] | None:
    table = _full_name(installation, MARKERS)
    bound = {"result": f"{RESULT}:%", "marker": "%:v1"}
    rows = engine.query(statement("early_results", table_updates=table), bound)
    # Without its database, which may have been renamed. The first releases wrote no target.
    return frozenset(target.rpartition(".")[2] for (target,) in rows if target) if rows else None


def _where(installation: Installation) -> str:
    prefix = f"with the prefix {installation.prefix}" if installation.prefix else "without prefix"
    return f"the tables {prefix} in the database {installation.database}"


def _changed_text(found: Inspection, changed: list[Changed]) -> str:
    described = "; ".join(
        f"their {DECISIVE[item]} is {recorded}, and this configuration has {configured}"
        for item, recorded, configured in changed
    )
    where = _where(found.installation)
    return (
        f"{where[0].upper()}{where[1:]} belong to another configuration: {described}.\n"
        "To keep both, set a [warehouse] prefix of your own (and another [etl] table). "
        "To go on with this configuration alone, run `feedpulse adopt`."
    )


def _foreign_text(found: Inspection, foreign: list[Foreign]) -> str:
    lines = []
    for name, differences, recorded in foreign:
        was = "has changed since feedpulse made it" if recorded else "exists, and this installation did not make it"
        lines.append(f"{name} {was}: {'; '.join(differences) or 'it has the form of ours'}.")
    result = f"{found.installation.database}.{found.installation.result_table}"
    settings = [
        text
        for text, is_meant in (("[warehouse] prefix", False), ("another [etl] table", True))
        if any((name == result) == is_meant for name, *_ in foreign)
    ]
    remedy = f"Set {' and '.join(settings)}"
    if all(recorded for *_, recorded in foreign):
        remedy = f"Rename it, so that feedpulse makes a new one. Or s{remedy[1:]}"
    elif not any(differences for _, differences, _ in foreign):
        remedy += "; or run `feedpulse adopt`, if nobody else writes to it"
    return "\n".join([*lines, f"{remedy}."])
