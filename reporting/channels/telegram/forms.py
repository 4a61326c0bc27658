"""The requests that send or edit a message in Telegram: as a text, or as a photo with a caption.

A caption is shorter than a text. Both can have buttons. A text can be edited as a text only, a photo as a photo only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from reporting.message import Button, Message, escape, parsed_length, shorten, split

if TYPE_CHECKING:
    from telebot import TeleBot
    from telebot.types import InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters

# Limits of the Bot API; lengths are in UTF-16 code units after entities are parsed.
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
PICTURE_LIMIT_BYTES = 10_000_000

_BUTTONS_IN_A_ROW = 2


@dataclass(frozen=True)
class Words:
    """A text, its `parse_mode` ("HTML", or None for plain text), and its buttons."""

    text: str
    parse_mode: str | None
    buttons: tuple[Button, ...]

    @property
    def keyboard(self) -> "InlineKeyboardMarkup | None":
        """The buttons as telebot takes them."""
        from telebot.types import InlineKeyboardButton, InlineKeyboardMarkup

        if not self.buttons:
            return None
        keys = [InlineKeyboardButton(button.label, callback_data=button.data) for button in self.buttons]
        return InlineKeyboardMarkup().add(*keys, row_width=_BUTTONS_IN_A_ROW)


# Makes one request to a chat and returns the message that it sent or edited.
Form = Callable[["TeleBot", str, Words], Any]


def parts(message: Message, limit: int) -> tuple[str, list[str]]:
    """Return the text of a message of at most `limit` characters, and the texts to send after it, all HTML.

    If the text is too long for a caption, the caption is the title.
    """
    if parsed_length(message.html) <= limit:
        return message.html, []
    texts = split(message.html, TEXT_LIMIT)
    if limit < TEXT_LIMIT:
        return f"<b>{escape(shorten(message.title, limit))}</b>", texts
    return texts[0], texts[1:]


def new_photo(picture: bytes, topic: int | None, answered: Callable[[str], int]) -> Form:
    """Send a photo with a caption; `answered` gives the number of the message that it replies to, 0 for none."""
    # Bytes, not a file object: a repeated request would find a file object at its end.
    return lambda bot, chat, words: bot.send_photo(
        chat,
        picture,
        words.text,
        parse_mode=words.parse_mode,
        reply_markup=words.keyboard,
        message_thread_id=topic,
        reply_parameters=_reply_to(answered(chat)),
    )


def new_text(topic: int | None, answered: Callable[[str], int]) -> Form:
    """Send a text; `answered` as in `new_photo`."""
    return lambda bot, chat, words: bot.send_message(
        chat,
        words.text,
        parse_mode=words.parse_mode,
        reply_markup=words.keyboard,
        message_thread_id=topic,
        link_preview_options=_no_preview(),
        reply_parameters=_reply_to(answered(chat)),
    )


def edited_photo(number: int, picture: bytes) -> Form:
    """Change the photo and the caption of message `number`."""

    def form(bot: "TeleBot", chat: str, words: Words) -> Any:
        from telebot.types import InputMediaPhoto

        # telebot takes bytes, although its annotation names other types.
        photo = InputMediaPhoto(cast(Any, picture), words.text, parse_mode=words.parse_mode)
        return bot.edit_message_media(photo, chat, number, reply_markup=words.keyboard)

    return form


def edited_caption(number: int) -> Form:
    """Change the caption of the photo `number`."""
    return lambda bot, chat, words: bot.edit_message_caption(
        words.text, chat, number, parse_mode=words.parse_mode, reply_markup=words.keyboard
    )


def edited_text(number: int) -> Form:
    """Change the text of message `number`."""
    return lambda bot, chat, words: bot.edit_message_text(
        words.text,
        chat,
        number,
        parse_mode=words.parse_mode,
        reply_markup=words.keyboard,
        link_preview_options=_no_preview(),
    )


def _reply_to(number: int) -> "ReplyParameters | None":
    from telebot.types import ReplyParameters

    return ReplyParameters(number, allow_sending_without_reply=True) if number else None


def _no_preview() -> "LinkPreviewOptions":
    from telebot.types import LinkPreviewOptions

    return LinkPreviewOptions(is_disabled=True)
