"""The rights that statements need, and the GRANTs that give them.

`of` derives the rights of a statement from its verb, by ClickHouse's documentation of GRANT. `reader` and `writer` list
everything that feedpulse runs needs; a test holds that no statement needs more. `feedpulse doctor --grants` prints
them.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.core.errors import TerminalError

SELECT = "SELECT"
INSERT = "INSERT"
CREATE_TABLE = "CREATE TABLE"
DROP_TABLE = "DROP TABLE"
ADD_COLUMN = "ALTER ADD COLUMN"
DELETE = "ALTER DELETE"
CREATE_DATABASE = "CREATE DATABASE"
CREATE_VIEW = "CREATE VIEW"
DROP_VIEW = "DROP VIEW"
SYNC_REPLICA = "SYSTEM SYNC REPLICA"
DROP_DATABASE = "DROP DATABASE"

NEEDED = (SELECT, INSERT, CREATE_TABLE, DROP_TABLE, ADD_COLUMN)
"""What every run does in the database of the warehouse."""

PARTS = "system.parts"
REPLICAS = "system.replicas"

OPEN_TABLES = ("system.columns", "system.databases", "system.one", "system.settings", "system.tables")
"""The system tables that every user may read; each shows a user what concerns it."""

WITHOUT_DELETE = "Without ALTER DELETE a day can be loaded once, not again, and old rows stay."
WITHOUT_PARTS = "Without system.parts a load does not wait until replaced rows are removed from the disk."
WITHOUT_VIEWS = "For the views alert_history and deliveries_now, which nothing of feedpulse reads."

WITHOUT_REPLICAS = "For replicated tables. Without it a server that has just started may be trusted too early."

_NAME = r"([\w.{}]+)"
# Each verb, with the rights that it needs on the table or database that it names.
_VERBS = tuple(
    (re.compile(pattern.replace("NAME", _NAME), re.IGNORECASE), privileges)
    for pattern, privileges in (
        (r"\bINSERT INTO NAME", (INSERT,)),
        (r"^CREATE TABLE (?:IF NOT EXISTS )?NAME", (CREATE_TABLE,)),
        (r"^CREATE VIEW (?:IF NOT EXISTS )?NAME", (CREATE_VIEW,)),
        (r"^CREATE DATABASE (?:IF NOT EXISTS )?NAME", (CREATE_DATABASE,)),
        (r"^DROP TABLE (?:IF EXISTS )?NAME", (DROP_TABLE,)),
        (r"^DROP DATABASE (?:IF EXISTS )?NAME", (DROP_DATABASE,)),
        (r"^ALTER TABLE NAME ADD COLUMN", (ADD_COLUMN,)),
        (r"^ALTER TABLE NAME DROP PARTITION", (DELETE,)),
        (r"^ALTER TABLE NAME REPLACE PARTITION", (INSERT, DELETE)),
        (r"(?:\bFROM|(?<!ARRAY )\bJOIN) NAME", (SELECT,)),
        (r"^DESCRIBE TABLE NAME", (SELECT,)),
        (r"^SYSTEM SYNC REPLICA NAME", (SYNC_REPLICA,)),
    )
)
_FREE = re.compile(r"(SELECT|CHECK GRANT|SHOW GRANTS)\b", re.IGNORECASE)


class Right(NamedTuple):
    """A right on a table (``database.table``) or a database (``database.*``)."""

    privilege: str
    place: str


class Grant(NamedTuple):
    """A GRANT that a user needs."""

    privileges: tuple[str, ...]
    place: str
    optional: str = ""
    """When it is needed, or what is lost without it; '' if every run needs it."""

    def to(self, user: str) -> str:
        """Return the statement."""
        return f"GRANT {', '.join(self.privileges)} ON {self.place} TO {quoted(user)};"


def of(sql: str) -> set[Right]:
    """Return the rights that a statement needs.

    Parameters
    ----------
    sql : str
        A statement, or the template of one: a hole stands for its table.

    Raises
    ------
    TerminalError
        The verb is not in the list above: add it, with its right.
    """
    text = " ".join(sql.split())
    rights = {
        Right(privilege, f"{match[1]}.*" if privilege.endswith("DATABASE") else match[1])
        for pattern, privileges in _VERBS
        for match in pattern.finditer(text)
        for privilege in privileges
    }
    if not any(pattern.match(text) for pattern, _ in _VERBS) and not _FREE.match(text):
        raise TerminalError(
            f"no right is known for the statement {text[:60]!r}: add it to pipeline/warehouse/rights.py"
        )
    return rights


def reader(tables: Iterable[str]) -> list[Grant]:
    """Return what the user of the source needs.

    Parameters
    ----------
    tables : iterable of str
        The event tables, ``database.table``.
    """
    return [Grant((SELECT,), table) for table in tables]


def writer(database: str) -> list[Grant]:
    """Return what the user of the warehouse needs.

    Parameters
    ----------
    database : str
        ``[warehouse] database``.
    """
    place = f"{database}.*"
    return [
        Grant(NEEDED, place),
        Grant((DELETE,), place, WITHOUT_DELETE),
        Grant((SELECT,), PARTS, WITHOUT_PARTS),
        Grant((CREATE_VIEW, DROP_VIEW), place, WITHOUT_VIEWS),
        Grant((CREATE_DATABASE,), place, f"For the first run, if the database {database} does not exist."),
        Grant((SYNC_REPLICA,), place, "For replicated tables. With [warehouse] cluster also GRANT CLUSTER ON *.*"),
        Grant((SELECT,), REPLICAS, WITHOUT_REPLICAS),
    ]


def narrow_writer(database: str, beginnings: Iterable[str]) -> list[Grant]:
    """Return what replaces the grants on the whole database, where GRANT knows the beginnings of names.

    Parameters
    ----------
    database : str
        ``[warehouse] database``.
    beginnings : iterable of str
        What our tables begin with: ``[warehouse] prefix`` and ``[etl] table``.
    """
    places = [f"{database}.{beginning}*" for beginning in beginnings]
    return [
        Grant(privileges, place) for place in places for privileges in (NEEDED, (DELETE,), (CREATE_VIEW, DROP_VIEW))
    ]


def covers(grants: Sequence[Grant], right: Right) -> bool:
    """Whether one of the grants gives a right, or every user has it."""
    if right.place in OPEN_TABLES and right.privilege == SELECT:
        return True
    database = right.place.split(".")[0]
    return any(
        right.privilege in grant.privileges and grant.place in (right.place, f"{database}.*") for grant in grants
    )


def missing(text: str) -> str:
    """Return the GRANT that ClickHouse's error 497 asks for; '' if its text names none.

    Parameters
    ----------
    text : str
        Such as ``ann: Not enough privileges. To execute this query, it's necessary to have the grant INSERT ON a.b``.
    """
    place = r"[\w*`]+(?:\.[\w*`]+)*"
    found = re.search(
        r"(?:(?P<user>[^\s:]+): )?Not enough privileges\. .* have (?:the )?grant "
        rf"(?P<all>.+? ON {place})(?:\. \(Missing permissions: (?P<some>.+? ON {place})\))?",
        text,
    )
    if found is None:
        return ""
    right = re.sub(r"\([^()]*\)", "", found["some"] or found["all"])  # without columns
    return f"GRANT {right} TO {found['user'] or 'USER'};"


def quoted(user: str) -> str:
    """Return a user's name as SQL needs it."""
    if re.fullmatch(r"[A-Za-z_]\w*", user, re.ASCII):
        return user
    escaped = user.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
