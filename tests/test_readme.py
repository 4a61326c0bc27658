"""The README names every command, task and table."""

import re
from pathlib import Path

import luigi.task_register
import pytest

from pipeline import tasks
from pipeline.commands.main import COMMANDS
from pipeline.warehouse import tables

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", tables.TABLES)
def test_every_table_is_told(table: str) -> None:
    assert f"`{table}`" in README


@pytest.mark.parametrize("family", tasks.__all__)
def test_every_task_is_told(family: str) -> None:
    assert family in README
    assert luigi.task_register.Register.get_task_cls(family) is getattr(tasks, family)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_told(command: str) -> None:
    assert f".venv/bin/feedpulse {command}" in README


def test_there_is_one_way_to_run_anything_of_ours() -> None:
    assert not re.findall(r"python3? -m (?:pipeline|detectors)|luigi --module", README)


def test_the_two_commands_are_real() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= targets
    assert README.index("make demo") < README.index("make test") < README.index("\n## ")
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_link_inside_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#][^)]*)\)|src=\"([^\"]+)\"", README):
        path = "".join(target)
        if not path.startswith("http"):
            assert (ROOT / path).exists(), path
    headings = {
        re.sub(r"[^\w -]", "", line[3:]).strip().lower().replace(" ", "-")
        for line in README.splitlines()
        if line.startswith("## ")
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", README):
        assert anchor in headings, anchor
