"""Incidents from opening to end, and people's reactions to them."""

from pipeline.alerts.incidents.incident import Incident
from pipeline.alerts.incidents.lifecycle import Step, advance, conclude, step
from pipeline.alerts.incidents.policy import Notice, due_notices, edits, shares
from pipeline.alerts.incidents.rules import Rules, current_rules
from pipeline.alerts.incidents.state import State

__all__ = [
    "Incident",
    "Notice",
    "Rules",
    "State",
    "Step",
    "advance",
    "conclude",
    "current_rules",
    "due_notices",
    "edits",
    "shares",
    "step",
]
