"""What people read about incidents, and what their buttons do."""

from pipeline.alerts.notify.buttons import poll_buttons
from pipeline.alerts.notify.notifier import Notified, notify

__all__ = ["Notified", "notify", "poll_buttons"]
