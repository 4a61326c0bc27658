"""Writes the text of an incident of days. It has the functions of `text`, and writes days in place of times."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reporting.alerts import text
from reporting.alerts.lines import DETAILS, KEPT, MORE_DETAILS, MORE_METRICS, Line, bold, fitted
from reporting.alerts.model import Alert, AlertMetric
from reporting.formatting import known
from reporting.message import escape
from reporting.texts.base import Texts

_METRICS_WRITTEN, _METRICS_IN_A_REPLY = 50, 5


def title(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return one line: how severe it is, which metric deviates by how much, and on which day or for how long."""
    return f"{text.sign(alert)} {_verdict(alert, metrics, words)}"


def html(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the longest text that fits, with the metrics in the given order."""
    lines = [Line(bold(title(alert, metrics, words))), Line("")]
    for index, metric in enumerate(metrics[:_METRICS_WRITTEN]):
        lines.append(Line(bold(text.headline(metric, words)), MORE_METRICS if index else KEPT, 1))
        rank = MORE_DETAILS if index else DETAILS
        lines += [Line(escape(fact), rank, 0) for fact in _facts(alert, metric, words)]
    if context := text.context(alert, words):
        lines += [Line(""), *context]
    lines += [Line(""), Line(f"<i>{escape(period(alert, words))}</i>")]
    return fitted([*lines, *text.link_lines(alert)], len(metrics), words)


def reply_title(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the first line of a reply."""
    shown = _verdict(alert, metrics, words)
    return f"{text.sign(alert)} {words.worse(shown) if alert.status == 'growing' else shown}"


def reply_html(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the text of a reply: duration, worst values, causes and losses."""
    lines = [Line(bold(reply_title(alert, metrics, words)))]
    for metric in metrics[:_METRICS_IN_A_REPLY]:
        worst = _worst(metric, words)
        lines.append(Line(escape(f"{text.label(metric)}, {worst}" if worst else text.headline(metric, words)), DETAILS))
    lines += text.context(alert, words)
    lines += [Line(""), Line(f"<i>{escape(period(alert, words))}</i>")]
    return fitted(lines, 0, words)


def period(alert: Alert, words: Texts) -> str:
    """Return the day, e.g. "Monday, 2 November 2026, whole day", or the days until now or until the end."""
    if _days(alert.began, alert.ended) == 1:
        return words.whole_day(words.full_date(alert.began))
    return _period(alert.began, alert.ended, words)


def picture_title(alert: Alert, words: Texts) -> str:
    """Return the same in fewer letters."""
    return _period(alert.began, alert.ended, words)


def _verdict(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    if alert.status == "data_late":
        return words.rows_of_days_were_late(_period(alert.began, alert.ended, words))
    days = _days(alert.began, alert.ended)
    if alert.status in ("opened", "growing") and days == 1 and metrics[0].state != "ended":
        shown = text.and_more(text.moved(metrics[0], words), metrics, words)
        return f"{shown} {words.on(_day(alert.slot_start, words))}"
    return text.verdict(alert, metrics, words.duration(timedelta(days=days)), words)


def _facts(alert: Alert, metric: AlertMetric, words: Texts) -> list[str]:
    facts = [text.usual_range(metric, words)]
    if known(metric.drift):
        facts.append(words.a_day(words.percent(metric.drift, signed=True), metric.drift_days))
    if metric.until is not None:
        if (metric.since, metric.until) != (alert.began, alert.ended):
            length = words.duration(timedelta(days=_days(metric.since, metric.until)))
            facts.append(f"{_period(metric.since, metric.until, words)}, {length}")
    elif metric.since != alert.began:
        facts.append(words.since(_day(metric.since, words)))
    if metric.worst_at and metric.worst_at.date() != alert.slot_start.date() and not alert.is_about_rows:
        facts.append(_worst(metric, words))
    return [fact for fact in facts if fact]


def _worst(metric: AlertMetric, words: Texts) -> str:
    """Return the day furthest from its expectation; "" if it is unknown."""
    if metric.worst_at is None or not known(metric.worst_value):
        return ""
    return words.worst(words.on(_day(metric.worst_at, words)), text.worst_outcome(metric, words))


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
