"""Composes the messages about feedpulse itself: a run that failed, and that it works again."""

from reporting import texts
from reporting.message import Message, escape, shorten
from reporting.texts.base import Texts

CAUSE_LIMIT = 700


def compose(key: str, title: str, cause: str = "") -> Message:
    """Write a message of a headline and a line that says the cause and the remedy."""
    headline = shorten(title, CAUSE_LIMIT)
    lines = [f"<b>{escape(headline)}</b>", *([escape(shorten(cause, CAUSE_LIMIT))] if cause else [])]
    return Message(key=key, title=headline, html="\n".join(lines))


def words(language: str) -> Texts:
    """Return the texts of `language`; English if there is none, because the setting may be what is wrong."""
    return texts.load(language if language in texts.available() else "en")
