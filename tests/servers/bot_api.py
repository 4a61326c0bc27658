"""A local Bot API server, as strict as Telegram's about what it accepts, for tests that use the real client.

In a test: ``with BotApi() as api: ...`` and point the client at ``api.url``; a luigi process can be pointed at it too,
with `TOKEN` in its environment. ``api.sent`` holds what chats would show. ``api.answer_next(too_many(3), dropped())``
makes the next requests fail in these ways, after which the server is itself again.
"""

import io
import json
import re
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from PIL import Image

TOKEN = "123456:AAtest-token_of_nobody"
CHAT = "-1001234567890"
TOPIC = 7

URL_LIMIT_BYTES = 8192
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
PHOTO_LIMIT_BYTES = 10 * 1024 * 1024

_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "tg-spoiler", "blockquote"}
_TAG = re.compile(r"<(/?)([a-zA-Z0-9-]+)((?:\s+[a-z-]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?)*)\s*>")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")


@dataclass(frozen=True)
class Sent:
    """A message as a chat would show it; `source` is the text as it was sent, with markup."""

    id: int
    chat: str
    topic: int | None
    text: str
    source: str
    photo: bytes | None
    preview: bool


class Refused(Exception):
    """An answer "not ok", as the Bot API words it."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class _Html(Exception):
    """An answer of some proxy in between: HTML."""

    def __init__(self, code: int, title: str) -> None:
        super().__init__(title)
        self.code, self.title = code, title


class _Dropped(Exception):
    """The connection is closed without an answer."""


Trouble = Callable[["BotApi"], None]


def refused(code: int, description: str, **parameters: int) -> Trouble:
    """Answer "not ok"."""

    def trouble(_: "BotApi") -> None:
        raise Refused(code, description, **parameters)

    return trouble


def too_many(retry_after: int) -> Trouble:
    """Ask to slow down."""
    return refused(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


def html(code: int, title: str) -> Trouble:
    """Answer as a proxy does, e.g. ``html(502, "Bad Gateway")``."""

    def trouble(_: "BotApi") -> None:
        raise _Html(code, title)

    return trouble


def dropped() -> Trouble:
    """Close the connection without an answer."""

    def trouble(_: "BotApi") -> None:
        raise _Dropped

    return trouble


def slow(seconds: float) -> Trouble:
    """Deliver, but answer late."""

    def trouble(api: "BotApi") -> None:
        api.closing.wait(seconds)

    return trouble


class BotApi:
    """The server; it runs in threads of this process from `__enter__` to `__exit__`.

    Parameters
    ----------
    chats : tuple of str
        The chats that the bot may write to.
    topics : tuple of int
        The forum topics that each of them has.
    """

    def __init__(self, chats: tuple[str, ...] = (CHAT,), topics: tuple[int, ...] = (TOPIC,)) -> None:
        self.chats = chats
        self.topics = topics
        self.sent: list[Sent] = []
        self.requests: list[str] = []
        self.longest_url = 0
        self.closing = threading.Event()
        self._troubles: deque[Trouble] = deque()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "BotApi":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def answer_next(self, *troubles: Trouble) -> None:
        """Meet the next requests with `troubles`, one each."""
        self._troubles.extend(troubles)

    def handle(self, token: str, method: str, parameters: dict[str, str], photo: bytes | None) -> Any:
        """Check one request and return its result."""
        with self._lock:
            self.requests.append(method)
            trouble = self._troubles.popleft() if self._troubles else None
        if token != TOKEN:
            raise Refused(401, "Unauthorized")
        if trouble is not None:
            trouble(self)
        if method == "getMe":
            return {"id": 123456, "is_bot": True, "first_name": "feedpulse", "username": "feedpulse_bot"}
        if method == "sendMessage":
            return self._send(parameters, "text", TEXT_LIMIT, "message is too long", None)
        if method == "sendPhoto":
            _check_photo(photo)
            return self._send(parameters, "caption", CAPTION_LIMIT, "message caption is too long", photo)
        raise Refused(404, "Not Found")

    def _send(self, parameters: dict[str, str], name: str, limit: int, too_long: str, photo: bytes | None) -> Any:
        chat = parameters.get("chat_id", "")
        if chat not in self.chats:
            raise Refused(400, "Bad Request: chat not found")
        topic = int(parameters["message_thread_id"]) if "message_thread_id" in parameters else None
        if topic is not None and topic not in self.topics:
            raise Refused(400, "Bad Request: message thread not found")
        source = parameters.get(name, "")
        parse_mode = parameters.get("parse_mode", "")
        if parse_mode not in ("", "HTML"):
            raise Refused(400, "Bad Request: unsupported parse_mode")
        text = (parse_html(source) if parse_mode else source).strip()
        if not text and photo is None:
            raise Refused(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > limit:
            raise Refused(400, f"Bad Request: {too_long}")
        preview = not json.loads(parameters.get("link_preview_options", "{}")).get("is_disabled", False)
        with self._lock:
            sent = Sent(len(self.sent) + 1, chat, topic, text, source, photo, preview)
            self.sent.append(sent)
        shown = {"caption": text} if photo is not None else {"text": text}
        return {"message_id": sent.id, "date": 1, "chat": {"id": -1, "type": "supergroup"}, **shown}


def parse_html(source: str) -> str:
    """Return the text of `source` as Telegram's parse mode HTML reads it, or refuse it as Telegram does."""
    text, opened, position = "", list[str](), 0
    while position < len(source):
        offset = len(source[:position].encode())
        if entity := _ENTITY.match(source, position):
            text += unescape(entity[0])
            position = entity.end()
        elif source[position] != "<":
            text += source[position]
            position += 1
        else:
            tag = _TAG.match(source, position)
            if tag is None:
                raise _unparsable(f"Unclosed start tag at byte offset {offset}")
            name = tag[2].lower()
            if name not in _TAGS:
                raise _unparsable(f'Unsupported start tag "{name}" at byte offset {offset}')
            if not tag[1]:
                opened.append(name)
            elif not opened or opened.pop() != name:
                raise _unparsable(f'Unmatched end tag at byte offset {offset}, found "</{name}>"')
            position = tag.end()
    if opened:
        raise _unparsable(f'Can\'t find end tag corresponding to start tag "{opened[-1]}"')
    return text


