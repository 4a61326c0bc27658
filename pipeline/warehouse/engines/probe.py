"""Explains a connection that failed, or an answer that is not ClickHouse's: asks the port which protocol it speaks."""

import contextlib
import re
import socket
import ssl
from http.client import HTTPResponse, IncompleteRead
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from pipeline.core.errors import TerminalError, TransientError, WarehouseError
from pipeline.core.process import once
from pipeline.core.settings.checking import HTTP_PORTS, NATIVE_PORTS
from pipeline.warehouse.engines.base import NotReachedError, SilentError

_TIMEOUT_SECONDS = 3.0
_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
# What the native port answers to an HTTP request.
_NATIVE = b"clickhouse-client"

_SHOWN = 200
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_STATUS_REMEDIES = {
    401: "Check `user` and the password. If a proxy wants a login of its own, give the address of ClickHouse itself.",
    403: "A proxy there lets no one in from this machine, or refuses POST: ask its administrator.",
    404: "Correct the path of `url`.",
    405: "A proxy there refuses POST: ask its administrator, or correct the path of `url`.",
    413: "A proxy there takes no request of this size: raise its limit (nginx: client_max_body_size).",
}
"""What to change, by the status of a proxy's answer."""


def remedy(host: str, port: int, *, secure: bool) -> str:
    """Return what to change if the port speaks another protocol than the one configured; '' if that is not the case.

    Parameters
    ----------
    host, port : str, int
        Where the connection failed.
    secure : bool
        Whether TLS was used.
    """
    plain = _answer(host, port, tls=False)
    if plain is None:
        return ""
    tls = None if plain.startswith(b"HTTP/") else _answer(host, port, tls=True)
    answer = tls or plain
    if answer.startswith(b"HTTP/") and _NATIVE not in answer:
        scheme = "http" if tls is None else "https"
        return f"Port {port} speaks HTTP: set engine = http and url = {scheme}://{host}:{port}. {NATIVE_PORTS}"
    if tls is not None and not secure:
        return f"Port {port} uses TLS: set secure = true, or give the port without TLS (9000)."
    if _NATIVE in plain and secure:
        return f"Port {port} does not use TLS: set secure = false, or give the port with TLS (9440)."
    return ""


class HttpServer(Protocol):
    """What is needed of an engine that speaks HTTP."""

    @property
    def query_timeout_seconds(self) -> float:
        """How long it may be silent."""

    @property
    def place(self) -> str:
        """Its URL."""

    @property
    def address(self) -> tuple[str, int, bool]:
        """Host, port, and whether TLS is used."""


def no_connection(server: HttpServer, error: OSError) -> WarehouseError:
    """Return the error of a connection by HTTP that was not made."""
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = certificate_remedy(*server.address[:2], error.verify_message, setting="url")
        return TerminalError(f"{server.place}: its certificate is not trusted: {error.verify_message}\n{remedy}")
    if remedy := _http_remedy(*server.address):
        return TerminalError(f"{server.place}: {error}\n{remedy}")
    reason = error.strerror or str(error) or "the connection was closed or is silent"
    remedy = f"Start it, or correct `url`. {HTTP_PORTS}"
    return NotReachedError(f"{server.place}: no ClickHouse server answers: {reason}.\n{remedy}")


def broken(server: HttpServer, error: Exception, *, is_begun: bool = True) -> WarehouseError:
    """Return the error of a connection that broke during a statement, before its answer began or after it."""
    if isinstance(error, TimeoutError):
        seconds = f"{server.query_timeout_seconds:g}"
        return SilentError(f"{server.place}: no answer for {seconds} s (query_timeout_seconds)")
    if not is_begun and (remedy := _http_remedy(*server.address)):
        return TerminalError(f"{server.place}: this port does not answer as `url` says: {error}\n{remedy}")
    reason = "the answer ends early" if isinstance(error, IncompleteRead) else error
    return TransientError(f"{server.place}: the connection broke during a statement: {reason}")


