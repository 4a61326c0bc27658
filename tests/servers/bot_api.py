"""A local Bot API server for tests of the real client. It refuses the same requests as Telegram.

Use ``with BotApi() as api: ...`` and point the client at ``api.url``; another process also needs `TOKEN` in its
environment. ``api.sent`` holds the messages that chats show now. ``api.answer_next(too_many(3), dropped())`` makes the
next two requests fail. ``api.press(...)`` presses a button; a request that waits for updates is then answered.
``api.renumber(...)`` is a week without updates, after which Telegram chooses the next number at random.
``api.delete(...)``, ``api.freeze(...)`` and ``api.migrate(...)`` delete a message, make it too old to edit, and turn a
group into a supergroup. ``api.chat(...)`` is a chat whose kind and rights a test may change.
"""

import json
import threading
import zlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from tests.servers.bot_chats import BOT, Chat, of_name
from tests.servers.bot_http import Dropped, Handler, Html, Server
from tests.servers.bot_rules import CAPTION_LIMIT, TEXT_LIMIT, Refused, bad, check_photo, parse_keyboard, parse_text

TOKEN = "123456:AAtest-token_of_nobody"
CHAT = "-1001234567890"
TOPIC = 7

UPDATES_LIMIT = 100
ANSWER_LIMIT = 200

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


@dataclass(frozen=True)
class Sent:
    """A message as a chat shows it; `source` is its text with markup, as it was sent."""

    id: int
    chat: str
    topic: int | None
    text: str
    source: str
    photo: bytes | None
    preview: bool
    reply_to: int | None = None
    buttons: tuple[tuple[tuple[str, str], ...], ...] = ()
    edits: int = 0

    def data(self, beginning: str) -> str:
        """Return the data of the button that begins so."""
        return next(data for row in self.buttons for _, data in row if data.startswith(beginning))


Trouble = Callable[["BotApi"], None]


def refused(code: int, description: str, **parameters: Any) -> Trouble:
    """Answer "not ok"."""

    def trouble(_: "BotApi") -> None:
        raise Refused(code, description, **parameters)

    return trouble


