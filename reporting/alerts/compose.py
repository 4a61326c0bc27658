"""An incident's message: one text and one picture, composed anew for every edit, and the replies to it.

`compose` says how things stand; `compose_reply` says what people should notice, because an edit makes no sound.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from reporting import plots, texts
from reporting.alerts import text
from reporting.alerts.model import Alert, AlertMetric, instant, named
from reporting.formatting import ticks
from reporting.message import Button, Message
from reporting.texts.base import Texts

# More panels than this are too small to read.
PANELS_DRAWN = 12
_HISTORY = timedelta(hours=24)
_URGENCY = {"opened": 0, "ongoing": 1, "ended": 2}


def compose(alert: Alert, language: str) -> Message:
    """Write and draw one message about how things stand.

    At first what opened leads, then what goes on, then what ended, the furthest outside of its band in front; later
    those metrics lead that the incident began with, so that people know it again. The text fits a caption of Telegram:
    when it would not, the least important lines go first (`alert_text`).

    Parameters
    ----------
    alert : Alert
        The numbers.
    language : str
        A file of `reporting.texts`.

    Raises
    ------
    SettingsError
        If the language is unknown.
    """
    words = texts.load(language)
    metrics = by_importance(alert)
    return Message(
        key=alert.message_key,
        title=text.title(alert, metrics, words),
        html=text.html(alert, metrics, words),
        picture=_picture(alert, metrics, words),
        buttons=_buttons(alert, words),
    )


def compose_reply(alert: Alert, language: str) -> Message:
    """Write what people should notice: that an incident is over and what it cost, or that it is still there.

    Parameters and errors are those of `compose`. There is no picture: that of the message shows it.
    """
    words = texts.load(language)
    metrics = by_importance(alert)
    return Message(
        key=_reply_key(alert),
        title=text.reply_title(alert, metrics, words),
        html=text.reply_html(alert, metrics, words),
    )


def by_importance(alert: Alert) -> list[AlertMetric]:
    """Order the metrics: by urgency and severity at first, later with those in front that it began with."""

    def urgency(metric: AlertMetric) -> tuple[object, ...]:
        return (_URGENCY[metric.state], -metric.severity, metric.name, metric.part)

    def history(metric: AlertMetric) -> tuple[object, ...]:
        return (instant(metric.since), metric.part != "", -metric.severity, metric.name, metric.part)

    return sorted(alert.metrics, key=urgency if alert.status == "opened" else history)


def _buttons(alert: Alert, words: Texts) -> tuple[Button, ...]:
    labels = {
        "acknowledge": words.ACKNOWLEDGE,
        "mute": words.mute(words.duration(alert.mute)),
        "false_alarm": words.FALSE_ALARM,
        "new_normal": words.NEW_NORMAL,
    }
    return tuple(Button(labels[action], data) for action, data in alert.buttons)


def _picture(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> bytes:
    legend = plots.Legend(
        words.ACTUAL, words.EXPECTED, words.USUAL_RANGE, words.OUTSIDE, words.THIS_SLOT, words.NO_DATA, words.DIFFERENCE
    )
    panels = [panel(metric, alert.slot_start, words) for metric in metrics[:PANELS_DRAWN]]
    return plots.bands(panels, text.slot(alert, words), legend, words.short_date)


def panel(metric: AlertMetric, slot_start: datetime, words: Texts) -> plots.BandPanel:
    """Make the picture's panel of a metric: the last 24 hours up to the slot."""
    start = slot_start.astimezone(UTC) - _HISTORY
    recent = np.array([time.astimezone(UTC) >= start for time in metric.times], dtype=bool)
    values, expected, lower, upper = (np.asarray(series, dtype=np.float64)[recent] for series in metric._history())
    return plots.BandPanel(
        title=text.label(metric),
        subtitle=text.outcome(metric, words),
        times=[time for time, drawn in zip(metric.times, recent, strict=True) if drawn],
        values=values,
        expected=expected,
        lower=np.maximum(lower, 0),
        upper=upper,
        now=slot_start,
        since=metric.since,
        until=metric.until,
        write=lambda amounts: ticks(metric.kind, amounts, words),
        from_zero=metric.kind == "count",
    )


def _reply_key(alert: Alert) -> str:
    """Name a reply: an incident can get worse several times, so the slot says which; all else is said once."""
    key = f"{alert.message_key}-{alert.status}"
    return f"{key}-{named(alert.slot_start)}" if alert.status == "growing" else key
