"""Blocks of Native data that pass from one engine to another undecoded.

Decoding a block and encoding it again takes most of the time of an extract from another server. A `RawBlock` keeps the
bytes of each column; only strings and rare types are looked at, to find their end.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pipeline.core.errors import TerminalError
from pipeline.warehouse.engines import native
from pipeline.warehouse.engines.conversion import Columns, written_columns

_GROUP_ROWS = 1 << 18


class RawBlock(Mapping[str, Sequence[Any]]):
    """A block that is passed on as it is; its columns are decoded when one of them is read.

    Parameters
    ----------
    names, types : list of str
        Its columns.
    rows : int
        Its rows.
    data : list of bytes
        Each column as it is at revision 0.
    """

    def __init__(self, names: list[str], types: list[str], rows: int, data: list[bytes]) -> None:
        self.names = names
        self.types = types
        self.rows = rows
        self.data = data
        self._decoded: dict[str, Sequence[Any]] = {}

    def renamed(self, names: Sequence[str]) -> "RawBlock":
        """Return the block with other names of its columns."""
        if len(names) != len(self.names):
            raise TerminalError(f"a result has the columns {', '.join(self.names)}, not {', '.join(names)}")
        return RawBlock(list(names), self.types, self.rows, self.data)

    def encoded(self, *, is_custom: bool = False) -> bytes:
        """Return the block in Native format; with `is_custom` columns say that they have no custom serialization."""
        parts = [_varint(len(self.names)), _varint(self.rows)]
        for name, kind, data in zip(self.names, self.types, self.data, strict=True):
            for text in (name.encode(), kind.encode()):
                parts += [_varint(len(text)), text]
            parts += [b"\0" if is_custom else b"", data]
        return b"".join(parts)

    def __getitem__(self, name: str) -> Sequence[Any]:
        if not self._decoded:
            (block,) = native.blocks([self.encoded()])
            self._decoded = dict(zip(block.names, block.columns, strict=True))
        return self._decoded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def blocks(pieces: Iterable[bytes]) -> Iterator[RawBlock]:
    """Read blocks of Native data as they arrive, without decoding them; otherwise as `native.blocks`."""
    return native.parsed(pieces, lambda reader: read_block(reader, native.context()))


def read_block(reader: Any, context: Any) -> RawBlock:
    """Read a block without decoding it.

    Parameters
    ----------
    reader : BufferedSocketReader
        The driver's reader, at the beginning of a block.
    context : Context
        The driver's context; its server has the revision of the block.
    """
    from clickhouse_driver import defines
    from clickhouse_driver.block import BlockInfo
    from clickhouse_driver.reader import read_binary_str, read_binary_uint8
    from clickhouse_driver.varint import read_varint

    revision = context.server_info.used_revision
    if revision >= defines.DBMS_MIN_REVISION_WITH_BLOCK_INFO:
        BlockInfo().read(reader)
    columns, rows = read_varint(reader), read_varint(reader)
    names, types, data = [], [], []
    for _ in range(columns):
        names.append(read_binary_str(reader))
        types.append(read_binary_str(reader))
        is_custom = revision >= defines.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION and read_binary_uint8(reader)
        data.append(_raw_column(reader, context, types[-1], rows, bool(is_custom)) if rows else b"")
    return RawBlock(names, types, rows, data)


def _raw_column(reader: Any, context: Any, kind: str, rows: int, is_custom: bool) -> bytes:
    """Return a column as it is at revision 0."""
    if not is_custom:
        if width := _width(kind):
            return bytes(reader.read(rows * width))
        if kind == "String":  # a string is its length and its bytes; most strings of a column are equal
            return b"".join(map(_Strings().__getitem__, reader.read_strings(rows)))
        if kind.startswith("Nullable("):
            return bytes(reader.read(rows)) + _raw_column(reader, context, kind[9:-1], rows, False)
    from clickhouse_driver.bufferedwriter import BufferedSocketWriter
    from clickhouse_driver.columns.service import read_column, write_column

    values = read_column(context, kind, rows, reader, use_numpy=False, has_custom_serialization=is_custom)
    sink = native.Sink()
    writer = BufferedSocketWriter(sink, 1 << 20)
    write_column(native.context(), "", kind, values, writer)
    writer.flush()
    return sink.getvalue()


_WIDTHS = (
    (r"U?Int(8|16|32|64|128|256)|Float(32|64)", None),
    (r"Bool|Enum8\(.*\)", 1),
    (r"Date|Enum16\(.*\)", 2),
    (r"DateTime(\('[^']*'\))?", 4),
    (r"DateTime64\(.*\)", 8),
)


@cache
def _width(kind: str) -> int:
    """Return the bytes of a value of a type; 0 if values differ, or the type is rare."""
    for pattern, width in _WIDTHS:
        if found := re.fullmatch(pattern, kind):
            return width or int(found[1] or found[2]) // 8
    found = re.fullmatch(r"FixedString\((\d+)\)", kind)
    return int(found[1]) if found else 0


class _Strings(dict[bytes, bytes]):
    """Strings as they are in a column, by their bytes."""

    def __missing__(self, string: bytes) -> bytes:
        self[string] = made = _varint(len(string)) + string
        return made


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    made.append(number)
    return bytes(made)


def grouped(blocks: Iterable[RawBlock]) -> Iterator[list[RawBlock]]:
    """Group small blocks: each insert costs a statement and a part."""
    group: list[RawBlock] = []
    for block in blocks:
        group.append(block)
        if sum(each.rows for each in group) >= _GROUP_ROWS:
            yield group
            group = []
    if group:
        yield group


def fitting(types: Mapping[str, str], columns: Columns) -> RawBlock | None:
    """Return a block with the types of a table; None if its values must be converted.

    Parameters
    ----------
    types : mapping of str to str
        The ClickHouse type of every column of the table.
    columns : mapping of str to sequence or ndarray
        A block, or values.
    """
    if not isinstance(columns, RawBlock):
        return None
    wanted, data = [], []
    for name, kind, values in zip(columns.names, columns.types, columns.data, strict=True):
        wanted.append(types.get(name, ""))
        if wanted[-1] not in (kind, f"Nullable({kind})"):
            return None
        data.append(values if wanted[-1] == kind else bytes(columns.rows) + values)  # which of them are NULL: none
    return RawBlock(columns.names, wanted, columns.rows, data)


def encoded(table: str, types: Mapping[str, str], blocks: Sequence[Columns]) -> Iterator[bytes]:
    """Encode columns for an insert, blocks that fit as they are.

    Parameters
    ----------
    table : str
        For messages.
    types : mapping of str to str
        The ClickHouse type of every column of the table.
    blocks : sequence of mappings of str to sequence or ndarray
        The values to insert, by column.

    Yields
    ------
    bytes
        A block.
    """
    for columns in blocks:
        if block := fitting(types, columns):
            yield block.encoded()
            continue
        values = written_columns(table, types, columns)
        yield from native.write([(name, types[name]) for name in columns], values)


def receive(client: Any, sql: str) -> Iterator[RawBlock]:
    """Read a result over the native protocol.

    Parameters
    ----------
    client : Client
        The driver's client, connected.
    sql : str
        The statement.
    """
    with client.disconnect_on_error(sql, {}):
        connection = client.connection
        connection.block_in = _Blocks(connection)
        connection.send_query(sql)
        connection.send_external_tables([])
        for packet in client.packet_generator():
            block = getattr(packet, "block", None)
            if block is not None and block.rows:
                yield block


def send(client: Any, sql: str, blocks: Sequence[RawBlock]) -> None:
    """Insert blocks over the native protocol.

    Parameters
    ----------
    client : Client
        The driver's client, connected.
    sql : str
        ``INSERT INTO database.table (columns) VALUES``.
    blocks : sequence of RawBlock
        The rows.
    """
    with client.disconnect_on_error(sql, {}):
        connection = client.connection
        connection.send_query(sql)
        connection.send_external_tables([])
        client.receive_sample_block()
        connection.block_out = _Blocks(connection)
        for block in (*blocks, RawBlock([], [], 0, [])):  # an empty block is the end
            connection.send_data(block)
        client.receive_end_of_insert_query()


class _Blocks:
    """Reads and writes blocks in place of the driver's streams."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def read(self, use_numpy: object = None) -> RawBlock:
        return read_block(self._connection.fin, self._connection.context)

    def write(self, block: RawBlock) -> None:
        from clickhouse_driver import defines
        from clickhouse_driver.block import BlockInfo

        revision, fout = self._connection.server_info.used_revision, self._connection.fout
        if revision >= defines.DBMS_MIN_REVISION_WITH_BLOCK_INFO:
            BlockInfo().write(fout)
        fout.write(block.encoded(is_custom=revision >= defines.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION))
        fout.flush()
