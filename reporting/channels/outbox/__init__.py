"""The channel "outbox": messages as files in a directory, with a page that shows them."""

from reporting.channels.outbox.channel import Outbox

__all__ = ["Outbox"]
