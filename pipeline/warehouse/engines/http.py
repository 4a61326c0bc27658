"""A ClickHouse server over HTTP or HTTPS, with the client of the standard library, which Luigi imports anyway.

- A statement and the rows of an insert are the body of a POST. No setting is sent but those of `with_settings`.
- A body is gzip without compression. ClickHouse 18.16 runs the beginning of a statement if the rest does not arrive;
  the missing end of gzip makes that an error.
- An answer must come from ClickHouse, end as HTTP says, and be Native data to its last byte, not rows and an error.
"""

import base64
import contextlib
import io
import itertools
import os
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from multiprocessing.connection import wait as wait_for
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from pipeline.core.errors import TerminalError, WarehouseError
from pipeline.core.process import once
from pipeline.warehouse.engines import native, probe, raw
from pipeline.warehouse.engines.base import as_rows, refusal, take_turn
from pipeline.warehouse.engines.conversion import Columns, unchanged
from pipeline.warehouse.engines.remote import RemoteEngine

_T = TypeVar("_T")
_PIECE_BYTES, _TAIL_BYTES = 1 << 17, 1 << 16
_SYNTAX_ERROR = 62
_MARK = b"__exception__\r\n"  # newer servers write it around an error that is behind rows
_KEPT_SECONDS = 1.0  # a connection waits this long for the next statement, less than servers wait to close it


