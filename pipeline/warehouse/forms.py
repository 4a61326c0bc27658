"""The form of a table: engine, keys and columns, as ClickHouse reports it and as feedpulse needs it."""

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.errors import TerminalError
from pipeline.warehouse import scratch
from pipeline.warehouse.engines import Engine, Params
from pipeline.warehouse.statements import statement, template

_UNKNOWN_TABLE = 60
_QUOTED = r"'(?:[^'\\]|\\.)*'"
_REPLICATION = ("Replicated", "Shared")
_ATTEMPTS = 50
_PAUSE_SECONDS = 0.02


@dataclass
class Form:
    """The form of a table or view."""

    engine: str = ""
    """Without replication and paths: ``MergeTree``, ``ReplacingMergeTree(version)``, ``View``."""
    partition_key: str = ""
    sorting_key: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    """The type of each column; followed by ALIAS or MATERIALIZED if it cannot be inserted."""
    storage: str = ""
    """The whole ENGINE clause with keys and settings, without replication: see `unreplicated`."""
    replication: str = ""
    """How servers share the table's rows: ``Replicated``, ``Shared`` (ClickHouse Cloud), or not at all."""


def listed(engine: Engine, sql: str, params: Params) -> list[tuple[Any, ...]]:
    """Read from system.tables; again while a table is dropped, because 18.16 lists none at that moment."""
    for _ in range(_ATTEMPTS):
        try:
            return engine.query(sql, params)
        except TerminalError as error:
            if error.code != _UNKNOWN_TABLE:
                raise
        time.sleep(_PAUSE_SECONDS)
    return engine.query(sql, params)


def read(engine: Engine, database: str, names: Collection[str]) -> dict[str, Form]:
    """Read the forms of the named tables that exist, and those of scratch tables, without their columns.

    A table that the user has no right to is not listed.
    """
    bound = {"database": database, "names": tuple(names), "scratch": f"^{scratch.NAME}$"}
    for _ in range(_ATTEMPTS):
        forms = _forms(listed(engine, statement("existing_tables"), bound))
        # A table that another process creates may appear between the two SELECTs: with an engine, without columns.
        if all(form.columns for name, form in forms.items() if name in names):
            break
        time.sleep(_PAUSE_SECONDS)
    return forms


def _forms(rows: Iterable[tuple[str, ...]]) -> dict[str, Form]:
    forms: dict[str, Form] = {}
    for name, full_engine, engine_name, partition_key, sorting_key, column, kind, default in rows:
        form = forms.setdefault(name, Form())
        if column:
            form.columns[column] = f"{_type(kind)} {default}" if default in ("ALIAS", "MATERIALIZED") else _type(kind)
        else:
            full = full_engine if full_engine.startswith(engine_name) else engine_name
            form.engine, form.storage = family(full), unreplicated(full)
            form.replication = next((kind for kind in _REPLICATION if full.startswith(kind)), "")
            form.partition_key, form.sorting_key = _key(partition_key), _key(sorting_key)
    return {name: form for name, form in forms.items() if form.engine}  # one may be dropped between the two SELECTs


def expected(table: str, added: Mapping[str, str]) -> Form:
    """Return the form of one of our tables: that of its ``create_*.sql``, with the added columns."""
    text = template(f"create_{table}")
    declared = re.search(
        r"\{table\} \(\n(?P<columns>.*)\n\) "
        r"ENGINE = (?P<engine>\S+)(?: PARTITION BY (?P<partition>.+?))? ORDER BY (?P<sorting>.+)$",
        text,
        re.DOTALL,
    )
    if declared is None:
        raise TerminalError(f"create_{table}.sql: write it as the other create_*.sql")
    columns = dict(line.strip().rstrip(",").split(" ", 1) for line in declared["columns"].split("\n"))
    return Form(declared["engine"], _key(declared["partition"] or ""), _key(declared["sorting"]), {**columns, **added})


def differences(actual: Form, wanted: Form, optional: Collection[str] = ()) -> Iterator[str]:
    """Say in which respects a table is not what feedpulse needs.

    Columns that users added do not count, nor does the sorting key of a plain MergeTree: no row depends on it.

    Parameters
    ----------
    actual, wanted : Form
        The table, and what feedpulse would make.
    optional : collection of str
        Columns that may be missing, because feedpulse adds them.
    """
    if actual.engine != wanted.engine:
        yield f"its engine is {actual.engine}, not {wanted.engine}"
    if "MergeTree" not in actual.engine:
        return
    if actual.partition_key != wanted.partition_key:
        yield f"its partition key is {actual.partition_key or 'empty'}, not {wanted.partition_key or 'empty'}"
    if "Replacing" in wanted.engine and actual.sorting_key != wanted.sorting_key:
        yield f"its sorting key is {actual.sorting_key or 'empty'}, not {wanted.sorting_key or 'empty'}"
    missing = [name for name in wanted.columns if name not in actual.columns and name not in optional]
    if missing:
        yield f"it has no column {', '.join(missing)}"
    for name, kind in wanted.columns.items():
        if name in actual.columns and actual.columns[name] != kind:
            yield f"its column {name} is {actual.columns[name]}, not {kind}"


def family(text: str) -> str:
    """Return a table engine with its parameters, without replication: its paths and names are quoted."""
    plain = re.sub(r"'[^']*'", "", text)
    parts = re.match(r"(?:Replicated|Shared)?(\w*)(?:\(((?:[^()]|\([^()]*\))*)\))?", plain)
    name, parameters = parts.groups() if parts else (plain, "")
    own = (parameters or "").strip(", ")
    return f"{name}({own})" if own else name


def unreplicated(text: str) -> str:
    """Return an ENGINE clause as that of a plain table: without replication, with the same keys and settings."""
    return re.sub(rf"^(?:{'|'.join(_REPLICATION)})(\w*MergeTree)(?:(\(){_QUOTED}, {_QUOTED}(?:, )?)?", r"\1\2", text)


def _key(text: str) -> str:
    """Return a key in one spelling: ``tuple()`` and no key are '', a tuple of columns loses its parentheses."""
    bare = re.sub(r"[\s`]", "", text)
    if bare == "tuple()":
        return ""
    return re.sub(r"^\(([\w,]*)\)$", r"\1", bare).replace(",", ", ")


def _type(text: str) -> str:
    return re.sub(r"LowCardinality\((\w+)\)", r"\1", text)
