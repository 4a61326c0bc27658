"""Chats as the Bot API shows them: their kind, their members' rights, and what a bot without a right is refused.

The answers and error texts are those of the Bot API 9: getChat, getChatMember, sendMessage, sendPhoto.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.servers.bot_rules import Refused, bad

BOT = 123456
"""The bot's id, the first part of its token."""


@dataclass
class Chat:
    """A chat; `status` is the bot's membership, `permissions` are those of all members.

    `rights` are the bot's own, if it is restricted or an administrator.
    """

    number: int
    kind: str = "supergroup"
    title: str = "Team"
    username: str = ""
    is_forum: bool = True
    status: str = "member"
    permissions: dict[str, bool] = field(default_factory=dict)
    rights: dict[str, bool] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The answer to getChat."""
        self._require_member()
        name = {"first_name": self.title} if self.kind == "private" else {"title": self.title}
        rights = {"can_send_messages": True, "can_send_photos": True} | self.permissions
        forum = {"is_forum": True} if self.is_forum and self.kind == "supergroup" else {}
        permissions = {} if self.kind in ("private", "channel") else {"permissions": rights}
        public = {"username": self.username} if self.username else {}
        return {"id": self.number, "type": self.kind, **name, **public, **forum, **permissions}

    def member(self, user: int) -> dict[str, Any]:
        """The answer to getChatMember."""
        self._require_member()
        if user != BOT:
            raise bad("invalid user_id specified")
        if self.kind == "channel" and self.status != "administrator":
            raise bad("member list is inaccessible")
        person = {"id": BOT, "is_bot": True, "first_name": "feedpulse", "username": "feedpulse_bot"}
        return {"user": person, "status": self.status, **self.rights}

    def require_right(self, photo: bool) -> None:
        """Refuse a message that the bot may not send."""
        self._require_member()
        if self.kind == "channel" and not (self.status == "administrator" and self.rights.get("can_post_messages")):
            raise bad("need administrator rights in the channel chat")
        if self.status == "administrator":
            return
        rights = self.rights if self.status == "restricted" else self.permissions
        for name, what in (("can_send_messages", "text messages"), ("can_send_photos", "photos")):
            if not rights.get(name, True) and photo == (name == "can_send_photos"):
                raise bad(f"not enough rights to send {what} to the chat")

    def _require_member(self) -> None:
        if self.status == "kicked":
            raise Refused(403, f"Forbidden: bot was kicked from the {self.kind} chat")
        if self.status == "left" and not self.username:
            raise Refused(403, f"Forbidden: bot is not a member of the {self.kind} chat")


def of_name(name: str) -> Chat:
    """A chat by its number or @name, the bot in it with all rights."""
    if name.startswith("@"):
        posts = {"can_post_messages": True}
        return Chat(-1007777, "channel", "News", name[1:], False, "administrator", rights=posts)
    kind = "private" if int(name) > 0 else "supergroup" if name.startswith("-100") else "group"
    return Chat(int(name), kind)