@dataclass(frozen=True)
class HttpEngine(RemoteEngine):
    """A ClickHouse server of version 18.16 or newer, by its HTTP interface.

    Parameters
    ----------
    url : str
        ``https://host[:port][/path]``, or http. Without a port it is 443, or 80.
    user, password : str
        Credentials, sent as headers. No message and no repr contains the password.
    ca_certs : str
        A file with your own certificate authority; empty means the system's.
    connect_timeout_seconds, query_timeout_seconds : float
        How long to wait for a connection, and for the next part of an answer.
    settings : mapping
        ClickHouse's settings for every statement.
    """

    url: str
    user: str = "default"
    password: str = field(default="", repr=False)
    ca_certs: str = ""
    connect_timeout_seconds: float = 10
    query_timeout_seconds: float = field(default=300, compare=False)
    settings: Mapping[str, int | str] = field(default_factory=dict, compare=False)

    @property
    def place(self) -> str:
        """The server's URL."""
        return self.url

    @property
    def address(self) -> tuple[str, int, bool]:
        """Host and port of the server, and whether it uses TLS."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), parts.scheme == "https"

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._answered(sql) as answer:
            return [row for block in answer.blocks(native.blocks) for row in as_rows(block.columns)]

    def _execute(self, sql: str, turn: str) -> None:
        take_turn(lambda: self._run(sql, query_id=turn), self.query_timeout_seconds)

    def _insert(self, table: str, blocks: Sequence[Columns]) -> None:
        types = {name: kind for name, kind, *_ in self._query(f"DESCRIBE TABLE {table}")}
        rows = raw.encoded(table, types, blocks)
        self._run(f"INSERT INTO {table} ({', '.join(blocks[0])}) FORMAT Native\n", rows)

    def _run(self, sql: str, rows: Iterable[bytes] = (), query_id: str = "") -> None:
        """Run a statement that may not be repeated: on a new connection, as one that waited may be about to break."""
        with self._answered(sql, rows, is_new=True, query_id=query_id) as answer:
            list(answer.blocks(raw.blocks))

    def _stream(self, sql: str) -> Generator[raw.RawBlock, None, None]:
        with self._answered(sql, wait=False) as answer:
            yield from answer.blocks(raw.blocks)

    def _dump(self, sql: str, format: str) -> Generator[bytes, None, None]:
        from pipeline.warehouse.engines.formats import formatted_blocks

        with self._answered(sql, wait=False) as answer:
            blocks = answer.blocks(partial(native.blocks, convert=unchanged))
            first = list(itertools.islice(blocks, 1))
            try:  # Native data name no zones, and without rows no columns
                types = [(name, kind) for name, kind, *_ in self._query(f"DESCRIBE TABLE (\n{sql}\n)")]
            except TerminalError as error:
                if error.code != _SYNTAX_ERROR:
                    raise
                types = [column for block in first for column in zip(block.names, block.types, strict=True)]
            zone = str(self._query("SELECT timezone()")[0][0]) if "DateTime" in str(types) else ""
            yield from formatted_blocks(format, types, zone, itertools.chain(first, blocks))

    @contextlib.contextmanager
    def _answered(
        self, sql: str, rows: Iterable[bytes] = (), *, wait: bool = True, is_new: bool = False, query_id: str = ""
    ) -> Iterator["_Answer"]:
        """Send a statement and yield its answer; with `wait` the server begins it when the statement has run."""
        options = {"default_format": "Native", "wait_end_of_query": "1" if wait else "", "query_id": query_id}
        mine = self, self.query_timeout_seconds, os.getpid(), threading.get_ident()
        connection = _waiting().pop(mine, None)
        is_late = connection is None or time.monotonic() - connection.free_since > _KEPT_SECONDS
        if connection is None or is_new or is_late or wait_for([connection.sock], 0):
            connection = _Connection(self)  # the other one is closed, or has something that nobody asked for
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            with contextlib.closing(self._sent(connection, [sql.encode(), *rows], options)) as response:
                answer = _Answer(self, response)
                yield answer
            if answer.is_over and connection.sock is not None:
                stack.pop_all()
                connection.free_since = time.monotonic()
                _waiting()[mine] = connection

    def _sent(self, connection: "_Connection", body: list[bytes], options: Mapping[str, str]) -> HTTPResponse:
        envelope = zlib.compressobj(0, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        data = [*map(envelope.compress, body), envelope.flush()]
        headers = {"Content-Encoding": b"gzip", "Content-Length": b"%d" % sum(map(len, data)), **self._login()}
        path = quote(urlsplit(self.url).path, safe="/%:@!$&'()*+,;=~") or "/"
        query = urlencode({**self.settings, **{name: value for name, value in options.items() if value}})
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who refuses a body may not read it all
                connection.request("POST", f"{path}?{query}", data, headers)
            return connection.getresponse()
        except (HTTPException, OSError) as error:
            if connection.free_since and not isinstance(error, TimeoutError):
                connection.close()  # the server had closed it; what may not run twice has a new one
                connection.free_since = 0.0
                return self._sent(connection, body, options)
            raise probe.broken(self, error, is_begun=False) from None

    def _login(self) -> Mapping[str, bytes]:
        """Return user and password as headers. ClickHouse's own cannot have white space at an end, or a line's end."""
        user, password = self.user.encode(), self.password.encode()
        if re.search(rb"^\s|\s$|[\r\n]", password):
            return {"Authorization": b"Basic " + base64.b64encode(user + b":" + password)}
        return {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}


class _Answer:
    """An answer: its blocks, and the certainty that all of them are there."""

    def __init__(self, engine: HttpEngine, response: HTTPResponse) -> None:
        self._engine, self._response, self._headers = engine, response, response.headers
        self._count, self._tail, self._pieces, self.is_over = 0, b"", self._read(), False
        engine.remember_server(self._headers.get("X-ClickHouse-Server-Display-Name", ""))
        self._is_clickhouse = any(name.lower().startswith("x-clickhouse-") for name in self._headers)
        if response.status == 200 and self._is_clickhouse and "X-ClickHouse-Exception-Code" not in self._headers:
            is_plain = self._headers.get("Content-Encoding", "identity") == "identity"
            if is_plain and (response.chunked or response.length is not None):
                return
            raise TerminalError(f"{engine.place}: a proxy there compresses answers, or cuts off the mark of their end.")
        while self._count < _TAIL_BYTES and next(self._pieces, b""):
            pass
        raise self._refusal(self._tail) or probe.stranger(engine, response, self._tail)

    def blocks(self, parse: Callable[[Iterator[bytes]], Iterator[_T]]) -> Iterator[_T]:
        """Yield the blocks; raise if not all are there."""
        try:
            yield from parse(self._pieces)
        except native.NotNativeError as error:
            for _ in self._pieces:
                pass  # an error of ClickHouse is at the end
            rest = self._tail[error.offset - self._count :]
            raise self._refusal(rest) or TerminalError(f"{self._engine.place}: {error}: {rest[:200]!r}") from None

    def _read(self) -> Iterator[bytes]:
        try:
            while piece := self._response.read1(_PIECE_BYTES):
                self._count += len(piece)
                self._tail = (self._tail + piece)[-_TAIL_BYTES:]
                yield piece
            tag = self._headers.get("X-ClickHouse-Exception-Tag")
            if self._response.length or (tag and self._tail.endswith(f"{tag}\r\n".encode() + _MARK)):
                raise IncompleteRead(b"")
        except (HTTPException, OSError) as error:
            refused = self._refusal(self._tail) if _MARK in self._tail else None
            raise refused or probe.broken(self._engine, error) from None
        self.is_over = True

    def _refusal(self, data: bytes) -> WarehouseError | None:
        """Return the error of ClickHouse that an answer ends with."""
        text = (data.partition(_MARK)[2] or data).decode("utf-8", "replace")
        found = (re.search if self._is_clickhouse else re.match)(r"\s*Code: (\d+)[.,] (?s:.*)", text)
        code = self._headers.get("X-ClickHouse-Exception-Code") or (found and found[1])
        return refusal(self._engine.place, int(code), found[0] if found else text) if code else None


class _WholeLines(io.BufferedReader):
    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise IncompleteRead(line)
        return line


class _WholeResponse(HTTPResponse):
    """Refuses a line without its end; to the standard library it is the end of the headers, or of the data."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = _WholeLines(self.fp.detach())


class _Connection(HTTPConnection):
    response_class = _WholeResponse
    free_since = 0.0

    def __init__(self, engine: HttpEngine) -> None:
        super().__init__(*engine.address[:2], timeout=engine.connect_timeout_seconds)
        self._engine = engine

    def connect(self) -> None:
        try:
            super().connect()
            if self._engine.address[2]:
                self.sock = probe.secured(self.sock, self.host, self._engine.ca_certs)
        except OSError as error:
            raise probe.no_connection(self._engine, error) from None
        self.sock.settimeout(self._engine.query_timeout_seconds)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a statement may be silent for minutes

    def __del__(self) -> None:
        self.close()


@once
def _waiting() -> dict[tuple[HttpEngine, float, int, int], _Connection]:
    """The connections that wait for the next statement, by engine, time-out, process and thread."""
    return {}
