"""What people read: reports and alerts as texts and pictures, and the channels that carry them.

`daily`, `alerts` and `weekly` compose a `Message` from plain data. `delivery` sends it once over `channels`.
"""

from reporting.errors import ChannelError, ChannelUnavailableError, ReportingError, SettingsError
from reporting.message import Button, Message

__all__ = [
    "Button",
    "ChannelError",
    "ChannelUnavailableError",
    "Message",
    "ReportingError",
    "SettingsError",
]
