"""An incident's message: what it holds, its words, its picture and the replies to it."""

from reporting.alerts.compose import compose, compose_reply
from reporting.alerts.model import Action, Alert, AlertMetric, Handling, Loss, State, Status

__all__ = ["Action", "Alert", "AlertMetric", "Handling", "Loss", "State", "Status", "compose", "compose_reply"]
