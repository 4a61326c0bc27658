"""Writes the text of an incident of days. It has the functions of `text`, and writes days in place of times."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reporting.alerts import text
from reporting.alerts.lines import DETAILS, KEPT, MORE_DETAILS, MORE_METRICS, Line, bold, fitted
from reporting.alerts.model import Alert, AlertMetric
from reporting.formatting import change, known, value
from reporting.message import escape, shorten
from reporting.texts.base import Texts

_METRICS_WRITTEN, _METRICS_IN_A_REPLY = 50, 5
_LABEL_LIMIT = 40


def title(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return one line that says what happened: the day and its first metric, or the state of the incident."""
    if alert.status != "opened":
        return _status(alert, metrics, words)
    return _and_more(f"{_day(alert.slot_start, words)}, {_headline(metrics[0], words)}", metrics, words)


def html(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the longest text that fits, with the metrics in the given order."""
    head = slot(alert, words) if alert.status == "opened" else _status(alert, metrics, words)
    lines = [Line(bold(head)), Line("")]
    for index, metric in enumerate(metrics[:_METRICS_WRITTEN]):
        lines.append(Line(bold(_headline(metric, words)), MORE_METRICS if index else KEPT, 1))
        lines.append(Line(escape(_details(alert, metric, words)), MORE_DETAILS if index else DETAILS, 0))
    if context := text.context(alert, words):
        lines += [Line(""), *context]
    if alert.status != "opened":
        lines += [Line(""), Line(f"<i>{escape(slot(alert, words))}</i>")]
    return fitted([*lines, *text.link_lines(alert)], len(metrics), words)


def reply_title(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the first line of a reply."""
    return _status(alert, metrics, words)


def reply_html(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the text of a reply: duration, worst values, causes and losses."""
    lines = [Line(bold(reply_title(alert, metrics, words)))]
    for metric in metrics[:_METRICS_IN_A_REPLY]:
        if depth := _worst(metric, words) or text.outcome(metric, words):
            lines.append(Line(escape(f"{text.label(metric)}: {depth}"), DETAILS))
    lines += text.context(alert, words)
    lines += [Line(""), Line(f"<i>{escape(_period(alert.began, alert.ended, words))}</i>")]
    return fitted(lines, 0, words)


def slot(alert: Alert, words: Texts) -> str:
    """Return the newest day, e.g. "Monday, 2 November 2026, whole day"."""
    return words.whole_day(words.full_date(alert.slot_start))


def _status(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the state of an incident that was sent before."""
    names = _and_more(text.label(metrics[0]), metrics, words)
    length = words.duration(timedelta(days=_days(alert.began, alert.ended)))
    match alert.status:
        case "recovered":
            return f"{words.recovered(length)}: {names}"
        case "new_normal":
            return f"{words.NEW_NORMAL}: {names}"
        case "data_late":
            return words.rows_of_days_were_late(_period(alert.began, alert.ended, words))
        case "false_alarm":
            return f"{words.FALSE_ALARM}: {names}"
    return f"{words.goes_on(length)}: {names}"


def _details(alert: Alert, metric: AlertMetric, words: Texts) -> str:
    parts = []
    lower = value(metric.kind, max(0.0, metric.lower), words) if known(metric.lower) else ""
    upper = value(metric.kind, metric.upper, words) if known(metric.upper) else ""
    if lower or upper:
        parts.append(words.usual_range(lower, upper))
    if known(metric.drift):
        parts.append(words.a_day(words.percent(metric.drift, signed=True), metric.drift_days))
    if metric.until is not None:
        length = words.duration(timedelta(days=_days(metric.since, metric.until)))
        parts.append(f"{_period(metric.since, metric.until, words)}, {length}")
    elif metric.since.date() != alert.slot_start.date():
        parts.append(words.since(_day(metric.since, words)))
    if metric.worst_at and metric.worst_at.date() != alert.slot_start.date() and not alert.is_about_rows:
        parts.append(_worst(metric, words))
    if metric.detector:
        parts.append(words.found_by(shorten(metric.detector, _LABEL_LIMIT)))
    return "; ".join(part for part in parts if part)


def _worst(metric: AlertMetric, words: Texts) -> str:
    """Return the day furthest from its expectation; "" if it is unknown."""
    if metric.worst_at is None or not known(metric.worst_value):
        return ""
    shown = (value(metric.kind, amount, words) for amount in (metric.worst_value, metric.worst_expected))
    deviation = change(metric.kind, metric.worst_value, metric.worst_expected, words)
    compared = words.compared(*shown)
    return words.worst(_day(metric.worst_at, words), f"{compared} ({deviation})" if deviation else compared)


def _headline(metric: AlertMetric, words: Texts) -> str:
    return f"{text.label(metric)}: {text.outcome(metric, words)}"


def _and_more(first: str, metrics: Sequence[AlertMetric], words: Texts) -> str:
    return f"{first} {words.more(len(metrics) - 1)}" if len(metrics) > 1 else first


def _day(moment: datetime, words: Texts) -> str:
    """Return e.g. "Mon 2 Nov"."""
    return f"{words.weekday(moment)} {words.short_date(moment)}"


def _days(start: datetime, end: datetime) -> int:
    """Return the number of days of a period; a clock change does not shorten it."""
    return max(1, (end.date() - start.date()).days)


def _period(start: datetime, end: datetime, words: Texts) -> str:
    """Return the days of a period that ends with a midnight."""
    last = start + timedelta(days=_days(start, end) - 1)
    return _day(start, words) if last == start else f"{_day(start, words)} – {_day(last, words)}"
