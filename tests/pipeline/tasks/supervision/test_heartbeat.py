"""A dead man's check that does not answer fails nothing, and its address stays secret."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from pipeline.tasks.supervision import heartbeat

SECRET = "secret-of-this-check"


@pytest.fixture
def failing() -> Iterator[str]:
    """The address of a server that answers 501 to everything."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("{failing}", "HTTP 501"),
        ("file:///etc", "not an http(s) address"),
        ("http://127.0.0.1:1", "URLError"),
        ("http://user:pass@127.0.0.1:x", "InvalidURL"),
        ("http://127.0.0.1/a b", "InvalidURL"),
        ("https://", "URLError"),
    ],
)
def test_it_is_a_line_in_the_log(
    failing: str, url: str, says: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(heartbeat.VARIABLE, f"{url.format(failing=failing)}/{SECRET}")
    heartbeat.beat("Alerts")
    (record,) = caplog.records
    assert says in record.getMessage()
    assert SECRET not in caplog.text
    assert "pass" not in caplog.text
