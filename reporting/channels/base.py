"""What a channel is, and how one is found by its name.

To add a channel, put a file or a package into this folder that defines one subclass of `Channel`; its name is the
channel's name in luigi.cfg, and the dataclass's fields are its settings.
"""

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from typing import TypeGuard

from reporting import channels
from reporting.errors import SettingsError
from reporting.message import Message


@dataclass(frozen=True)
class Press:
    """Somebody pressed a button of a message.

    Parameters
    ----------
    update : int
        Its number; later presses have greater ones.
    address : str
        The address of the message, as `Channel.addresses` names it.
    message_id : str
        The message, as `Channel.send` named it.
    data : str
        The button's.
    user : str
        Who pressed, one plain line.
    at : datetime
        When it was read, naive UTC.
    answer : str
        What `Channel.answer_press` answers to.
    """

    update: int
    address: str
    message_id: str
    data: str
    user: str
    at: datetime
    answer: str


@dataclass(frozen=True)
class Channel(ABC):
    """Carries messages to people.

    A subclass is a frozen dataclass whose fields are its settings, plain strings as they stand in luigi.cfg's section
    of the channel's name. It checks them when it is made, without any traffic, and raises `SettingsError`.
    """

    @abstractmethod
    def addresses(self) -> list[str]:
        """Return where messages go, e.g. chats; each gets its own `send`, so that one failing repeats no other."""

    @abstractmethod
    def send(self, address: str, message: Message) -> str:
        """Send `message` to one of `addresses` and return what names it there.

        Raises
        ------
        ChannelError
            If the channel refuses it.
        ChannelUnavailableError
            If it may go through later.
        """

    def edit(self, address: str, message_id: str, message: Message) -> str:
        """Make the message that `send`, `reply` or `edit` named say `message` now, and return what names it.

        Another name where the old message could not be changed (deleted, too old) and a new one took over; a channel
        that cannot change messages sends a new one. A message that says so already is left alone. Raises as `send`.
        """
        return self.send(address, message)

    def reply(self, address: str, message_id: str, message: Message) -> str:
        """Send `message` as an answer to another one, or by itself where that is gone. Returns and raises as `send`."""
        return self.send(address, message)

    def presses(self, since: int) -> list[Press]:
        """Return the presses numbered `since` and later, oldest first; 0 for all that are kept.

        The channel may forget what is before `since`: ask for one more than the last that was dealt with. Raises as
        `send`.
        """
        return []

    def answer_press(self, press: Press, text: str) -> None:  # noqa: B027  a channel without buttons says nothing
        """Tell who pressed what came of it; where that is too late or goes wrong, nothing is said."""

    @abstractmethod
    def link(self, address: str, message_id: str) -> str:
        """Return a URL that shows the sent message, or "" if there is none."""


def available() -> list[str]:
    """The channels there are."""
    return sorted(module.name for module in pkgutil.iter_modules(channels.__path__) if module.name != "base")


def create(name: str, **settings: str) -> Channel:
    """Make the channel `name` with its settings.

    Raises
    ------
    SettingsError
        If the channel or a setting is unknown, missing or impossible; the error lists those there are.
    """
    if name not in available():
        raise SettingsError(f"channel {name!r} is unknown; choose one of: {', '.join(available())}")
    module = importlib.import_module(f"{channels.__name__}.{name}")
    kind = next(kind for kind in vars(module).values() if _is_channel(kind, module.__name__))
    known = {field.name: field for field in fields(kind) if field.init}
    for setting in settings:
        if setting not in known:
            raise SettingsError(f"[{name}] has no setting {setting!r}; it has: {', '.join(known)}")
    for setting, field in known.items():
        if setting not in settings and field.default is MISSING:
            raise SettingsError(f"[{name}] needs the setting {setting!r}")
    return kind(**settings)


def _is_channel(value: object, module: str) -> TypeGuard[type[Channel]]:
    """Whether `value` is a channel that `module`, a file or a package, defines; not one that it imports."""
    if not (inspect.isclass(value) and issubclass(value, Channel)):
        return False
    return value.__module__ == module or value.__module__.startswith(f"{module}.")
