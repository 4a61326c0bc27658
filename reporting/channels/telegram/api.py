"""Makes requests to Telegram's Bot API through pyTelegramBotAPI: retries, refusals, and errors without secrets."""

import logging
import math
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from reporting.errors import ChannelError, ChannelUnavailableError, SecretError
from reporting.message import shorten

if TYPE_CHECKING:
    from requests import Response
    from telebot import TeleBot

TOKEN_VARIABLE = "FEEDPULSE_TELEGRAM_TOKEN"

# Pauses between the attempts at one request. Alerts run every 15 minutes: give up well before the next run.
PAUSES_SECONDS = (1.0, 4.0, 16.0)
LONGEST_PAUSE_SECONDS = 60.0

Result = TypeVar("Result")

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Refusal:
    """An error that the Bot API answered with."""

    code: int
    description: str
    migrated_to: str = ""

    @property
    def is_about_markup(self) -> bool:
        """Whether the request may succeed with plain text."""
        return self.code == 400 and self._says("can't parse entities")

    @property
    def is_about_buttons(self) -> bool:
        """Whether the request may succeed without buttons."""
        about = ("button_", "inline keyboard", "reply markup", "reply_markup")
        return self.code == 400 and self._says(*about) and not self.is_unchanged

    @property
    def is_about_chat(self) -> bool:
        """Whether the chat refuses every message."""
        about = ("chat not found", "thread not found", "topic_closed", "chat_write_forbidden", "chat_id is empty")
        return self.code in (401, 403, 404) or self._says(*about)

    @property
    def is_unchanged(self) -> bool:
        """Whether an edit was refused because it changes nothing."""
        return self._says("message is not modified")

    @property
    def is_gone(self) -> bool:
        """Whether no edit can change the message."""
        about = (
            "message to edit not found",
            "message can't be edited",
            "message_id_invalid",
            "identifier is not specified",
        )
        return bool(self.migrated_to) or self._says(*about)

    @property
    def is_about_another_reader(self) -> bool:
        """Whether another process asked for the bot's updates at the same time."""
        return self.code == 409 and not self._says("webhook")

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.code in (401, 404):
            return f"Check the token in {TOKEN_VARIABLE} and `api_url` in [telegram]."
        if self.is_about_another_reader:
            return (
                "A bot has one queue: make a bot of its own for each feedpulse, and for each other program; "
                "of one feedpulse run Presses on one machine."
            )
        if self.code == 409:
            return "Let one process at a time ask for presses, and delete the bot's webhook if it has one."
        if self._says("thread", "topic"):
            return "Correct `topic` in [telegram], or open the topic again."
        if self.is_about_chat:
            return "Add the bot to the chat with the right to post, or correct `chats` in [telegram]."
        return "Check what the bot may do in that chat."

    def problem(self, what: str) -> str:
        """Return what refused and what Telegram said."""
        return f"telegram: {what} refused: {self.description} ({self.code})"

    def error(self, what: str) -> ChannelError:
        """Return the error: the problem and the remedy."""
        return ChannelError(f"{self.problem(what)}. {self.remedy}")

    def _says(self, *words: str) -> bool:
        return any(word in self.description.lower() for word in words)


@dataclass(frozen=True)
class Later:
    """A failure that may pass; `pause_seconds` is the pause that the server asks for, 0 if none."""

    reason: str
    pause_seconds: float = 0.0

    remedy: ClassVar[str] = "Try again later; if it fails again, check the network and `api_url` in [telegram]."

    def problem(self, what: str) -> str:
        """Return what did not answer, and why."""
        return f"telegram: {what} could not be reached: {self.reason}"

    def error(self, what: str) -> ChannelUnavailableError:
        """Return the error: the problem and the remedy."""
        return ChannelUnavailableError(f"{self.problem(what)}. {self.remedy}")


def request(
    api_url: str, method: "Callable[[TeleBot], Result]", sleep: Callable[[float], None] = time.sleep
) -> "Result | Refusal | Later":
    """Make a request, with retries; return `Later` if all attempts fail or the server asks for a long pause."""
    for pause in (*PAUSES_SECONDS, None):
        answer = attempt(api_url, method)
        if not isinstance(answer, Later) or pause is None or answer.pause_seconds > LONGEST_PAUSE_SECONDS:
            break
        sleep(max(pause, answer.pause_seconds))
    return answer


