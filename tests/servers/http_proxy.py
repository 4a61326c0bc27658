"""A proxy between an engine and a server's HTTP port: it passes bytes on, and cuts a connection where it is told to."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from tests.patience import HANGS_SECONDS
from tests.servers.listening import Listening


class Cut(NamedTuple):
    """After how many bytes of a connection the proxy passes nothing more on; None passes all."""

    request: int | None = None
    """The server sees the end of the request. Its answer is passed on."""
    answer: int | None = None
    """The client sees the end of the connection."""


@dataclass
class Passed:
    """The bytes of a connection that were passed on."""

    request: bytes = b""
    answer: bytes = b""


@dataclass
class CuttingProxy(Listening):
    """Passes connections on to a server; only those with a POST are cut.

    Parameters
    ----------
    port : int
        The server's port on the loopback address.
    next_cut : callable
        Returns where to cut the next connection.
    """

    server_port: int
    next_cut: Callable[[], Cut] = Cut
    passed: list[Passed] = field(default_factory=list)
    """The connections with a POST, in their order."""
    cut_requests: int = 0
    cut_answers: int = 0
    _listener: socketserver.ThreadingTCPServer = field(init=False)

    @property
    def port(self) -> int:
        """Its own port."""
        return int(self._listener.server_address[1])

    @property
    def url(self) -> str:
        """Its own URL."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        proxy = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    proxy.serve(self.request)

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._listener = Listener(("127.0.0.1", 0), Connection)
        return super().__enter__()

    def serve(self, client: socket.socket) -> None:
        """Serve one connection."""
        client.settimeout(HANGS_SECONDS)
        with socket.create_connection(("127.0.0.1", self.server_port), HANGS_SECONDS) as server:
            passed, cut = Passed(), Cut()
            if client.recv(4, socket.MSG_PEEK) == b"POST":
                self.passed.append(passed)
                cut = self.next_cut()
            asking = threading.Thread(target=self._pass_request, args=(client, server, passed, cut), daemon=True)
            asking.start()
            with contextlib.suppress(OSError):
                while data := server.recv(65_536):
                    data = data[: None if cut.answer is None else max(0, cut.answer - len(passed.answer))]
                    passed.answer += data
                    client.sendall(data)
                    if len(passed.answer) == cut.answer:
                        self.cut_answers += 1
                        break
            for side in (client, server):
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
            asking.join()

    def _pass_request(self, client: socket.socket, server: socket.socket, passed: Passed, cut: Cut) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                data = data[: None if cut.request is None else max(0, cut.request - len(passed.request))]
                server.sendall(data)
                passed.request += data
                if len(passed.request) == cut.request:
                    self.cut_requests += 1
                    break
            server.shutdown(socket.SHUT_WR)
            while client.recv(65_536):
                pass  # the rest is lost
