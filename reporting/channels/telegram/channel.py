"""Sends messages to Telegram chats through the Bot API."""

import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from reporting.channels.base import Channel, Finding, Page, Press
from reporting.channels.telegram import api, examination, forms, queue
from reporting.channels.telegram.api import Later, Refusal
from reporting.channels.telegram.forms import CAPTION_LIMIT, PICTURE_LIMIT_BYTES, TEXT_LIMIT, Form, Words
from reporting.decoration import optional
from reporting.errors import SettingsError
from reporting.message import Button, Message, plain_text, shorten

if TYPE_CHECKING:
    from telebot import TeleBot

# Limit of the Bot API: length of an answer to a press.
ANSWER_LIMIT = 200

_CHAT = re.compile(r"-?\d+|@\w+")
_PERSON = re.compile(r"\d+|@\w+")
_CHATS_FORM = "-1001234567890 for a group, @name for a public one, with commas between several"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Telegram(Channel):
    """Sends messages to chats as a bot. Its token is in the environment variable FEEDPULSE_TELEGRAM_TOKEN.

    A message is one photo with its text as the caption. A message that Telegram refuses is sent in a plainer form: as
    plain text if the markup is refused, with the text after the photo if it is too long for a caption, without the
    photo if that is refused. If an answer is lost, the request is repeated, so a message may arrive twice.

    The id of a message is its number, or "chat/number" if the group became a supergroup, which numbers its messages
    anew.
    """

    chats: str = ""
    """Chats, comma separated: numbers (-1001234567890) or public names (@channel)."""

    topic: str = ""
    """Forum topic (message_thread_id) in these chats; empty for none."""

    api_url: str = "https://api.telegram.org"
    """Address of the Bot API, for a self-hosted server."""

    may_press: str = ""
    """People whose presses of buttons count, comma separated: ids (123456) or names (@anna); empty for everybody."""

    # Supergroups by the number of the group that they were before.
    _migrated: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _probed: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    can_wait: ClassVar[bool] = True

    # Not a setting: tests replace it.
    sleep = staticmethod(time.sleep)

    def __post_init__(self) -> None:
        if not self.addresses():
            raise SettingsError("telegram: no chat to send to; set `chats` in [telegram], comma separated")
        for chat in self.addresses():
            if not _CHAT.fullmatch(chat):
                raise SettingsError(
                    f"telegram: chat {chat!r} is neither a number nor an @name; correct `chats`: {_CHATS_FORM}"
                )
        for person in self._people:
            if not _PERSON.fullmatch(person):
                raise SettingsError(f"telegram: {person!r} in `may_press` is neither an id nor an @name; correct it")
        if self.topic and not self.topic.isdecimal():
            raise SettingsError(f"telegram: topic {self.topic!r} is not a number; correct `topic` in [telegram]")
        if not _is_server(self.api_url):
            raise SettingsError("telegram: api_url is not an http(s) address; correct `api_url` in [telegram]")
        api.token()

    def addresses(self) -> list[str]:
        """Return the chats."""
        return [chat.strip() for chat in self.chats.split(",") if chat.strip()]

    def send(self, address: str, message: Message) -> str:
        """Send `message` to the chat `address` and return the id of its first part."""
        return self._post(address, message, "")

    def reply(self, address: str, message_id: str, message: Message) -> str:
        """Send `message` as a reply and return the id of its first part."""
        return self._post(address, message, message_id)

    def edit(self, address: str, message_id: str, message: Message) -> str:
        """Edit a message; if it is deleted or too old to edit, send `message` as a new one."""
        gone = self._edit(address, message_id, message)
        if gone is None:
            return message_id
        _LOG.warning("telegram: message cannot be edited (%s); sending a new one", gone.description)
        return self.send(address, message)

    def edit_copy(self, address: str, message_id: str, message: Message) -> bool:
        """Edit a second copy of a message; False if it is deleted or too old to edit."""
        return self._edit(address, message_id, message) is None

    def presses(self, since: int = 0) -> Page:
        """Return the first presses that are not confirmed; Telegram keeps them for 24 hours."""
        updates = self._updates(since)
        return queue.page(api.bot_number(), updates, self._is_configured, self._people)

    def await_press(self, seconds: int) -> bool:
        """Wait for a press; Telegram answers when there is one, or after `seconds`."""
        return bool(self._updates(0, most=1, seconds=seconds))

    def answer_press(self, press: Press, text: str) -> bool:
        """Show `text` to the person who pressed; Telegram accepts it for about 15 seconds, and once."""
        shown = shorten(text, ANSWER_LIMIT)
        answer = api.attempt(self.api_url, lambda bot: bot.answer_callback_query(press.answer, shown))
        return not isinstance(answer, Refusal | Later)

    def link(self, address: str, message_id: str) -> str:
        """Return the message's URL on t.me, or "" for private chats and small groups, which have none."""
        chat, number = _located(address, message_id)
        topic = f"{self.topic}/" if self.topic else ""
        if chat.startswith("@"):
            return f"https://t.me/{chat[1:]}/{topic}{number}"
        if chat.startswith("-100"):
            return f"https://t.me/c/{chat.removeprefix('-100')}/{topic}{number}"
        return ""

    def examine(self) -> Iterator[Finding]:
        """Check the token, every chat, and the bot's rights there; see `examination`."""
        return examination.examine(self.api_url, self.addresses(), self._topic)

    def _post(self, address: str, message: Message, answered: str) -> str:
        """Send `message`, as a reply if `answered` is not empty, and return the id of its first part."""
        first = ""
        if message.picture is not None:
            caption, rest = forms.parts(message, CAPTION_LIMIT)
            first = self._post_photo(address, message.picture, Words(caption, "HTML", message.buttons), answered)
        if not first:
            text, rest = forms.parts(message, TEXT_LIMIT)
            first = self._post_text(address, text, message.buttons, answered)
        for part in rest:
            self._post_text(address, part, (), answered)
        return first

    def _post_photo(self, address: str, picture: bytes, words: Words, answered: str) -> str:
        """Send a photo and return its id, or "" if the photo is refused but the chat may accept a text."""
        if not _is_small_enough(picture):
            return ""
        form = forms.new_photo(picture, self._topic, lambda chat: _number_in(chat, address, answered))
        answer = self._send(address, form, words)
        if isinstance(answer, str):
            return answer
        if isinstance(answer, Later):
            # A server that fails on the picture may accept the text, unless it asks to wait.
            if answer.pause_seconds:
                raise answer.error(f"chat {address}")
            _LOG.warning("telegram: picture not sent (%s); sending the text alone", answer.reason)
            return ""
        if answer.is_about_chat:
            raise answer.error(f"chat {address}")
        _LOG.warning("telegram: picture refused (%s); sending the text alone", answer.description)
        return ""

    def _post_text(self, address: str, html: str, buttons: tuple[Button, ...], answered: str) -> str:
        """Send a text that fits one message and return its id."""
        form = forms.new_text(self._topic, lambda chat: _number_in(chat, address, answered))
        answer = self._send(address, form, Words(html, "HTML", buttons))
        if isinstance(answer, Refusal | Later):
            raise answer.error(f"chat {address}")
        return answer

    def _send(self, address: str, form: Form, words: Words) -> str | Refusal | Later:
        """Send to the chat `address`, or to the supergroup that it became, and return the new message's id."""
        chat = self._migrated.get(address, address)
        answer = self._request(chat, form, words)
        if isinstance(answer, Refusal) and answer.migrated_to and address not in self._migrated:
            chat = self._follow(address, answer.migrated_to)
            answer = self._request(chat, form, words)
        return answer if isinstance(answer, Refusal | Later) else _id(address, chat, answer)

    def _edit(self, address: str, message_id: str, message: Message) -> Refusal | None:
        """Edit a message; return the refusal if the message is gone, and raise if the chat refuses every message.

        An edit that is refused for another reason is left out: the chat would refuse to edit a new message, too, and
        every edit would become one.
        """
        answer = self._change(address, message_id, message)
        if answer is None or (isinstance(answer, Refusal) and answer.is_gone):
            return answer
        error = answer.error(f"chat {address}")
        if isinstance(answer, Later) or answer.is_about_chat:
            raise error
        optional(f"edit of message {message_id} in chat {address}", partial(_raise, error))
        return None

    def _change(self, address: str, message_id: str, message: Message) -> Refusal | Later | None:
        """Edit a message in the first form that is accepted; return the last refusal if none is.

        It is unknown whether the message was sent as a photo or as a text, and each refuses edits of the other form. If
        a photo is edited with a text alone, the text becomes its caption.
        """
        chat, number = _located(address, message_id)
        attempts = [(TEXT_LIMIT, forms.edited_text(number)), (CAPTION_LIMIT, forms.edited_caption(number))]
        photo: Form | None = None
        if message.picture is not None and _is_small_enough(message.picture):
            photo = forms.edited_photo(number, message.picture)
            attempts = [(CAPTION_LIMIT, photo), *reversed(attempts)]
        refusal: Refusal | Later | None = None
        for limit, form in attempts:
            text, rest = forms.parts(message, limit)
            answer = self._request(chat, form, Words(text, "HTML", message.buttons))
            if isinstance(answer, int):
                for part in rest:
                    self._post_text(address, part, (), message_id)
                return None
            if isinstance(answer, Refusal) and answer.is_unchanged:
                return None
            refusal = answer
            if isinstance(answer, Refusal):
                hopeless = answer.is_gone or answer.is_about_chat
            else:
                # A server that fails on the picture may accept the text, unless it asks to wait.
                hopeless = answer.pause_seconds > 0 or form is not photo
            if hopeless:
                break
        return refusal

    def _request(self, chat: str, form: Form, words: Words) -> int | Refusal | Later:
        """Make a request, again without markup or buttons if they are refused; return the message's number."""
        while True:
            answer = self._ask(_number_of(form, chat, words))
            if not isinstance(answer, Refusal):
                return answer
            if answer.is_about_markup and words.parse_mode:
                _LOG.warning("telegram: markup refused; sending plain text")
                words = replace(words, text=plain_text(words.text), parse_mode=None)
            elif answer.is_about_buttons and words.buttons:
                _LOG.warning("telegram: buttons refused (%s); sending without them", answer.description)
                words = replace(words, buttons=())
            else:
                return answer

    def _ask(self, method: "Callable[[TeleBot], api.Result]") -> "api.Result | Refusal | Later":
        return api.request(self.api_url, method, self.sleep)

    def _follow(self, address: str, chat: str) -> str:
        """Remember that the group `address` became the supergroup `chat`."""
        self._migrated[address] = chat
        _LOG.warning("telegram: chat %s is now %s; correct `chats` in [telegram]", address, chat)
        return chat

    def _updates(self, since: int, most: int = queue.UPDATES_AT_ONCE, seconds: int = 0) -> list[Any]:
        """Return the first updates as JSON of the Bot API; wait for one for `seconds`."""
        for pause in (*api.PAUSES_SECONDS[:2], None):
            answer = self._ask(lambda bot: api.callback_queries(bot, since, most, seconds))
            # Cron starts the `Presses` of two installations in the same second.
            if pause is None or not isinstance(answer, Refusal) or not answer.is_about_another_reader:
                break
            self.sleep(pause * random.uniform(1, 2))
        if isinstance(answer, Refusal | Later):
            raise answer.error("the bot's queue of presses")
        return answer

    def _is_configured(self, chat: dict[str, Any]) -> bool:
        """Return whether a chat is configured, or is the supergroup that a configured group became."""
        names = {str(chat.get("id", "")), f"@{chat.get('username', '')}".lower()}
        if any(address.lower() in names for address in self.addresses()):
            return True
        for address in self.addresses():
            # Only a group becomes a supergroup, and Telegram reports it when something is sent there.
            if address not in {*self._migrated, *self._probed} and re.fullmatch(r"-(?!100)\d+", address):
                self._probe(address)
            if self._migrated.get(address) in names:
                return True
        return False

    def _probe(self, address: str) -> None:
        self._probed.add(address)
        answer = self._ask(lambda bot: bot.send_chat_action(address, "typing"))
        if isinstance(answer, Refusal) and answer.migrated_to:
            self._follow(address, answer.migrated_to)

    @property
    def _people(self) -> list[str]:
        return [person.strip().lower() for person in self.may_press.split(",") if person.strip()]

    @property
    def _topic(self) -> int | None:
        return int(self.topic) if self.topic else None


