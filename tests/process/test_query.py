"""``feedpulse query``, the command that queries either engine."""

import json

import pytest

from tests.patience import HANGS_SECONDS
from tests.process.conftest import MakeProject
from tests.process.project import SOURCE_DATABASE, Project

QUESTION = (
    "SELECT os, action, count() AS events, min(time) AS first, round(avg(age), 3) AS age, 'a\\tb\\\\' AS hostile "
    f"FROM {SOURCE_DATABASE}.feed_actions GROUP BY os, action ORDER BY os, action"
)


def query(project: Project, *arguments: str) -> str:
    finished = project.run("feedpulse", "query", *arguments)
    assert finished.code == 0, finished.log
    assert finished.errors == ""
    return finished.output


def test_both_engines_print_the_same(new_project: MakeProject) -> None:
    embedded, server = (query(new_project(engine), QUESTION) for engine in ("embedded", "server"))
    assert embedded == server
    rows = [line.split("\t") for line in embedded.splitlines()]
    assert [row[:2] for row in rows] == [[os, action] for os in ("Android", "iOS") for action in ("like", "view")]
    assert {row[5] for row in rows} == {"a\\tb\\\\"}


def test_formats(project: Project) -> None:
    assert query(project, "--format", "CSVWithNames", "SELECT 'x' AS a, 7 AS b") == '"a","b"\n"x",7\n'
    lines = query(project, "--format", "JSONEachRow", "SELECT number FROM numbers(2)").splitlines()
    assert [int(json.loads(line)["number"]) for line in lines] == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("SELEC 1",), "SELEC"),
        (("SELECT nothing_of_this_name",), "nothing_of_this_name"),
        (("SELECT * FROM no_such_table",), "no_such_table"),
        (("--format", "Papyrus", "SELECT 1"), "Papyrus"),
    ],
)
def test_a_mistake_is_a_line_or_two(project: Project, arguments: tuple[str, ...], says: str) -> None:
    finished = project.run("feedpulse", "query", *arguments)
    assert finished.code == 1
    assert finished.output == ""
    assert says in finished.errors
    assert len(finished.errors.splitlines()) <= 2
    assert "Traceback" not in finished.errors


def test_an_unreadable_setting_is_a_line(project: Project) -> None:
    project.configure(warehouse={"connect_timeout_seconds": "soon"})
    finished = project.run("feedpulse", "query", "SELECT 1")
    assert finished.code == 1
    assert len(finished.errors.splitlines()) == 1
    assert "[warehouse] connect_timeout_seconds" in finished.errors


def test_a_reader_that_has_enough(project: Project) -> None:
    process = project.start("feedpulse", "query", "SELECT number FROM numbers(2000000)")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "0\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(timeout=HANGS_SECONDS)
    assert process.returncode == 0
