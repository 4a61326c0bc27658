"""Composes and delivers messages about incidents, and handles their buttons."""

from pipeline.alerts.notify.buttons import poll_buttons
from pipeline.alerts.notify.notifier import Notified, notify, notify_all, unsent
from pipeline.alerts.notify.refresh import refresh
from pipeline.alerts.notify.versions import KEPT_UP

__all__ = ["KEPT_UP", "Notified", "notify", "notify_all", "poll_buttons", "refresh", "unsent"]
