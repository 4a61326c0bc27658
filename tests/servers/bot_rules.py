"""The requests that Telegram refuses, and its error texts."""

import io
import json
import re
from html import unescape
from typing import Any

from PIL import Image

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
PHOTO_LIMIT_BYTES = 10 * 1024 * 1024
BUTTON_DATA_LIMIT_BYTES = 64
BUTTONS_LIMIT = 100

_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "tg-spoiler", "blockquote"}
_TAG = re.compile(r"<(/?)([a-zA-Z0-9-]+)((?:\s+[a-z-]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?)*)\s*>")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")


class Refused(Exception):
    """An answer "not ok" of the Bot API."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def bad(description: str) -> Refused:
    return Refused(400, f"Bad Request: {description}")


def parse_text(fields: dict[str, Any], name: str, limit: int, too_long: str) -> str:
    """Return the text of the field `name` as a chat shows it."""
    parse_mode = fields.get("parse_mode", "")
    if parse_mode not in ("", "HTML"):
        raise bad("unsupported parse_mode")
    source = fields.get(name, "")
    text = (parse_html(source) if parse_mode else source).strip()
    if len(text.encode("utf-16-le")) // 2 > limit:
        raise bad(too_long)
    return text


def parse_keyboard(reply_markup: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Return the rows of an inline keyboard: each button's label and data."""
    if not reply_markup:
        return ()
    try:
        rows = json.loads(reply_markup)["inline_keyboard"]
        if not all(isinstance(row, list) for row in rows):
            raise TypeError
        buttons = [(button, button["text"]) for row in rows for button in row]
    except (ValueError, KeyError, TypeError):
        raise bad("can't parse reply keyboard markup JSON object") from None
    if len(buttons) > BUTTONS_LIMIT:
        raise bad("reply markup is too long")
    for button, text in buttons:
        if not text.strip():
            raise bad("inline keyboard button text is empty")
        if not button.get("callback_data"):
            raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if len(button["callback_data"].encode()) > BUTTON_DATA_LIMIT_BYTES:
            raise bad("BUTTON_DATA_INVALID")
    return tuple(tuple((button["text"], button["callback_data"]) for button in row) for row in rows)


def parse_html(source: str) -> str:
    """Parse `source` in Telegram's parse mode HTML and return its text, or refuse it."""
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
    return bad(f"can't parse entities: {reason}")


def check_photo(photo: bytes | None) -> None:
    if not photo:
        raise bad("file must be non-empty")
    if len(photo) > PHOTO_LIMIT_BYTES:
        raise Refused(413, "Request Entity Too Large")
    try:
        with Image.open(io.BytesIO(photo), formats=["PNG"]) as image:
            image.load()
            width, height = image.size
    except (OSError, SyntaxError, ValueError):
        raise bad("IMAGE_PROCESS_FAILED") from None
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise bad("PHOTO_INVALID_DIMENSIONS")
