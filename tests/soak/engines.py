"""The engines that a soak may kill, each in its own directory with both states of the source."""

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
    """The name of its process."""
    warehouse: Engine

    @abstractmethod
    def kill(self) -> bool:
        """Kill (SIGKILL) its process; return whether there was one."""

    @abstractmethod
    def revive(self) -> None:
        """Start it again after `kill`."""

    @abstractmethod
    def end(self) -> None:
        """Stop it finally."""

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
        processes = owners(self.warehouse)
        for owner in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(owner, signal.SIGKILL)
        return bool(processes)

    def revive(self) -> None:
        """Do nothing: the next statement starts an owner."""

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
