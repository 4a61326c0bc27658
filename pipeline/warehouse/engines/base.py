"""The interface of an engine.

There are three: embedded chDB (`embedded.py`), and a ClickHouse server by its native protocol (`server.py`) or by HTTP
(`http.py`). All follow these rules:

- An `Engine` holds plain settings and no connection: a statement has its own, or one that waits in its process and
  thread. So an engine can be pickled, shared by threads, and used before and after a fork.
- Values are bound: ``%(name)s`` in the SQL and ``{"name": value}`` in `params`; with params every other % is written
  %%. See `conversion.bind` for the types.
- Moments are naive ``datetime`` objects in UTC, in results (whatever the zone of a ``DateTime('TZ')`` column) and in
  inserts. As a parameter a moment becomes a UTC string, used as ``toDateTime(%(t)s, 'UTC')``. A datetime with a zone is
  refused. A ``Date`` is a ``datetime.date``.
- Errors are `TransientError` (the same statement may succeed later) or `TerminalError` (it will not).
- One statement per call, without a FORMAT clause.
"""

import contextlib
import logging
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

from pipeline.core.errors import TerminalError, TransientError, WarehouseError
from pipeline.warehouse import rights
from pipeline.warehouse.engines.conversion import Columns, bind
from pipeline.warehouse.engines.raw import RawBlock, grouped
from pipeline.warehouse.statements import check_identifier

logger = logging.getLogger(__name__)

Params: TypeAlias = Mapping[str, object]
T = TypeVar("T")

RETRY_PAUSES_SECONDS = (0.5, 2.0)

# ClickHouse's codes of temporary conditions: DNS, network and ZooKeeper errors, a server that starts or stops, too many
# simultaneous queries, too many parts, a request by HTTP that arrives in part (354, 381). Memory limits and time-outs
# are NOT included: an immediate repetition would only make them worse.
TRANSIENT_CODES = frozenset(
    {3, 32, 95, 96, 198, 202, 203, 209, 210, 225, 236, 242}
    | {252, 254, 265, 279, 285, 286, 289, 319, 354, 364, 381, 384, 425, 999}
)

_AWAY = "A shard of the source is down: the server does not reach one that a Distributed table needs (system.clusters)."

REMEDIES = {
    60: "Check the table's name and the setting `database`.",
    81: "Create the database or correct the setting `database`.",
    158: "The statement reads more rows than the server allows: raise max_rows_to_read of this user.",
    159: "The statement ran longer than the server allows: raise max_execution_time of this user.",
    164: "This user may only read: set a user with write access, or use the embedded engine.",
    192: "Check `user` in luigi.cfg.",
    193: "Check the password (FEEDPULSE_CLICKHOUSE_PASSWORD; FEEDPULSE_SOURCE_PASSWORD for [source]).",
    194: "Set the password (FEEDPULSE_CLICKHOUSE_PASSWORD; FEEDPULSE_SOURCE_PASSWORD for [source]).",
    195: "The server does not let this user in from this machine's address.",
    201: "This user's quota is used up: wait until its interval ends, or raise the quota.",
    202: "The server runs too many queries at once: use fewer --workers, or raise max_concurrent_queries.",
    241: "The statement needs more memory than it may: raise [warehouse] max_memory, or max_memory_usage of the user.",
    279: _AWAY,
    291: "This user may not use that database: set another `database`, or add it to the user's allow_databases.",
    341: "An ALTER is not finished on all replicas: see system.mutations. The next run goes on.",
    396: "The result is larger than the server allows: raise max_result_rows and max_result_bytes of this user.",
    452: "This user may not change the setting that the error names: leave [warehouse] max_memory empty.",
    497: "Grant this user the right that the error names; SHOW GRANTS lists its rights.",
    516: "Check `user` in luigi.cfg and the password (FEEDPULSE_CLICKHOUSE_PASSWORD; FEEDPULSE_SOURCE_PASSWORD for "
    "[source]).",
    519: _AWAY,
    999: "ZooKeeper or Keeper does not answer the server; replicated tables need it.",
}

_MESSAGE_LIMIT = 600
_SAME_ID_IS_RUNNING = 216
_TURN_POLL_SECONDS = 0.02


class NotReachedError(TransientError):
    """The statement did not reach the engine: any statement can safely be retried."""


