"""The page "write your own" and the notebook are tried from their own text."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from detectors.registry import forget

DOCS = Path(__file__).parents[2] / "docs" / "detectors"
BLOCK = re.compile(r"^```python(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Another working directory, from which modules can be imported; no window for pictures."""
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("calm_band", None)
    forget("calm_band")


@pytest.mark.usefixtures("_place")
def test_write_your_own_from_its_own_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    blocks = BLOCK.findall((DOCS / "write_your_own.md").read_text(encoding="utf-8"))
    assert len(blocks) == 4
    for file, text in blocks:
        if file:
            (tmp_path / file).write_text(text, encoding="utf-8")
        else:
            exec(compile(text, "write_your_own.md", "exec"), names)
    found = names["bounds"].is_anomaly
    assert found[names["example"].labels].any()
    assert "calm_band" in capsys.readouterr().out
    assert (tmp_path / "calm_band.png").stat().st_size > 10_000


@pytest.mark.usefixtures("_place")
def test_the_notebook_runs() -> None:
    notebook = json.loads((DOCS / "notebook.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 6
    for number, cell in enumerate(cells):
        assert not cell["outputs"]  # each reader makes them anew
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert names["estimator"].predict(names["newest"]).min() == -1
    assert not names["comparison"].to_frame().empty
