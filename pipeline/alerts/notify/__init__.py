"""Composes and delivers messages about incidents, and handles their buttons."""

from pipeline.alerts.notify.buttons import poll_buttons
from pipeline.alerts.notify.notifier import notify, unsent

__all__ = ["notify", "poll_buttons", "unsent"]
