"""Composes an incident's message, again for every edit, and the replies to it.

`compose` describes the incident as it is now. Channels do not notify people of an edit, so news is sent as a reply.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import ModuleType

import numpy as np

from reporting import plots, texts
from reporting.alerts import day_text, text
from reporting.alerts.model import Action, Alert, AlertMetric, Refusal, instant, slot_name
from reporting.decoration import optional
from reporting.formatting import ticks
from reporting.message import Button, Message
from reporting.texts.base import Texts

PANELS_DRAWN = 4
"""More panels make a picture that a phone shows too small to read."""
SHORTEST, LONGEST, HISTORY_OF_DAYS = timedelta(hours=8), timedelta(hours=36), timedelta(days=36)
"""How much time a picture covers: at least and at most before a slot, and before a day."""
_PART = 0.6
"""An incident takes at most this part of its picture, as long as that covers less than `LONGEST`."""
_URGENCY = {"opened": 0, "ongoing": 1, "ended": 2}


def compose(alert: Alert, language: str) -> Message:
    """Write and draw the message of an incident.

    In the first message, metrics are ordered by state (opened, ongoing, ended), then by severity. Later they are
    ordered by their beginning, so the message stays recognisable. The least important lines are dropped until the text
    fits a Telegram caption.

    Parameters
    ----------
    alert : Alert
        The incident.
    language : str
        Name of a module of `reporting.texts`.

    Returns
    -------
    Message
        Text, picture and buttons; without the picture if it cannot be drawn.

    Raises
    ------
    SettingsError
        If the language is unknown.
    """
    words = texts.load(language)
    metrics = by_importance(alert)
    return Message(
        key=alert.message_key,
        title=_writer(alert).title(alert, metrics, words),
        html=_writer(alert).html(alert, metrics, words),
        picture=optional(f"picture of {alert.message_key}", lambda: _picture(alert, metrics, words)),
        buttons=tuple(Button(text.button_label(action, alert.mute, words), data) for action, data in alert.buttons),
    )


def compose_reply(alert: Alert, language: str) -> Message:
    """Write a reply: the incident is over, got worse, or still has no data.

    Parameters and errors are those of `compose`. A reply has no picture: the picture of the message is up to date.
    """
    words = texts.load(language)
    metrics = by_importance(alert)
    return Message(
        key=_reply_key(alert),
        title=_writer(alert).reply_title(alert, metrics, words),
        html=_writer(alert).reply_html(alert, metrics, words),
    )


def compose_answer(
    action: Action, at: datetime, language: str, muted_until: datetime | None = None, *, is_over: bool = False
) -> str:
    """Write the answer to a press of a button: what holds now.

    Parameters
    ----------
    action : {"acknowledge", "mute", "unmute", "false_alarm", "new_normal", "reopen"}
        The button.
    at : datetime
        The time of the press, aware, local.
    language : str
        Name of a module of `reporting.texts`.
    muted_until : datetime or None
        The end of the mute that holds now, aware, local; None if none holds.
    is_over : bool
        Whether the incident is over, and not by this press: then the press changes nothing.
    """
    return text.answer(action, at, muted_until, is_over, texts.load(language))


def compose_refusal(reason: Refusal, language: str) -> str:
    """Write the answer to a press that is not applied.

    Parameters
    ----------
    reason : {"unreadable", "foreign", "refused", "unknown"}
        It cannot be read; its button belongs to another installation; the person may not press; or there is no such
        incident or button.
    language : str
        Name of a module of `reporting.texts`.
    """
    words = texts.load(language)
    return {
        "unreadable": words.PRESS_UNREADABLE,
        "foreign": words.PRESS_FOREIGN,
        "refused": words.PRESS_REFUSED,
        "unknown": words.PRESS_UNKNOWN,
    }[reason]


def _writer(alert: Alert) -> ModuleType:
    """Return the module that writes about slots or days."""
    return day_text if alert.unit == "day" else text


def by_importance(alert: Alert) -> list[AlertMetric]:
    """Order the metrics: at first by state and severity; later the worst that goes on, and last what ended."""

    def urgency(metric: AlertMetric) -> tuple[object, ...]:
        return (_URGENCY[metric.state], -metric.severity, metric.name, metric.part)

    def history(metric: AlertMetric) -> tuple[object, ...]:
        is_part, since = metric.part != "", instant(metric.since)
        if metric.state == "ended":
            return (1, since, is_part, -metric.severity, metric.name, metric.part)
        return (0, is_part, -metric.severity, since, metric.name, metric.part)

    return sorted(alert.metrics, key=urgency if alert.status == "opened" else history)


def _picture(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> bytes:
    before = (words.DAY_BEFORE, words.LAST_WEEK)
    legend = plots.Legend(
        words.ACTUAL,
        words.EXPECTED,
        words.USUAL_RANGE,
        before,
        words.OTHER_INCIDENT,
        words.MINUTES,
        words.NO_DATA,
    )
    drawn = metrics[: PANELS_DRAWN - bool(alert.culprit)]
    panels = [panel(alert, metric, text.outcome(metric, words), words) for metric in drawn]
    if alert.culprit:
        panels.append(panel(alert, alert.culprit, text.culprit(alert, alert.culprit, words), words))
    return plots.draw_bands(panels, _writer(alert).picture_title(alert, words), legend, words.short_date)


def history(alert: Alert) -> timedelta:
    """Return how much time the picture covers up to its newest slot: more for an incident that lasts long."""
    if alert.unit == "day":
        return HISTORY_OF_DAYS
    return min(max(SHORTEST, alert.length / _PART), LONGEST)


def panel(alert: Alert, metric: AlertMetric, subtitle: str, words: Texts) -> plots.BandPanel:
    """Make the panel of a metric."""
    start = instant(alert.slot_end) - history(alert)
    recent = np.array([instant(time) >= start for time in metric.times], dtype=bool)
    values, expected, lower, upper, *before = (
        np.asarray(series, dtype=np.float64)[recent] for series in (*metric.history(), *metric.before)
    )
    return plots.BandPanel(
        title=text.label(metric),
        subtitle=subtitle,
        times=[time for time, drawn in zip(metric.times, recent, strict=True) if drawn],
        values=values,
        expected=expected,
        lower=np.maximum(lower, 0),
        upper=upper,
        before=before,
        now=alert.slot_start,
        since=metric.since,
        until=metric.until or alert.slot_end,
        others=[
            other
            for other in metric.others
            if instant(other[1]) > start and instant(other[0]) < instant(alert.slot_end)
        ],
        minutes=metric.minutes,
        step=timedelta(days=1) if alert.unit == "day" else instant(alert.slot_end) - instant(alert.slot_start),
        write=lambda amounts: ticks(metric.kind, amounts, words),
        whole=metric.kind == "count",
    )


def _reply_key(alert: Alert) -> str:
    """Return the key of a reply. An incident can grow several times, so the key of "growing" contains the slot."""
    key = f"{alert.message_key}-{alert.status}"
    return f"{key}-{slot_name(alert.slot_start)}" if alert.status == "growing" else key
