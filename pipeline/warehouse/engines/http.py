"""A ClickHouse server over HTTP or HTTPS, with the client of the standard library, which Luigi imports anyway.

- A statement, and the rows of an insert, are the body of a POST. The URL has no setting but those of `with_settings`:
  a server refuses any setting of a user who may only read.
- A body is gzip without compression. ClickHouse 18.16 runs a statement of which only the beginning arrives; the
  missing end of gzip makes that an error.
- An answer counts if it comes from ClickHouse, ends as HTTP says, and is Native data to its last byte. A cut is an
  error, and so is an error of ClickHouse behind the rows of a stream.
"""

import base64
import contextlib
import io
import itertools
import os
import re
import select
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from pipeline.core.errors import TerminalError, TransientError, WarehouseError
from pipeline.core.process import once
from pipeline.warehouse.engines import native, probe, raw
from pipeline.warehouse.engines.base import Engine, as_rows, refusal, take_turn
from pipeline.warehouse.engines.conversion import Columns, in_zone, read, unchanged

_T = TypeVar("_T")
_PIECE_BYTES = 1 << 17
_TAIL_BYTES = 1 << 16
_SYNTAX_ERROR = 62
_MARK = b"__exception__\r\n"
"""What newer servers write around an error that is behind rows."""
_KEPT_SECONDS = 1.0
"""How long a connection waits for the next statement: less than servers wait before they close it."""