def _raise(error: Exception) -> None:
    raise error


def _is_server(url: str) -> bool:
    """Return whether requests can be made to an address: http(s), with a host that can exist."""
    if not re.fullmatch(r"https?://[^\s{}/@]+(/[^\s{}]*)?", url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is not a number
        return bool((parts.hostname or "").encode("idna"))
    except ValueError:
        return False


def _id(address: str, chat: str, number: int) -> str:
    """Return the id of message `number` of `chat`, which is `address` or the supergroup that it became."""
    return str(number) if chat == address else f"{chat}/{number}"


def _located(address: str, message_id: str) -> tuple[str, int]:
    """Return the chat and the number of a message; the number is 0 if `message_id` has none."""
    chat, _, number = message_id.rpartition("/")
    return chat or address, int(number) if number.isdecimal() else 0


def _number_in(chat: str, address: str, message_id: str) -> int:
    """Return the number of a message, or 0 if it is not in `chat`."""
    there, number = _located(address, message_id)
    return number if there == chat else 0


def _is_small_enough(picture: bytes) -> bool:
    if len(picture) > PICTURE_LIMIT_BYTES:
        _LOG.warning("telegram: a picture of %d bytes is too large; sending the text alone", len(picture))
    return len(picture) <= PICTURE_LIMIT_BYTES


def _number_of(form: Form, chat: str, words: Words) -> "Callable[[TeleBot], int]":
    return lambda bot: int(form(bot, chat, words).message_id)
