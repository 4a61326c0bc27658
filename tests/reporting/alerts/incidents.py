"""An incident's alert from its first post to its end, for the tests of what it says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from reporting import texts
from reporting.alerts import text
from reporting.alerts.compose import by_importance
from reporting.alerts.model import Action, Alert, AlertMetric, Handling, Loss
from reporting.causes import Cause, RatioSplit
from reporting.message import plain_text
from tests.reporting.samples import SLOT, alert_metric

QUARTER = timedelta(minutes=15)
KEY = "alert-messages_sent-20261102T1115Z"
BUTTONS: tuple[tuple[Action, str], ...] = (
    ("acknowledge", "ack:7"),
    ("mute", "mute:7"),
    ("false_alarm", "false:7"),
    ("new_normal", "new:7"),
)
WORST: dict[str, Any] = {"worst_at": SLOT + QUARTER, "worst_value": 0.0, "worst_expected": 158.0}
LIKES: dict[str, Any] = {
    "name": "likes",
    "label": "Likes",
    "part": "os iOS",
    "value": 1200.0,
    "expected": 2400.0,
    "lower": 2200.0,
    "upper": 2600.0,
    "since": SLOT + 2 * QUARTER,
}


def incident(slots_later: int = 0, *metrics: AlertMetric, **changes: Any) -> Alert:
    """The incident that opened in `SLOT`, as of some slots later."""
    start = SLOT + slots_later * QUARTER
    return Alert(start, start + QUARTER, metrics or (alert_metric(since=SLOT),), **({"key": KEY} | changes))


def growing(**changes: Any) -> Alert:
    given: dict[str, Any] = {
        "status": "growing",
        "causes": [Cause("os", ["iOS"], 0.93)],
        "splits": [RatioSplit("CTR", "Likes", "Views", -0.31, 0.004, mix=0.04)],
        "losses": [Loss("Views", -12_300.4), Loss("Likes", -2_450)],
        "handled": [
            Handling("acknowledge", "Anna Li (@anna)", SLOT + timedelta(minutes=17)),
            Handling("mute", "Boris", SLOT + timedelta(minutes=20), SLOT + timedelta(minutes=140)),
        ],
        "buttons": BUTTONS,
    }
    metrics = (alert_metric(state="ongoing", since=SLOT, told=-0.4, **WORST), alert_metric(**LIKES))
    return incident(3, *metrics, **(given | changes))


def recovered(**changes: Any) -> Alert:
    ended = SLOT + 9 * QUARTER
    metrics = (
        alert_metric(state="ended", value=150.0, since=SLOT, until=ended, **WORST),
        alert_metric(**(LIKES | {"state": "ended", "value": 2390.0, "until": ended})),
    )
    return replace(
        growing(),
        **{"slot_start": SLOT + 12 * QUARTER, "slot_end": SLOT + 13 * QUARTER}
        | {"status": "recovered", "metrics": metrics}
        | changes,
    )


def text_of(alert: Alert, language: str = "en") -> str:
    """The text that `compose` would send, without drawing the picture."""
    return plain_text(text.html(alert, by_importance(alert), texts.load(language)))
