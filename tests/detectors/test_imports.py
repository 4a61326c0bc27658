from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib.util import find_spec

import pytest

HAS_NUMBA = find_spec("numba") is not None
needs_numba = pytest.mark.skipif(not HAS_NUMBA, reason="numba is not installed (extra: fast)")


@cache
def loaded_by(program: str) -> frozenset[str]:
    run = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(run.stdout.split())


def test_detectors_stand_alone() -> None:
    everything = (
        "import pkgutil, importlib, detectors\n"
        "for module in pkgutil.walk_packages(detectors.__path__, 'detectors.'):\n"
        f"    if module.name != 'detectors.kernels' or {HAS_NUMBA}:\n"
        "        importlib.import_module(module.name)\n"
        "detectors.create('stl', period=4).detect([1.0, 2, 3, 4] * 8)"
    )
    loaded = {name.partition(".")[0] for name in loaded_by(everything)}
    assert not loaded & {"luigi", "clickhouse_driver", "chdb", "telebot", "pipeline", "reporting"}


@pytest.mark.parametrize(
    "program",
    [
        "import detectors",
        "import detectors; detectors.create('ensemble').detect_last([1.0] * 3000)",
        "import detectors; detectors.create('mad').detect([[1.0] * 3000] * 6)",
    ],
)
def test_import_is_light(program: str) -> None:
    # Cron starts a new process every 15 minutes.
    loaded = loaded_by(program) - loaded_by("import numpy, dataclasses")
    heavy = {"pandas", "scipy", "statsmodels", "matplotlib", "numba", "llvmlite"}
    assert not {name for name in loaded if name.partition(".")[0] in heavy or name.startswith("importlib.metadata")}
    methods = {name for name in loaded if name.startswith("detectors.methods")}
    assert bool(methods) == ("create" in program)


@pytest.mark.parametrize("hidden", [pytest.param("", marks=needs_numba), "sys.modules['numba'] = None"])
def test_a_large_batch_uses_numba_if_it_is_installed(hidden: str) -> None:
    batch = "detectors.create('mad', period=4, window=3).detect([[1.0, 2.0] * 1500] * 100)"
    loaded = loaded_by(f"import sys, detectors\n{hidden}\nassert not {batch}.is_anomaly.any()")
    assert ("llvmlite" in loaded) == (not hidden)


@needs_numba
def test_compiles_without_a_writable_cache() -> None:
    # A read-only installation and a user without a home directory: numba then refuses to cache.
    program = (
        "import numba.core.caching as caching, numpy as np\n"
        "caching.CacheImpl._locator_classes = []\n"
        "from detectors.kernels import score_band\n"
        "score = np.empty(1)\n"
        "score_band(np.array([3.0]), np.array([1.0]), np.array([0.0]), np.array([2.0]), score)\n"
        "assert score[0] == 2"
    )
    assert "detectors.kernels" in loaded_by(program)