class SilentError(TransientError):
    """The engine did not answer in time; it may still run the statement."""


def refusal(place: str, code: int, text: str) -> WarehouseError:
    """Turn an error of ClickHouse into one of ours.

    Parameters
    ----------
    place : str
        The engine: host:port or a directory.
    code : int
        ClickHouse's error code.
    text : str
        Its message, perhaps with a stack trace.

    Returns
    -------
    WarehouseError
        Transient or terminal by the code; one line of text and, if known, a line with the remedy.
    """
    text = " ".join(text.split("Stack trace")[0].split())
    text = re.sub(r"^(.*?Code: \d+[.,] )?(e\.displayText\(\) = )?(DB::(\w+)?Exception: )*", "", text)
    text = re.sub(r", e\.what\(\) = [\w:]+$| \d+ \w+ __exception__$", "", text)
    text = re.sub(r" \(version [^()]*\)$", "", text.rstrip(" .,"))
    if len(text) > _MESSAGE_LIMIT:
        text = text[:_MESSAGE_LIMIT] + "..."
    message = f"{place}: {text} (code {code})"
    if remedy := rights.missing(text) or REMEDIES.get(code):
        message += f"\n{remedy}"
    return TransientError(message) if code in TRANSIENT_CODES else TerminalError(message, code)


