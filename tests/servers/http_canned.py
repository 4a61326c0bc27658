"""A server that answers each connection with given bytes, whatever is asked: a proxy, or a server with a fault."""

import contextlib
import re
import socket
import socketserver
import ssl
import time
from collections.abc import Iterable, Sequence

from tests.patience import HANGS_SECONDS
from tests.servers.listening import Listening


class Canned(Listening):
    """Answers one request on each connection, then closes it; a context manager.

    Parameters
    ----------
    answers : sequence of bytes
        For the first request, the second, and so on; the last one is repeated.
    certificate : tuple of str, optional
        Files with the certificate and its key, for TLS.
    pause_seconds : float
        Between two bytes of the answer.
    most : int, optional
        Of a body that is longer, nothing is read.
    """

    def __init__(
        self,
        answers: Sequence[bytes],
        certificate: tuple[str, str] | None = None,
        pause_seconds: float = 0,
        most: int | None = None,
    ) -> None:
        self.requests: list[bytes] = []
        self._most = most
        self._answers, self._pause = list(answers), pause_seconds
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        canned = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    canned.serve(self.request)

        self._listener = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection)
        self._listener.daemon_threads = True

    @property
    def port(self) -> int:
        """Its port."""
        return int(self._listener.server_address[1])

    def url(self, path: str = "") -> str:
        """Return its URL; the certificate is that of localhost."""
        return f"https://localhost:{self.port}{path}" if self._tls else f"http://127.0.0.1:{self.port}{path}"

    def serve(self, client: socket.socket) -> None:
        """Answer one request."""
        client.settimeout(HANGS_SECONDS)
        if self._tls is not None:
            client = self._tls.wrap_socket(client, server_side=True)
        with client:
            self._answer(client)

    def _answer(self, client: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (data := client.recv(65_536)):
            request += data
        if not request.startswith(b"POST"):
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        head, _, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length and self._most is not None and int(length[1]) > self._most:
            length = None
        while length and len(body) < int(length[1]) and (data := client.recv(65_536)):
            body += data
        self.requests.append(head + b"\r\n\r\n" + body)
        whole = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        for piece in (whole[i : i + 1] for i in range(len(whole))) if self._pause else [whole]:
            client.sendall(piece)
            time.sleep(self._pause)
        client.shutdown(socket.SHUT_RDWR)


OF_CLICKHOUSE = {"X-ClickHouse-Server-Display-Name": "ch", "Content-Type": "application/octet-stream"}
"""Headers of every answer of ClickHouse."""


def answer(
    body: bytes, headers: dict[str, str] = OF_CLICKHOUSE, status: str = "200 OK", version: str = "HTTP/1.1"
) -> bytes:
    """Return an answer with a length, unless the headers say otherwise."""
    lines = [f"{version} {status}", *(f"{name}: {value}" for name, value in headers.items())]
    if not {"Content-Length", "Transfer-Encoding"} & set(headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(pieces: Iterable[bytes], headers: dict[str, str] = OF_CLICKHOUSE, status: str = "200 OK") -> bytes:
    """Return an answer in chunks, with their end."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return answer(body + b"0\r\n\r\n", headers | {"Transfer-Encoding": "chunked"}, status)
