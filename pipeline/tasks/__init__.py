"""The Luigi tasks; importing this package registers them."""

from pipeline.tasks.alerts import Alerts, CheckAlerts, ClockCorrection, LateRows, SlotHistory, SlotMetrics
from pipeline.tasks.daily import Daily, StagingRetention
from pipeline.tasks.days import CheckDays
from pipeline.tasks.etl import DailyMetrics, FeedUserDay, MessageUserDay, Slice, UserAttributes, UserDay
from pipeline.tasks.presses import Presses
from pipeline.tasks.report import Corrections, DailyReport, Morning
from pipeline.tasks.retention import HistoryRetention
from pipeline.tasks.weekly import Weekly, WeeklySummary

__all__ = [
    "Alerts",
    "CheckAlerts",
    "CheckDays",
    "ClockCorrection",
    "LateRows",
    "Corrections",
    "Daily",
    "DailyMetrics",
    "DailyReport",
    "FeedUserDay",
    "HistoryRetention",
    "MessageUserDay",
    "Morning",
    "Presses",
    "Slice",
    "SlotHistory",
    "SlotMetrics",
    "StagingRetention",
    "UserAttributes",
    "UserDay",
    "Weekly",
    "WeeklySummary",
]
