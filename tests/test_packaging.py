"""The source distribution and what is installed from it are complete, and describe themselves."""

import re
import shutil
import subprocess
import sys
import tarfile
from email.message import Message
from email.parser import Parser
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import pipeline
from tests.documents import DOCUMENTS, ROOT

PACKAGES = ("detectors", "pipeline", "reporting")
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc")
needs_setuptools = pytest.mark.skipif(find_spec("setuptools") is None, reason="needs setuptools")


def files(folder: Path) -> set[str]:
    """The files of the packages in a folder."""
    found = (path for name in PACKAGES for path in (folder / name).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found if "__pycache__" not in path.parts}


def setup(folder: Path, *command: str) -> None:
    """Run setup.py of a folder."""
    subprocess.run([sys.executable, "setup.py", "-q", *command], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, extracted from its source distribution."""
    folder = tmp_path_factory.mktemp("packaging")
    (folder / "copy").mkdir()
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copy(path, folder / "copy")
    for name in (*PACKAGES, "docs", "tests"):
        shutil.copytree(ROOT / name, folder / "copy" / name, ignore=NOT_SOURCE)
    setup(folder / "copy", "sdist", "--dist-dir", str(folder))
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def metadata(source: Path) -> Message:
    """What the source distribution says of itself."""
    return Parser().parsestr((source / "PKG-INFO").read_text(encoding="utf-8"))


@needs_setuptools
def test_the_source_distribution_is_complete(source: Path) -> None:
    assert files(source) == files(ROOT)
    for name in (*DOCUMENTS, "CHANGELOG.md", "LICENSE", "Makefile", "luigi.cfg", "pyproject.toml", "docs/alert.png"):
        assert (source / name).read_bytes() == (ROOT / name).read_bytes()
    assert (source / "tests" / "test_packaging.py").exists()


@needs_setuptools
def test_what_is_installed_from_it_is_complete(source: Path, tmp_path: Path) -> None:
    setup(source, "build", "--build-base", str(tmp_path))
    assert files(tmp_path / "lib") == files(ROOT)


@needs_setuptools
def test_it_describes_itself(metadata: Message) -> None:
    assert metadata["Summary"]
    assert metadata["Keywords"]
    assert metadata["License"] == "MIT"
    assert "## On your data in 10 minutes" in str(metadata.get_payload() or metadata["Description"])
    classifiers = metadata.get_all("Classifier", [])
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)} <= set(classifiers)
    assert not metadata.get_all("Home-page", []) + metadata.get_all("Project-URL", [])
    assert {"embedded", "lab", "fast", "holidays", "all", "dev"} <= set(metadata.get_all("Provides-Extra", []))


@needs_setuptools
def test_pythons_that_luigi_does_not_allow_are_refused(metadata: Message) -> None:
    allowed = SpecifierSet(metadata["Requires-Python"])
    versions = {f"3.{minor}": f"3.{minor}.1" in allowed for minor in range(10, 16)}
    assert [version for version, is_allowed in versions.items() if is_allowed] == ["3.11", "3.12", "3.13"]


@needs_setuptools
def test_the_version_is_told_once(metadata: Message) -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert metadata["Version"] == pipeline.__version__ == newest[1]


@pytest.mark.parametrize(
    ("program", "missing"),
    [
        ("from detectors.__main__ import main; print(main(['score', '--detector', 'sigma', 'FILE.csv']))", "pandas"),
        ("from pipeline.commands.main import main; print(main(['detectors', 'compare', 'FILE.csv']))", "pandas"),
        ("import detectors; detectors.create('stl')", "statsmodels"),
    ],
)
def test_without_the_extra_lab_the_remedy_is_said(program: str, missing: str, tmp_path: Path) -> None:
    (tmp_path / "FILE.csv").write_text("timestamp,value\n2026-01-01,1\n2026-01-02,2\n")
    hidden = "import sys; sys.modules['pandas'] = sys.modules['statsmodels'] = None; "
    run = subprocess.run(
        [sys.executable, "-c", hidden + program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(rf"{missing}.*: pip install 'feedpulse\[lab\]'", run.stderr.splitlines()[-1])
    assert ("Traceback" in run.stderr) == (missing == "statsmodels")  # the library raises, the commands print
