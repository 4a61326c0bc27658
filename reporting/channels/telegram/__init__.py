"""The channel "telegram": messages to chats through the Bot API."""

from reporting.channels.telegram.channel import Telegram

__all__ = ["Telegram"]
