"""Checks of a bot before the first message: its token, its chats, and what it may do there.

Nothing is sent. Updates are read without an offset and without a filter: either would change what a later request for
presses receives.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from reporting.channels.base import Finding
from reporting.channels.telegram import api
from reporting.channels.telegram.api import Later, Refusal
from reporting.message import shorten

_LIMIT = 60
_RIGHTS = {
    "can_send_messages": "messages",
    "can_send_photos": "photos",
    "can_post_messages": "posts",
}
_ADD = "Add the bot to the chat (in a channel as an administrator who may post), or correct `chats` in [telegram]."
_ADMINISTRATOR = "Make the bot an administrator of the channel, with the right to post messages."
_DELETE_WEBHOOK = "If no other program needs it, delete it; else use a bot of your own.\ncurl"
_PERMISSIONS = "Give it that right in the chat's settings: Permissions, or make it an administrator."

Answer = dict[str, Any]


def examine(api_url: str, chats: Sequence[str], topic: int | None) -> Iterator[Finding]:
    """Check a bot and its chats.

    Parameters
    ----------
    api_url : str
        The Bot API server.
    chats : sequence of str
        The configured chats.
    topic : int, optional
        The configured topic.
    """
    me = api.ask(api_url, "get_me")
    if isinstance(me, Refusal | Later):
        yield _refused(me, "the bot")
        return
    yield Finding("ok", f"telegram: the token is that of the bot @{me['username']}")
    updates = api.ask(api_url, "get_updates", limit=100)
    seen = [] if isinstance(updates, Refusal | Later) else list(_chats(updates))
    yield _queue(api_url, updates, seen)
    for chat in chats:
        yield from _chat(api_url, me["id"], chat, topic, seen)


def _queue(api_url: str, updates: Any, seen: Sequence[str]) -> Finding:
    """Say what `Presses` can read."""
    if isinstance(updates, Refusal) and "webhook" in updates.description:
        text = "telegram: the bot has a webhook, so presses of buttons cannot be read"
        return Finding("wrong", text, f"{_DELETE_WEBHOOK} {api_url}/bot${api.TOKEN_VARIABLE}/deleteWebhook")
    if isinstance(updates, Refusal | Later):  # another process, such as Presses, asks at this moment
        reason = updates.description if isinstance(updates, Refusal) else updates.reason
        return Finding("note", f"telegram: the bot's updates could not be read: {reason}")
    heard = f"; it has heard from {', '.join(seen)}" if seen else ""
    return Finding("ok", f"telegram: {len(updates)} updates wait for the bot{heard}")


def _chat(api_url: str, bot: int, address: str, topic: int | None, seen: Sequence[str]) -> Iterator[Finding]:
    chat = api.ask(api_url, "get_chat", chat_id=address)
    if isinstance(chat, Refusal) and chat.migrated_to:
        yield Finding(
            "note",
            f"telegram: chat {address} is now the supergroup {chat.migrated_to}",
            f"Set `chats` in [telegram] to {chat.migrated_to}.",
        )
        chat = api.ask(api_url, "get_chat", chat_id=chat.migrated_to)
    if isinstance(chat, Refusal | Later):
        yield _refused(chat, f"chat {address}", seen, address)
        return
    named = f"chat {address} ({_title(chat)})"
    member: Answer = {"status": "member"}
    if chat["type"] != "private":  # in a private chat the bot may write once the person has started it
        answer = api.ask(api_url, "get_chat_member", chat_id=chat["id"], user_id=bot)
        if isinstance(answer, Refusal | Later):
            refused = _refused(answer, named)
            is_channel = chat["type"] == "channel" and isinstance(answer, Refusal)
            yield replace(refused, remedy=_ADMINISTRATOR) if is_channel else refused
            return
        member = answer
    problem = _membership(chat, member)
    if problem:
        yield Finding("wrong", f"telegram: {named}: {problem}", _ADD)
    elif missing := _missing_rights(chat, member):
        text = f"telegram: {named}: the bot may not send {' and '.join(missing)}"
        yield Finding("wrong", text, _ADMINISTRATOR if chat["type"] == "channel" else _PERMISSIONS)
    elif topic is not None:
        yield _topic(api_url, chat, named, topic)
    else:
        yield Finding("ok", f"telegram: {named}: the bot may send messages and photos")


def _membership(chat: Answer, member: Answer) -> str:
    """Return why the bot is not in the chat, '' if it is."""
    if member["status"] in ("left", "kicked") or not member.get("is_member", True):
        return "the bot was removed from it" if member["status"] == "kicked" else "the bot is not in it"
    if chat["type"] == "channel" and member["status"] not in ("creator", "administrator"):
        return "the bot is not an administrator of this channel"
    return ""


def _missing_rights(chat: Answer, member: Answer) -> list[str]:
    """Return what the bot may not send: by its own rights, or those of all members. Administrators may send all."""
    if chat["type"] == "channel":
        rights, needed = member, ["can_post_messages"]
    elif member["status"] == "member":
        rights, needed = chat.get("permissions", {}), ["can_send_messages", "can_send_photos"]
    elif member["status"] == "restricted":
        rights, needed = member, ["can_send_messages", "can_send_photos"]
    else:
        return []
    # An administrator of a channel has only the rights that are named; in a group a right that is not named is given.
    return [_RIGHTS[right] for right in needed if not rights.get(right, chat["type"] != "channel")]


def _topic(api_url: str, chat: Answer, named: str, topic: int) -> Finding:
    """Try the topic with "typing": it is shown for some seconds, and no message."""
    if not chat.get("is_forum"):
        return Finding("wrong", f"telegram: {named} has no topics", "Empty `topic` in [telegram].")
    answer = api.ask(api_url, "send_chat_action", chat_id=chat["id"], action="typing", message_thread_id=topic)
    if isinstance(answer, Refusal | Later):
        return _refused(answer, f"topic {topic} of {named}")
    return Finding("ok", f"telegram: {named}, topic {topic}: the bot may send messages and photos")


def _refused(answer: Refusal | Later, what: str, seen: Sequence[str] = (), address: str = "") -> Finding:
    remedy = answer.remedy
    if seen and isinstance(answer, Refusal) and answer.is_about_chat:
        remedy += f"\nThe bot has heard from: {', '.join(seen)}."
    elif isinstance(answer, Refusal) and "chat not found" in answer.description:
        remedy += _number_hint(address)
        remedy += "\nTo see a chat's number: add the bot, write a message there that begins with /, and run this again."
    return Finding("wrong", answer.problem(what), remedy)


def _number_hint(address: str) -> str:
    """Return what a number without a minus may have been meant as: numbers of groups and channels are negative."""
    if not address.isdecimal():
        return ""
    is_supergroup = address.startswith("100") and len(address) == len("1001234567890")
    numbers = f"-{address}" if is_supergroup else f"-{address} or -100{address}"
    return f"\nA group's or channel's number is negative: {numbers}. A person must first open the bot and press Start."


def _chats(updates: Iterable[Answer]) -> Iterator[str]:
    """Return number and title of every chat in updates that the bot has not left, each once."""
    titles: dict[str, str] = {}
    for update in updates:
        for content in (value for value in update.values() if isinstance(value, dict)):
            chat = content.get("chat") or (content.get("message") or {}).get("chat")
            if not isinstance(chat, dict) or "id" not in chat:
                continue
            if content.get("new_chat_member", {}).get("status") in ("left", "kicked"):
                titles.pop(str(chat["id"]), None)
            else:
                titles[str(chat["id"])] = _title(chat)
    yield from (f"{number} ({title})" for number, title in titles.items())


def _title(chat: Answer) -> str:
    name = chat.get("title") or chat.get("username") or chat.get("first_name") or chat.get("type", "")
    return shorten(str(name), _LIMIT)
