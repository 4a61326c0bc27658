"""Checks every monitored metric and slice of a slot with a detector."""

from pipeline.alerts.detection.ahead import DayAhead
from pipeline.alerts.detection.band import bands
from pipeline.alerts.detection.checks import CheckResult, evaluate
from pipeline.alerts.detection.monitor import Monitor, monitors

__all__ = ["CheckResult", "DayAhead", "Monitor", "bands", "evaluate", "monitors"]
