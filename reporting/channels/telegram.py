"""Messages to Telegram chats through the Bot API, with pyTelegramBotAPI."""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reporting.channels.base import Channel
from reporting.errors import ChannelError, ChannelUnavailableError, SettingsError
from reporting.message import Message, escape, parsed_length, plain_text, shorten, split

if TYPE_CHECKING:
    from telebot import TeleBot

TOKEN_VARIABLE = "FEEDPULSE_TELEGRAM_TOKEN"

# The Bot API's limits; lengths are UTF-16 code units after entities are parsed.
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
PICTURE_LIMIT_BYTES = 10_000_000

# Attempts at one request and the pauses between them. An alert is due every 15 minutes: give up well before the next.
PAUSES_SECONDS = (1.0, 4.0, 16.0)
LONGEST_PAUSE_SECONDS = 60.0

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")
_CHAT = re.compile(r"-?\d+|@\w+")
_LOG = logging.getLogger(__name__)
# telebot keeps its server's address and its way of sending in module globals.
_TELEBOT_GLOBALS = threading.RLock()


@dataclass(frozen=True)
class _Refusal:
    """What the Bot API said no with."""

    code: int
    description: str
    migrated_to: str = ""

    @property
    def is_markup(self) -> bool:
        return self.code == 400 and "can't parse entities" in self.description.lower()

    @property
    def is_about_chat(self) -> bool:
        """Whether nothing can reach this chat, whatever its form."""
        about = ("chat not found", "thread not found", "topic_closed", "chat_write_forbidden", "chat_id is empty")
        return self.code in (401, 403, 404) or any(words in self.description.lower() for words in about)


@dataclass(frozen=True)
class _Later:
    """Why a request may succeed later; `pause_seconds` is what the server asks for."""

    reason: str
    pause_seconds: float = 0.0


