"""The interface of a channel."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from reporting.message import Message

Standing = Literal["ok", "elsewhere", "forbidden", "unreadable"]


@dataclass(frozen=True)
class Press:
    """A press of a message's button. The texts are one plain line each.

    Parameters
    ----------
    update : int
        Number of the press in its queue.
    data : str
        Data of the button.
    user : str
        Name of the person.
    answer : str
        Id of the press for `Channel.answer_press`; "" if it cannot be answered.
    standing : str
        "ok"; "elsewhere", in a chat that is not configured; "forbidden", by a person who may not press; or
        "unreadable".
    person : str
        What identifies the person.
    """

    update: int
    data: str
    user: str
    answer: str
    standing: Standing = "ok"
    person: str = ""


@dataclass(frozen=True)
class Page:
    """The first presses of a queue, oldest first.

    Parameters
    ----------
    queue : str
        Name of the queue, such as the bot's number. Presses of different queues may have the same numbers.
    presses : tuple of Press
        The presses.
    last : int
        Number of the last item, which may be something other than a press; 0 if nothing waits.
    is_full : bool
        Whether more may wait.
    """

    queue: str = ""
    presses: tuple[Press, ...] = ()
    last: int = 0
    is_full: bool = False


@dataclass(frozen=True)
class Finding:
    """What a check found, for people who set feedpulse up.

    Parameters
    ----------
    level : str
        "ok"; "note", which is worth knowing; or "wrong", which must be corrected before messages arrive.
    text : str
        What was found. Contains no secret.
    remedy : str
        What to do about it, in lines; each line can be copied as it is.
    """

    level: Literal["ok", "note", "wrong"]
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Channel(ABC):
    """Carries messages to people.

    A subclass is a frozen dataclass. Its fields are its settings: strings, as in the section of luigi.cfg with the
    channel's name. Creating a channel checks its settings without any request and raises `SettingsError`.
    """

    can_wait: ClassVar[bool] = False
    """Whether `await_press` waits."""

    @abstractmethod
    def addresses(self) -> list[str]:
        """Return the addresses, e.g. chats. Each is sent to separately, so a failure at one does not affect others."""

    @abstractmethod
    def send(self, address: str, message: Message) -> str:
        """Send `message` to one of `addresses` and return its id there.

        Raises
        ------
        ChannelError
            If the channel refuses it.
        ChannelUnavailableError
            If the channel is unavailable; a later attempt may succeed.
        """

    def edit(self, address: str, message_id: str, message: Message) -> str:
        """Replace the content of a sent message and return its id.

        If the message cannot be edited (it is deleted or too old), `message` is sent as a new one and the new id is
        returned. A channel that cannot edit always sends a new one. A message that has this content already is left
        alone. Errors are those of `send`.
        """
        return self.send(address, message)

    def edit_copy(self, address: str, message_id: str, message: Message) -> bool:
        """Replace the content of a second copy of a sent message; a new one is never sent.

        Two machines send a copy each if one is silent for very long. Returns False if the copy is gone or the channel
        has no copies. Errors are those of `send`.
        """
        return False

    def reply(self, address: str, message_id: str, message: Message) -> str:
        """Send `message` as a reply to a sent one, or as a separate message if that is gone.

        Returns the id of the reply; errors are those of `send`.
        """
        return self.send(address, message)

    def presses(self, since: int = 0) -> Page:
        """Return the first presses that are not confirmed.

        Parameters
        ----------
        since : int
            Confirms what has a lower number: the channel forgets it. 0 confirms nothing. A number must come from a page
            that was just read: a channel may begin to count anew.

        Raises
        ------
        ChannelError, ChannelUnavailableError
            As `send`.
        """
        return Page()

    def await_press(self, seconds: int) -> bool:
        """Wait until there is a press that is not confirmed, for `seconds` at most; return whether there is one.

        Confirms nothing. Errors are those of `send`.
        """
        return False

    def answer_press(self, press: Press, text: str) -> bool:
        """Show `text` to the person who pressed. Return False if that failed, for example because it is too late."""
        return False

    @abstractmethod
    def link(self, address: str, message_id: str) -> str:
        """Return a URL that shows the sent message, or "" if there is none."""

    def examine(self) -> Iterator[Finding]:
        """Check whether messages would arrive at every address. Sends and changes nothing; raises no `ChannelError`."""
        yield from ()
