"""Dependencies point one way: pipeline -> detectors, pipeline -> reporting."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "detectors": {"pipeline", "reporting", "luigi", "clickhouse_driver", "chdb", "telebot"},
    "reporting": {"pipeline", "detectors", "luigi", "clickhouse_driver", "chdb"},
}


def imported(package: str) -> Iterator[tuple[str, str]]:
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            yield from ((str(path.relative_to(ROOT)), name.split(".")[0]) for name in names)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_library_knows_nothing_above_it(package: str) -> None:
    found = list(imported(package))
    assert len(found) > 20
    assert [(path, name) for path, name in found if name in FORBIDDEN[package]] == []


@pytest.mark.parametrize(
    "module", ["incidents/incident", "incidents/lifecycle", "incidents/policy", "detection/checks"]
)
def test_decisions_have_no_input_or_output(module: str) -> None:
    tree = ast.parse((ROOT / "pipeline/alerts" / f"{module}.py").read_text(encoding="utf-8"))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not names & {
        "pipeline.warehouse.tables",
        "pipeline.warehouse.connections",
        "pipeline.warehouse.engines",
        "pipeline.warehouse.delivery_log",
    }


def test_only_the_embedded_engines_owner_imports_chdb() -> None:
    assert {path for path, name in imported("pipeline") if name == "chdb"} == {"pipeline/warehouse/engines/owner.py"}


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
    # Asking an engine what a table looks like belongs to the engine; the demo prints a statement to try.
    assert [item for item in offenders if item[0] not in ("server.py", "embedded.py", "native.py", "summary.py")] == []
