"""Checks of rights, asked of the server: nothing is written, and what is missing is a GRANT to copy."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

from pipeline.commands.doctor.connection import has_database, is_made
from pipeline.commands.doctor.report import note, of_error, ok, wrong
from pipeline.core import settings
from pipeline.core.dimensions import DAILY
from pipeline.core.errors import TerminalError
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.warehouse import connections, rights, scratch
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.source import table_name
from pipeline.warehouse.source.columns import quoted
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import TABLES, full_name
from reporting.channels.base import Finding

NEEDED = (*rights.NEEDED, rights.DELETE)
"""What runs do in the database of the warehouse; the last one is that of REPLACE PARTITION and DROP PARTITION."""

_PARENTS = {
    "CREATE TABLE": ("CREATE",),
    "CREATE DATABASE": ("CREATE",),
    "DROP TABLE": ("DROP",),
    "ALTER ADD COLUMN": ("ALTER COLUMN", "ALTER TABLE", "ALTER"),
    "ALTER DELETE": ("ALTER TABLE", "ALTER"),
}
"""The rights that include another one, by ClickHouse's documentation of GRANT."""

_SYNTAX_ERROR = 62
_UNKNOWN_TABLE = 60
_UNKNOWN_DATABASE = 81
NO_ACCESS = 291
_DENIED = (NO_ACCESS, 497)
SHOWN_DATABASES = 3


def warehouse() -> Iterator[Finding]:
    """Check the rights that runs need in the database of the warehouse."""
    engine = connections.warehouse()
    if not is_made(engine):
        return
    database = settings.WarehouseSettings().database
    exists = has_database(engine, database)
    if forbidding := [name for (name,) in engine.query(statement("doctor_forbidding"))]:
        yield wrong(
            f"warehouse: the user of {engine.place} may only read: its profile sets {' and '.join(forbidding)}",
            "Set [warehouse] user to one that may write, or [warehouse] engine = embedded: results on this machine.",
        )
        return
    wanted = list(NEEDED) if exists else [*NEEDED, "CREATE DATABASE"]
    missing, unsure = _missing(engine, database, wanted)
    if unsure and (refused := _not_let_in(engine, database)):
        yield refused
        return
    if missing:
        text = f"warehouse: this user may not {', '.join(missing)} in the database {database}"
        grant = rights.Grant(tuple(missing), f"{database}.*").to(engine.user)
        if missing == [rights.DELETE]:
            yield note(f"{text}. {rights.WITHOUT_DELETE}", grant)
        else:
            yield note(f"{text}, unless a role has it", f"--write tries it.\n{grant}") if unsure else wrong(text, grant)
            return
    yield from _parts(engine)
    made = "exists" if exists else "does not exist yet; the first run makes it"
    yield ok(f"warehouse: the database {database} {made}; this user may write there" + (_UNASKED if unsure else ""))


def _parts(engine: Engine) -> Iterator[Finding]:
    """Say if the user may not read system.parts."""
    try:
        engine.query(statement("doctor_read_nothing", columns=Fragment("1"), table=rights.PARTS))
    except TerminalError as error:
        if error.code not in _DENIED:
            raise
        grant = rights.Grant((rights.SELECT,), rights.PARTS).to(engine.user)
        yield note(f"warehouse: this user may not read {rights.PARTS}. {rights.WITHOUT_PARTS}", grant)


_UNASKED = ", as far as it can be asked of this version: --write tries it"


def _not_let_in(engine: Engine, database: str) -> Finding | None:
    """Return why the user may not use the database at all, by reading a table that need not exist."""
    try:
        engine.query(statement("doctor_read_nothing", columns=Fragment("1"), table=f"{database}.feedpulse_doctor"))
    except TerminalError as error:
        if error.code == NO_ACCESS:
            return of_error(error, "warehouse: ")
    return None


