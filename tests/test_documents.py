"""The documents tell of every command, task, table, verdict and exit code; their links and paths lead somewhere."""

import re
from configparser import ConfigParser
from pathlib import Path
from typing import get_args

import luigi.task_register
import pytest

from pipeline import tasks
from pipeline.alerts.detection.checks import Verdict
from pipeline.commands.main import COMMANDS, EXIT_CODES
from pipeline.warehouse import tables, views
from tests.documents import DOCUMENTS, EVERYTHING, ROOT, blocks, prose, section, spans

README = DOCUMENTS["README.md"]
FRONT_PAGE_LINES = 150
ROOMS = ("detectors", "pipeline", "reporting")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
PATH = re.compile(r"(?:pipeline|detectors|reporting|tests|docs)/[\w/]+\.\w+")


@pytest.mark.parametrize("table", [*tables.TABLES, *views.VIEWS])
def test_every_table_is_told(table: str) -> None:
    assert re.search(rf"^\| .*`{table}`.* \| .+ \|$", DOCUMENTS["docs/tables.md"], re.MULTILINE)


@pytest.mark.parametrize("family", tasks.__all__)
def test_every_task_is_told(family: str) -> None:
    assert f"`{family}`" in EVERYTHING
    assert luigi.task_register.Register.get_task_cls(family) is getattr(tasks, family)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_told(command: str) -> None:
    assert f".venv/bin/feedpulse {command}" in EVERYTHING


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_every_verdict_is_told(verdict: str) -> None:
    assert re.search(rf"^\| `{verdict}` \| .+ \|$", section("tables.md", "Verdicts"), re.MULTILINE)


def test_every_exit_code_is_told() -> None:
    luigi_cfg = ConfigParser()
    luigi_cfg.read(ROOT / "luigi.cfg")
    ends = {"0", "1", "2", *luigi_cfg["retcode"].values()}
    text = section("schedulers.md", "Exit codes")
    assert set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE)) == ends - {"1"}
    assert all(re.search(rf"\b{code}\b", text) and re.search(rf"\b{code}\b", EXIT_CODES) for code in ends)


def test_every_variable_of_the_environment_is_told() -> None:
    code = "".join(path.read_text(encoding="utf-8") for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    read = set(re.findall(r"FEEDPULSE_[A-Z]+_[A-Z]+", code))
    assert read == set(re.findall(r"^\| `(FEEDPULSE_\w+)` \| .+ \|$", DOCUMENTS["docs/setup.md"], re.MULTILINE))


def test_there_is_one_way_to_run_anything_of_ours() -> None:
    for name, text in DOCUMENTS.items():
        if not name.startswith(("docs/detectors/", "CONTRIBUTING")):  # there `detectors` is a library of its own
            assert not re.findall(r"python3? -m (?:pipeline|detectors)|luigi --module", text), name


def test_the_two_commands_are_real() -> None:
    assert {"demo", "test"} <= make_targets()
    assert README.index("make demo") < README.index("make test") < README.index("\n## ")
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_make_command_exists() -> None:
    lines = [*spans(EVERYTHING), *(line for block in blocks("sh") for line in block.splitlines())]
    named = {found for line in lines for found in re.findall(r"^make ([\w-]+)", line)}
    assert {"demo", "test", "lint"} <= named <= make_targets()


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "benchmarks").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_every_benchmark_is_told(path: Path) -> None:
    assert re.search(rf"python -m tests\.benchmarks\.{path.stem}\b", EVERYTHING)


def test_the_front_page_is_short() -> None:
    assert len(README.splitlines()) <= FRONT_PAGE_LINES


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    text = prose(DOCUMENTS[name])
    for found in LINK.findall(text):
        path, _, anchor = "".join(found).partition("#")
        if path.startswith(("http:", "https:")):
            continue
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), (path, anchor)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_of_code_exists(name: str) -> None:
    for span in spans(DOCUMENTS[name]):
        if PATH.fullmatch(span):
            assert (ROOT / span).exists() or "my_" in span, span


def test_every_page_is_in_the_list_of_pages() -> None:
    pages = {name for name in DOCUMENTS if name.startswith("docs/") and not name.endswith("README.md")}
    linked = {
        found[0]
        for text in (DOCUMENTS["docs/README.md"], DOCUMENTS["docs/detectors/README.md"])
        for found in LINK.findall(text)
    }
    assert {name.rpartition("/")[2] for name in pages} <= {path.rpartition("/")[2].partition("#")[0] for path in linked}


def make_targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    headings = HEADING.findall(prose(text))
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
