"""Projects on all engines over the same events."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.warehouse.engines import EmbeddedEngine, HttpEngine, ServerEngine
from tests.process.luigid import Luigid
from tests.process.project import Project, load_events, make_project
from tests.servers.clickhouse import ClickHouseServer

MakeProject = Callable[[str], Project]


@pytest.fixture(scope="session")
def embedded_events(embedded_warehouse: EmbeddedEngine) -> EmbeddedEngine:
    """The session's embedded engine, with events."""
    load_events(embedded_warehouse)
    return embedded_warehouse


@pytest.fixture(scope="session")
def server_events(server_warehouse: ServerEngine) -> ServerEngine:
    """The session's server, with events."""
    load_events(server_warehouse)
    return server_warehouse


@pytest.fixture(scope="session")
def http_events(server_events: ServerEngine, http_warehouse: HttpEngine) -> HttpEngine:
    """The session's server by HTTP, with events."""
    return http_warehouse


@pytest.fixture(scope="session")
def https_events(server_events: ServerEngine, clickhouse_server: ClickHouseServer) -> HttpEngine:
    """The session's server by HTTPS, with events."""
    authority = str(clickhouse_server.directory / "server.crt")
    return HttpEngine(f"https://localhost:{clickhouse_server.https_port}", ca_certs=authority)


@pytest.fixture(scope="session")
def facade_events(embedded_events: EmbeddedEngine, facade_warehouse: HttpEngine) -> HttpEngine:
    """The session's embedded engine as a new server, with events."""
    return facade_warehouse


@pytest.fixture(scope="session")
def new_project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MakeProject:
    """Return a function that makes a project on an engine, given its name."""

    def make(engine: str) -> Project:
        return make_project(tmp_path_factory.mktemp("project"), request.getfixturevalue(f"{engine}_events"))

    return make


@pytest.fixture(params=["embedded", "server"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine's name; a test with this fixture runs on both engines."""
    return str(request.param)


@pytest.fixture
def project(new_project: MakeProject, engine: str) -> Project:
    """A new project, on each engine."""
    return new_project(engine)


@pytest.fixture
def luigid(tmp_path: Path) -> Iterator[Luigid]:
    """A scheduler for one test: a shared one would regard tasks of another project as already done."""
    with Luigid(tmp_path) as scheduler:
        yield scheduler
