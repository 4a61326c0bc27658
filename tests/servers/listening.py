"""A server of the standard library that answers in a thread while a `with` statement runs."""

import socketserver
import threading
from types import TracebackType
from typing import Self


class Listening:
    """A context manager around `_listener`, which the subclass makes."""

    _listener: socketserver.TCPServer

    def __enter__(self) -> Self:
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown()
        self._listener.server_close()
