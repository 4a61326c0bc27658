"""The HTTP layer of the Bot API server: parses requests; answers with JSON or a failure."""

import json
import re
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from tests.servers.bot_rules import Refused

URL_LIMIT_BYTES = 8192


class Html(Exception):
    """An answer of a proxy, in HTML."""

    def __init__(self, code: int, title: str) -> None:
        super().__init__(title)
        self.code, self.title = code, title


class Dropped(Exception):
    """The connection is closed without an answer."""


class Api(Protocol):
    longest_url: int

    def handle(self, token: str, method: str, fields: dict[str, str], files: dict[str, bytes]) -> Any:
        """Check one request and return its result."""


def multipart(body: bytes, boundary: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the fields and the files of a multipart/form-data body."""
    values: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        content = content.removesuffix(b"\r\n")
        name = re.search(r'name="([^"]*)"', head.decode())
        assert name is not None, head
        if b"filename=" in head:
            files[name[1]] = content
        else:
            values[name[1]] = content.decode()
    return values, files


class Server(ThreadingHTTPServer):
    daemon_threads = True
    api: Api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: some tests make clients disconnect."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        api = self.server.api
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        api.longest_url = max(api.longest_url, len(self.path))
        try:
            if len(self.path) > URL_LIMIT_BYTES:
                raise Html(414, "Request-URI Too Large")
            url = urlsplit(self.path)
            path = re.fullmatch(r"/bot([^/]+)/(\w+)", url.path)
            if path is None:
                raise Refused(404, "Not Found")
            parameters = dict(parse_qsl(url.query, keep_blank_values=True))
            kind, _, boundary = self.headers.get("Content-Type", "").partition("boundary=")
            files: dict[str, bytes] = {}
            if kind.startswith("multipart/form-data"):
                fields, files = multipart(body, boundary.encode())
                parameters |= fields
            else:
                parameters |= dict(parse_qsl(body.decode(), keep_blank_values=True))
            result = api.handle(path[1], path[2], parameters, files)
        except Refused as error:
            parts = {"parameters": error.parameters} if error.parameters else {}
            answer = {"ok": False, "error_code": error.code, "description": error.description, **parts}
            self._answer(error.code, "application/json", json.dumps(answer))
        except Html as error:
            page = f"<html><head><title>{error.code} {error.title}</title></head></html>"
            self._answer(error.code, "text/html", page)
        except Dropped:
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._answer(200, "application/json", json.dumps({"ok": True, "result": result}))

    do_GET = do_POST

    def _answer(self, code: int, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""
