"""Which right each statement needs, and which GRANTs are printed for it."""

import pytest

from pipeline.core.errors import TerminalError
from pipeline.warehouse import rights, statements
from pipeline.warehouse.engines.base import refusal
from pipeline.warehouse.rights import Grant, Right

FILES = sorted(path for folder in statements.SQL_DIRECTORIES for path in folder.glob("*.sql"))
# Printed for people; a part of another statement; the end of the demo, which is embedded.
OTHERS = {"source_view", "look_back", "drop_database"}


@pytest.mark.parametrize("name", [path.stem for path in FILES if path.stem not in OTHERS])
def test_every_statement_needs_only_what_is_listed(name: str) -> None:
    needed = rights.of(statements.template(name))
    listed = {privilege for grant in rights.writer("ours") for privilege in grant.privileges}
    assert {right.privilege for right in needed} <= listed
    system = {right for right in needed if right.place.startswith("system.")}
    assert all(rights.covers(rights.writer("ours"), right) for right in system)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 FROM a.b AS e ALL LEFT JOIN c.d USING (k)", {("SELECT", "a.b"), ("SELECT", "c.d")}),
        ("SELECT x FROM (SELECT 1 AS one) ARRAY JOIN [1] AS x", set()),
        ("INSERT INTO a.b (x)\nSELECT x FROM c.d", {("INSERT", "a.b"), ("SELECT", "c.d")}),
        (
            "ALTER TABLE a.b REPLACE PARTITION '1' FROM a.c",
            {("INSERT", "a.b"), ("ALTER DELETE", "a.b"), ("SELECT", "a.c")},
        ),
        ("ALTER TABLE a.b DROP PARTITION ID 'x'", {("ALTER DELETE", "a.b")}),
        ("CREATE DATABASE IF NOT EXISTS a", {("CREATE DATABASE", "a.*")}),
    ],
)
def test_rights_of_a_statement(sql: str, expected: set[tuple[str, str]]) -> None:
    assert rights.of(sql) == expected


@pytest.mark.parametrize("sql", ["ALTER TABLE a.b UPDATE x = 1 WHERE 1", "TRUNCATE TABLE a.b", "KILL QUERY WHERE 1"])
def test_a_statement_without_a_known_right_is_refused(sql: str) -> None:
    with pytest.raises(TerminalError, match="no right is known"):
        rights.of(sql)


def test_what_a_grant_covers() -> None:
    grants = [Grant(("SELECT",), "a.*"), Grant(("INSERT",), "b.c")]
    assert rights.covers(grants, Right("SELECT", "a.x"))
    assert rights.covers(grants, Right("INSERT", "b.c"))
    assert rights.covers(grants, Right("SELECT", "system.tables"))
    assert not any(
        rights.covers(grants, Right(*right))
        for right in (("INSERT", "a.x"), ("INSERT", "b.d"), ("SELECT", "system.parts"), ("SELECT", "ab.x"))
    )


# The texts of 26.9, and of 18.16 for the codes that newer versions do not have.
DENIED = "Not enough privileges. To execute this query, it's necessary to have the grant"


@pytest.mark.parametrize(
    ("code", "text", "remedy"),
    [
        (497, f"ann: {DENIED} ALTER DELETE ON a.z. (ACCESS_DENIED)", "GRANT ALTER DELETE ON a.z TO ann;"),
        (
            497,
            f"ann: {DENIED} INSERT, ALTER DELETE ON a.z. (Missing permissions: ALTER DELETE ON a.z). (ACCESS_DENIED)",
            "GRANT ALTER DELETE ON a.z TO ann;",
        ),
        (497, f"{DENIED} INSERT(x, y) ON a.z", "GRANT INSERT ON a.z TO USER;"),
        (497, "ann has no right", "Grant this user the right that the error names; SHOW GRANTS lists its rights."),
        (291, "Access denied to database b", "This user may not use that database: set another `database`, or add it"),
        (164, "Cannot insert into table in readonly mode", "This user may only read"),
    ],
)
def test_an_error_names_the_missing_right(code: int, text: str, remedy: str) -> None:
    error = refusal("host:9000", code, f"DB::Exception: {text}")
    assert str(error).partition("\n")[2].startswith(remedy)


def test_odd_names_of_users() -> None:
    assert Grant(("SELECT",), "a.b").to("student-rw") == "GRANT SELECT ON a.b TO `student-rw`;"
    assert Grant(("SELECT",), "a.b").to("x`y") == r"GRANT SELECT ON a.b TO `x\`y`;"
