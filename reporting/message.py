"""A message for people: a text in a subset of HTML, and at most one picture.

The subset is ``<b>``, ``<i>``, ``<a href="http...">`` and line breaks, which Telegram supports. `Message` refuses
anything else, so a chat or a page can show a message whatever a label or the name of a country contains.
"""

import html as htmllib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from reporting.errors import ReportingError

# Telegram's limit of callback_data.
BUTTON_DATA_LIMIT_BYTES = 64

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,149}")
_URL = re.compile(r"https?://[^\s\"<>]+")
_MARKUP = re.compile(r"(<[^<>]*>)")
_OPENING = re.compile(r"<(?:(b)|(i)|(a) href=\"(https?://[^\s\"<>]+)\")>")
_CLOSING = re.compile(r"</(b|i|a)>")
# Control characters, lone surrogates (not encodable) and bidirectional overrides (they reorder the text after them).
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")

# Two accents on a letter are common; a pile of them covers the lines above and below.
_MARKS_AT_ONCE = 2


def clean(value: str) -> str:
    """Return `value` as one line of printable text, without invisible characters and piles of accents."""
    text = _UNPRINTABLE.sub(" ", value)
    return text if text.isascii() else "".join(_drawn(text))


def _drawn(text: str) -> Iterator[str]:
    """Yield the characters that stay in their place: no zero-width or direction marks, few accents on a letter."""
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category != "Cf" and marks <= _MARKS_AT_ONCE:
            yield character


def shorten(value: str, limit: int) -> str:
    """Return `value` as one line of at most `limit` UTF-16 code units; an ellipsis replaces what is cut."""
    text = clean(value)
    return text if utf16_length(text) <= limit else _head(text, limit - 1).rstrip() + "…"


def escape(value: str) -> str:
    """Return `value` as one line of text, escaped for HTML."""
    return htmllib.escape(clean(value), quote=False)


def link(label: str, url: str) -> str:
    """Return a link, or the label alone if `url` is not an http(s) URL: a wrong setting must not stop a message."""
    if not _URL.fullmatch(url) or _UNPRINTABLE.search(url):
        return escape(label)
    return f'<a href="{htmllib.escape(url)}">{escape(label)}</a>'


def plain_text(html: str) -> str:
    """Return the text of `html` without markup.

    Raises
    ------
    ReportingError
        If `html` is outside the subset or a tag is not closed.
    """
    opened: list[str] = []
    parts = []
    for token in _MARKUP.split(html):
        if opening := _OPENING.fullmatch(token):
            opened.append(opening[1] or opening[2] or opening[3])
        elif closing := _CLOSING.fullmatch(token):
            if not opened or opened.pop() != closing[1]:
                raise ReportingError(f"message: </{closing[1]}> closes nothing; build the text with reporting.message")
        elif "<" in token:
            raise ReportingError("message: only <b>, <i> and <a href> are allowed; put values through escape()")
        else:
            parts.append(htmllib.unescape(token))
    if opened:
        raise ReportingError(f"message: <{opened[-1]}> is not closed; build the text with reporting.message")
    return "".join(parts)


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 code units, Telegram's unit."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parsed_length(html: str) -> int:
    """Return the length that Telegram's limits apply to: UTF-16 code units after tags and entities are parsed."""
    return utf16_length(plain_text(html))


def split(html: str, limit: int) -> list[str]:
    """Split `html` into parts of at most `limit` UTF-16 code units after parsing; none is empty.

    Parts end at line breaks. A line that is longer than the limit loses its markup. If a tag spans lines, all lines
    lose their markup.
    """
    parts: list[list[str]] = [[]]
    length = 0
    for line in _lines(html, limit):
        if not line and not parts[-1]:
            continue
        added = parsed_length(line)
        if parts[-1] and length + 1 + added > limit:
            parts.append([])
        length = length + 1 + added if parts[-1] else added
        parts[-1].append(line)
    return [joined for part in parts if plain_text(joined := "\n".join(part)).strip()]


def _lines(html: str, limit: int) -> list[str]:
    """Return the lines of `html`, each well-formed and within `limit`."""
    lines = []
    try:
        source = [(line, plain_text(line)) for line in html.split("\n")]
    except ReportingError:
        source = [(htmllib.escape(line, quote=False), line) for line in plain_text(html).split("\n")]
    for line, text in source:
        if utf16_length(text) <= limit:
            lines.append(line)
            continue
        while text:
            head = _head(text, limit)
            lines.append(htmllib.escape(head, quote=False))
            text = text[len(head) :]
    return lines


def _head(text: str, limit: int) -> str:
    """Return the longest beginning of `text` within `limit` UTF-16 code units; no character is cut in two."""
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore")


@dataclass(frozen=True)
class Button:
    """A button below a message.

    Parameters
    ----------
    label : str
        One plain line.
    data : str
        The data that a press reports: 1 to 64 bytes of UTF-8.

    Raises
    ------
    ReportingError
        If the label is empty or unprintable, or the data is empty or too long.
    """

    label: str
    data: str

    def __post_init__(self) -> None:
        if not self.label.strip() or _UNPRINTABLE.search(self.label):
            raise ReportingError("button: a label of printable characters is needed; use shorten()")
        if not 1 <= len(self.data.encode("utf-8", "replace")) <= BUTTON_DATA_LIMIT_BYTES:
            raise ReportingError(f"button {self.label!r}: its data must be 1 to {BUTTON_DATA_LIMIT_BYTES} bytes")


@dataclass(frozen=True)
class Message:
    """What a channel sends.

    Parameters
    ----------
    key : str
        Unique name of the message, also a file name: ``daily_report-2026-11-01``.
    title : str
        One plain line that says what happened.
    html : str
        The text in the subset of HTML, all values escaped.
    picture : bytes or None
        A PNG.
    buttons : tuple of Button
        Buttons in their order; a channel without buttons leaves them out.
    version : tuple of int
        What the message shows; each number only grows. See `reporting.delivery.edit`. () if the order does not matter.

    Raises
    ------
    ReportingError
        If the key is not a file name, the title or the text is empty or unprintable, the text is outside the subset, or
        the picture is not a PNG.
    """

    key: str
    title: str
    html: str
    picture: bytes | None = None
    buttons: tuple[Button, ...] = ()
    version: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ReportingError(f"message: key {self.key[:60]!r} is not a file name; use letters, digits and . _ + -")
        if not self.title.strip() or not self.plain.strip():
            raise ReportingError(f"message {self.key}: a title and a text are needed")
        if any(_UNPRINTABLE.search(line) for line in (self.title, *self.html.split("\n"))):
            raise ReportingError(f"message {self.key}: unprintable characters; use shorten() and escape()")
        if self.picture is not None and not self.picture.startswith(PNG_SIGNATURE):
            raise ReportingError(f"message {self.key}: the picture is not a PNG")

    @property
    def plain(self) -> str:
        """The text without markup."""
        return plain_text(self.html)
