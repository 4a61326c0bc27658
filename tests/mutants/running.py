"""Runs the tests of mutants in a copy of the project; the working tree is never changed."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNNER = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=1")
_LEFT_OUT = (".*", "__pycache__", "*.egg-info", "build", "docs", "var")


class UselessTestsError(Exception):
    """The tests of a module fail without a mutation, or pass with any content of the module."""


class Trial:
    """A module in a copy of the project, and its tests."""

    def __init__(self, root: Path, module: str, tests: Sequence[str]) -> None:
        self._root, self._module, self._tests = root, root / module, tests
        self.limit: float | None = None
        began = time.monotonic()
        if self._is_noticed(os.environ):
            raise UselessTestsError(f"{module}: its tests fail on the unchanged module: {' '.join(tests)}")
        # An endless loop counts as detected; slowness of a busy machine must not.
        self.limit = 30 + 5 * (time.monotonic() - began)
        if not self.notices("1 / 0\n"):
            raise UselessTestsError(f"{module}: its tests do not import it: {' '.join(tests)}")

    def notices(self, source: str) -> bool:
        """Return whether a test fails with this source of the module."""
        original = self._module.with_suffix(".original")
        self._module.rename(original)
        try:
            self._module.write_text(source, encoding="utf-8")
            # No bytecode is written: Python could take it for that of the next mutant.
            return self._is_noticed(os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
        finally:
            original.replace(self._module)

    def _is_noticed(self, environment: Mapping[str, str]) -> bool:
        try:
            run = subprocess.run(
                [sys.executable, *RUNNER, *self._tests],
                cwd=self._root,
                env={**environment, "PYTHONPATH": str(self._root)},
                timeout=self.limit,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return True
        return run.returncode != 0


@contextmanager
def copied(root: Path = ROOT) -> Iterator[Path]:
    """Copy the project to a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        copy = Path(directory, "project")
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        yield copy
