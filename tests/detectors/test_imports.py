from __future__ import annotations

import subprocess
import sys

import pytest


def loaded_by(program: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


def test_detectors_stand_alone() -> None:
    everything = (
        "import pkgutil, importlib, detectors\n"
        "for module in pkgutil.walk_packages(detectors.__path__, 'detectors.'):\n"
        "    importlib.import_module(module.name)\n"
        "detectors.create('stl', period=4).detect([1.0, 2, 3, 4] * 8)"
    )
    loaded = {name.partition(".")[0] for name in loaded_by(everything)}
    assert not loaded & {"luigi", "clickhouse_driver", "chdb", "telebot", "pipeline", "reporting"}


@pytest.mark.parametrize(
    "program", ["import detectors", "import detectors; detectors.create('ensemble').detect_last([1.0] * 3000)"]
)
def test_import_is_light(program: str) -> None:
    # Cron starts a fresh process every quarter of an hour.
    loaded = loaded_by(program) - loaded_by("import numpy, dataclasses")
    heavy = {"pandas", "scipy", "statsmodels", "matplotlib", "importlib"}
    assert not {name for name in loaded if name.partition(".")[0] in heavy}
    methods = {name for name in loaded if name.startswith("detectors.methods")}
    assert bool(methods) == ("create" in program)
