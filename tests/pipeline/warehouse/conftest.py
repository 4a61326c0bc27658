"""A cluster for the tests of the warehouse."""

from collections.abc import Iterator

import pytest

from tests.servers.cluster import Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two servers and a ZooKeeper, for the tests of a file."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running