def _http_remedy(host: str, port: int, is_secure: bool) -> str:
    plain = _answer(host, port, tls=False)
    if plain is None:
        return ""
    tls = None if plain.startswith(b"HTTP/") else _answer(host, port, tls=True)
    if _NATIVE in (tls or plain):
        return f"Port {port} speaks the native protocol: set engine = server, or give the port of HTTP. {HTTP_PORTS}"
    if tls is not None and not is_secure:
        return f"Port {port} uses TLS: begin `url` with https://"
    if plain.startswith(b"HTTP/") and is_secure:
        return f"Port {port} does not use TLS: begin `url` with http://, or give the port with TLS. {HTTP_PORTS}"
    return ""


def stranger(server: HttpServer, response: HTTPResponse, page: bytes) -> WarehouseError:
    """Return the error of an answer by HTTP that is not from ClickHouse: that of a proxy, say.

    Parameters
    ----------
    server : HttpServer
        Where it comes from.
    response : HTTPResponse
        Its status and headers.
    page : bytes
        Its text.
    """
    status, text = response.status, f"{server.place}: HTTP {response.status} {response.reason}"
    if 300 <= status < 400:
        to = urlsplit(urljoin(server.place, response.headers.get("Location", "")))
        text += f", a redirect to {to.scheme}://{to.netloc.rpartition('@')[2]}{to.path}"
        return TerminalError(
            f"{text}\nIt is not followed, as it would take the password elsewhere: set `url` to where it leads."
        )
    plain = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]*>", " ", page.decode("utf-8", "replace"))
    text += f", and this is not ClickHouse: {' '.join(plain.split())[:_SHOWN] or 'an empty page'}"
    if status in _PASSING or (status == 400 and not page):  # 18.16 answers so to half of a request's headers
        return TransientError(text)
    remedy = _http_remedy(*server.address) or _STATUS_REMEDIES.get(status, "")
    return TerminalError(f"{text}\n{remedy or 'Correct host, port and path of `url`. ' + HTTP_PORTS}")


def certificate_remedy(host: str, port: int, reason: str, setting: str = "host") -> str:
    """Return what to change after a TLS connection that failed for a reason, by OpenSSL's text of it.

    `setting` is the one that names the server.
    """
    if "mismatch" in reason:
        names = f"openssl s_client -connect {host}:{port} </dev/null | openssl x509 -noout -ext subjectAltName"
        return f"Set `{setting}` to a name that the certificate has. This shows its names:\n{names}"
    if "self-signed" in reason or "self signed" in reason or "local issuer" in reason:
        return (
            "Set `ca_certs` to a file with the certificate of the server's authority; its administrator has it. "
            "A self-signed certificate is its own:\n"
            f"openssl s_client -connect {host}:{port} </dev/null | openssl x509 > server.crt"
        )
    if "expired" in reason:
        return "Have the server's certificate renewed, or set this machine's clock."
    return "Check `secure`, `port` and `ca_certs`." if setting == "host" else "Check `url` and `ca_certs`."


def _answer(host: str, port: int, *, tls: bool) -> bytes | None:
    """Return the beginning of the answer to an HTTP request, b"" for silence; None without a connection."""
    try:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection((host, port), _TIMEOUT_SECONDS))
            if tls:
                connection = stack.enter_context(_unverified().wrap_socket(connection))
            with contextlib.suppress(OSError):
                connection.sendall(_REQUEST)
                return connection.recv(4096)
            return b""
    except OSError:
        return None


def secured(connection: socket.socket, host: str, ca_certs: str) -> ssl.SSLSocket:
    """Return a connection with TLS whose certificate was verified: by those in a file, or the system's if it is ''."""
    return _trusting(ca_certs).wrap_socket(connection, server_hostname=host)


@once
def _trusting(ca_certs: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_certs or None)
    except OSError as error:
        reason = "it has no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise TerminalError(f"{ca_certs}: {reason}; check the setting `ca_certs`") from None


def _unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate: only the protocol is of interest, and nothing secret is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
