"""A balancer in front of several servers, for tests: each connection goes to the next one."""

import contextlib
import itertools
import socket
import socketserver
import threading
from collections.abc import Sequence
from types import TracebackType


class Balancer:
    """Listens on a free port of the loopback address; a context manager.

    Parameters
    ----------
    ports : sequence of int
        The ports behind it, on this machine.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        turns = itertools.cycle(ports)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", next(turns))) as behind:
                    back = threading.Thread(target=_copy, args=(behind, self.request), daemon=True)
                    back.start()
                    _copy(self.request, behind)
                    back.join()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> "Balancer":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
