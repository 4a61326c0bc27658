"""The morning report."""

from reporting.daily.compose import compose, message_key
from reporting.daily.model import Correction, DailyMetric, DailyReport, DayIncident, Gap, MonthSoFar
from reporting.daily.picture import panel
from reporting.daily.text import html

__all__ = [
    "Correction",
    "DailyMetric",
    "DailyReport",
    "DayIncident",
    "Gap",
    "MonthSoFar",
    "compose",
    "html",
    "message_key",
    "panel",
]
