"""The text of a file: its encoding and its line ends."""

from __future__ import annotations

import codecs
import gzip
import re
from pathlib import Path

from detectors.errors import DetectorError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks. UTF-32 is not among them: nobody writes CSV files in it."""
_CYRILLIC = re.compile(rb"[\xc0-\xff]{3}")
"""Three letters of cp1251 in a row. In western texts accented letters stand alone."""


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, unpacked if it is gzipped."""
    raw = path.read_bytes()
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise DetectorError(f"{path.name}: {error}") from None


def decode(raw: bytes, name: str, encoding: str | None) -> tuple[str, str | None]:
    """Return the text with line ends of one character, and the encoding if it is not UTF-8.

    A byte order mark decides, then whether the bytes are UTF-8. Otherwise the text is cp1251 if it has Cyrillic words,
    or else cp1252.

    Raises
    ------
    DetectorError
        The encoding is unknown, or a byte does not fit it. The message names the line.
    """
    found = encoding or _guess(raw)
    try:
        text = raw.decode(found)
    except LookupError:
        raise DetectorError(f"{name}: {found!r} is not an encoding; use a name such as utf-8 or cp1251") from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DetectorError(
            f"{name}, line {line}: not {found}; give the right encoding (--encoding), or save the file as UTF-8"
        ) from None
    said = None if encoding or found.startswith("utf-8") else found
    return text.replace("\r\n", "\n").replace("\r", "\n"), said


def _guess(raw: bytes) -> str:
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return name
    head = raw[:4000]
    if b"\0" in head:  # UTF-16 without a mark: one byte of each ASCII character is 0
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1251" if _CYRILLIC.search(raw) else "cp1252"
    return "utf-8"
