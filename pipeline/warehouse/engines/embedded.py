"""The embedded engine: chDB, behind the one process that owns the data directory (`owner.py`)."""

import contextlib
import hashlib
import importlib.util
import itertools
import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any, Self

from pipeline.core.errors import TerminalError, TransientError, WarehouseError
from pipeline.core.process import once
from pipeline.warehouse.engines import native, owner, raw
from pipeline.warehouse.engines.base import Engine, NotReachedError, as_rows, refusal
from pipeline.warehouse.engines.conversion import Columns

_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_LOOK_SECONDS = 10.0
"""How long the owner may be silent before its process is looked at."""
_ADDRESS_LIMIT_BYTES = 100  # of 107 on Linux, 103 on macOS


@dataclass(frozen=True)
class EmbeddedEngine(Engine):
    """ClickHouse on this machine, without a server to install.

    Parameters
    ----------
    path : str
        The data directory; created if missing, accessible to this user only.
    idle_seconds : float
        The owner process exits this long after the last statement.
    settings : mapping
        ClickHouse's settings for every statement.
    """

    path: str
    idle_seconds: float = 10.0
    settings: Mapping[str, int | str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.path.abspath(self.path))

    @property
    def place(self) -> str:
        """The data directory."""
        return self.path

    def with_settings(self, **settings: int | str) -> Self:
        """Return this engine with more settings."""
        return replace(self, settings={**self.settings, **settings})

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        frames = self._ask({"kind": "all", "sql": sql, "format": "Native"})
        return [row for block in native.blocks(frames) for row in as_rows(block.columns)]

    def _execute(self, sql: str, turn: str) -> None:
        for _ in self._ask({"kind": "all", "sql": sql, "format": "Null", "turn": turn}):
            pass

    def _insert(self, table: str, blocks: Sequence[Columns]) -> None:
        data = raw.encoded(table, _column_types(self, table), blocks)
        request = {"kind": "insert", "sql": f"INSERT INTO {table} ({', '.join(blocks[0])})", "format": "Native"}
        for _ in self._ask(request, itertools.chain(data, [b""])):
            pass

    def _stream(self, sql: str) -> Generator[raw.RawBlock, None, None]:
        with contextlib.closing(self._ask({"kind": "stream", "sql": sql, "format": "Native"})) as frames:
            yield from raw.blocks(frames)

    def _dump(self, sql: str, format: str) -> Generator[bytes, None, None]:
        return self._ask({"kind": "all", "sql": sql, "format": format})

    def _ask(self, request: Mapping[str, str], data: Iterable[bytes] = ()) -> Generator[bytes, None, None]:
        """Send a statement to the owner and yield the frames of the answer."""
        connection, process = self._greeted()
        with connection:
            try:
                settings = ", ".join(f"{name} = '{value}'" for name, value in self.settings.items())
                connection.send_bytes(json.dumps({**request, "settings": settings}).encode())
                for frame in data:
                    connection.send_bytes(frame)
                while frame := self._received(connection, process):
                    yield frame
                outcome = json.loads(self._received(connection, process))
            except (EOFError, OSError):
                raise TransientError(
                    f"{self.path}: the engine's process ended during a statement (see owner.log there)"
                ) from None
        if "error" in outcome:
            raise self._refusal(outcome["error"])

    def _received(self, connection: Connection, process: int) -> bytes:
        """Return the next frame; a statement may take hours, but an owner that is stopped answers nothing."""
        stops = 0
        while not connection.poll(_LOOK_SECONDS):
            stops = stops + 1 if _is_stopped(process) else 0
            if stops == 2:  # after a pause of the whole machine the owner may go on later than this process
                raise TransientError(
                    f"{self.path}: the engine's process {process} is stopped: continue it with `kill -CONT {process}`, "
                    "or end it"
                )
        return connection.recv_bytes()

    def _refusal(self, text: str) -> WarehouseError:
        code = re.search(r"Code: (\d+)", text)
        return refusal(self.path, int(code[1]) if code else 0, text)

    def _greeted(self) -> tuple[Connection, int]:
        """Return a connection to an owner that has sent its greeting, and its process; start one if necessary."""
        address = self._address()
        deadline = time.monotonic() + _START_SECONDS
        trouble = "the engine's process does not answer"
        while time.monotonic() < deadline:
            try:
                connection = Client(address, family="AF_UNIX")
            except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
                self._start_owner(address)
                time.sleep(_POLL_SECONDS)
                continue
            except OSError as error:
                raise self._unusable(error.strerror) from None
            greeting = _greeting(connection, deadline)
            if greeting.get("protocol") == owner.PROTOCOL:
                return connection, int(greeting["pid"])
            connection.close()
            if "error" in greeting:
                raise TerminalError(
                    f"{self.path}: the embedded engine does not start: {greeting['error']}\n"
                    "If another program holds this directory, end it; owner.log there has the details."
                )
            if greeting:
                trouble = f"process {greeting.get('pid')} belongs to another version of feedpulse"
            time.sleep(_POLL_SECONDS)
        raise NotReachedError(
            f"{self.path}: {trouble}.\nIf a process still holds owner.lock there, end it; owner.log says what it did."
        )

    def _address(self) -> str:
        """Return the socket's path, in a private directory under /tmp if the data directory's path is too long."""
        directory = os.path.realpath(self.path)
        address = os.path.join(directory, "owner.sock")
        if len(os.fsencode(address)) <= _ADDRESS_LIMIT_BYTES:
            return address
        private = f"/tmp/feedpulse-{os.getuid()}"
        with contextlib.suppress(FileExistsError):
            os.mkdir(private, 0o700)
        status = os.lstat(private)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise TerminalError(f"{private} must be a private directory of yours (mode 700): remove it")
        return os.path.join(private, hashlib.sha256(os.fsencode(directory)).hexdigest()[:32] + ".sock")

    def _start_owner(self, address: str) -> None:
        """Start an owner; it exits at once if another one runs."""
        if importlib.util.find_spec("chdb") is None:
            raise TerminalError("the embedded engine is not installed: pip install 'feedpulse[embedded]'")
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
        except OSError as error:
            raise self._unusable(error.strerror) from None
        directory = os.path.realpath(self.path)
        command = [sys.executable, "-P", owner.__file__, directory, address, str(self.idle_seconds)]
        # The owner outlives this process, so it gets no passwords.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FEEDPULSE_")}
        launch = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=False
        )
        if launch.returncode:
            raise self._unusable((launch.stderr.strip().splitlines() or ["it cannot be started"])[-1])

    def _unusable(self, reason: str | None) -> TerminalError:
        return TerminalError(
            f"{self.path}: the embedded engine cannot use this directory: {reason}\n"
            "Make it writable or set [warehouse] path."
        )


@once
def _column_types(engine: EmbeddedEngine, table: str) -> Mapping[str, str]:
    """A table's columns, read once per process. If a type changes later, the engine converts the values."""
    return {str(name): str(kind) for name, kind, *_ in engine.query(f"DESCRIBE TABLE {table}")}


def _greeting(connection: Connection, deadline: float) -> dict[str, Any]:
    """Return the owner's greeting; nothing if it ended or did not send one in time."""
    try:
        if connection.poll(max(0.0, deadline - time.monotonic())):
            greeting: dict[str, Any] = json.loads(connection.recv_bytes())
            return greeting
    except (EOFError, OSError):
        pass
    return {}


def _is_stopped(process: int) -> bool:
    """Whether a process was stopped, by SIGSTOP or a debugger; False where the system does not tell."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    return state in ("T", "t")