def too_many(retry_after: int) -> Trouble:
    """Answer with a request to wait."""
    return refused(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


def conflict() -> Trouble:
    """Answer as if another process asked for updates in the same moment."""
    what = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    return refused(409, what)


def html(code: int, title: str) -> Trouble:
    """Answer as a proxy does, e.g. ``html(502, "Bad Gateway")``."""

    def trouble(_: "BotApi") -> None:
        raise Html(code, title)

    return trouble


def dropped() -> Trouble:
    """Close the connection without an answer."""

    def trouble(_: "BotApi") -> None:
        raise Dropped

    return trouble


def slow(seconds: float) -> Trouble:
    """Deliver the message, but answer late."""

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
        The forum topics of each chat.
    token : str
        The token of the bot.
    """

    def __init__(
        self, chats: tuple[str, ...] = (CHAT,), topics: tuple[int, ...] = (TOPIC,), token: str = TOKEN
    ) -> None:
        self.token = token
        self.chats = list(chats)
        self.topics = topics
        self.webhook = False
        self._rooms: dict[str, Chat] = {}
        self.sent: list[Sent] = []
        self.requests: list[str] = []
        self.updates: list[dict[str, Any]] = []
        self.answers: dict[str, str] = {}
        self.longest_url = 0
        self.longest_poll = 0
        self.closing = threading.Event()
        self._numbers: Counter[str] = Counter()
        self._frozen: set[tuple[str, int]] = set()
        self._migrated: dict[str, str] = {}
        self._queries: set[str] = set()
        self._update = 1000
        self._allowed: set[str] = set()
        self._troubles: deque[Trouble] = deque()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._polls = 0
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.api = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "BotApi":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        with self._changed:
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def answer_next(self, *troubles: Trouble) -> None:
        """Make the next requests fail, one per trouble, in order."""
        self._troubles.extend(troubles)

    def delete(self, message_id: int, chat: str = CHAT) -> None:
        """Delete a message."""
        self.sent.remove(self._find(chat, message_id))

    def freeze(self, message_id: int, chat: str = CHAT) -> None:
        """Make a message too old to be edited."""
        self._frozen.add((chat, message_id))

    def migrate(self, old: str, new: str) -> None:
        """Turn a group into a supergroup; its messages stay in the group."""
        self.chats.append(new)
        self._migrated[old] = new

    def chat(self, name: str = CHAT) -> Chat:
        """The chat of a number or @name, with the bot's rights there."""
        return self._rooms.setdefault(name, of_name(name))

    def press(self, message_id: int, data: str, chat: str = CHAT, **user: object) -> str:
        """Press a button as `user` (id, first_name, last_name, username); return the query's id."""
        message = self._find(chat, message_id)
        assert data in [pressed for row in message.buttons for _, pressed in row], message.buttons
        return self.update(callback_query=_query(message_id, chat, data, {"first_name": "Anna"} | user))

    def forge(self, data: object, chat: str = CHAT, **user: object) -> str:
        """Press as a client does that sends data of no button; return the query's id. Each name is another person."""
        person = {"first_name": "Mallory"} | user
        number = zlib.crc32(repr(person["first_name"]).encode())
        return self.update(callback_query=_query(1, chat, data, {"id": number} | person))

    def press_elsewhere(self, chat: str = "-1009999", data: str = "ack") -> str:
        """Press a button of a message in another chat."""
        return self.update(callback_query=_query(5, chat, data, {"first_name": "Mallory"}))

    def update(self, **content: Any) -> str:
        """Add an update of any kind; return its query's id, if it has one."""
        with self._lock:
            self._update += 1
            query = content.get("callback_query", {})
            if query:
                query.setdefault("id", f"q{self._update}")
                self._queries.add(str(query["id"]))
            if not self._allowed or self._allowed & set(content):
                self.updates.append({"update_id": self._update, **content})
                self._changed.notify_all()
        return str(query.get("id", ""))

    def renumber(self, number: int) -> None:
        """Choose the number of the next update."""
        self._update = number - 1

    def expire(self, query: str) -> None:
        """Make a press too old to be answered."""
        self._queries.discard(query)

    def handle(self, token: str, method: str, fields: dict[str, str], files: dict[str, bytes]) -> Any:
        """Check one request and return its result."""
        with self._lock:
            self.requests.append(method)
            trouble = self._troubles.popleft() if self._troubles else None
        if token != self.token:
            raise Refused(401, "Unauthorized")
        if trouble is not None:
            trouble(self)
        if method == "getUpdates":
            return self._get_updates(fields)
        with self._lock:
            match method:
                case "getMe":
                    return {"id": BOT, "is_bot": True, "first_name": "feedpulse", "username": "feedpulse_bot"}
                case "getChat":
                    return self.chat(self._chat(fields)).shown()
                case "getChatMember":
                    return self.chat(self._chat(fields)).member(int(fields.get("user_id", 0)))
                case "sendMessage":
                    return self._send(fields, None)
                case "sendPhoto":
                    check_photo(files.get("photo"))
                    return self._send(fields, files["photo"])
                case "editMessageText" | "editMessageCaption" | "editMessageMedia":
                    return self._edit(method, fields, files)
                case "sendChatAction":
                    self.chat(self._chat(fields)).require_right(photo=False)
                    self._topic(fields)
                    if fields.get("action") != "typing":
                        raise bad("wrong parameter action in request")
                    return True
                case "answerCallbackQuery":
                    return self._answer(fields)
        raise Refused(404, "Not Found")

    def _chat(self, fields: dict[str, str]) -> str:
        """Return the chat that a request writes to."""
        chat = fields.get("chat_id", "")
        if new := self._migrated.get(chat):
            raise Refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=int(new))
        names = [name for name in self.chats if chat in (name, str(self.chat(name).number))]
        if not names:
            raise bad("chat not found")
        return names[0]

    def _find(self, chat: str, number: int) -> Sent:
        return next(message for message in self.sent if (message.chat, message.id) == (chat, number))

    def _send(self, fields: dict[str, str], photo: bytes | None) -> Any:
        chat = self._chat(fields)
        self.chat(chat).require_right(photo is not None)
        topic = self._topic(fields)
        source, text = _content(fields, photo)
        reply_to = self._answered(chat, fields.get("reply_parameters", ""))
        buttons = parse_keyboard(fields.get("reply_markup", ""))
        self._numbers[chat] += 1
        preview = _has_preview(fields)
        sent = Sent(self._numbers[chat], chat, topic, text, source, photo, preview, reply_to, buttons)
        self.sent.append(sent)
        return _shown(sent)

    def _topic(self, fields: dict[str, str]) -> int | None:
        topic = int(fields["message_thread_id"]) if "message_thread_id" in fields else None
        if topic is not None and topic not in self.topics:
            raise bad("message thread not found")
        return topic

    def _answered(self, chat: str, reply_parameters: str) -> int | None:
        """Return the number of the message that is replied to, or None if it is gone and that is allowed."""
        if not reply_parameters:
            return None
        reply = json.loads(reply_parameters)
        if any((message.chat, message.id) == (chat, reply["message_id"]) for message in self.sent):
            return int(reply["message_id"])
        if not reply.get("allow_sending_without_reply"):
            raise bad("message to be replied not found")
        return None

    def _edit(self, method: str, fields: dict[str, str], files: dict[str, bytes]) -> Any:
        chat = self._chat(fields)
        if not fields.get("message_id"):
            raise bad("message identifier is not specified")
        try:
            old = self._find(chat, int(fields["message_id"]))
        except StopIteration:
            raise bad("message to edit not found") from None
        if (chat, old.id) in self._frozen:
            raise bad("message can't be edited")
        photo, words = old.photo, dict(fields)
        if method == "editMessageMedia":
            photo, words = _media(fields, files)
        elif method == "editMessageText" and photo is not None:
            raise bad("there is no text in the message to edit")
        elif method == "editMessageCaption" and photo is None:
            raise bad("there is no caption in the message to edit")
        source, text = _content(words, photo)
        # An edit without reply_markup removes the buttons.
        buttons = parse_keyboard(fields.get("reply_markup", ""))
        new = replace(old, text=text, source=source, photo=photo, buttons=buttons, preview=_has_preview(fields))
        if replace(new, preview=old.preview) == old:
            raise bad(_NOT_MODIFIED)
        new = replace(new, edits=old.edits + 1)
        self.sent[self.sent.index(old)] = new
        return _shown(new)

    def _get_updates(self, fields: dict[str, str]) -> list[dict[str, Any]]:
        offset, limit = int(fields.get("offset", 0)), int(fields.get("limit", UPDATES_LIMIT))
        timeout = int(fields.get("timeout", 0))
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first")
        self.longest_poll = max(self.longest_poll, timeout)
        with self._changed:
            # A request that waits is refused as soon as another one arrives.
            mine = self._polls = self._polls + 1
            self._changed.notify_all()
            if "allowed_updates" in fields:  # remembered; for updates from now on
                self._allowed = set(json.loads(fields["allowed_updates"]))
            if offset < 0:
                self.updates = self.updates[offset:]
            # The offset confirms earlier updates; they are forgotten.
            self.updates = [update for update in self.updates if update["update_id"] >= offset]
            self._changed.wait_for(lambda: self.updates or self._polls != mine or self.closing.is_set(), timeout)
            if self._polls != mine:
                conflict()(self)
            return self.updates[: max(1, min(limit, UPDATES_LIMIT))]

    def _answer(self, fields: dict[str, str]) -> bool:
        query, text = fields.get("callback_query_id", ""), fields.get("text", "")
        if len(text) > ANSWER_LIMIT:
            raise bad("MESSAGE_TOO_LONG")
        if query not in self._queries:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self._queries.remove(query)
        self.answers[query] = text
        return True