@dataclass(frozen=True)
class Telegram(Channel):
    """Send messages to chats as a bot, whose token comes from the environment variable FEEDPULSE_TELEGRAM_TOKEN.

    A message is one photo with its text as the caption. What would be refused is sent in a plainer form instead of
    being lost: markup that the server cannot parse as plain text, a text that is too long for a caption after the
    photo, a refused photo not at all. Delivery is at least once: where an answer is lost, the request is repeated and
    may arrive twice, which beats silence.
    """

    chats: str = ""
    """Where to send, comma separated: numbers (-1001234567890) or public names (@channel)."""

    topic: str = ""
    """The forum topic (message_thread_id) in these chats; empty for none."""

    api_url: str = "https://api.telegram.org"
    """The Bot API's address; another one for a self-hosted server."""

    # What groups that became supergroups are called now.
    _migrated: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    # Not a setting: tests wait on their own clock.
    sleep = staticmethod(time.sleep)

    def __post_init__(self) -> None:
        if not self.addresses():
            raise SettingsError("telegram: no chat to send to; set `chats` in [telegram], comma separated")
        for chat in self.addresses():
            if not _CHAT.fullmatch(chat):
                raise SettingsError(f"telegram: chat {chat!r} is neither a number nor an @name; correct `chats`")
        if self.topic and not self.topic.isdecimal():
            raise SettingsError(f"telegram: topic {self.topic!r} is not a number; correct `topic` in [telegram]")
        if not re.fullmatch(r"https?://[^\s{}/@]+(/[^\s{}]*)?", self.api_url):
            raise SettingsError("telegram: api_url is not an http(s) address; correct `api_url` in [telegram]")
        _token()

    def addresses(self) -> list[str]:
        """Return the chats."""
        return [chat.strip() for chat in self.chats.split(",") if chat.strip()]

    def send(self, address: str, message: Message) -> str:
        """Send `message` to the chat `address` and return the id of its first part."""
        if message.picture is None:
            return self._send_text(address, message.html)
        whole = parsed_length(message.html) <= CAPTION_LIMIT
        caption = message.html if whole else f"<b>{escape(shorten(message.title, CAPTION_LIMIT))}</b>"
        photo_id = self._send_photo(address, message.picture, caption)
        if photo_id and whole:
            return photo_id
        text_id = self._send_text(address, message.html)
        return photo_id or text_id

    def link(self, address: str, message_id: str) -> str:
        """Return the message's address on t.me; private chats and small groups have none."""
        chat = self._migrated.get(address, address)
        topic = f"{self.topic}/" if self.topic else ""
        if chat.startswith("@"):
            return f"https://t.me/{chat[1:]}/{topic}{message_id}"
        if chat.startswith("-100"):
            return f"https://t.me/c/{chat.removeprefix('-100')}/{topic}{message_id}"
        return ""

    def _send_photo(self, chat: str, picture: bytes, caption: str) -> str:
        """Send a photo and return its id, or "" where this photo is refused but the chat may take a text."""
        if len(picture) > PICTURE_LIMIT_BYTES:
            _LOG.warning("telegram: a picture of %d bytes is too large; sending the text alone", len(picture))
            return ""
        # Bytes, not a file object: a repeated request must send them again from the start.
        answer = self._request(
            chat, lambda bot, to: bot.send_photo(to, picture, caption, parse_mode="HTML", message_thread_id=self._topic)
        )
        if isinstance(answer, _Refusal) and answer.is_markup:
            _LOG.warning("telegram: markup refused, sending the caption as plain text")
            text = plain_text(caption)
            answer = self._request(
                chat, lambda bot, to: bot.send_photo(to, picture, text, message_thread_id=self._topic)
            )
        if isinstance(answer, str):
            return answer
        if isinstance(answer, _Later):
            # A server that chokes on the picture may still take the text, unless it asks for silence.
            if answer.pause_seconds:
                raise _unavailable(chat, answer)
            _LOG.warning("telegram: picture not taken (%s), sending the text alone", answer.reason)
            return ""
        if answer.is_about_chat:
            raise _refused(chat, answer)
        _LOG.warning("telegram: picture refused (%s), sending the text alone", answer.description)
        return ""

    def _send_text(self, chat: str, html: str) -> str:
        """Send a text in as many messages as it needs and return the id of the first."""
        ids = [self._send_part(chat, part) for part in split(html, TEXT_LIMIT)]
        return ids[0]

    def _send_part(self, chat: str, html: str) -> str:
        answer = self._send_message(chat, html, "HTML")
        if isinstance(answer, _Refusal) and answer.is_markup:
            _LOG.warning("telegram: markup refused, sending the text as it is")
            answer = self._send_message(chat, plain_text(html), None)
        if isinstance(answer, _Refusal):
            raise _refused(chat, answer)
        if isinstance(answer, _Later):
            raise _unavailable(chat, answer)
        return answer

    def _send_message(self, chat: str, text: str, parse_mode: str | None) -> str | _Refusal | _Later:
        from telebot.types import LinkPreviewOptions

        return self._request(
            chat,
            lambda bot, to: bot.send_message(
                to,
                text,
                parse_mode=parse_mode,
                message_thread_id=self._topic,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            ),
        )

    @property
    def _topic(self) -> int | None:
        return int(self.topic) if self.topic else None

    def _request(self, chat: str, method: "Callable[[TeleBot, str], Any]") -> str | _Refusal | _Later:
        """Call `method` until it is answered; `_Later` where patience ends first."""
        for pause in (*PAUSES_SECONDS, None):
            answer = self._attempt(self._migrated.get(chat, chat), method)
            if isinstance(answer, _Refusal) and answer.migrated_to and chat not in self._migrated:
                self._migrated[chat] = answer.migrated_to
                _LOG.warning("telegram: chat %s is now %s; correct `chats` in [telegram]", chat, answer.migrated_to)
                answer = self._attempt(answer.migrated_to, method)
            if not isinstance(answer, _Later) or pause is None or answer.pause_seconds > LONGEST_PAUSE_SECONDS:
                break
            self.sleep(max(pause, answer.pause_seconds))
        return answer

    def _attempt(self, chat: str, method: "Callable[[TeleBot, str], Any]") -> "str | _Refusal | _Later":
        """Make one request. Exceptions end here: their texts hold the token and would end in tracebacks."""
        import requests
        from telebot import TeleBot, apihelper

        token = _token()
        with _telebot_pointed_at(self.api_url):
            try:
                return str(method(TeleBot(token, threaded=False), chat).message_id)
            except apihelper.ApiTelegramException as error:
                return _explain(error.error_code, error.result_json, token)
            except apihelper.ApiHTTPException as error:
                code = error.result.status_code
                if code >= 500:
                    return _Later(f"the server answered HTTP {code}")
                return _Refusal(code, f"HTTP {code}")
            except (apihelper.ApiInvalidJSONException, KeyError, TypeError):
                return _Later("what answered is not a Bot API")
            except requests.RequestException as error:
                return _Later(f"no answer ({type(error).__name__})")


