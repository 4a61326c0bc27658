"""The HTTP interface of a new ClickHouse, in front of the embedded engine.

The embedded engine runs the statements. What surrounds them is from ClickHouse's documentation of its HTTP interface
(25.11 and later), and was not compared with a server: the headers, the status, the block around an exception behind
rows (``__exception__``), and that the connection then ends without the end of the answer.
"""

import contextlib
import gzip
import re
import secrets
import threading
from collections.abc import Callable, Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from pipeline.core.errors import TerminalError, WarehouseError
from pipeline.warehouse.engines import EmbeddedEngine
from tests.servers.listening import Listening

_ALLOWED = {"default_format", "wait_end_of_query", "query_id"}
"""The parameters that a user who may only read may send, among those that an engine needs."""

_INSERT = " FORMAT Native"
"""Ends the statement of an insert; rows follow."""

Refusal = tuple[int, str]


class Facade(Listening):
    """Serves the embedded engine by HTTP; a context manager.

    Parameters
    ----------
    engine : EmbeddedEngine
        Runs the statements.
    passwords : dict
        The users.
    refuse : callable, optional
        Returns the code and the text of a refusal of (user, statement), None to run it.
    """

    def __init__(
        self,
        engine: EmbeddedEngine,
        passwords: dict[str, str] | None = None,
        refuse: Callable[[str, str], Refusal | None] = lambda user, sql: None,
    ) -> None:
        self.engine, self.passwords, self.refuse = engine, passwords or {"default": ""}, refuse
        self._running: set[str] = set()
        self._lock = threading.Lock()
        facade = self

        class Request(_Request):
            server_of = facade

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self._listener.daemon_threads = True

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    @contextlib.contextmanager
    def only_one(self, query_id: str) -> Iterator[None]:
        """Refuse the id of a running statement."""
        with self._lock:
            if query_id and query_id in self._running:
                raise TerminalError(f"Query with id = {query_id} is already running. (code 216)", 216)
            self._running.add(query_id)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(query_id)

    def answer(self, sql: str, body: bytes, *, wait: bool) -> Generator[bytes, None, None]:
        """Run a statement; yield its rows as Native data."""
        request = {"kind": "all" if wait else "stream", "sql": sql, "format": "Native"}
        data: list[bytes] = []
        if sql.endswith(_INSERT):
            request |= {"kind": "insert", "sql": sql.removesuffix(_INSERT)}
            data = [body, b""]
        return self.engine._ask(request, data)  # noqa: SLF001


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: Facade

    def do_POST(self) -> None:  # noqa: N802
        facade = self.server_of
        options = {name: value for name, (value,) in parse_qs(urlsplit(self.path).query).items()}
        data = self.rfile.read(int(self.headers["Content-Length"]))
        user = self.headers.get("X-ClickHouse-User", "default")
        try:
            if facade.passwords.get(user) != self.headers.get("X-ClickHouse-Key", ""):
                raise TerminalError(f"{user}: Authentication failed: password is incorrect. (code 516)", 516)
            if other := sorted(set(options) - _ALLOWED):
                raise TerminalError(f"Cannot modify '{other[0]}' setting in readonly mode. (code 164)", 164)
            text = gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data
            head, separator, body = text.partition(f"{_INSERT}\n".encode())
            sql = head.decode() + _INSERT * bool(separator)
            if refusal := facade.refuse(user, sql):
                raise TerminalError(f"{user}: {refusal[1]} (code {refusal[0]})", refusal[0])
            with facade.only_one(options.get("query_id", "")):
                wait = options.get("wait_end_of_query") == "1"
                self._send(facade.answer(sql, body, wait=wait), wait=wait)
        except EOFError:
            self._refuse("Code: 354. DB::Exception: inflate failed. (ZLIB_INFLATE_FAILED)", 354)
        except WarehouseError as error:
            self._refuse(*_said(error))

    def _send(self, pieces: Generator[bytes, None, None], *, wait: bool) -> None:
        """Send the rows; an error is the status if no row was sent before it."""
        first = b"".join(pieces) if wait else next(pieces, b"")
        tag = secrets.token_hex(8)
        self._begin(200, {"X-ClickHouse-Exception-Tag": tag, "X-ClickHouse-Format": "Native"})
        try:
            self._chunk(first)
            for piece in pieces:
                self._chunk(piece)
        except WarehouseError as error:
            text, _ = _said(error)
            mark = "\r\n__exception__\r\n"
            self._chunk(f"{mark}{tag}\r\n{text}\n{len(text.encode())} {tag}{mark}".encode())
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, text: str, code: int) -> None:
        self._begin({516: 403, 60: 404, 81: 404, 62: 400}.get(code, 500), {"X-ClickHouse-Exception-Code": str(code)})
        self._chunk(f"{text}\n".encode())
        self.wfile.write(b"0\r\n\r\n")

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        named = {"X-ClickHouse-Server-Display-Name": "facade", "X-ClickHouse-Timezone": "UTC"}
        for name, value in (named | {"Transfer-Encoding": "chunked"} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def _said(error: WarehouseError) -> tuple[str, int]:
    """Return what a server says of an error of the embedded engine, and its code."""
    found = re.search(r": (.*) \(code (\d+)\)", f": {error}", re.DOTALL)
    assert found is not None, error
    text = found[1].partition(": ")[2] or found[1]
    return f"Code: {found[2]}. DB::Exception: {text}. (NAME) (version 26.9.2.1)", int(found[2])
