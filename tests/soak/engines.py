"""The engines that a soak may kill: each in a directory of its own, with both states of the source."""

import contextlib
import os
import signal
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine
from tests.conftest import end_owner, owners
from tests.servers.clickhouse import ClickHouseServer
from tests.soak.events import load_states


class LiveEngine(ABC):
    """A warehouse whose process may be killed; a context manager ends it."""

    process: ClassVar[str]
    """What its process is called."""
    warehouse: Engine

    @abstractmethod
    def kill(self) -> bool:
        """Kill -9 its process; whether there was one."""

    @abstractmethod
    def revive(self) -> None:
        """Bring it back after `kill`."""

    @abstractmethod
    def end(self) -> None:
        """End it for good."""

    def __enter__(self) -> "LiveEngine":
        load_states(self.warehouse)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()


class Embedded(LiveEngine):
    """chDB and its owner process."""

    process = "owner"

    def __init__(self, directory: Path) -> None:
        self.warehouse: EmbeddedEngine = EmbeddedEngine(str(directory / "warehouse"))

    def kill(self) -> bool:
        found = owners(self.warehouse)
        for owner in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(owner, signal.SIGKILL)
        return bool(found)

    def revive(self) -> None:
        """Nothing: the next statement starts an owner."""

    def end(self) -> None:
        end_owner(self.warehouse)


class Server(LiveEngine):
    """A ClickHouse server."""

    process = "server"

    def __init__(self, directory: Path) -> None:
        self._server = ClickHouseServer(directory / "server")
        self.warehouse = ServerEngine(host=self._server.host, port=self._server.port)

    def kill(self) -> bool:
        self._server.kill()
        return True

    def revive(self) -> None:
        self._server.start()

    def end(self) -> None:
        self._server.stop()

    def __enter__(self) -> "LiveEngine":
        self._server.start()
        return super().__enter__()


ENGINES: dict[str, type[Embedded] | type[Server]] = {"embedded": Embedded, "server": Server}
