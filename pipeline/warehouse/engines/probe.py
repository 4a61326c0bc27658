"""Asks a port which protocol it speaks, to explain a connection that failed."""

import contextlib
import socket
import ssl

from pipeline.core.settings.checking import NATIVE_PORTS

_TIMEOUT_SECONDS = 3.0
_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
# What the native port answers to an HTTP request.
_NATIVE = b"clickhouse-client"


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
        return f"Port {port} speaks HTTP. {NATIVE_PORTS}"
    if tls is not None and not secure:
        return f"Port {port} uses TLS: set secure = true, or give the port without TLS (9000)."
    if _NATIVE in plain and secure:
        return f"Port {port} does not use TLS: set secure = false, or give the port with TLS (9440)."
    return ""


def certificate_remedy(host: str, port: int, reason: str) -> str:
    """Return what to change after a TLS connection that failed for a reason, by OpenSSL's text of it."""
    if "mismatch" in reason:
        names = f"openssl s_client -connect {host}:{port} </dev/null | openssl x509 -noout -ext subjectAltName"
        return f"Set `host` to a name that the certificate has. This shows its names:\n{names}"
    if "self-signed" in reason or "self signed" in reason or "local issuer" in reason:
        return (
            "Set `ca_certs` to a file with the certificate of the server's authority; its administrator has it. "
            "A self-signed certificate is its own:\n"
            f"openssl s_client -connect {host}:{port} </dev/null | openssl x509 > server.crt"
        )
    if "expired" in reason:
        return "Have the server's certificate renewed, or set this machine's clock."
    return "Check `secure`, `port` and `ca_certs`."


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


def _unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate: only the protocol is of interest, and nothing secret is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
