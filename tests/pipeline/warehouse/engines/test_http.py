"""A server by HTTP and HTTPS: its address, its proxies, and what is no whole answer."""

import pytest

from pipeline.core import settings
from pipeline.warehouse import connections
from pipeline.warehouse.engines import HttpEngine
from tests.pipeline.configuration import configured


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://ch.example", ("ch.example", 80, False)),
        ("https://ch.example", ("ch.example", 443, True)),
        ("HTTPS://CH.example:8443/clickhouse/", ("ch.example", 8443, True)),
        ("http://[::1]:8123/a/b%%20c", ("::1", 8123, False)),
    ],
)
def test_urls_of_servers(url: str, address: tuple[str, int, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDPULSE_SOURCE_PASSWORD", "word")
    with configured(source={"engine": "http", "url": url, "user": "anna"}):
        settings.check()
        engine = connections.source()
    assert isinstance(engine, HttpEngine)
    assert (engine.address, engine.user, engine.password) == (address, "anna", "word")
