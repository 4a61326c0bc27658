"""Reads and writes ClickHouse's Native format, at revision 0, with clickhouse-driver's own columns.

chDB and the HTTP interface of a server speak this format, so all engines give the same Python values. At revision 0 the
header of a top-level ``DateTime('TZ')`` says ``DateTime``, and an empty result has no header.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from pipeline.core.errors import WarehouseError
from pipeline.warehouse.engines.conversion import read

BLOCK_ROWS = 65_536


Convert: TypeAlias = Callable[[str, Sequence[Any]], Sequence[Any]]


class Block(NamedTuple):
    """A block of a result, by column."""

    names: list[str]
    types: list[str]
    columns: list[Sequence[Any]]


class _Named(Protocol):
    @property
    def names(self) -> list[str]: ...


T = TypeVar("T", bound=_Named)


class NotNativeError(Exception):
    """Data that is not in Native format; `offset` is the beginning of what cannot be read as a block."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class _Source:
    """Gives the driver's buffered reader the pieces of data, as a socket would."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = memoryview(b"")
        self.count = 0

    def has_more(self) -> bool:
        """Whether there is more data; waits for it."""
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._piece = memoryview(piece)
        return True

    def recv_into(self, buffer: bytearray) -> int:
        """Fill the buffer with what is there; 0 at the end."""
        size = min(len(buffer), len(self._piece)) if self.has_more() else 0
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        self.count += size
        return size


class Sink(io.BytesIO):
    """Takes what the driver's buffered writer writes."""

    sendall = io.BytesIO.write  # the driver's buffered writer calls it on a socket


@cache
def context() -> Any:
    """Return the context that the driver's columns need: properties of server and client."""
    from clickhouse_driver.connection import ServerInfo
    from clickhouse_driver.context import Context

    context = Context()
    # Etc/UTC: a DateTime without a zone is read as naive UTC wherever this machine is.
    context.server_info = ServerInfo("", 0, 0, 0, 0, "Etc/UTC", "", 0)
    context.settings = {}
    context.client_settings = {"strings_as_bytes": False, "use_numpy": False, "namedtuple_as_json": True}
    return context


def blocks(pieces: Iterable[bytes], convert: Convert = read) -> Iterator[Block]:
    """Read blocks of Native data as they arrive.

    Parameters
    ----------
    pieces : iterable of bytes
        The data; a piece may end anywhere.
    convert : callable
        Converts a column of a type: by default moments become naive UTC.

    Yields
    ------
    Block
        The driver's values.

    Raises
    ------
    NotNativeError
        The data ends within a block, or is something else.
    """
    from clickhouse_driver.streams.native import BlockInputStream

    def read_block(reader: Any) -> Block:
        block = BlockInputStream(reader, context()).read()
        names, types = [list(part) for part in zip(*block.columns_with_types, strict=True)] or ([], [])
        return Block(names, types, [convert(kind, values) for kind, values in zip(types, block.data, strict=True)])

    return parsed(pieces, read_block)


def parsed(pieces: Iterable[bytes], read_block: Callable[[Any], T]) -> Iterator[T]:
    """Read blocks by a function that takes the driver's reader; otherwise as `blocks`."""
    from clickhouse_driver.bufferedreader import BufferedSocketReader

    source = _Source(pieces)
    reader = BufferedSocketReader(source, 1 << 20)
    names: list[str] | None = None
    while reader.position < reader.current_buffer_size or source.has_more():
        offset = source.count - reader.current_buffer_size + reader.position
        try:
            block = read_block(reader)
        except WarehouseError:
            raise
        except Exception as error:  # the driver raises exceptions of any type on other data
            raise NotNativeError(f"the answer cannot be read: {error or type(error).__name__}", offset) from None
        if names not in (None, block.names):
            raise NotNativeError("the answer cannot be read: its columns change", offset)
        names = block.names
        yield block


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
        sink = Sink()
        part = [column[start : start + BLOCK_ROWS] for column in columns]
        stream = BlockOutputStream(BufferedSocketWriter(sink, 1 << 20), context())
        stream.write(ColumnOrientedBlock(list(types), part))
        yield sink.getvalue()
