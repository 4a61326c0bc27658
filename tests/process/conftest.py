"""Projects on both engines over one set of events."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.warehouse.engines import EmbeddedEngine, ServerEngine
from tests.process.luigid import Luigid
from tests.process.project import Project, load_events, make_project

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
def new_project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MakeProject:
    """Make projects, by the engine's name."""

    def make(engine: str) -> Project:
        return make_project(tmp_path_factory.mktemp("project"), request.getfixturevalue(f"{engine}_events"))

    return make


@pytest.fixture(params=["embedded", "server"])
def engine(request: pytest.FixtureRequest) -> str:
    """Every test that asks for it runs on both engines."""
    return str(request.param)


@pytest.fixture
def project(new_project: MakeProject, engine: str) -> Project:
    """A new project, on each engine."""
    return new_project(engine)


@pytest.fixture
def luigid(tmp_path: Path) -> Iterator[Luigid]:
    """A scheduler of the test's own: one that knows another project's tasks as done would run none of ours."""
    with Luigid(tmp_path) as scheduler:
        yield scheduler
