"""The contract of engines is held by each of them."""

import pytest

from pipeline.warehouse.engines import Engine


@pytest.fixture(params=["embedded", "server", "http", "facade"])
def warehouse(request: pytest.FixtureRequest) -> Engine:
    """The engine; a test with this fixture runs on all of them."""
    engine = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(engine, Engine)
    return engine