def source() -> Iterator[Finding]:
    """Check that the source's tables exist and can be read, by reading no row of them."""
    engine, section, theirs = connections.source(), settings.SourceSettings(), settings.source_columns()
    events = {FEED: ["user_id", "action", "time"], MESSAGES: ["user_id", "time"]}
    for kind, columns in events.items():
        name, needed = f"{section.database}.{table_name(kind)}", [*columns, *(item.column for item in DAILY)]
        named = [quoted(theirs[kind, column]) if (kind, column) in theirs else column for column in needed]
        try:
            engine.query(statement("doctor_read_nothing", columns=Fragment(", ".join(named)), table=name))
        except TerminalError as error:
            if finding := _unreadable(engine, name, error):
                yield finding
                return
    yield ok(f"source: this user may read {section.database}.{section.feed_table} and {section.message_table}")


def _unreadable(engine: Engine, name: str, error: TerminalError) -> Finding | None:
    """Return why a table of the source cannot be read; None if that is not about rights or names."""
    database, table = name.split(".")
    if error.code in _DENIED:
        return wrong(f"source: this user may not read {name}", rights.Grant((rights.SELECT,), name).to(engine.user))
    if error.code == _UNKNOWN_DATABASE:
        remedy = where_events_are(engine) or "Set [source] database to the one that has the events."
        return wrong(f"[source] database = {database}: there is no such database", remedy)
    if error.code == _UNKNOWN_TABLE:
        names = ", ".join(found for (found,) in engine.query(statement("doctor_tables"), {"database": database}))
        remedy = where_events_are(engine) or f"The database {database} has {names or 'no table'}: correct [source]."
        setting = "feed_table" if table == settings.SourceSettings().feed_table else "message_table"
        return wrong(f"[source] {setting} = {table}: there is no such table in the database {database}", remedy)
    return None


def where_events_are(engine: Engine, but: str = "") -> str:
    """Return which databases have tables with the names of the source's; '' if none that the user may see.

    Those whose names are most like the configured one come first.
    """
    section = settings.SourceSettings()
    wanted = {section.feed_table, section.message_table}
    rows = engine.query(statement("doctor_databases_with"), {"tables": tuple(wanted)})
    found = {name: tables for name, tables in rows if len(tables) == len(wanted) and name != but}
    nearest = sorted(found, key=lambda name: -_likeness(name, section.database))[:SHOWN_DATABASES]
    return "\n".join(f"Set [source] database: {name} has {' and '.join(sorted(found[name]))}." for name in nearest)


def _likeness(name: str, wanted: str) -> float:
    return difflib.SequenceMatcher(None, name.lower(), wanted.lower()).ratio()


def granted(grants: Iterable[str], database: str) -> set[str]:
    """Return which of the rights SHOW GRANTS gives in all of a database, with those that they include."""
    given: set[str] = set()
    for line in grants:
        grant = re.match(r"GRANT (?P<rights>.+) ON (?P<place>\S+) TO ", line.replace("`", ""))
        if grant and grant["place"] in ("*.*", f"{database}.*"):
            given |= {right.strip() for right in grant["rights"].split(",")}
    everything = {"ALL", "ALL PRIVILEGES"} & given
    rights = {*NEEDED, *_PARENTS}
    return {right for right in rights if everything or {right, *_PARENTS.get(right, ())} & given}


def _missing(engine: Engine, database: str, wanted: Sequence[str]) -> tuple[list[str], bool]:
    """Return the rights that are missing, and whether that is unsure: by CHECK GRANT, else SHOW GRANTS."""
    try:
        return [right for right in wanted if not _has(engine, right, database)], False
    except TerminalError as error:
        if error.code != _SYNTAX_ERROR:
            raise
    try:
        lines = [line for (line,) in engine.query(statement("doctor_show_grants"))]
    except TerminalError:  # before version 20 there are no grants
        return [], True
    given = granted(lines, database)
    missing = [right for right in wanted if right not in given]
    return missing, any(" ON " not in line for line in lines)


def _has(engine: Engine, right: str, database: str) -> bool:
    """Whether the user has a right in the whole database, or else on every table of ours, scratch tables included."""
    if _is_granted(engine, right, f"{database}.*"):
        return True
    if right == "CREATE DATABASE":
        return False
    names = [full_name(table) for table in TABLES]
    return all(_is_granted(engine, right, name) for own in names for name in (own, scratch.new_name(own)))


def _is_granted(engine: Engine, right: str, place: str) -> bool:
    ((answer,),) = engine.query(statement("doctor_check_grant", privilege=Fragment(right), place=Fragment(place)))
    return bool(answer)
