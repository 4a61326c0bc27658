"""Projects on both engines over the same events."""

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
