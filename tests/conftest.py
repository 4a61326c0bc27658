"""Fixtures of both real engines, for all tests."""

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pipeline.core.process import reset
from pipeline.warehouse.engines import EmbeddedEngine, Engine, HttpEngine, ServerEngine
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.http_facade import Facade

# No test depends on the speed of the machine. A failure prints the decorator that repeats it.
settings.register_profile("feedpulse", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("feedpulse")


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A running server; tests that kill or stop one start their own."""
    with ClickHouseServer(tmp_path_factory.mktemp("clickhouse") / "server") as server:
        yield server
        reset()  # a server that stops waits for connections by HTTP that are kept


@pytest.fixture(scope="session")
def server_warehouse(clickhouse_server: ClickHouseServer) -> ServerEngine:
    """The session's server, as a warehouse."""
    return ServerEngine(host=clickhouse_server.host, port=clickhouse_server.port)


@pytest.fixture(scope="session")
def http_warehouse(clickhouse_server: ClickHouseServer) -> HttpEngine:
    """The session's server by HTTP, as a warehouse."""
    return HttpEngine(f"http://{clickhouse_server.host}:{clickhouse_server.http_port}")


@pytest.fixture(scope="session")
def embedded_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    """One embedded directory for the session; its owner process is ended afterwards."""
    warehouse = EmbeddedEngine(str(tmp_path_factory.mktemp("embedded") / "warehouse"))
    yield warehouse
    end_owner(warehouse)


@pytest.fixture(scope="session")
def facade_warehouse(embedded_warehouse: EmbeddedEngine) -> Iterator[HttpEngine]:
    """The embedded directory by HTTP, as a new server answers."""
    with Facade(embedded_warehouse) as facade:
        yield HttpEngine(facade.url)
        reset()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a test that is marked `one_engine` on the other engines in `make test-all` only."""
    for item in items:
        marker = item.get_closest_marker("one_engine")
        params = getattr(item, "callspec").params if marker and hasattr(item, "callspec") else {}  # noqa: B009
        engines = {params[name] for name in ("warehouse", "engine") if name in params}
        if marker and engines - {marker.args[0]}:
            item.add_marker(pytest.mark.long)


@pytest.fixture(params=["embedded", "server"])
def warehouse(request: pytest.FixtureRequest) -> Engine:
    """The engine; a test with this fixture runs on both."""
    engine = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(engine, Engine)
    return engine


@pytest.fixture
def database(warehouse: Engine) -> Iterator[str]:
    """A fresh database of `warehouse`, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    warehouse.execute(f"CREATE DATABASE {name}")
    yield name
    warehouse.execute(f"DROP DATABASE IF EXISTS {name}", idempotent=True)


def owners(warehouse: EmbeddedEngine) -> list[int]:
    """Return the processes that own the directory of an embedded warehouse (there should be one at most)."""
    processes = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = path.read_bytes().split(b"\0")
            if any(part.endswith(b"owner.py") for part in arguments) and os.fsencode(warehouse.path) in arguments:
                processes.append(int(path.parent.name))
    return processes


def end_owner(warehouse: EmbeddedEngine) -> None:
    """Kill (SIGKILL) the owner of an embedded warehouse and wait until it is gone."""
    while running := owners(warehouse):
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)
