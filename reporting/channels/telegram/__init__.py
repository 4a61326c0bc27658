"""Messages to Telegram chats through the Bot API."""

from reporting.channels.telegram.channel import Telegram

__all__ = ["Telegram"]