class Engine(ABC):
    """Runs ClickHouse SQL by the rules in the module's docstring."""

    is_server: ClassVar[bool] = False
    """Whether it is a server: it has a clock, users and rights of its own."""
    user: str = "default"
    """The user whose rights its statements have."""

    @property
    @abstractmethod
    def place(self) -> str:
        """The engine's address, for messages: host:port or a directory."""

    @property
    def servers(self) -> frozenset[str]:
        """The names of the servers that have answered this process at this address; empty if they tell none."""
        return frozenset()

    def with_settings(self, **settings: int | str) -> Self:
        """Return this engine with more of ClickHouse's settings for its statements; it is equal to this one."""
        return self

    def within(self, seconds: float) -> Self:
        """Return this engine with a time-out of so many seconds for statements, if its own is longer; it is equal."""
        return self

    def query(self, sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        """Read rows.

        Parameters
        ----------
        sql : str
            A statement that only reads. It is retried after a transient error.
        params : mapping, optional
            Values of ``%(name)s``.

        Returns
        -------
        list of tuple
            One tuple per row.

        Raises
        ------
        TransientError, TerminalError
            The engine did not answer, or refused the statement.
        """
        bound = _single(bind(sql, params))
        return self._retried(lambda: self._query(bound), repeatable=True)

    def execute(self, sql: str, params: Params | None = None, *, idempotent: bool = False, turn: str = "") -> None:
        """Run a statement that changes data or tables: DDL, INSERT SELECT, ALTER.

        Parameters
        ----------
        sql : str
            The statement.
        params : mapping, optional
            Values of ``%(name)s``.
        idempotent : bool
            Whether running the statement twice has the same effect as once. Only then is it retried after it reached
            the engine. Otherwise it fails with `TransientError`, and may or may not have been applied.
        turn : str
            Statements with the same `turn` never run at the same time, not even from different processes.

        Raises
        ------
        TransientError, TerminalError
            The engine did not answer, or refused the statement.
        """
        bound = _single(bind(sql, params))
        self._retried(lambda: self._execute(bound, turn), repeatable=idempotent)

    def insert(self, table: str, columns: Columns) -> None:
        """Insert columns; not retried once data reached the engine.

        Parameters
        ----------
        table : str
            ``database.table``.
        columns : mapping of str to sequence or ndarray
            Values by column, of equal length. Moments are naive UTC datetimes or datetime64, days are dates or
            datetime64. Columns left out get the table's defaults.

        Raises
        ------
        TerminalError
            A column is unknown, lengths differ, or a value does not fit the column's type.
        TransientError
            The engine did not answer: the rows may or may not be inserted.

        Notes
        -----
        Up to a million rows of one partition appear together or not at all; more appear in blocks.
        """
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) != 1:
            raise TerminalError(f"{table}: an insert needs columns of one length, got {lengths}")
        if any(lengths.values()):
            self._inserted(table, [columns])

    def insert_blocks(self, table: str, columns: Sequence[str], blocks: Iterable[RawBlock]) -> None:
        """Insert the blocks of a stream, undecoded where their types are those of the table; not retried.

        Parameters
        ----------
        table : str
            ``database.table``.
        columns : sequence of str
            The table's columns, in the order of the blocks' columns.
        blocks : iterable of RawBlock
            What `stream` yields.

        Raises
        ------
        TransientError, TerminalError
            As for `insert`, and for the stream.
        """
        for group in grouped(block.renamed(columns) for block in blocks):
            self._inserted(table, group)

    def _inserted(self, table: str, blocks: Sequence[Columns]) -> None:
        check_identifier(table)
        for name in blocks[0]:
            check_identifier(name, qualified=False)
        try:
            self._retried(lambda: self._insert(table, blocks), repeatable=False)
        except WarehouseError:
            raise
        except Exception as error:  # the driver raises exceptions of any type on values of the wrong type
            raise TerminalError(f"{table}: a value does not fit its column: {error}") from None

    def stream(self, sql: str, params: Params | None = None) -> Iterator[RawBlock]:
        """Read a large result in blocks, with bounded memory.

        Parameters
        ----------
        sql : str
            A SELECT.
        params : mapping, optional
            Values of ``%(name)s``.

        Yields
        ------
        RawBlock
            A block: the values of each column, as `insert` takes them. They are decoded when they are read. An empty
            result has no blocks.

        Raises
        ------
        TransientError, TerminalError
            As for `query`; not retried after the first block.
        """
        bound = _single(bind(sql, params))
        return self._started(lambda: self._stream(bound))

    def dump(self, sql: str, format: str = "TabSeparated") -> Iterator[bytes]:
        """Read a result as text in one of ClickHouse's formats.

        Parameters
        ----------
        sql : str
            A statement that only reads; % is not doubled.
        format : str
            A format's name. The embedded engine knows all of ClickHouse's; for a server see `formats.FORMATS`.

        Yields
        ------
        bytes
            Pieces of the text.

        Raises
        ------
        TransientError, TerminalError
            As for `stream`.
        """
        bound = _single(sql)
        return self._started(lambda: self._dump(bound, format))

    @abstractmethod
    def _query(self, sql: str) -> list[tuple[Any, ...]]: ...

    @abstractmethod
    def _execute(self, sql: str, turn: str) -> None: ...

    @abstractmethod
    def _insert(self, table: str, blocks: Sequence[Columns]) -> None: ...

    @abstractmethod
    def _stream(self, sql: str) -> Generator[RawBlock, None, None]: ...

    @abstractmethod
    def _dump(self, sql: str, format: str) -> Generator[bytes, None, None]: ...

    def _retried(self, attempt: Callable[[], T], *, repeatable: bool) -> T:
        for pause in RETRY_PAUSES_SECONDS:
            try:
                return attempt()
            except TransientError as error:
                if not (repeatable or isinstance(error, NotReachedError)):
                    raise
                logger.info("trying again in %s s: %s", pause, str(error).partition("\n")[0])
            time.sleep(pause)
        return attempt()

    def _started(self, start: Callable[[], Generator[T, None, None]]) -> Iterator[T]:
        """Yield what `start()` yields; after a transient error before the first item, call it again."""

        def first_item() -> tuple[list[T], Generator[T, None, None]]:
            items = start()
            return [item for _, item in zip(range(1), items, strict=False)], items

        first, rest = self._retried(first_item, repeatable=True)
        with contextlib.closing(rest):
            yield from first
            yield from rest


def _single(sql: str) -> str:
    """Return the statement without a semicolon at its end; refuse a FORMAT clause."""
    sql = sql.rstrip("; \t\r\n")
    if re.search(r"\bFORMAT\s+\w+$", sql, re.IGNORECASE):
        raise TerminalError("a statement cannot have a FORMAT clause; name the format separately (--format NAME)")
    return sql


def as_rows(columns: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Turn columns into rows."""
    return list(zip(*columns, strict=True))


def take_turn(run: Callable[[], None], seconds: float) -> None:
    """Run a statement whose query_id says whose turn it is: a server refuses the id of a running statement.

    Parameters
    ----------
    run : callable
        Runs the statement, with its query_id.
    seconds : float
        How long to wait.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return run()
        except TerminalError as error:
            if error.code != _SAME_ID_IS_RUNNING or time.monotonic() > deadline:
                raise
        time.sleep(_TURN_POLL_SECONDS)