def attempt(api_url: str, method: "Callable[[TeleBot], Result]") -> "Result | Refusal | Later":
    """Make one request. No exception of the client leaves this function: their texts contain the token."""
    import requests
    import urllib3
    from telebot import apihelper

    secret = token()
    try:
        return method(_client(api_url, secret))
    except apihelper.ApiTelegramException as error:
        return _explain(error.error_code, error.result_json, secret)
    except apihelper.ApiHTTPException as error:
        code = error.result.status_code
        return Later(f"the server answered HTTP {code}") if code >= 500 else Refusal(code, f"HTTP {code}")
    except (apihelper.ApiInvalidJSONException, KeyError, TypeError, AttributeError):
        return Later("the answer is not one of a Bot API")
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        return Later(f"no answer ({type(error).__name__})")  # ValueError: a host that no name can have


def ask(api_url: str, method: str, **fields: object) -> Any:
    """Make one request by the name of its function in telebot.apihelper.

    Returns its result as JSON of the Bot API, or a `Refusal` or `Later`.
    """

    def request_json(bot: "TeleBot") -> Any:
        from telebot import apihelper

        return getattr(apihelper, method)(bot.token, **fields)

    return attempt(api_url, request_json)


def callback_queries(bot: "TeleBot", since: int, most: int, seconds: int = 0) -> list[Any]:
    """Return the first updates as JSON, after `seconds` if there is none; `since` confirms earlier ones, 0 none.

    telebot's own objects are not used: one update that it cannot parse would hide the others. Without an offset
    Telegram returns what is not confirmed. An offset is never made of numbers of earlier runs: after a week without
    updates, or with another bot, new numbers may be lower, and the offset would delete them.
    """
    from telebot import apihelper

    ask: Any = apihelper.get_updates
    allowed = ["callback_query"]
    return list(ask(bot.token, since or None, most, allowed_updates=allowed, long_polling_timeout=seconds))


def _explain(code: int, answer: dict[str, Any], secret: str) -> Refusal | Later:
    """Turn an answer that is not "ok" into a `Refusal` or a `Later`."""
    given = answer.get("parameters")
    parameters = given if isinstance(given, dict) else {}
    description = shorten(str(answer.get("description", "")).replace(secret, "***"), 200)
    if code == 429:
        seconds = _seconds(parameters.get("retry_after"))
        return Later(f"it asks to wait {seconds:.0f} s", seconds)
    if code >= 500:
        return Later(f"the server answered {code}")
    return Refusal(code, description, str(parameters.get("migrate_to_chat_id", "")))


def _seconds(given: object) -> float:
    """Return the pause that the server asks for; a second if that is no number."""
    try:
        seconds = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 1.0
    except OverflowError:
        return math.inf
    return seconds if seconds > 0 else 1.0


def token() -> str:
    """Return the bot's token. It is read at each use, so no object holds it.

    Raises
    ------
    SecretError
        If it is missing or malformed.
    """
    secret = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not secret:
        raise SecretError(f"telegram: the bot's token is missing; set the environment variable {TOKEN_VARIABLE}")
    if not _TOKEN.fullmatch(secret):
        raise SecretError(f"telegram: {TOKEN_VARIABLE} is not a token like 123456:ABC...; copy it from @BotFather")
    return secret


def bot_number() -> str:
    """Return the number of the bot, which is no secret: the token begins with it."""
    return token().partition(":")[0]


def _client(api_url: str, secret: str) -> "TeleBot":
    """Make a telebot client of the server at `api_url`.

    telebot keeps its settings in globals of a module. They are set here on each call; only the address can differ.
    Texts go in the body: telebot would put them in the URL, where a Russian letter takes 6 bytes and servers refuse
    long URLs (414). A request for updates waits only if it says so: telebot would wait for 10 seconds.
    """
    import telebot.apihelper

    vars(telebot.apihelper).update(
        API_URL=api_url.rstrip("/") + "/bot{0}/{1}", CUSTOM_REQUEST_SENDER=_post, LONG_POLLING_TIMEOUT=0
    )
    for name in ("TeleBot", "urllib3.connectionpool"):
        logging.getLogger(name).addFilter(_is_public)
    return telebot.TeleBot(secret, threaded=False)


def _post(method: str, url: str, params: Any, files: Any, timeout: Any, proxies: Any) -> "Response":
    import requests

    return requests.request(
        method, url, data=params, files=files, timeout=timeout, proxies=proxies, allow_redirects=False
    )


def _is_public(record: logging.LogRecord) -> bool:
    """Return whether a log record is free of secrets: telebot logs texts, urllib3 logs URLs with the token."""
    if record.name == "TeleBot":
        return record.levelno >= logging.ERROR
    return "/bot" not in record.getMessage()
