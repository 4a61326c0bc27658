"""Makes one HTML page of many messages, for phones and desktops, light and dark, without a network."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True)
class Version:
    """An earlier content of a message.

    Parameters
    ----------
    html : str
        As in `reporting.message.Message`, already checked by it.
    written_at : datetime
        When it was written, aware.
    """

    html: str
    written_at: datetime


@dataclass(frozen=True)
class Entry:
    """A message on the page, with its earlier versions and replies.

    Parameters
    ----------
    key, title, html : str
        As in `reporting.message.Message`, already checked by it.
    picture : str or None
        Name of the picture's file, in the directory of the page.
    written_at : datetime
        When the current content was written, aware.
    buttons : sequence of str
        Labels of the buttons.
    earlier : sequence of Version
        Its earlier versions, oldest first.
    replies : sequence of Entry
        Its replies, oldest first.
    """

    key: str
    title: str
    html: str
    picture: str | None
    written_at: datetime
    buttons: Sequence[str] = ()
    earlier: Sequence[Version] = ()
    replies: Sequence["Entry"] = ()

    @property
    def touched_at(self) -> datetime:
        """When it or a reply was last written, aware."""
        return max(self.written_at, *(reply.written_at for reply in self.replies)) if self.replies else self.written_at


def render(entries: Sequence[Entry]) -> str:
    """Return the page. It has no scripts and loads nothing from elsewhere."""
    total = sum(1 + len(entry.replies) for entry in entries)
    return _template().render(entries=entries, total=total)


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined  # a check that sends nothing does not need it

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
