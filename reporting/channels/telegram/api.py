"""Requests to Telegram's Bot API through pyTelegramBotAPI: patience, refusals, and no secret in an error."""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from reporting.errors import ChannelError, ChannelUnavailableError, SettingsError
from reporting.message import shorten

if TYPE_CHECKING:
    from telebot import TeleBot

TOKEN_VARIABLE = "FEEDPULSE_TELEGRAM_TOKEN"

# Attempts at one request and the pauses between them. An alert is due every 15 minutes: give up well before the next.
PAUSES_SECONDS = (1.0, 4.0, 16.0)
LONGEST_PAUSE_SECONDS = 60.0

Result = TypeVar("Result")

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")
# telebot keeps its server's address and its way of sending in module globals.
_TELEBOT_GLOBALS = threading.RLock()


@dataclass(frozen=True)
class Refusal:
    """What the Bot API said no with."""

    code: int
    description: str
    migrated_to: str = ""

    @property
    def is_about_markup(self) -> bool:
        """Whether the text may pass as plain text."""
        return self.code == 400 and self._says("can't parse entities")

    @property
    def is_about_buttons(self) -> bool:
        """Whether the message may pass without buttons."""
        about = ("button_", "inline keyboard", "reply markup", "reply_markup")
        return self.code == 400 and self._says(*about) and not self.is_unchanged

    @property
    def is_about_chat(self) -> bool:
        """Whether nothing can reach this chat, whatever its form."""
        about = ("chat not found", "thread not found", "topic_closed", "chat_write_forbidden", "chat_id is empty")
        return self.code in (401, 403, 404) or self._says(*about)

    @property
    def is_unchanged(self) -> bool:
        """Whether an edit was refused because the message is like that already."""
        return self._says("message is not modified")

    @property
    def is_gone(self) -> bool:
        """Whether no form of an edit can change that message."""
        about = (
            "message to edit not found",
            "message can't be edited",
            "message_id_invalid",
            "identifier is not specified",
        )
        return bool(self.migrated_to) or self._says(*about)

    def error(self, what: str) -> ChannelError:
        """Name what refused, what Telegram said, and the remedy."""
        if self.code in (401, 404):
            remedy = f"Check the token in {TOKEN_VARIABLE} and `api_url` in [telegram]."
        elif self.code == 409:
            remedy = "Let one process at a time ask for presses, and delete the bot's webhook if it has one."
        elif self._says("thread", "topic"):
            remedy = "Correct `topic` in [telegram], or open the topic again."
        elif self.is_about_chat:
            remedy = "Add the bot to the chat with the right to post, or correct `chats` in [telegram]."
        else:
            remedy = "Check what the bot may do in that chat."
        return ChannelError(f"telegram: {what} refused: {self.description} ({self.code}). {remedy}")

    def _says(self, *words: str) -> bool:
        return any(word in self.description.lower() for word in words)


@dataclass(frozen=True)
class Later:
    """Why a request may succeed later; `pause_seconds` is what the server asks for."""

    reason: str
    pause_seconds: float = 0.0

    def error(self, what: str) -> ChannelUnavailableError:
        """Name what did not answer, what happened, and the remedy."""
        return ChannelUnavailableError(
            f"telegram: {what} could not be reached: {self.reason}. Try again later; "
            "if it stays so, check the network and `api_url` in [telegram]."
        )


def request(
    api_url: str, method: "Callable[[TeleBot], Result]", sleep: Callable[[float], None] = time.sleep
) -> "Result | Refusal | Later":
    """Call `method` until it is answered; `Later` where patience ends first."""
    for pause in (*PAUSES_SECONDS, None):
        answer = attempt(api_url, method)
        if not isinstance(answer, Later) or pause is None or answer.pause_seconds > LONGEST_PAUSE_SECONDS:
            break
        sleep(max(pause, answer.pause_seconds))
    return answer


def attempt(api_url: str, method: "Callable[[TeleBot], Result]") -> "Result | Refusal | Later":
    """Make one request. Exceptions end here: their texts hold the token and would end in tracebacks."""
    import requests
    from telebot import TeleBot, apihelper

    secret = token()
    with _telebot_pointed_at(api_url):
        try:
            return method(TeleBot(secret, threaded=False))
        except apihelper.ApiTelegramException as error:
            return _explain(error.error_code, error.result_json, secret)
        except apihelper.ApiHTTPException as error:
            code = error.result.status_code
            if code >= 500:
                return Later(f"the server answered HTTP {code}")
            return Refusal(code, f"HTTP {code}")
        except (apihelper.ApiInvalidJSONException, KeyError, TypeError, AttributeError):
            return Later("what answered is not a Bot API")
        except requests.RequestException as error:
            return Later(f"no answer ({type(error).__name__})")


def callback_queries(bot: "TeleBot", since: int, most: int) -> list[dict[str, Any]]:
    """Return updates about pressed buttons, `since` and later, without waiting for one.

    As JSON: one update that telebot could not make an object of must not hide the others.
    """
    from telebot import apihelper

    ask: Any = apihelper.get_updates
    return list(ask(bot.token, offset=since, limit=most, allowed_updates=["callback_query"]))


def _explain(code: int, answer: dict[str, Any], secret: str) -> Refusal | Later:
    """Turn the Bot API's "not ok" into a refusal or a request for patience."""
    parameters = answer.get("parameters") or {}
    description = shorten(str(answer.get("description", "")).replace(secret, "***"), 200)
    if code == 429:
        seconds = float(parameters.get("retry_after", 1))
        return Later(f"it asks to wait {seconds:.0f} s", seconds)
    if code >= 500:
        return Later(f"the server answered {code}")
    return Refusal(code, description, str(parameters.get("migrate_to_chat_id", "")))


def token() -> str:
    """Return the bot's token, read at each use so that no object keeps it.

    Raises
    ------
    SettingsError
        If it is missing or no token.
    """
    secret = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not secret:
        raise SettingsError(f"telegram: the bot's token is missing; set the environment variable {TOKEN_VARIABLE}")
    if not _TOKEN.fullmatch(secret):
        raise SettingsError(f"telegram: {TOKEN_VARIABLE} is not a token like 123456:ABC...; copy it from @BotFather")
    return secret


@contextmanager
def _telebot_pointed_at(api_url: str) -> Iterator[None]:
    """Point telebot at `api_url` with texts in the body; put its globals back after.

    telebot puts texts and captions in the URL, where a Russian letter is 6 bytes and servers refuse long ones (414).
    It takes a request for updates without waiting as one to wait 10 seconds. Its debug log shows texts, and urllib3's
    the URL with the token, so both are silent meanwhile.
    """
    import requests
    import telebot.apihelper

    apihelper: Any = telebot.apihelper

    def post(method: str, url: str, params: Any, files: Any, timeout: Any, proxies: Any) -> requests.Response:
        return requests.request(
            method, url, data=params, files=files, timeout=timeout, proxies=proxies, allow_redirects=False
        )

    replaced = {
        "API_URL": api_url.rstrip("/") + "/bot{0}/{1}",
        "CUSTOM_REQUEST_SENDER": post,
        "LONG_POLLING_TIMEOUT": 0,
    }
    loggers = [logging.getLogger("TeleBot"), logging.getLogger("urllib3.connectionpool")]
    with _TELEBOT_GLOBALS:
        before = {name: getattr(apihelper, name) for name in replaced}
        levels = [logger.level for logger in loggers]
        vars(apihelper).update(replaced)
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            vars(apihelper).update(before)
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
