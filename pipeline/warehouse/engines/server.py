"""A ClickHouse server, over its native protocol."""

import contextlib
import itertools
import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import TerminalError, TransientError
from pipeline.core.process import once
from pipeline.core.settings.checking import NATIVE_PORTS
from pipeline.warehouse.engines import probe, raw
from pipeline.warehouse.engines.base import NotReachedError, SilentError, as_rows, refusal, take_turn
from pipeline.warehouse.engines.conversion import Columns, read, written_columns
from pipeline.warehouse.engines.remote import RemoteEngine

if TYPE_CHECKING:
    from clickhouse_driver import Client

_STREAM_ROWS = 65_536


# A process stays with the host that answered first. Luigi's workers are forked from that process, so a run writes its
# markers and its rows to ONE server. The next run may fail over.
@once
def _reached() -> dict["ServerEngine", tuple[str, int]]:
    """The host and port that answered, by engine."""
    return {}


@dataclass(frozen=True)
class ServerEngine(RemoteEngine):
    """A ClickHouse server of version 18.16 or newer.

    Parameters
    ----------
    host, port : str, int
        Where its native protocol answers (9000; 9440 with TLS).
    user, password : str
        Credentials. No message and no repr contains the password.
    secure : bool
        Use TLS and verify the certificate.
    ca_certs : str
        A file with your own certificate authority; empty means the system's.
    alt_hosts : str
        More hosts, ``host:port,host:port``, to try if the first does not answer. A process stays with the host that
        answered first.
    connect_timeout_seconds, query_timeout_seconds : float
        How long to wait for a connection, and for the next packet of a running statement.
    settings : mapping
        ClickHouse's settings for every statement.
    """

    host: str = "localhost"
    port: int = 9000
    user: str = "default"
    password: str = field(default="", repr=False)
    secure: bool = False
    ca_certs: str = ""
    alt_hosts: str = ""
    connect_timeout_seconds: float = 10
    query_timeout_seconds: float = field(default=300, compare=False)
    settings: Mapping[str, int | str] = field(default_factory=dict, compare=False)

    @property
    def place(self) -> str:
        """The server's host:port."""
        host, port = self._address
        return f"{host}:{port}"

    @property
    def _address(self) -> tuple[str, int]:
        return _reached().get(self, (self.host, self.port))

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connected() as client:
            columns, types = client.execute(sql, columnar=True, with_column_types=True)
        return as_rows([read(kind, values) for (_, kind), values in zip(types, columns, strict=False)])

    def _execute(self, sql: str, turn: str) -> None:
        def run() -> None:
            with self._connected() as client:
                client.execute(sql, query_id=turn or None)

        take_turn(run, self.query_timeout_seconds)

    def _insert(self, table: str, blocks: Sequence[Columns]) -> None:
        sql = f"INSERT INTO {table} ({', '.join(blocks[0])}) VALUES"
        with self._connected() as client:
            types = {name: kind for name, kind, *_ in client.execute(f"DESCRIBE TABLE {table}")}
            fitting = [block for columns in blocks if (block := raw.fitting(types, columns))]
            if len(fitting) == len(blocks):
                raw.send(client, sql, fitting)
                return
            for columns in blocks:
                client.execute(sql, written_columns(table, types, columns), columnar=True)

    def _stream(self, sql: str) -> Generator[raw.RawBlock, None, None]:
        with self._connected() as client:
            yield from raw.receive(client, sql)

    def _dump(self, sql: str, format: str) -> Generator[bytes, None, None]:
        from pipeline.warehouse.engines.formats import formatted

        with self._connected(utc=False) as client:
            types, chunks = self._chunks(client, sql)
            yield from formatted(format, types, (row for rows in chunks for row in rows))

    def _chunks(self, client: "Client", sql: str) -> tuple[list[tuple[str, str]], Iterator[list[tuple[Any, ...]]]]:
        """Return the columns of a result, and its rows in chunks as they arrive."""
        rows = client.execute_iter(sql, with_column_types=True)
        types: list[tuple[str, str]] = next(rows, [])
        return types, iter(lambda: list(itertools.islice(rows, _STREAM_ROWS)), [])

    @contextlib.contextmanager
    def _connected(self, *, utc: bool = True) -> Iterator["Client"]:
        """Open a connection for one statement and turn the driver's errors into ours.

        With `utc` a DateTime without a zone is read as naive UTC, otherwise as local time of the server.
        """
        from clickhouse_driver import errors

        client = self._client()
        try:
            self._connect(client)
            if utc:
                client.connection.server_info.timezone = "Etc/UTC"
            try:
                yield client
            except errors.ServerException as error:
                raise refusal(self.place, error.code, error.message) from None
            except TimeoutError:
                raise SilentError(
                    f"{self.place}: no answer for {self.query_timeout_seconds:g} s (query_timeout_seconds)"
                ) from None
            except (errors.NetworkError, errors.SocketTimeoutError, OSError, EOFError) as error:
                raise TransientError(f"{self.place}: the connection broke during a statement: {error}") from None
            except errors.Error as error:
                raise TerminalError(f"{self.place}: {error.message or type(error).__name__}", error.code or 0) from None
        finally:
            client.disconnect()

    def _client(self) -> "Client":
        from clickhouse_driver import Client

        # The driver logs a traceback for errors that we raise anyway.
        logging.getLogger("clickhouse_driver.connection").setLevel(logging.ERROR)
        if self.ca_certs and not Path(self.ca_certs).is_file():
            raise TerminalError(f"{self.ca_certs}: no such file; check the setting `ca_certs`")
        host, port = self._address
        return Client(
            host,
            port=port,
            user=self.user,
            password=self.password,
            secure=self.secure,
            ca_certs=self.ca_certs or None,
            alt_hosts=None if self in _reached() else self.alt_hosts or None,
            connect_timeout=self.connect_timeout_seconds,
            send_receive_timeout=self.connect_timeout_seconds,  # `_connect` then sets the time-out of statements
            client_name="feedpulse",
            settings=dict(self.settings),
        )

    def _connect(self, client: "Client") -> None:
        from clickhouse_driver import errors

        try:
            client.connection.connect()
        except errors.ServerException as error:
            raise refusal(self.place, error.code, error.message) from None
        except errors.UnexpectedPacketFromServerError:
            raise TerminalError(
                f"{self.place}: something answers there, but not in ClickHouse's native protocol.\n"
                f"{self._remedy() or NATIVE_PORTS}"
            ) from None
        except (errors.NetworkError, errors.SocketTimeoutError, OSError, EOFError) as error:
            reason = str(getattr(error, "message", None) or error)
            reason = reason.removesuffix(f"({self.place})").strip() or "the connection was closed or is silent"
            wrong_port = self._remedy()
            if wrong_port or "SSL" in reason or "certificate" in reason:
                remedy = wrong_port or probe.certificate_remedy(*self._address, reason)
                raise TerminalError(f"{self.place}: {reason}\n{remedy}") from None
            remedy = f"Start it, or correct `host`, `port` and `secure`. {NATIVE_PORTS}"
            if self in _reached():
                remedy = "This run began there and stays with it; the next run tries `alt_hosts` too."
            raise NotReachedError(f"{self.place}: no ClickHouse server answers: {reason}.\n{remedy}") from None
        if self.alt_hosts:
            _reached()[self] = (client.connection.host, client.connection.port)
        self.remember_server(client.connection.server_info.display_name)
        client.connection.socket.settimeout(self.query_timeout_seconds)

    def _remedy(self) -> str:
        return probe.remedy(*self._address, secure=self.secure)
