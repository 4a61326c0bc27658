"""What the package may import, and when: cron starts a process for every check."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import reporting

ROOT = Path(reporting.__file__).parent
EVERYTHING = "import reporting.daily, reporting.delivery, reporting.alerts, reporting.weekly, "
EVERYTHING += "reporting.channels.outbox, reporting.channels.telegram, reporting.texts.ru, sys; "


@pytest.mark.parametrize(
    "module", ["matplotlib", "telebot", "requests", "jinja2", "PIL", "pandas", "luigi", "pipeline", "detectors"]
)
def test_nothing_heavy_or_foreign_is_imported_before_it_is_needed(module: str) -> None:
    code = EVERYTHING + f"assert 'numpy' in sys.modules; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def test_no_module_imports_itself_through_others() -> None:
    modules = {module_of(path): path for path in ROOT.rglob("*.py")}
    imports: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                imported = {f"{node.module}.{alias.name}" for alias in node.names}
                imports[name] |= {module if module in modules else node.module for module in imported}
    assert imports["reporting.daily.picture"] >= {"reporting.plots", "reporting.daily.text", "reporting.message"}
    graphlib.TopologicalSorter(imports).prepare()  # a cycle raises CycleError
