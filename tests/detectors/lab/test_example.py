"""The example runs and draws."""

import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.detectors.lab.example import METRICS

ROOT = Path(__file__).parents[3]


def test_the_example_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.detectors.lab.example", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "[alerts]\ndetector = " in run.stdout
    assert any(name in run.stdout for name in METRICS)
    assert "report.html" in {path.name for path in tmp_path.iterdir()}
    for name in ("tradeoff", "series"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 10
