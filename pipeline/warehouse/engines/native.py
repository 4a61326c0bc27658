"""Reads and writes ClickHouse's Native format, at revision 0, with clickhouse-driver's own columns.

chDB reads and writes this format, so both engines give the same Python values. At revision 0 the header of a top-level
``DateTime('TZ')`` says ``DateTime``, and an empty result has no header.
"""

import io
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from pipeline.warehouse.engines.conversion import read

BLOCK_ROWS = 65_536


class Block(NamedTuple):
    """A block of a result, by column."""

    names: list[str]
    columns: list[Sequence[Any]]


class _Source(io.BytesIO):
    recv_into = io.BytesIO.readinto  # the driver's buffered reader calls it on a socket


class _Sink(io.BytesIO):
    sendall = io.BytesIO.write  # the driver's buffered writer calls it on a socket


@cache
def _context() -> Any:
    """Return the context that the driver's columns need: properties of server and client."""
    from clickhouse_driver.connection import ServerInfo
    from clickhouse_driver.context import Context

    context = Context()
    # Etc/UTC: a DateTime without a zone is read as naive UTC wherever this machine is.
    context.server_info = ServerInfo("", 0, 0, 0, 0, "Etc/UTC", "", 0)
    context.settings = {}
    context.client_settings = {"strings_as_bytes": False, "use_numpy": False, "namedtuple_as_json": True}
    return context


def blocks(data: bytes) -> Iterator[Block]:
    """Read blocks of Native data.

    Parameters
    ----------
    data : bytes
        Whole blocks.

    Yields
    ------
    Block
        The driver's values, moments as naive UTC.
    """
    from clickhouse_driver.bufferedreader import BufferedSocketReader
    from clickhouse_driver.streams.native import BlockInputStream

    source = _Source(data)
    reader = BufferedSocketReader(source, 1 << 20)
    stream = BlockInputStream(reader, _context())
    while source.tell() < len(data) or reader.position < reader.current_buffer_size:
        block = stream.read()
        names = [name for name, _ in block.columns_with_types]
        yield Block(
            names,
            [read(kind, values) for (_, kind), values in zip(block.columns_with_types, block.data, strict=True)],
        )


def write(types: Sequence[tuple[str, str]], columns: Sequence[list[Any]]) -> Iterator[bytes]:
    """Write columns as Native data.

    Parameters
    ----------
    types : sequence of (str, str)
        Name and ClickHouse type of each column.
    columns : sequence of list
        Their values (see `conversion.written`), of equal length.

    Yields
    ------
    bytes
        A block of at most `BLOCK_ROWS` rows.
    """
    from clickhouse_driver.block import ColumnOrientedBlock
    from clickhouse_driver.bufferedwriter import BufferedSocketWriter
    from clickhouse_driver.streams.native import BlockOutputStream

    for start in range(0, len(columns[0]), BLOCK_ROWS):
        sink = _Sink()
        part = [column[start : start + BLOCK_ROWS] for column in columns]
        stream = BlockOutputStream(BufferedSocketWriter(sink, 1 << 20), _context())
        stream.write(ColumnOrientedBlock(list(types), part))
        yield sink.getvalue()