def _explain(code: int, answer: dict[str, Any], token: str) -> _Refusal | _Later:
    """Turn the Bot API's "not ok" into a refusal or a request for patience."""
    parameters = answer.get("parameters") or {}
    description = shorten(str(answer.get("description", "")).replace(token, "***"), 200)
    if code == 429:
        seconds = float(parameters.get("retry_after", 1))
        return _Later(f"it asks to wait {seconds:.0f} s", seconds)
    if code >= 500:
        return _Later(f"the server answered {code}")
    return _Refusal(code, description, str(parameters.get("migrate_to_chat_id", "")))


def _refused(chat: str, refusal: _Refusal) -> ChannelError:
    """Name the chat, what Telegram said, and the remedy."""
    if refusal.code in (401, 404):
        remedy = f"Check the token in {TOKEN_VARIABLE} and `api_url` in [telegram]."
    elif "thread" in refusal.description.lower() or "topic" in refusal.description.lower():
        remedy = "Correct `topic` in [telegram], or open the topic again."
    elif refusal.is_about_chat:
        remedy = "Add the bot to the chat with the right to post, or correct `chats` in [telegram]."
    else:
        remedy = "Check what the bot may do in that chat."
    return ChannelError(f"telegram: chat {chat} refused: {refusal.description} ({refusal.code}). {remedy}")


def _unavailable(chat: str, later: _Later) -> ChannelUnavailableError:
    return ChannelUnavailableError(
        f"telegram: chat {chat} could not be reached: {later.reason}. Try again later; "
        "if it stays so, check the network and `api_url` in [telegram]."
    )


def _token() -> str:
    """The bot's token, read at each use so that no object keeps it."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise SettingsError(f"telegram: the bot's token is missing; set the environment variable {TOKEN_VARIABLE}")
    if not _TOKEN.fullmatch(token):
        raise SettingsError(f"telegram: {TOKEN_VARIABLE} is not a token like 123456:ABC...; copy it from @BotFather")
    return token


@contextmanager
def _telebot_pointed_at(api_url: str) -> Iterator[None]:
    """Point telebot at `api_url` with texts in the body; put its globals back after.

    telebot puts texts and captions in the URL, where a Russian letter is 6 bytes and servers refuse long ones (414).
    Its debug log shows texts, and urllib3's the URL with the token, so both are silent meanwhile.
    """
    import requests
    import telebot.apihelper

    apihelper: Any = telebot.apihelper

    def post(method: str, url: str, params: Any, files: Any, timeout: Any, proxies: Any) -> requests.Response:
        return requests.request(
            method, url, data=params, files=files, timeout=timeout, proxies=proxies, allow_redirects=False
        )

    loggers = [logging.getLogger("TeleBot"), logging.getLogger("urllib3.connectionpool")]
    with _TELEBOT_GLOBALS:
        before = apihelper.API_URL, apihelper.CUSTOM_REQUEST_SENDER
        levels = [logger.level for logger in loggers]
        apihelper.API_URL = api_url.rstrip("/") + "/bot{0}/{1}"
        apihelper.CUSTOM_REQUEST_SENDER = post
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            apihelper.API_URL, apihelper.CUSTOM_REQUEST_SENDER = before
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
