"""docs/architecture.md is true: the picture agrees with the contracts, and every path that it names exists.

`make lint` checks the contracts themselves.
"""

import ast
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.documents import script

ROOT = Path(__file__).parents[1]
MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = sorted(
    path.parent for name in ("pipeline", "detectors", "reporting") for path in ROOT.glob(f"{name}/**/__init__.py")
)


@pytest.fixture(scope="module")
def rooms() -> ModuleType:
    return script("rooms")


def test_the_picture_is_that_of_the_contracts(rooms: ModuleType) -> None:
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.draw(), "run: python docs/rooms.py"


def test_the_contracts_know_every_room(rooms: ModuleType) -> None:
    drawn = {room for row in rooms.layers("rooms") for room in row}
    there = {path.name for path in (ROOT / "pipeline").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert drawn == there


def test_a_room_has_few_entries_and_says_its_purpose() -> None:
    first_level = {path.name for path in (ROOT / "pipeline").iterdir()} - {"__init__.py", "__pycache__"}
    assert len(first_level) <= 9
    assert len(PACKAGES) > 15
    for package in PACKAGES:
        text = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
        assert text, f"{package.relative_to(ROOT)} does not say what it is for"


def test_every_place_that_the_map_names_is_there() -> None:
    named = set(re.findall(r"`((?:pipeline|reporting|detectors|tests)/[\w/.]*)`", MAP))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_no_python_file_is_longer_than_400_lines() -> None:
    files = [
        path for package in ("pipeline", "detectors", "reporting", "tests") for path in (ROOT / package).rglob("*.py")
    ]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert len(lengths) > 200
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_sql_lives_in_files() -> None:
    """No statement is written in Python: only .sql files say SELECT ... FROM or INSERT INTO."""
    offenders = []
    for path in (ROOT / "pipeline").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documentation = {
            node.body[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation:
                text = node.value.upper()
                if ("SELECT" in text and " FROM " in text) or text.startswith(
                    ("INSERT INTO ", "ALTER TABLE ", "CREATE TABLE ")
                ):
                    offenders.append((path.name, node.value[:60]))
    # Exceptions: engines describe their tables, and the demo prints a statement to try.
    assert [item for item in offenders if item[0] not in ("server.py", "http.py", "embedded.py", "summary.py")] == []
