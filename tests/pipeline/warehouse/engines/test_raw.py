"""Blocks that pass from one engine to another undecoded: all types, all pairs of engines, and cuts at any byte."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pipeline.core.errors import TerminalError, TransientError
from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine, native, raw

# Name, type, and an expression of `number`; the first ones have the types of the table in which they are inserted.
COLUMNS = {
    "u8": ("UInt8", "toUInt8(number)"),
    "i64": ("Int64", "toInt64(number) - 3"),
    "f": ("Float64", "number / 7"),
    "s": ("String", "if(number % 3 = 0, '', concat('юникод', toString(number)))"),
    "long": ("String", "toString(groupArray(number))"),
    "bytes": ("String", "unhex('FF00FE')"),
    "d": ("Date", "toDate('2026-11-01') + number"),
    "t": ("DateTime('UTC')", "toDateTime(1793000000 + number, 'UTC')"),
    "fixed": ("FixedString(4)", "toFixedString('ab', 4)"),
    "e": ("Enum8('a' = 1, 'b' = 2)", "CAST('b' AS Enum8('a' = 1, 'b' = 2))"),
    "n": ("Nullable(Int32)", "if(number % 2 = 0, NULL, toInt32(number))"),
    "ns": ("Nullable(String)", "if(number % 2 = 0, NULL, toString(number))"),
    "array": ("Array(Nullable(String))", "[toString(number), NULL]"),
    "filled": ("Nullable(UInt64)", "number"),
    "wider": ("UInt64", "toUInt8(number)"),
    "other": ("DateTime('UTC')", "toDateTime(1793000000 + number, 'Asia/Tokyo')"),
}
NAMES = tuple(COLUMNS)


def select(rows: int) -> str:
    """A SELECT of all columns."""
    expressions = ", ".join(f"{expression} AS {name}" for name, (_, expression) in COLUMNS.items())
    source = f"(SELECT number FROM system.numbers LIMIT {rows})"
    return f"SELECT {expressions} FROM {source} GROUP BY number ORDER BY number"


@pytest.fixture(params=["embedded", "server", "http"])
def origin(request: pytest.FixtureRequest) -> Engine:
    engine = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(engine, Engine)
    return engine


@pytest.fixture
def table(warehouse: Engine, database: str) -> str:
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    warehouse.execute(f"CREATE TABLE {database}.t ({columns}) ENGINE = MergeTree ORDER BY i64")
    return f"{database}.t"


def test_rows_pass_from_engine_to_engine(origin: Engine, warehouse: Engine, table: str) -> None:
    names = [f"x_{name}" for name in NAMES]
    renamed = ", ".join(f"{name} AS {new}" for name, new in zip(NAMES, names, strict=True))
    sql = f"SELECT {renamed} FROM ({select(200)}) ORDER BY x_i64"
    warehouse.insert_blocks(table, NAMES, origin.stream(sql))
    read = f"SELECT {', '.join(NAMES)} FROM {table} ORDER BY i64"
    expected = origin.query(sql)
    assert len(expected) == 200
    assert warehouse.query(read) == expected
    # What is read from the table passes as it is.
    blocks = list(warehouse.stream(read))
    assert [row for block in blocks for row in zip(*block.values(), strict=True)] == expected


@pytest.mark.parametrize("warehouse", ["embedded"], indirect=True)
def test_only_values_of_other_types_are_decoded(
    server_warehouse: ServerEngine, warehouse: Engine, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    read = raw.RawBlock.__getitem__

    def listen(block: raw.RawBlock, name: str) -> Any:
        decoded.append(name)
        return read(block, name)

    monkeypatch.setattr(raw.RawBlock, "__getitem__", listen)
    fitting = [name for name in NAMES if name not in ("t", "wider", "other", "array")]
    expressions = ", ".join(COLUMNS[name][1] for name in fitting)
    sql = f"SELECT {expressions} FROM (SELECT number FROM system.numbers LIMIT 9) GROUP BY number"
    warehouse.insert_blocks(table, fitting, server_warehouse.stream(sql))
    assert decoded == []
    warehouse.insert_blocks(table, ["wider"], server_warehouse.stream("SELECT toUInt8(1)"))
    assert decoded == ["wider"]
    with pytest.raises(TerminalError, match="not an integer"):
        warehouse.insert_blocks(table, ["u8"], server_warehouse.stream("SELECT toUInt64(300)"))
    with pytest.raises(TerminalError, match="has the columns 1, 2, not u8"):
        warehouse.insert_blocks(table, ["u8"], server_warehouse.stream("SELECT 1, 2"))
    assert warehouse.query(f"SELECT count() FROM {table}") == [(10,)]


def test_small_blocks_are_inserted_together() -> None:
    blocks = [raw.RawBlock(["n"], ["UInt8"], rows, [bytes(rows)]) for rows in (200_000, 200_000, 5)]
    assert [[block.rows for block in group] for group in raw.grouped(iter(blocks))] == [[200_000, 200_000], [5]]


def test_data_that_end_anywhere_are_no_short_result(embedded_warehouse: EmbeddedEngine) -> None:
    data = b"".join(embedded_warehouse.dump(select(5), "Native"))
    (whole,) = raw.blocks([data])
    assert whole.encoded() == data
    assert whole["s"] == ("", "юникод1", "юникод2", "", "юникод4")
    for end in range(1, len(data)):
        with pytest.raises(native.NotNativeError):
            list(raw.blocks([data[:end]]))
    with pytest.raises(native.NotNativeError):
        list(raw.blocks([data, b"Code: 241. DB::Exception: Memory limit"]))


class _Cutting:
    """A port that passes everything to a server, and closes after some bytes of the answers."""

    def __init__(self, server: ServerEngine, size: int) -> None:
        self._server, self._left = server, size
        self.cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            upstream = socket.create_connection((self._server.host, self._server.port))
            threading.Thread(target=self._pass, args=(client, upstream), daemon=True).start()
            self._answer(upstream, client)

    def _pass(self, client: socket.socket, upstream: socket.socket) -> None:
        try:
            while data := client.recv(65_536):
                upstream.sendall(data)
            upstream.close()
        except OSError:
            pass

    def _answer(self, upstream: socket.socket, client: socket.socket) -> None:
        with client, upstream:
            while data := upstream.recv(min(65_536, self._left)) if self._left else b"":
                self._left -= len(data)
                client.sendall(data)
            self.cut = not self._left
            client.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cutting(server_warehouse: ServerEngine) -> Iterator[Any]:
    made: list[_Cutting] = []

    def start(size: int) -> tuple[ServerEngine, _Cutting]:
        made.append(_Cutting(server_warehouse, size))
        return replace(server_warehouse, port=made[-1].port), made[-1]

    yield start
    for each in made:
        each.close()


def test_a_connection_cut_at_any_byte_is_no_short_result(cutting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.warehouse.engines.base.RETRY_PAUSES_SECONDS", ())
    engine, port = cutting(1 << 30)
    sql = "SELECT number, toString(number) FROM (SELECT number FROM system.numbers LIMIT 5)"
    assert sum(block.rows for block in engine.stream(sql)) == 5
    whole = (1 << 30) - port._left
    for size in range(1, whole, 7):
        engine, port = cutting(size)
        with pytest.raises((TransientError, TerminalError)):
            list(engine.stream(sql))
        assert port.cut or not port._left