@dataclass(frozen=True)
class HttpEngine(Engine):
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

    is_server = True

    @property
    def servers(self) -> frozenset[str]:
        """The names of the servers that have answered this process: more than one behind a balancer."""
        return frozenset(_servers().get(self, ()))

    def with_settings(self, **settings: int | str) -> Self:
        """Return this engine with more settings."""
        return replace(self, settings={**self.settings, **settings})

    def within(self, seconds: float) -> Self:
        """Return this engine with a shorter time-out of statements."""
        return replace(self, query_timeout_seconds=min(seconds, self.query_timeout_seconds))

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
            return [row for block in answer.blocks() for row in as_rows(block.columns)]

    def _execute(self, sql: str, turn: str) -> None:
        take_turn(lambda: self._run(sql, query_id=turn), self.query_timeout_seconds)

    def _insert(self, table: str, blocks: Sequence[Columns]) -> None:
        types = {name: kind for name, kind, *_ in self._query(f"DESCRIBE TABLE {table}")}
        rows = raw.encoded(table, types, blocks)
        self._run(f"INSERT INTO {table} ({', '.join(blocks[0])}) FORMAT Native\n", rows)

    def _run(self, sql: str, rows: Iterable[bytes] = (), query_id: str = "") -> None:
        """Run a statement that may not be repeated: on a new connection, as one that waited may be about to break."""
        with self._answered(sql, rows, is_new=True, query_id=query_id) as answer:
            for _ in answer.blocks():
                pass

    def _stream(self, sql: str) -> Generator[raw.RawBlock, None, None]:
        with self._answered(sql, wait=False) as answer:
            yield from answer.raw_blocks()

    def _dump(self, sql: str, format: str) -> Generator[bytes, None, None]:
        from pipeline.warehouse.engines.formats import formatted

        with self._answered(sql, wait=False) as answer:
            blocks = answer.blocks(unchanged)
            first = list(itertools.islice(blocks, 1))
            try:  # Native data name no zones, and without rows no columns
                types = [(name, kind) for name, kind, *_ in self._query(f"DESCRIBE TABLE (\n{sql}\n)")]
            except TerminalError as error:
                if error.code != _SYNTAX_ERROR:
                    raise
                types = [column for block in first for column in zip(block.names, block.types, strict=True)]
            zone = str(self._query("SELECT timezone()")[0][0]) if "DateTime" in str(types) else ""
            columns = (
                [in_zone(kind, values, zone) for (_, kind), values in zip(types, block.columns, strict=True)]
                for block in itertools.chain(first, blocks)
            )
            yield from formatted(format, types, (row for block in columns for row in as_rows(block)))

    @contextlib.contextmanager
    def _answered(
        self, sql: str, rows: Iterable[bytes] = (), *, wait: bool = True, is_new: bool = False, query_id: str = ""
    ) -> Iterator["_Answer"]:
        """Send a statement and yield its answer; with `wait` the server begins it when the statement has run."""
        settings = {name: str(value) for name, value in self.settings.items()}
        options = {
            **settings,
            "default_format": "Native",
            "wait_end_of_query": "1" if wait else "",
            "query_id": query_id,
        }
        mine = self, os.getpid(), threading.get_ident()
        since, connection = _waiting().pop(mine, (0.0, None))
        is_late = time.monotonic() - since > _KEPT_SECONDS
        if connection is None or is_new or is_late or select.select([connection.sock], [], [], 0)[0]:
            connection = self._connected()
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            answer = _Answer(self, self._sent(connection, [sql.encode(), *rows], options))
            yield answer
            if answer.is_over and connection.sock is not None:
                stack.pop_all()
                _waiting()[mine] = time.monotonic(), connection

    def _connected(self) -> "_Connection":
        host, port, is_secure = self.address
        connection = _Connection(host, port, timeout=self.connect_timeout_seconds)
        try:
            connection.connect()
            if is_secure:
                connection.sock = _trusting(self.ca_certs).wrap_socket(connection.sock, server_hostname=host)
        except OSError as error:
            raise probe.no_connection(self.place, self.address, error) from None
        connection.sock.settimeout(self.query_timeout_seconds)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a statement may be silent for minutes
        return connection

    def _sent(self, connection: "_Connection", body: list[bytes], options: Mapping[str, str]) -> HTTPResponse:
        envelope = zlib.compressobj(0, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        data = [*map(envelope.compress, body), envelope.flush()]
        headers = {"Content-Encoding": b"gzip", "Content-Length": b"%d" % sum(map(len, data)), **self._login()}
        path = quote(urlsplit(self.url).path, safe="/%:@!$&'()*+,;=~") or "/"
        query = urlencode({name: value for name, value in options.items() if value})
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who refuses a body may not read it all
                connection.request("POST", f"{path}?{query}", data, headers)
            return connection.getresponse()
        except (HTTPException, OSError) as error:
            raise probe.no_http(self.place, self.address, error) or self.broken(error) from None

    def _login(self) -> Mapping[str, bytes]:
        """Return user and password as headers. ClickHouse's own cannot have white space at an end, or a line's end."""
        user, password = self.user.encode(), self.password.encode()
        if re.search(rb"^\s|\s$|[\r\n]", password):
            return {"Authorization": b"Basic " + base64.b64encode(user + b":" + password)}
        return {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}

    def broken(self, error: Exception) -> TransientError:
        """Return the error of a connection that broke during a statement."""
        if isinstance(error, TimeoutError):
            seconds = f"{self.query_timeout_seconds:g}"
            return TransientError(f"{self.place}: no answer for {seconds} s (query_timeout_seconds)")
        return TransientError(f"{self.place}: the connection broke during a statement: {error}")


class _Answer:
    """An answer: its blocks, and the certainty that all of them are there."""

    def __init__(self, engine: HttpEngine, response: HTTPResponse) -> None:
        self._engine, self._response, self._headers = engine, response, response.headers
        self._count, self._tail, self._pieces = 0, b"", self._read()
        _servers().setdefault(engine, set()).update(self._headers.get_all("X-ClickHouse-Server-Display-Name", ()))
        self._is_clickhouse = any(name.lower().startswith("x-clickhouse-") for name in self._headers)
        if response.status == 200 and self._is_clickhouse and "X-ClickHouse-Exception-Code" not in self._headers:
            is_plain = self._headers.get("Content-Encoding", "identity") == "identity"
            if is_plain and (response.chunked or response.length is not None):
                return
            raise TerminalError(f"{engine.place}: a proxy there compresses answers, or cuts off the mark of their end.")
        while self._count < _TAIL_BYTES and next(self._pieces, b""):
            pass
        raise self._refusal(self._tail) or probe.stranger(engine.place, engine.address, response, self._tail)

    @property
    def is_over(self) -> bool:
        """Whether it was read to its end."""
        return self._response.isclosed()

    def blocks(self, convert: native.Convert = read) -> Iterator[native.Block]:
        """Yield the blocks; raise if not all are there."""
        return self._whole(native.blocks(self._pieces, convert))

    def raw_blocks(self) -> Iterator[raw.RawBlock]:
        """Yield the blocks undecoded; raise if not all are there."""
        return self._whole(raw.blocks(self._pieces))

    def _whole(self, blocks: Iterator[_T]) -> Iterator[_T]:
        try:
            yield from blocks
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
            if self._response.length:
                raise IncompleteRead(b"", self._response.length)
        except (HTTPException, OSError) as error:
            raise (self._refusal(self._tail) if _MARK in self._tail else None) or self._engine.broken(error) from None
        tag = self._headers.get("X-ClickHouse-Exception-Tag", "")
        if tag and self._tail.endswith(f"{tag}\r\n".encode() + _MARK):
            raise self._refusal(self._tail) or TerminalError(f"{self._engine.place}: an error is behind the rows")
        self._response.close()

    def _refusal(self, data: bytes) -> WarehouseError | None:
        """Return the error of ClickHouse that an answer ends with."""
        text = (data.partition(_MARK)[2] or data).decode("utf-8", "replace")
        found = (re.search if self._is_clickhouse else re.match)(r"\s*Code: (\d+)[.,] ", text)
        code = self._headers.get("X-ClickHouse-Exception-Code") or (found and found[1])
        return refusal(self._engine.place, int(code), text[found.start() if found else 0 :]) if code else None


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

    def __del__(self) -> None:
        self.close()


@once
def _servers() -> dict[HttpEngine, set[str]]:
    """The names of the servers that answered, by engine."""
    return {}


@once
def _waiting() -> dict[tuple[HttpEngine, int, int], tuple[float, _Connection]]:
    """The connections that wait for the next statement, and since when: by engine, process and thread."""
    return {}


@once
def _trusting(ca_certs: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_certs or None)
    except OSError as error:
        raise TerminalError(f"{ca_certs}: {error.strerror or 'no certificate in it'}; check `ca_certs`") from None
