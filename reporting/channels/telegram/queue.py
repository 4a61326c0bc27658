"""The bot's queue of presses, read as what it is: anybody's input.

A client of Telegram may send any data with a press. So nothing here trusts the form of an update, and one that cannot
be read does not hide the others.
"""

from collections.abc import Callable, Collection
from typing import Any

from reporting.channels.base import Page, Press, Standing
from reporting.message import clean, shorten

# Limit of the Bot API: updates in one answer.
UPDATES_AT_ONCE = 100

_USER_LIMIT = 60
_DATA_LIMIT = 64

Answer = dict[str, Any]


def page(
    queue: str, updates: Collection[Any], is_configured: Callable[[Answer], bool], may_press: Collection[str]
) -> Page:
    """Read the updates of one answer.

    Parameters
    ----------
    queue : str
        The bot's number.
    updates : collection
        The answer to getUpdates.
    is_configured : callable
        Whether messages are sent to a chat.
    may_press : collection of str
        Ids and @names, in lower case, of the people who may press; empty if everybody may.
    """
    known = [update for update in updates if isinstance(update, dict) and _is_number(update.get("update_id"))]
    presses = [_press(update, is_configured, may_press) for update in known if "callback_query" in update]
    last = max((update["update_id"] for update in known), default=0)
    return Page(queue, tuple(presses), last, len(updates) >= UPDATES_AT_ONCE)


def _press(update: Answer, is_configured: Callable[[Answer], bool], may_press: Collection[str]) -> Press:
    query = _dict(update["callback_query"])
    person, chat = _dict(query.get("from")), _dict(_dict(query.get("message")).get("chat"))
    data, answer, identity = _text(query.get("data")), _text(query.get("id")), str(person.get("id", ""))
    standing: Standing = "ok"
    if not (answer and chat and _is_number(person.get("id")) and _is_readable(data)):
        standing = "unreadable"
    elif not is_configured(chat):
        standing = "elsewhere"
    elif may_press and not {identity, f"@{_text(person.get('username'))}".lower()} & set(may_press):
        standing = "forbidden"
    return Press(update["update_id"], shorten(data, _DATA_LIMIT), _name(person), answer, standing, identity)


def _name(person: Answer) -> str:
    """Return a person's name and, if there is one, the unique @name; else the person's number."""
    first, last, username = (clean(_text(person.get(part))) for part in ("first_name", "last_name", "username"))
    name, at = f"{first.strip()} {last.strip()}".strip(), f"@{username}" if username else ""
    return shorten(f"{name} ({at})" if name and at else name or at or str(person.get("id", "")), _USER_LIMIT)


def _dict(value: object) -> Answer:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int) and 0 < value < 2**63


def _is_readable(data: str) -> bool:
    """Return whether the data of a press is as that of a button can be: a line without anything invisible."""
    return 0 < len(data) <= _DATA_LIMIT and clean(data) == data