def _unparsable(reason: str) -> Refused:
    return Refused(400, f"Bad Request: can't parse entities: {reason}")


def _check_photo(photo: bytes | None) -> None:
    if not photo:
        raise Refused(400, "Bad Request: file must be non-empty")
    if len(photo) > PHOTO_LIMIT_BYTES:
        raise Refused(413, "Request Entity Too Large")
    try:
        with Image.open(io.BytesIO(photo), formats=["PNG"]) as image:
            image.load()
            width, height = image.size
    except (OSError, SyntaxError, ValueError):
        raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise Refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")


def _multipart(body: bytes, boundary: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: BotApi

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that give up waiting are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        api = self.server.api
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        api.longest_url = max(api.longest_url, len(self.path))
        try:
            if len(self.path) > URL_LIMIT_BYTES:
                raise _Html(414, "Request-URI Too Large")
            url = urlsplit(self.path)
            path = re.fullmatch(r"/bot([^/]+)/(\w+)", url.path)
            if path is None:
                raise Refused(404, "Not Found")
            parameters = dict(parse_qsl(url.query, keep_blank_values=True))
            kind, _, boundary = self.headers.get("Content-Type", "").partition("boundary=")
            files: dict[str, bytes] = {}
            if kind.startswith("multipart/form-data"):
                fields, files = _multipart(body, boundary.encode())
                parameters |= fields
            else:
                parameters |= dict(parse_qsl(body.decode(), keep_blank_values=True))
            result = api.handle(path[1], path[2], parameters, files.get("photo"))
        except Refused as error:
            parts = {"parameters": error.parameters} if error.parameters else {}
            answer = {"ok": False, "error_code": error.code, "description": error.description, **parts}
            self._answer(error.code, "application/json", json.dumps(answer))
        except _Html as error:
            page = f"<html><head><title>{error.code} {error.title}</title></head></html>"
            self._answer(error.code, "text/html", page)
        except _Dropped:
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
        """Keep the test's output clean."""
