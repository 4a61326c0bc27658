"""Composes and delivers messages about incidents, and handles their buttons."""

from pipeline.alerts.notify.buttons import poll_buttons
from pipeline.alerts.notify.notifier import Notified, notify

__all__ = ["Notified", "notify", "poll_buttons"]
