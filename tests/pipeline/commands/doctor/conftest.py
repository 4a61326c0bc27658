"""Set-ups with events on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.warehouse.engines import Engine, ServerEngine
from tests.pipeline.commands.doctor.place import Place, fill


@pytest.fixture
def place(
    warehouse: Engine,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Place]:
    """A set-up in which all is well; the test runs on both engines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    fill(warehouse, database)
    made = Place(tmp_path, warehouse, database, capsys)
    yield made
    warehouse.execute(f"DROP DATABASE IF EXISTS {made.results}", idempotent=True)


@pytest.fixture
def on_server(
    server_warehouse: ServerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    """A set-up in which all is well, on the server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    made = Place(tmp_path, server_warehouse, "doctor_events", capsys)
    fill(server_warehouse, made.database)
    yield made
    for name in (made.database, made.results):
        server_warehouse.execute(f"DROP DATABASE IF EXISTS {name}", idempotent=True)
