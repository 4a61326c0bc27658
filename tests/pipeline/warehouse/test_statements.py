"""Statements from files: placeholders are filled with checked identifiers and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import TerminalError
from pipeline.warehouse.statements import Fragment, check_identifier, statement


def test_a_hole_is_filled_and_leading_comments_are_gone() -> None:
    assert statement("create_database", database="test") == "CREATE DATABASE IF NOT EXISTS test"
    assert statement("create_daily_totals", table="test.daily_totals").startswith(
        "CREATE TABLE IF NOT EXISTS test.daily_totals ("
    )


@pytest.mark.parametrize("filling", [{}, {"database": "a", "table": "b"}, {"tables": "a"}])
def test_holes_and_arguments_must_be_the_same(filling: dict[str, str]) -> None:
    with pytest.raises(TerminalError, match="database"):
        statement("create_database", **filling)


def test_an_unknown_statement_is_named() -> None:
    with pytest.raises(TerminalError, match="no_such"):
        statement("no_such")


@pytest.mark.parametrize("text", ["", "a b", "a;b", "a.b.c", "1a", "a-b", "`a`", "a\n", "a.", ".a", "таблица", "a--"])
def test_an_invalid_identifier_is_refused(text: str) -> None:
    with pytest.raises(TerminalError, match="cannot be the name"):
        statement("create_database", database=text)


@given(st.text())
def test_only_plain_names_are_identifiers(text: str) -> None:
    parts = text.split(".")
    plain = len(parts) <= 2 and all(part.isidentifier() and part.isascii() for part in parts)
    try:
        check_identifier(text)
    except TerminalError:
        assert not plain
    else:
        assert plain


def test_our_own_expressions_pass_unchecked() -> None:
    assert statement("create_database", database=Fragment("a, b")) == "CREATE DATABASE IF NOT EXISTS a, b"
    with pytest.raises(TerminalError):
        check_identifier("a.b", qualified=False)
