"""The message of an incident: its data, text and picture, and the replies to it."""

from reporting.alerts.compose import compose, compose_answer, compose_refusal, compose_reply
from reporting.alerts.model import Action, Alert, AlertMetric, Correction, Handling, Loss, Refusal, State, Status

__all__ = [
    "Action",
    "Alert",
    "AlertMetric",
    "Correction",
    "Handling",
    "Loss",
    "Refusal",
    "State",
    "Status",
    "compose",
    "compose_answer",
    "compose_refusal",
    "compose_reply",
]