def _content(fields: dict[str, str], photo: bytes | None) -> tuple[str, str]:
    """Return a message's text with and without markup."""
    if photo is not None:
        return fields.get("caption", ""), parse_text(fields, "caption", CAPTION_LIMIT, "message caption is too long")
    text = parse_text(fields, "text", TEXT_LIMIT, "message is too long")
    if not text:
        raise bad("message text is empty")
    return fields["text"], text


def _media(fields: dict[str, str], files: dict[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """Return the photo of editMessageMedia and the fields of its caption."""
    media = json.loads(fields.get("media", "{}"))
    if media.get("type") != "photo":
        raise bad("can't parse InputMedia: media type is unsupported")
    name = str(media.get("media", ""))
    if not name.startswith("attach://") or name.removeprefix("attach://") not in files:
        raise bad("wrong file identifier/HTTP URL specified")
    photo = files[name.removeprefix("attach://")]
    check_photo(photo)
    return photo, media


def _has_preview(fields: dict[str, str]) -> bool:
    return not json.loads(fields.get("link_preview_options", "{}")).get("is_disabled", False)


def _chat_object(chat: str) -> dict[str, Any]:
    if chat.startswith("@"):
        return {"id": -1007777, "type": "channel", "username": chat[1:]}
    return {"id": int(chat), "type": "supergroup" if chat.startswith("-100") else "group"}


def _shown(sent: Sent) -> dict[str, Any]:
    """Return a message in the Bot API's form."""
    text = {"caption": sent.text} if sent.photo is not None else {"text": sent.text}
    return {"message_id": sent.id, "date": 1, "chat": _chat_object(sent.chat), **text}


def _query(message_id: int, chat: str, data: object, user: dict[str, object]) -> dict[str, Any]:
    message = {"message_id": message_id, "date": 1, "chat": _chat_object(chat)}
    person = {"id": 42, "is_bot": False, **user}
    return {"from": person, "message": message, "chat_instance": "1", "data": data}
